"""What the holder of a link may do, on every kind of database: only pending becomes confirmed, once, with its proof."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.errors import LinkError
from mailer.model import How, MailingList, SubscriptionState, SuppressionReason
from mailer.render.links import Purpose, Signer
from mailer.services.confirming import Answer, Result, confirm, token_in, unsubscribe_by_token
from mailer.services.keys import retire, rotate
from mailer.store import consents, suppressions
from mailer.store import lists as stored_lists
from mailer.store.database import Store
from mailer.store.suppressions import Suppression
from mailer.store.tables import subscribers, subscription_events
from tests.store.asking_program import WEEKLY, Campaign

PENDING, CONFIRMED, LEFT = SubscriptionState.PENDING, SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> Campaign:
    return Campaign.over(store, tmp_path)


def press(campaign: Campaign, token: str) -> Result:
    return confirm(campaign, token, How.CONFIRM_LINK).result


def leave(campaign: Campaign, name: str) -> Answer:
    token = signer(campaign).token(Purpose.UNSUBSCRIBE, "weekly", campaign.id_of(name))
    return unsubscribe_by_token(campaign, token, How.ONE_CLICK)


def signer(campaign: Campaign) -> Signer:
    return Signer(campaign.workspace.secret_keys({}))


def test_the_link_of_the_mail_confirms_and_the_mail_is_the_proof(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    assert campaign.state("ann") is PENDING
    campaign.moment += timedelta(hours=3)
    assert press(campaign, token) is Result.CONFIRMED
    added, confirmed = campaign.history("ann")
    assert (added.state, added.how, added.consent_version) == (PENDING, How.COMMAND, None)
    assert (confirmed.state, confirmed.how, confirmed.at) == (CONFIRMED, How.CONFIRM_LINK, campaign.moment)
    assert confirmed.consent_text == WEEKLY.consent
    assert confirmed.consent_version == consents.version_of(WEEKLY.consent)
    (mail,) = campaign.desk.mails
    assert confirmed.evidence == {
        "message_id": str(mail["Message-ID"]).strip("<>"),
        "asked_at": "2026-11-22T09:00:00+00:00",
    }


def test_confirming_again_says_so_and_writes_nothing(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    press(campaign, token)
    assert [press(campaign, token) for _ in range(3)] == [Result.ALREADY] * 3
    assert len(campaign.history("ann")) == 2


def test_the_proof_is_the_mail_that_was_answered_with_the_text_that_it_showed(campaign: Campaign) -> None:
    first = campaign.joined("ann")
    campaign.moment += timedelta(days=8)
    campaign.join("ann", definition=replace(WEEKLY, consent="I want other things."))
    assert len(campaign.desk.mails) == 2
    press(campaign, first)
    proof = campaign.history("ann")[-1]
    assert proof.consent_text == WEEKLY.consent
    assert proof.evidence is not None and proof.evidence["asked_at"] == "2026-11-22T09:00:00+00:00"


def test_an_old_link_revives_nobody_who_left(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    press(campaign, token)
    assert leave(campaign, "ann") == Answer("weekly", Result.UNSUBSCRIBED)
    answer = confirm(campaign, token, How.CONFIRM_LINK)
    assert (answer.result, campaign.state("ann")) == (Result.LEFT, LEFT)
    assert "an old link does not undo that" in answer.refusal
    assert len(campaign.history("ann")) == 3


@pytest.mark.parametrize("value", ["ann@example.org", "@example.org"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_an_old_link_revives_nobody_who_is_suppressed(campaign: Campaign, value: str, everywhere: bool) -> None:
    token = campaign.joined("ann")
    with campaign.store.write() as connection:
        list_id = suppressions.EVERY_LIST if everywhere else stored_lists.ensure(connection, WEEKLY)
        entry = Suppression(value, SuppressionReason.COMPLAINED, list_id=list_id)
        suppressions.add(connection, entry, campaign.moment)
    assert press(campaign, token) is Result.SUPPRESSED
    assert campaign.state("ann") is PENDING


def test_an_old_link_revives_nobody_who_was_forgotten(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    gone = sa.update(subscribers).values(email="", email_key="gone", ascii_email=None, domain="")
    with campaign.store.write() as connection:
        connection.execute(gone.values(forgotten_at=campaign.moment))
    with pytest.raises(LinkError, match="this link is not valid"):
        press(campaign, token)
    with campaign.store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(subscription_events)).scalar() == 1


Forge = Callable[[Campaign, str], str]
HOSTILE: dict[str, Forge] = {
    "nothing": lambda campaign, token: "",
    "one bit": lambda campaign, token: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
    "cut": lambda campaign, token: token[:-4],
    "longer": lambda campaign, token: token + "AAAA",
    "padded": lambda campaign, token: token + "=",
    "another purpose": lambda campaign, token: signer(campaign).token(
        Purpose.UNSUBSCRIBE, "weekly", campaign.id_of("ann")
    ),
    "a preview": lambda campaign, token: signer(campaign).token(Purpose.PREVIEW, "weekly", campaign.id_of("ann")),
    "another list": lambda campaign, token: signer(campaign).token(
        Purpose.CONFIRM, "members", campaign.id_of("ann") + ".1"
    ),
    "a list she is not on": lambda campaign, token: elsewhere(campaign),
    "another person": lambda campaign, token: signer(campaign).token(Purpose.CONFIRM, "weekly", "a" * 16),
    "another's mail": lambda campaign, token: signer(campaign).token(
        Purpose.CONFIRM, "weekly", campaign.id_of("ann") + "." + mail_number(campaign, "bob")
    ),
    "a mail that never was": lambda campaign, token: signer(campaign).token(
        Purpose.CONFIRM, "weekly", campaign.id_of("ann") + ".99999"
    ),
    "a mail without a number": lambda campaign, token: signer(campaign).token(
        Purpose.CONFIRM, "weekly", campaign.id_of("ann") + ".²"
    ),
    "another key": lambda campaign, token: Signer([b"k" * 32]).token(
        Purpose.CONFIRM, "weekly", campaign.id_of("ann") + ".1"
    ),
    "a megabyte": lambda campaign, token: token * 20_000,
    "other letters": lambda campaign, token: "ｐ" + token[1:],
}


def elsewhere(campaign: Campaign) -> str:
    with campaign.store.write() as connection:
        stored_lists.ensure(connection, MailingList("members", "Members"))
    return signer(campaign).token(Purpose.CONFIRM, "members", campaign.id_of("ann"))


def mail_number(campaign: Campaign, name: str) -> str:
    campaign.join(name)
    token = campaign.desk.tokens()[name]
    return signer(campaign).read(token, Purpose.CONFIRM).subscriber_id.partition(".")[2]


@pytest.mark.parametrize("kind_of_token", HOSTILE)
def test_anything_but_our_own_token_is_refused_in_the_same_words(campaign: Campaign, kind_of_token: str) -> None:
    token = HOSTILE[kind_of_token](campaign, campaign.joined("ann"))
    with pytest.raises(LinkError) as caught:
        confirm(campaign, token, How.CONFIRM_LINK)
    assert str(caught.value) == "this link is not valid"
    assert campaign.state("ann") is PENDING


def test_a_link_works_after_a_rotation_and_not_after_its_key_is_given_up(campaign: Campaign) -> None:
    ann, bob = campaign.joined("ann"), campaign.joined("bob")
    keys = rotate(campaign)
    assert press(campaign, ann) is Result.CONFIRMED
    retire(campaign, keys[1].fingerprint)
    with pytest.raises(LinkError):
        press(campaign, bob)
    assert press(campaign, campaign.joined("cia")) is Result.CONFIRMED


def test_two_presses_at_once_are_one_confirmation(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    start = threading.Barrier(6)
    found: list[Result] = []

    def run() -> None:
        start.wait()
        found.append(press(campaign, token))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [Result.ALREADY] * 5 + [Result.CONFIRMED]
    assert [event.state for event in campaign.history("ann")] == [PENDING, CONFIRMED]


def test_leaving_is_never_refused(campaign: Campaign) -> None:
    token = campaign.joined("ann")
    assert leave(campaign, "ann").result is Result.UNSUBSCRIBED, "who never confirmed may leave as well"
    assert leave(campaign, "ann").result is Result.ALREADY
    assert [event.how for event in campaign.history("ann")] == [How.COMMAND, How.ONE_CLICK]
    unknown = signer(campaign).token(Purpose.UNSUBSCRIBE, "weekly", "a" * 16)
    assert unsubscribe_by_token(campaign, unknown, How.LINK).result is Result.GONE
    with pytest.raises(LinkError):
        unsubscribe_by_token(campaign, token, How.LINK)


@pytest.mark.parametrize(
    "text",
    [
        "{0}",
        " {0}\n",
        "confirm {0}",
        "Re: confirm {0}",
        "AW: Subject: unsubscribe {0}\r\n",
        "https://news.example.org/c/{0}",
        "mailto:office@example.org?subject=confirm%20{0}",
        "Re: confirm {0} [EXTERNAL]",
        "confirm {0} (Spam?)",
    ],
)
def test_the_token_in_what_a_person_pastes(text: str) -> None:
    token = "AXoEBndl_-x" * 5
    assert token_in(text.format(token)) == token
    assert token_in("") == token_in(" \n") == ""
