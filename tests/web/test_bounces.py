"""What came back by mail, over both databases: believed by our token alone, once, and gone when its person is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from mailer.app import open_mailer
from mailer.audience.address import parse_address
from mailer.config.bounces import Bounces
from mailer.errors import NotFoundError
from mailer.model import EventKind, How, JobKind, SubscriptionState, SuppressionReason
from mailer.render.bounces import BounceAddresses
from mailer.services import readbounces
from mailer.services.asking import add_and_ask, usual_rule
from mailer.services.bounces import OF_NOBODY, TakenIn, take_in
from mailer.services.forgetting import forget
from mailer.services.mailboxes import Letter
from mailer.services.readbounces import drop, listing, read_mail, show
from mailer.services.subscribers import Entry
from mailer.store import events, jobs, strays, suppressions
from mailer.store.strays import Found
from mailer.store.subscriptions import Origin
from mailer.store.tables import deliveries, subscribers
from mailer.store.tables import events as events_table
from mailer.workspace import Workspace
from tests.store.world import FILES_ONLY
from tests.unit.bounces.letters import arf, away, dsn
from tests.web.house import House, furnish
from tests.web.issuing import send

BOUNCES = "bounces@example.org"
PEOPLE = ("ada", "ben", "eve")


@pytest.fixture
def house(url: str, tmp_path: Path) -> Iterator[House]:
    """Three people who got an issue, from a bounce address."""
    folder = tmp_path / "workspace"
    furnish(folder)
    with (folder / "mailer.toml").open("a") as file:
        file.write(f'\n[provider]\nname = "outbox"\nbounces = "{BOUNCES}"\n')
    found = House(folder)
    with open_mailer(Workspace(folder), {"DATABASE_URL": url}, now=lambda: found.moment) as program:
        found.program = program
        for name in PEOPLE:
            found.join(name)
        send(found, "rivers")
        found.later(hours=1)
        yield found


def number_of(house: House, name: str) -> int:
    query = sa.select(deliveries.c.id).join(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
    with house.program.store.read() as connection:
        return int(connection.execute(query.where(subscribers.c.email == f"{name}@example.org")).scalar_one())


def verp(house: House, name: str) -> str:
    keys = house.program.workspace.secret_keys(house.program.environ)
    return BounceAddresses(keys, BOUNCES).address(number_of(house, name))


def original(house: House, name: str) -> str:
    """The headers of the mail that they got."""
    (mail,) = (each for each in house.mails() if f"{name}@example.org" in str(each["To"]))
    return f"Message-ID: {mail['Message-ID']}\nTo: {name}@example.org\nSubject: Rivers\n"


def bounce(house: House, name: str = "ada", **values: str) -> bytes:
    """A hard bounce of what somebody got, named by its bounce address only."""
    address = f"{name}@example.org"
    given = {"to": verp(house, name), "recipient": address, "original": address, "returned": "Subject: Rivers"}
    return dsn(**{**given, **values})


def happened(house: House, name: str = "ada") -> list[EventKind]:
    with house.program.store.read() as connection:
        return [each.kind for each in events.of_delivery(connection, number_of(house, name))]


def suppressed(house: House) -> dict[str, SuppressionReason]:
    with house.program.store.read() as connection:
        found = suppressions.entries(connection, [f"{name}@example.org" for name in PEOPLE])
        return {each.value.partition("@")[0]: each.reason for each in found}


def waiting(house: House) -> list[str]:
    return [one.why for one in listing(house.program)]


# --- what is ours -----------------------------------------------------------------------------------------------------


def test_a_hard_bounce_suppresses_whom_its_bounce_address_names(house: House) -> None:
    taken = read_mail(house.program, bounce(house))
    assert (taken.read, dict(taken.new), dict(taken.strays)) == (1, {"bounced_hard": 1}, {})
    assert suppressed(house) == {"ada": SuppressionReason.BOUNCED}
    assert happened(house) == [EventKind.BOUNCED_HARD]
    assert "1 bounced hard" in taken.summary()[0]


@FILES_ONLY
def test_the_same_in_capitals_as_servers_on_the_way_write_it(house: House) -> None:
    read_mail(house.program, bounce(house, to=verp(house, "ada").upper()))
    assert suppressed(house) == {"ada": SuppressionReason.BOUNCED}


@FILES_ONLY
def test_the_recipient_that_a_pipe_tells_is_enough(house: House) -> None:
    data = bounce(house, to="somebody@example.org")
    assert read_mail(house.program, data, dry_run=True).strays == {f"a delivery report{OF_NOBODY}": 1}
    assert read_mail(house.program, data, [verp(house, "ada")]).new == {"bounced_hard": 1}


def test_the_message_id_in_what_is_returned_is_enough(house: House) -> None:
    taken = read_mail(house.program, bounce(house, to="postmaster@example.org", returned=original(house, "ada")))
    assert taken.new == {"bounced_hard": 1}
    assert suppressed(house) == {"ada": SuppressionReason.BOUNCED}


def test_a_complaint_suppresses_and_a_finding_of_a_program_does_not(house: House) -> None:
    assert read_mail(house.program, arf("auth-failure", original(house, "ben"))).new == {}
    assert read_mail(house.program, arf("abuse", original(house, "ada"))).new == {"complained": 1}
    assert suppressed(house) == {"ada": SuppressionReason.COMPLAINED}
    assert waiting(house) == ["a feedback report of the kind auth-failure"]


@FILES_ONLY
def test_an_opt_out_by_feedback_ends_the_subscription(house: House) -> None:
    assert read_mail(house.program, arf("opt-out", original(house, "ada"))).new == {"unsubscribed": 1}
    assert house.state("ada") is SubscriptionState.UNSUBSCRIBED


@FILES_ONLY
@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("5.2.2", "552 5.2.2 full", EventKind.BOUNCED_SOFT),
        ("5.7.1", "550 5.7.1 listed at spamhaus", EventKind.BLOCKED),
        ("5.7.26", "550 5.7.26 unauthenticated", EventKind.BLOCKED),
    ],
)
def test_what_is_not_the_address_suppresses_nobody(house: House, status: str, said: str, expected: EventKind) -> None:
    read_mail(house.program, bounce(house, status=status, said=said))
    assert (happened(house), suppressed(house)) == ([expected], {})


@FILES_ONLY
def test_a_delay_is_kept_and_counts_for_nothing(house: House) -> None:
    read_mail(house.program, bounce(house, action="delayed", status="4.4.1"))
    assert (happened(house), suppressed(house)) == ([EventKind.DEFERRED], {})


@FILES_ONLY
def test_out_of_office_is_no_bounce(house: House) -> None:
    taken = read_mail(house.program, away(verp(house, "ada")))
    assert (taken.replies, dict(taken.new), suppressed(house), waiting(house)) == (1, {}, {}, [])


# --- what is not ------------------------------------------------------------------------------------------------------


def test_attack_51_a_forged_report_without_our_token_suppresses_nobody(house: House) -> None:
    forged = dsn(to=BOUNCES, recipient="ada@example.org", original="ada@example.org", returned="Subject: Rivers")
    assert dict(read_mail(house.program, forged).strays) == {f"a delivery report{OF_NOBODY}": 1}
    assert dict(read_mail(house.program, arf("abuse", "To: ada@example.org\n")).new) == {}
    assert (suppressed(house), happened(house)) == ({}, [])


@FILES_ONLY
@pytest.mark.parametrize("place", [10, -16])
def test_attack_51_a_token_with_one_letter_changed_names_nobody(house: House, place: int) -> None:
    letters = list(verp(house, "ada"))
    letters[place] = "a" if letters[place] != "a" else "b"
    taken = read_mail(house.program, bounce(house, to="".join(letters)))
    assert (dict(taken.new), suppressed(house)) == ({}, {})


@FILES_ONLY
def test_attack_51_a_message_id_with_another_persons_number_names_nobody(house: House) -> None:
    tag = original(house, "eve").partition(".")[2]
    forged = f"Message-ID: <{number_of(house, 'ada')}.{tag}"
    taken = read_mail(house.program, bounce(house, to=BOUNCES, returned=forged))
    assert (dict(taken.new), suppressed(house), len(waiting(house))) == ({}, {}, 1)


@FILES_ONLY
def test_attack_51_whoever_has_a_token_stops_only_their_own_mails(house: House) -> None:
    """Eve knows the bounce address of her own mail, and says that Ada's is bad."""
    read_mail(house.program, bounce(house, "eve", recipient="ada@example.org", original="ada@example.org"))
    assert "ada" not in suppressed(house)
    assert happened(house, "ada") == []
    assert (happened(house, "eve"), suppressed(house)) == ([EventKind.BOUNCED_SOFT], {}), "behind her address: soft"


@FILES_ONLY
def test_attack_51_a_bounce_of_a_bounce_is_never_answered(house: House) -> None:
    before = len(house.mails())
    loop = dsn(to=BOUNCES, recipient=BOUNCES, original=BOUNCES, returned="From: <>\nSubject: Undelivered Mail")
    for number in range(3):
        read_mail(house.program, loop.replace(b"report-1", b"loop-%d" % number))
    assert len(house.mails()) == before
    assert len(waiting(house)) == 3


def test_attack_49_the_same_mail_twice_by_two_ways_is_one(house: House) -> None:
    data = bounce(house, returned=original(house, "ada"))
    read_mail(house.program, data)
    again = read_mail(house.program, b"X-Sieve: another way\n" + data)
    assert (again.known, dict(again.new), happened(house)) == (1, {}, [EventKind.BOUNCED_HARD])
    stray = b"From: x@example.net\nSubject: hello\n\nhello\n"
    assert read_mail(house.program, stray).strays and read_mail(house.program, stray).known == 1
    assert len(waiting(house)) == 1


@FILES_ONLY
def test_about_a_mail_that_is_not_in_the_database_nothing_follows(house: House) -> None:
    keys = house.program.workspace.secret_keys(house.program.environ)
    test_mail = BounceAddresses(keys, BOUNCES).address((1 << 62) + 5)
    taken = read_mail(house.program, bounce(house, to=test_mail))
    assert (taken.gone, dict(taken.new), waiting(house)) == (1, {}, [])


def test_a_mail_that_asks_to_confirm_and_comes_back_stops_the_asking(house: House) -> None:
    sent = {mail["Message-ID"] for mail in house.mails()}
    entry = Entry(house.program.list_named("weekly"), SubscriptionState.PENDING, Origin(How.FORM, "a form"))
    add_and_ask(house.program, entry, parse_address("zoe@example.org"), {}, usual_rule(house.moment))
    (ask,) = (mail["Message-ID"] for mail in house.mails() if mail["Message-ID"] not in sent)
    forged = f"<confirm.{'0' * 32}@example.org>"
    address = "zoe@example.org"
    for own in (forged, ask):
        taken = read_mail(
            house.program, dsn(to=BOUNCES, recipient=address, original=address, returned=f"Message-ID: {own}")
        )
        assert taken.confirmations == (own == ask)
        assert dict(taken.strays) == ({} if own == ask else {f"a delivery report{OF_NOBODY}": 1})
    with house.program.store.read() as connection:
        assert suppressions.entries(connection, [address])[0].reason is SuppressionReason.BOUNCED


# --- what waits for a person ------------------------------------------------------------------------------------------


def test_a_mail_that_nobody_understands_waits_and_is_deleted_in_time(house: House) -> None:
    read_mail(house.program, b"From: Ada <ada@example.org>\nSubject: hello\n\nIs this you?\n")
    (one,) = listing(house.program)
    assert (one.sender, one.subject, one.why) == (
        "Ada <ada@example.org>",
        "hello",
        f"no form of bounce that is known{OF_NOBODY}",
    )
    assert show(house.program, one.number).text == "Is this you?"
    with pytest.raises(NotFoundError):
        drop(house.program, [one.number, one.number + 7])
    assert drop(house.program, [one.number], dry_run=True) == 1
    assert len(waiting(house)) == 1
    house.later(days=Bounces().keep_stray_days + 1)
    with house.program.store.write() as connection:
        jobs.add(connection, JobKind.PRUNE, {}, house.moment)
    assert any("1 mail deleted that nobody understood" in words for words in house.work())
    assert waiting(house) == []


def test_who_is_forgotten_leaves_what_nobody_understood(house: House) -> None:
    read_mail(house.program, b"From: ADA@example.org\nSubject: hello\n\nx\n")
    read_mail(house.program, b"From: ben@example.org\nSubject: hello\n\nx\n")
    for encoding, body in (("base64", b64encode(b"about Ada@example.org")), ("quoted-printable", b"ada=40example.org")):
        head = f"From: office@example.net\nContent-Type: text/plain\nContent-Transfer-Encoding: {encoding}\n\n"
        read_mail(house.program, head.encode() + body + b"\n")
    forget(house.program, parse_address("ada@example.org"))
    assert [one.sender for one in listing(house.program)] == ["ben@example.org"]


def test_what_is_kept_has_bounds_and_what_carries_no_token_goes_first(house: House) -> None:
    spam = [Found(b"spam %d" % number, f"spam{OF_NOBODY}", house.moment) for number in range(5)]
    ours = [Found(b"ours %d" % number, "odd", house.moment - timedelta(days=1)) for number in range(3)]
    with house.program.store.write() as connection:
        assert strays.add(connection, [*ours, *spam, *ours]) == 8
        assert strays.make_room(connection, OF_NOBODY, most=4) == 4
        assert strays.count(connection) == 4
        assert {each.body for each in strays.listed(connection, None)} == {b"ours 0", b"ours 1", b"ours 2", b"spam 4"}
        strays.add(connection, [Found(b"x" * (strays.LONGEST_KEPT + 1), "long", house.moment)])
        (long,) = (each for each in strays.listed(connection, None) if each.why == "long")
        assert (long.cut, len(long.body)) == (True, strays.LONGEST_KEPT)


# --- a run ------------------------------------------------------------------------------------------------------------


class Box:
    """A mailbox that says when what was marked."""

    def __init__(self, house: House, mails: list[bytes]) -> None:
        self.house = house
        self.mails = {str(number): data for number, data in enumerate(mails)}
        self.stored: list[int] = []

    def letters(self) -> Iterator[Letter]:
        for place, data in list(self.mails.items()):
            yield Letter(data, place)

    def done(self, letters: list[Letter]) -> None:
        with self.house.program.store.read() as connection:
            self.stored.append(connection.execute(sa.select(sa.func.count()).select_from(events_table)).scalar_one())
        for letter in letters:
            del self.mails[letter.place]


def run(house: House, box: Box) -> TakenIn:
    return take_in(house.program, box)  # type: ignore[arg-type]


@FILES_ONLY
def test_nothing_is_marked_before_it_is_stored(house: House) -> None:
    mails = [bounce(house, name, id=f"{name}-{number}") for name in PEOPLE for number in range(20)]
    box = Box(house, mails)
    taken = run(house, box)
    assert (taken.read, box.mails, box.stored) == (60, {}, [25, 50, 60])


def test_a_run_that_is_killed_in_the_middle_is_gone_on_with(house: House) -> None:
    mails = [bounce(house, name, id=f"{name}-{number}") for name in PEOPLE for number in range(20)]
    box = Box(house, mails)

    def die(letters: list[Letter]) -> None:
        raise KeyboardInterrupt

    whole, box.done = box.done, die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(house, box)
    box.done = whole  # type: ignore[method-assign]
    taken = run(house, box)
    assert (sum(taken.new.values()), taken.known, box.mails) == (35, 25, {})


@pytest.mark.parametrize("word", ["=?utf-8?q?=00?=", "=?utf-7?q?+2AA-?=", "\0"], ids=["nul", "half", "bare nul"])
def test_attack_52_letters_that_no_database_takes_stop_no_run(house: House, word: str) -> None:
    mails = [arf(kind=word), bounce(house, id=word), bounce(house, "ben")]
    box = Box(house, mails)
    run(house, box)
    assert (box.mails, set(suppressed(house))) == ({}, {"ada", "ben"})


@FILES_ONLY
def test_a_dry_run_changes_nothing(house: House) -> None:
    taken = read_mail(house.program, bounce(house), dry_run=True)
    assert (dict(taken.new), happened(house), suppressed(house)) == ({"bounced_hard": 1}, [], {})
    assert readbounces.listing(house.program) == []
    assert taken.summary()[-1] == "nothing was changed"
