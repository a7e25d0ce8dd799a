"""The parts of the SMTP client that touch no socket, and what is refused before anything is said."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import MessageError
from mailer.model import Batch, Envelope, Outcome
from mailer.providers.smtp import commands
from mailer.providers.smtp.commands import Offers
from mailer.providers.smtp.pauses import LONGEST, PATIENCE, Pauses
from mailer.providers.smtp.replies import LONGEST_LINE, MOST_LINES, Reply, ReplyReader, WrongReplyError
from mailer.providers.smtp.verdicts import FULL_MAILBOX, GREYLISTED, Kind, Reach, Stage, queue_id, verdict, words
from tests.providers.smtp_server import MailServer, always, answers, listening, provider

# --- replies ----------------------------------------------------------------------------------------------------------


def read(data: bytes) -> list[Reply]:
    reader = ReplyReader()
    reader.feed(data)
    found = []
    while (reply := reader.next()) is not None:
        found.append(reply)
    return found


def test_replies_of_one_and_of_many_lines() -> None:
    assert read(b"250 ok\r\n250-a\r\n250-b\r\n250 c\r\n354\r\n220 later") == [
        Reply(250, ("ok",)),
        Reply(250, ("a", "b", "c")),
        Reply(354, ("",)),
    ]


REPLIES = st.builds(
    Reply,
    st.integers(200, 599),
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=60), min_size=1)
    .map(tuple)
    .filter(lambda lines: len(lines) < MOST_LINES),
)


@given(st.lists(REPLIES, max_size=5), st.integers(1, 40))
def test_replies_are_the_same_however_the_network_cuts_them(replies: list[Reply], size: int) -> None:
    data = b"".join(
        f"{reply.code}{'-' if at < len(reply.lines) else ' '}{line}\r\n".encode()
        for reply in replies
        for at, line in enumerate(reply.lines, 1)
    )
    reader = ReplyReader()
    found = []
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
        while (reply := reader.next()) is not None:
            found.append(reply)
    assert found == replies
    assert not reader.pending


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250_ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"x" * LONGEST_LINE,
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"250-a\r\n" * MOST_LINES,
        b"\xff\xfe\x00\r\n",
    ],
)
def test_what_is_no_reply(data: bytes) -> None:
    with pytest.raises(WrongReplyError):
        read(data)


# Nearly replies, so that many are read to their end.
ODD_LINES = st.tuples(
    st.sampled_from([b"250", b"250 ", b"250-", b"451 5.1.1 ", b"999 ", b""]),
    st.binary(max_size=6),
    st.sampled_from([b"\r\n", b"\n", b"\r", b""]),
).map(b"".join)


@given(st.lists(ODD_LINES, max_size=6).map(b"".join))
def test_no_octets_do_harm(data: bytes) -> None:
    try:
        found = read(data)
    except WrongReplyError:
        return
    assert len(found) <= data.count(b"\n"), "a reply is made of whole lines only"
    assert all(200 <= reply.code <= 599 and reply.lines for reply in found)
    assert not any("\n" in line for reply in found for line in reply.lines)


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("5.1.1 nobody", "5.1.1", "nobody"),
        ("5.7.26", "5.7.26", ""),
        ("nobody 5.1.1", "", "nobody 5.1.1"),
        ("4.1.1 of another class", "", "4.1.1 of another class"),
        ("5.1.1nobody", "", "5.1.1nobody"),
        ("", "", ""),
    ],
)
def test_the_enhanced_status(line: str, status: str, text: str) -> None:
    reply = Reply(550, (line,))
    assert (reply.enhanced, reply.text) == (status, text)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_what_a_server_offers() -> None:
    lines = ("mx at your service", "PIPELINING", "size 35882577", "8BITMIME", "AUTH PLAIN login", "AUTH=XOAUTH2", "X")
    assert commands.offers(Reply(250, lines)) == Offers(
        pipelining=True, eightbit=True, names_size=True, size=35882577, auth=frozenset({"PLAIN", "LOGIN", "XOAUTH2"})
    )
    assert commands.offers(Reply(250, ("hi", "SIZE", "STARTTLS", "SMTPUTF8"))) == Offers(
        names_size=True, starttls=True, smtputf8=True
    )
    assert commands.offers(Reply(250, ("hi", "SIZE ten"))).size == 0


def test_commands_have_the_parameters_that_are_offered() -> None:
    every = Offers(eightbit=True, smtputf8=True, names_size=True)
    assert commands.mail_from("a@b.c", 9, every, eightbit=True, utf8=True) == (
        b"MAIL FROM:<a@b.c> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n"
    )
    assert commands.mail_from("", 9, Offers(), eightbit=True, utf8=False) == b"MAIL FROM:<>\r\n"
    assert commands.rcpt_to("jörg@xn--mnchen-3ya.de") == "RCPT TO:<jörg@xn--mnchen-3ya.de>\r\n".encode()


def test_passwords_beyond_ascii() -> None:
    assert base64.b64decode(commands.auth_plain("ø", "pä ss")[11:]) == "\0ø\0pä ss".encode()
    assert [base64.b64decode(line) for line in commands.auth_login("u", "p")[1:]] == [b"u", b"p"]


@pytest.mark.parametrize(
    "email",
    [
        "a@b.c>\r\nDATA", "a@b.c\r\nRSET", "a b@c.d", "a@b c.d", "<a@b.c>", "a>@b.c", "@b.c", "a@", "ab.c", "",
        "a@b@c.d", "a\0@b.c", "a\x80@b.c", "a\u2028b@c.d", "a\xa0b@c.d", '"a"@b.c', "a..b@c.d", ".a@b.c",
        "a%c.d@b.c", "a!b@c.d",
        f"{'ø' * 33}@b.c", f"a@{'b.' * 126}c", "a@[127.0.0.1]", "\udcff@b.c",
    ],
)  # fmt: skip
def test_an_address_that_could_be_more_than_one(email: str) -> None:
    with pytest.raises(MessageError) as caught:
        commands.path(email, "To")
    assert not email or email not in str(caught.value)


def test_addresses_as_they_travel() -> None:
    assert commands.path("Ann+news@MÜNCHEN.de", "To") == "Ann+news@xn--mnchen-3ya.de"
    assert commands.path("jörg@example.net", "To") == "jörg@example.net"


@pytest.mark.parametrize("name", ["", "a b", "a\r\nb", "-a", "ü.example.org", "x" * 256, "[1.2.3.4", "a_b"])
def test_a_greeting_is_a_domain_or_a_number(name: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        commands.greeting(name)
    assert commands.greeting("[IPv6:::1]", extended=False) == b"HELO [IPv6:::1]\r\n"


GOOD = b"Subject: x\r\n\r\nhello\r\n"
FAULTS = {
    "bare LF": GOOD + b"a\n.\nMAIL FROM:<x>\r\n",
    "bare LF dot CRLF": GOOD + b"a\n.\r\nMAIL FROM:<x>\r\n",
    "bare CR": GOOD + b"a\r.\rMAIL FROM:<x>\r\n",
    "CRLF dot LF": GOOD + b"a\r\n.\nMAIL\r\n",
    "NUL": GOOD + b"\0\r\n",
    "long line": GOOD + b"x" * 999 + b"\r\n",
    "long line at the start": b"x" * 999 + b"\r\n" + GOOD,
    "no end": GOOD + b"a",
    "empty": b"",
}


@pytest.mark.parametrize("name", FAULTS)
def test_content_that_no_server_should_get(name: str) -> None:
    content = FAULTS[name]
    assert commands.fault(content, dots=commands.dotted(content))


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD + b"x" * 998 + b"\r\n", GOOD + b".\r\n..\r\n.x\r\n", b".\r\n", GOOD + (b"y" * 998 + b"\r\n") * 9],
)
def test_content_that_is_well(content: bytes) -> None:
    assert commands.fault(content, dots=commands.dotted(content)) == ""


BODIES = st.lists(st.sampled_from([b".", b"..", b"", b"a", b".a", b"a.", b"QUIT"])).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)


@given(BODIES)
def test_dots_are_doubled_and_no_end_is_inside(content: bytes) -> None:
    sent = commands.stuffed(content) if commands.dotted(content) else content
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    lines = [line.removeprefix(b".") for line in sent.split(b"\r\n")]
    assert b"\r\n".join(lines) == content


# --- verdicts ---------------------------------------------------------------------------------------------------------

REFUSALS = [
    (Stage.RCPT, "550 5.1.1 The email account that you tried to reach does not exist", Kind.ADDRESS),
    (Stage.RCPT, "550 5.1.10 RecipientNotFound", Kind.ADDRESS),
    (Stage.RCPT, "550 5.2.1 disabled", Kind.ADDRESS),
    (Stage.RCPT, "550 No such user here", Kind.ADDRESS),
    (Stage.RCPT, "550 User unknown", Kind.ADDRESS),
    (Stage.RCPT, "551 user not local", Kind.ADDRESS),
    (Stage.RCPT, "553 sorry, that domain isn't in my list", Kind.ADDRESS),
    (Stage.RCPT, "550 5.0.0 mailbox unavailable", Kind.ADDRESS),
    (Stage.RCPT, "552 5.2.2 The email account is over quota", Kind.FULL),
    (Stage.RCPT, "552 mailbox full", Kind.FULL),
    (Stage.RCPT, "550 quota exceeded", Kind.FULL),
    (Stage.END, "552 5.3.4 Message size exceeds fixed limit", Kind.SIZE),
    (Stage.END, "552 message too large", Kind.SIZE),
    (Stage.MAIL, "552 5.3.4 too big", Kind.SIZE),
    (Stage.END, "550 5.7.26 unauthenticated mail is not accepted", Kind.POLICY),
    (Stage.END, "550 5.7.515 Access denied, sending domain does not meet the level", Kind.POLICY),
    (Stage.RCPT, "550 5.7.1 blocked using a blocklist", Kind.POLICY),
    (Stage.END, "550 5.7.1 This looks like spam", Kind.CONTENT),
    (Stage.END, "554 5.6.0 malformed", Kind.CONTENT),
    (Stage.END, "554 rejected: spam", Kind.CONTENT),
    (Stage.END, "550 whatever", Kind.OTHER),
]


def reply_of(line: str) -> Reply:
    return Reply(int(line[:3]), (line[4:],))


@pytest.mark.parametrize(("stage", "line", "kind"), REFUSALS)
def test_whose_fault_a_refusal_is(stage: Stage, line: str, kind: Kind) -> None:
    found = verdict(stage, reply_of(line))
    assert (found.outcome, found.kind, found.reach) == (Outcome.REFUSED, kind, Reach.MAIL)


ABOUT_US = [
    (Stage.MAIL, "550 5.7.1 sender not allowed"),
    (Stage.MAIL, "530 5.7.0 Must issue a STARTTLS command first"),
    (Stage.MAIL, "553 5.1.8 sender domain not found"),
    (Stage.RCPT, "530 5.7.1 Authentication required"),
    (Stage.RCPT, "554 5.7.1 Relay access denied"),
    (Stage.RCPT, "550 relaying denied"),
    (Stage.RCPT, "503 5.5.1 bad sequence"),
]


@pytest.mark.parametrize(("stage", "line"), ABOUT_US)
def test_a_refusal_that_would_meet_everybody_counts_nobody_out(stage: Stage, line: str) -> None:
    found = verdict(stage, reply_of(line))
    assert (found.outcome, found.reach) == (Outcome.REFUSED, Reach.SERVER)


LATER = [
    (Stage.RCPT, "450 4.2.0 Greylisted, try again in 300 seconds", Reach.MAIL, 300.0),
    (Stage.RCPT, "451 4.7.1 Greylisting in action, please come back in 5 minutes", Reach.MAIL, 300.0),
    (Stage.RCPT, "450 4.7.1 please try again later", Reach.MAIL, GREYLISTED),
    (Stage.RCPT, "452 4.2.2 over quota", Reach.MAIL, FULL_MAILBOX),
    (Stage.END, "451 4.7.0 rate limited", Reach.DOMAIN, None),
    (Stage.RCPT, "450 4.7.28 unusual rate, wait 2 hours", Reach.DOMAIN, 7200.0),
    (Stage.RCPT, "450 4.1.8 sender domain not resolved", Reach.MAIL, None),
    (Stage.MAIL, "451 4.3.2 not now", Reach.SERVER, None),
    (Stage.END, "452 4.3.1 insufficient system storage", Reach.SERVER, None),
    (Stage.END, "421 4.7.0 closing", Reach.SERVER, None),
    (Stage.END, "451 whatever", Reach.MAIL, None),
]


@pytest.mark.parametrize(("stage", "line", "reach", "seconds"), LATER)
def test_whom_later_is_about_and_how_much_later(stage: Stage, line: str, reach: Reach, seconds: float | None) -> None:
    found = verdict(stage, reply_of(line))
    assert (found.outcome, found.reach, found.retry_after) == (Outcome.RETRY, reach, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 <Ann.Lee@Example.net>: Recipient address rejected",
        "5.1.1 user ann.lee unknown",
        "5.1.1 ANN.LEE@EXAMPLE.NET",
        "5.1.1 mailbox <ann.lee> is not here; ask postmaster@example.net",
    ],
)
def test_words_for_people_have_no_address(text: str) -> None:
    said = words(Reply(550, (text,)), "ann.lee@example.net")
    assert said.startswith("550 5.1.1 ")
    assert "(address)" in said
    assert "@" not in said
    assert "ann" not in said.lower()


def test_words_for_people_are_one_short_line() -> None:
    said = words(Reply(550, ("5.1.1 a\tb\x1b[31m" + "c" * 300, "5.1.1 d")))
    assert said.startswith("550 5.1.1 a b [31mccc")
    assert len(said) == 200
    assert said.isprintable()
    assert words(Reply(550, ("5.7.1 one", "5.7.1 two"))) == "550 5.7.1 one two"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("2.0.0 Ok: queued as 4F8D21A0B3", "4F8D21A0B3"),
        ("OK id=1rXyZ2-0001Ab-Cd", "1rXyZ2-0001Ab-Cd"),
        ("2.6.0 <x@y> Queued mail for delivery", ""),
        ("ok queued as <abc@example.net>", ""),
        ("2.0.0 thanks", ""),
    ],
)
def test_the_name_in_the_servers_log(line: str, name: str) -> None:
    assert queue_id(Reply(250, (line,))) == name


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_only_the_domain_that_asked_is_left_alone_and_longer_each_time() -> None:
    pauses = Pauses()
    now = 1000.0
    waits = []
    for _ in range(8):
        assert pauses.left("slow.example", now) == 0
        for _ in range(PATIENCE):
            pauses.put_off("Slow.example", now)
        assert pauses.left("fast.example", now) == 0
        waits.append(pauses.left("slow.example", now))
        now += waits[-1]
    assert waits == [60, 120, 240, 480, 960, LONGEST, LONGEST, LONGEST]
    pauses.took("slow.example")
    pauses.put_off("slow.example", now, 7.0)
    assert pauses.left("slow.example", now) == 0


def mail(number: int, domain: str = "example.net", content: bytes = GOOD) -> Envelope:
    return Envelope(number, "news@example.org", f"reader{number}@{domain}", content)


def test_a_domain_that_puts_mails_off_is_not_asked_for_each_of_them() -> None:
    def step(command: str, count: int) -> str | None:
        return "450 4.7.0 too fast for us" if command == "RCPT" and server.said[-1].endswith("@slow.example>") else None

    server = MailServer(step, extensions=())
    mails = [mail(number, "slow.example" if number % 2 else "fast.example") for number in range(1, 21)]
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit_each(Batch(1, "i", 1, tuple(mails)), lambda _: True)
        smtp.close()
    slow = [receipt for receipt in receipts if receipt.delivery_id % 2]
    assert all(receipt.outcome is Outcome.RETRY and receipt.retry_after for receipt in slow)
    assert len(server.taken) == 10
    assert sum("slow.example" in line for line in server.said) == PATIENCE
    assert slow[-1].detail == "its domain asked to be left alone"


# --- what a mail may be -----------------------------------------------------------------------------------------------


def refusal(envelope: Envelope, *extensions: str) -> tuple[Outcome, str]:
    server = MailServer(extensions=extensions)
    with listening(server):
        smtp = provider(server)
        (receipt,) = smtp.submit(Batch(1, "i", 1, (envelope,)))
        smtp.close()
    assert server.taken == []
    assert not any(line.startswith("MAIL") for line in server.said)
    return receipt.outcome, receipt.detail


def test_a_mail_larger_than_the_server_takes_is_not_begun() -> None:
    outcome, detail = refusal(mail(1, content=GOOD * 100), "SIZE 1000")
    assert (outcome, detail) == (Outcome.REFUSED, "not sent: size: it has 2,100 bytes, and the server takes 1,000")


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    envelope = Envelope(1, "news@example.org", "jörg@example.net", "To: jörg@example.net\r\n\r\nx\r\n".encode())
    outcome, detail = refusal(envelope, "PIPELINING", "8BITMIME")
    assert outcome is Outcome.REFUSED
    assert "SMTPUTF8" in detail
    server = MailServer(extensions=("SMTPUTF8", "8BITMIME", "PIPELINING"))
    with listening(server):
        smtp = provider(server)
        assert smtp.submit(Batch(1, "i", 1, (envelope,)))[0].outcome is Outcome.ACCEPTED
        smtp.close()
    assert server.taken == [("jörg@example.net", envelope.content)]
    assert "MAIL FROM:<news@example.org> BODY=8BITMIME SMTPUTF8" in server.said


def test_a_mail_that_is_not_ascii_needs_8bitmime() -> None:
    outcome, detail = refusal(mail(1, content=GOOD + b"\xc3\xa5\r\n"), "PIPELINING")
    assert outcome is Outcome.REFUSED
    assert "8BITMIME" in detail


@pytest.mark.parametrize("name", FAULTS)
def test_content_that_could_smuggle_is_refused_alone(name: str) -> None:
    server = MailServer()
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(Batch(1, "i", 1, (mail(1), mail(2, content=FAULTS[name]), mail(3))))
        smtp.close()
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.ACCEPTED]
    assert len(server.taken) == 2


def test_dots_arrive_as_they_left() -> None:
    content = b".first\r\n" + GOOD + b".\r\n..\r\n.x.\r\nend\r\n"
    for extensions in (("PIPELINING",), ()):
        server = MailServer(extensions=extensions)
        with listening(server):
            smtp = provider(server)
            smtp.submit(Batch(1, "i", 1, (mail(1, content=content), mail(2))))
            smtp.close()
        assert [got for _, got in server.taken] == [content, GOOD]


def test_pipelined_mails_take_few_turns() -> None:
    """The commands of a mail travel with the end of the one before: three mails, one flight each, and one to begin."""
    server = MailServer(answers({}))
    with listening(server):
        smtp = provider(server)
        receipts = smtp.submit(Batch(1, "i", 1, (mail(1), mail(2), mail(3))))
        smtp.close()
    assert [receipt.provider_id for receipt in receipts] == ["Q000001", "Q000002", "Q000003"]
    words_said = [line.split(" ")[0].upper() for line in server.said]
    assert words_said == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


def test_a_refused_sender_says_what_to_look_at() -> None:
    from mailer.errors import ProviderError

    server = MailServer(always("MAIL", "535 5.7.8 authentication required"))
    with listening(server), pytest.raises(ProviderError) as caught:
        provider(server).submit(Batch(1, "i", 1, (mail(1),)))
    assert "MAILER_SMTP_PASSWORD" in str(caught.value.hint)
