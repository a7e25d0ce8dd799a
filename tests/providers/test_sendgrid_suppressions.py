"""SendGrid's lists of those whom it does not mail any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from mailer.errors import ProviderError
from mailer.model import SuppressionReason
from mailer.providers.protocol import SuppressionSource
from mailer.providers.sendgrid.provider import SendGrid
from mailer.providers.sendgrid.reply import Answer
from mailer.providers.sendgrid.suppressions import LISTS, PAGE, page, query
from tests.prism import description, prism
from tests.providers.sendgrid_merges import provider

UNTIL = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
# As the published description has them.
GMAIL = "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking"
ENTRY = {"created": 1250337600, "email": "example@example.com", "reason": GMAIL, "status": "5.1.1"}


def answered(found: Any, status: int = 200) -> Answer:
    return Answer(status, {}, found if isinstance(found, bytes) else orjson.dumps(found))


def test_what_is_asked() -> None:
    assert query(None, UNTIL, 0) == {"limit": 500, "offset": 0, "end_time": 1795338000}
    assert query(UNTIL, UNTIL, 500) == {"limit": 500, "offset": 500, "end_time": 1795338000, "start_time": 1795338000}


def test_the_documented_entries() -> None:
    found = page("bounces", answered([ENTRY]), 0)
    (entry,) = found.entries
    assert (found.read, found.last) == (1, True)
    assert (entry.email, entry.reason) == ("example@example.com", SuppressionReason.BOUNCED)
    assert entry.at == datetime(2009, 8, 15, 12, 0, tzinfo=UTC)
    assert entry.note.startswith("5.1.1 550 5.1.1 The email account")
    spam = page("spam_reports", answered([{"created": 1250337600, "email": "a@example.com", "ip": "10.89.32.5"}]), 0)
    assert [(each.reason, each.note) for each in spam.entries] == [(SuppressionReason.COMPLAINED, "")]


def test_a_full_page_is_not_the_last_one() -> None:
    assert not page(
        "unsubscribes", answered([{"email": f"a{n}@example.com", "created": 1} for n in range(PAGE)]), 0
    ).last


def test_who_is_there_for_our_sake_is_not_to_blame() -> None:
    ours = {**ENTRY, "status": "5.7.1", "reason": "550 5.7.1 your network is listed by Spamhaus"}
    found = page("bounces", answered([ours, ENTRY]), 0)
    assert (len(found.entries), found.read) == (1, 2)


@pytest.mark.parametrize("odd", [7, None, {}, {"email": 7}, {"email": None, "created": "x"}, []])
def test_an_odd_entry_is_passed_over(odd: Any) -> None:
    assert page("bounces", answered([odd, ENTRY]), 0).read == 2
    assert len(page("bounces", answered([odd, ENTRY]), 0).entries) == 1
    assert page("bounces", answered([{**ENTRY, "created": odd}]), 0).entries[0].at in (
        None,
        datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered(b"{}", 401), "may not read bounces"),
        (answered(b"{}", 403), "may not read bounces"),
        (answered(b"{}", 429), "could not be read"),
        (answered(b"<html>", 503), "could not be read"),
        (answered(b"<html>"), "the answer is no list"),
        (answered({"errors": []}), "the answer is no list"),
    ],
)
def test_what_is_no_page_is_told(answer: Answer, words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        page("bounces", answer, 0)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGrid]:
    log = tmp_path_factory.mktemp("prism") / "suppressions"
    with prism(description("sendgrid/tsg_suppressions_v3.json"), log) as url:
        made = provider(url, seconds=60)
        yield made
        made.close()


@pytest.mark.parametrize("name", LISTS)
def test_the_published_description_takes_what_is_asked_and_is_understood(published: SendGrid, name: str) -> None:
    assert isinstance(published, SuppressionSource)
    assert name in published.suppression_lists
    found = published.suppressed(name, UNTIL, UNTIL, 500)
    assert found.last
    assert found.read == len(found.entries) > 0
    assert all(each.at is not None and "@" in each.email for each in found.entries)
