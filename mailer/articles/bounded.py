"""feedparser with three of its handlers put right.

It parses what strangers send, and two of its steps take time with the square of a length: a regular expression over
each author, and the comparison of a tag with all tags before it. 40 KB of letters in an author took 16 seconds, 4 MB
would take a day. The third is a fault of meaning. All are methods found by name, so they are replaced on the class;
the version is bounded in pyproject.toml, and tests hold what is replaced.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_MAX_AUTHOR = 300
_MAX_TAGS = 500


@cache
def bounded_feedparser() -> Any:
    """The module, imported when a feed is there to be read, because that takes a tenth of a second."""
    import feedparser
    from feedparser.mixin import _FeedParserMixin as Parser

    taken_apart, add_tag = Parser._sync_author_detail, Parser._add_tag

    def sync_author_detail(self: Any, key: str = "author") -> None:
        if len(self._get_context().get(key) or "") <= _MAX_AUTHOR:
            taken_apart(self, key)

    def add_tag_bounded(self: Any, term: str | None, scheme: str | None, label: str | None) -> None:
        if len(self._get_context().get("tags") or ()) < _MAX_TAGS:
            add_tag(self, term, scheme, label)

    # `summary` would be whichever of description and media:description comes first.
    def start_caption(self: Any, attributes: Any) -> None:
        self.push("media_caption", 1)

    def end_caption(self: Any) -> None:
        self.pop("media_caption")

    Parser._sync_author_detail = sync_author_detail
    Parser._add_tag = add_tag_bounded
    Parser._start_media_description = start_caption
    Parser._end_media_description = end_caption
    return feedparser
