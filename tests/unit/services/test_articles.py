"""Which parser an imported file is for is told by its first bytes."""

from __future__ import annotations

import pytest

from mailer.services.articles import kind_of


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<?xml version='1.0'?><rss/>", "feed"),
        (b"\xef\xbb\xbf\r\n <feed>", "feed"),
        ("<rss/>".encode("utf-16"), "feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "feed"),
        (b'\n{\n  "items": []}', "feed"),
        ('{"items": []}'.encode("utf-16"), "feed"),
        (b"{Rivers} and other stories\n\nAn excerpt.", "listing"),
        (b"A title\n\nAn excerpt.", "listing"),
        (b"", "listing"),
    ],
)
def test_kind_of(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind
