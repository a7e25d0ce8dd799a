"""Mails in files that were made to break whoever reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailer.config.checks import Checks
from mailer.errors import UsageError
from mailer.services.checking.files import check_file, mail_file

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def html_mail(charset: str, body: bytes) -> bytes:
    return f"Subject: Hi\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset={charset}\r\n\r\n".encode() + body


@pytest.mark.parametrize("charset", ["utf-7", "undefined", "idna", "rot13", "hex", "no-such", "raw_unicode_escape"])
def test_odd_encodings_are_read_as_far_as_they_go(charset: str, tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(html_mail(charset, rb"<p>+2AA- \ud800 rivers a-b</p>"))
    assert "rivers" in mail_file(file.read_bytes(), "mail.eml").html.replace("-", "")
    assert [each.rule for each in check_file(file, Checks(), NOW).findings if "broke off" in each.message] == []


def test_an_encoding_that_takes_the_square_of_a_text_is_not_used() -> None:
    text = b"a" * 200_000 + b"-" + b"zz9" * 100_000
    assert mail_file(html_mail("punycode", text), "mail.eml").html == text.decode()


def test_headers_that_take_the_square_of_their_length_are_cut() -> None:
    assert mail_file(b"Content-Type: text/html; " + b";" * 100_000 + b"\r\n\r\n<p>x", "mail.eml").html == "<p>x"


def test_a_mail_of_parts_without_end_is_no_mail() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) for number in range(3000)
    )
    with pytest.raises(UsageError, match="cannot be taken apart"):
        mail_file(nested, "mail.eml")


def test_half_a_letter_in_a_subject_ends_nothing() -> None:
    half = b"Subject: =?utf-7?q?+2AA-?=\r\nFrom: a@b.example\r\n\r\nx"
    with pytest.raises(UsageError, match="cannot be taken apart"):
        mail_file(half, "mail.eml")
