"""The resolver against a real name server on this machine."""

from __future__ import annotations

import pytest

from mailer.checks.domain.records import NO_SUCH_NAME, UNKNOWN, Answer
from mailer.errors import UsageError
from mailer.fetch.dns import MOST, NameServer, Resolver, name_server
from tests.nameserver import name_server as serving

LONG = "v=DKIM1; p=" + "A" * 900
ZONE = {
    ("example.org", "TXT"): ('"v=spf1 " "-all"', '"other"'),
    ("example.org", "MX"): ("10 mail.example.org.",),
    ("null.example.org", "MX"): ("0 .",),
    ("key.example.org", "TXT"): (" ".join(f'"{LONG[at : at + 255]}"' for at in range(0, len(LONG), 255)),),
    ("www.example.org", "CNAME"): ("pages.example.net.",),
}


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("example.org", "TXT", Answer(("v=spf1 -all", "other"))),
        ("EXAMPLE.org.", "MX", Answer(("10 mail.example.org",))),
        ("null.example.org", "MX", Answer(("0 ",))),
        ("www.example.org", "CNAME", Answer(("pages.example.net",))),
        ("example.org", "AAAA", Answer()),
        ("nothing.example.net", "TXT", NO_SUCH_NAME),
        ("broken.example.org", "TXT", UNKNOWN),
        ("a..b", "TXT", UNKNOWN),
        ("x" * 70 + ".example.org", "TXT", UNKNOWN),
    ],
)
def test_an_answer_is_told_from_none_and_from_no_such_name(name: str, kind: str, answer: Answer) -> None:
    with serving(ZONE, broken=frozenset({"broken.example.org"})) as server:
        found = Resolver(NameServer("127.0.0.1", server.port))(name, kind)
    assert sorted(found.records) == sorted(answer.records)
    assert (found.exists, found.known) == (answer.exists, answer.known)


def test_a_long_answer_comes_over_tcp_and_in_one_piece() -> None:
    with serving(ZONE) as server:
        found = Resolver(NameServer("127.0.0.1", server.port))("key.example.org", "TXT")
    assert found.records == (LONG,)
    assert [way for _, _, way in server.asked] == ["udp", "tcp"]


def test_a_question_is_asked_once() -> None:
    with serving(ZONE) as server:
        ask = Resolver(NameServer("127.0.0.1", server.port))
        assert ask("example.org", "MX") == ask("Example.org.", "MX")
    assert len(server.asked) == 1


def test_nobody_answering_is_not_known() -> None:
    with serving(ZONE, silent=frozenset({"example.org"})) as server:
        assert Resolver(NameServer("127.0.0.1", server.port), seconds=0.2)("example.org", "TXT") == UNKNOWN


def test_there_is_an_end_to_asking() -> None:
    with serving(ZONE) as server:
        ask = Resolver(NameServer("127.0.0.1", server.port))
        answers = [ask(f"n{number}.example.net", "A") for number in range(MOST + 3)]
    assert [answer.known for answer in answers] == [True] * MOST + [False] * 3
    assert len(server.asked) == MOST


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("9.9.9.9", NameServer("9.9.9.9", 53)),
        ("127.0.0.1:5353", NameServer("127.0.0.1", 5353)),
        ("2620:fe::fe", NameServer("2620:fe::fe", 53)),
        ("[::1]:5353", NameServer("::1", 5353)),
    ],
)
def test_a_name_server_is_named_by_its_address(text: str, server: NameServer) -> None:
    assert name_server(text) == server


@pytest.mark.parametrize("text", ["dns.example.org", "", "9.9.9.9:x", "1.2.3"])
def test_a_name_server_is_nothing_else(text: str) -> None:
    with pytest.raises(UsageError, match="is no name server"):
        name_server(text)
