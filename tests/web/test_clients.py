"""Whom a request comes from, as nobody can pretend."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.web.clients import FORWARDING, Client, client_of, networks, parsed, within
from tests.thoroughness import examples

PROXIES = networks(("10.0.0.0/8", "fd00::/8"))


def asked(peer: str, *forwarded: str) -> Client:
    return client_of(peer, [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded], PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.9",), "198.51.100.9"),
        ("10.0.0.1", ("1.2.3.4, 198.51.100.9",), "198.51.100.9"),  # the first one anybody may write
        ("10.0.0.1", ("198.51.100.9, 10.0.0.2",), "198.51.100.9"),  # a chain of ours
        ("10.0.0.1", ("1.2.3.4", "198.51.100.9"), "198.51.100.9"),  # two headers are one
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", ("198.51.100.9:4711",), "198.51.100.9"),
        ("10.0.0.1", ("[2001:db8::1]:4711",), "2001:db8::1"),
        ("10.0.0.1", ("2001:DB8:0::1",), "2001:db8::1"),
        ("10.0.0.1", ("::ffff:198.51.100.9",), "198.51.100.9"),
        ("::ffff:10.0.0.1", ("198.51.100.9",), "198.51.100.9"),
        ("fd00::1", ("198.51.100.9",), "198.51.100.9"),
        ("testclient", (), "testclient"),
    ],
)
def test_who_asks(peer: str, forwarded: tuple[str, ...], address: str) -> None:
    assert asked(peer, *forwarded) == (address, True)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (("198.51.100.9, nonsense",), "10.0.0.1"),
        (("198.51.100.9, nonsense, 10.0.0.2",), "10.0.0.2"),
        (("\r\nSet-Cookie: x",), "10.0.0.1"),
        (("",), "10.0.0.1"),
    ],
)
def test_for_whom_a_proxy_asks_that_names_no_address_is_not_known(forwarded: tuple[str, ...], address: str) -> None:
    assert asked("10.0.0.1", *forwarded) == (address, False)


@pytest.mark.parametrize("name", sorted(set(FORWARDING) - {b"x-forwarded-for"}))
def test_a_proxy_of_ours_that_says_it_in_another_header_is_not_the_one_who_asks(name: bytes) -> None:
    """Otherwise everybody behind it would be on this machine, and read the figures."""
    assert client_of("10.0.0.1", [(name, b"198.51.100.9")], PROXIES) == ("10.0.0.1", False)


@pytest.mark.parametrize("name", FORWARDING)
def test_a_proxy_that_nobody_named_is_believed_nothing(name: bytes) -> None:
    assert client_of("203.0.113.7", [(name, b"127.0.0.1")], PROXIES) == ("203.0.113.7", False)


@given(forwarded=st.lists(st.text(st.characters(max_codepoint=255)), max_size=4))
@settings(max_examples=examples(200))
def test_whatever_is_written_the_last_hop_decides(forwarded: list[str]) -> None:
    assert asked("203.0.113.7", *forwarded).address == "203.0.113.7"
    assert asked("10.0.0.1", *forwarded, "198.51.100.9").address == "198.51.100.9"
    found = asked("10.0.0.1", *forwarded).address
    assert parsed(found) is not None and found == str(parsed(found))


def test_what_is_no_address_is_in_no_network() -> None:
    assert not within("", networks(("0.0.0.0/0", "::/0")))
    assert within("::ffff:127.0.0.1", networks(("127.0.0.0/8",)))
