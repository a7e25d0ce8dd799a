"""Which links and addresses the getter refuses before a byte leaves the machine."""

from __future__ import annotations

import time

import pytest

from mailer.errors import FetchError
from mailer.fetch.address import addresses, is_allowed, target_of


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("gopher://example.org/", "only http and https"),
        ("ftp://example.org/feed", "only http and https"),
        ("/etc/passwd", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("http://good@127.0.0.1/", "user name"),
        ("https://user:secret@example.org/", "user name"),
        ("http://2130706433/", "disguise"),
        ("http://0x7f000001/", "disguise"),
        ("http://0x7f.1/", "disguise"),
        ("http://0177.0.0.1/", "disguise"),
        ("http://127.1/", "disguise"),
        ("http://example.0x7f/", "disguise"),
        ("http://１２７.1/", "disguise"),
        ("http:///feed", "no host name"),
        ("http://exa mple.org/", "no host name"),
        ("http://example..org/", "no host name"),
        ("http://[fe80::1%25eth0]/", "no host name"),
        ("http://[::1/", "no web address"),
        ("http://example.org:99999/", "no web address"),
        ("http://example.org:0/", "port 0"),
        ("http://example.org\\@127.0.0.1/", "no web address"),
        ("http://example.org/\r\nHost: 127.0.0.1", "no web address"),
    ],
)
def test_a_link_that_is_never_fetched(url: str, says: str) -> None:
    with pytest.raises(FetchError, match=says):
        target_of(url)


def test_a_secret_in_a_link_is_not_repeated() -> None:
    with pytest.raises(FetchError) as caught:
        target_of("https://user:secret@example.org/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "authority", "path"),
    [
        ("HTTPS://Example.ORG./feed?x=1#top", "example.org", "example.org", "/feed?x=1"),
        ("http://example.org:8080", "example.org", "example.org:8080", "/"),
        ("https://münchen.example/ä b", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example", "/%C3%A4%20b"),
        ("http://[2606:4700::1]:81/", "2606:4700::1", "[2606:4700::1]:81", "/"),
        ("https://example.org/a%20b?q=a+b%26", "example.org", "example.org", "/a%20b?q=a+b%26"),
    ],
)
def test_a_link_taken_apart(url: str, host: str, authority: str, path: str) -> None:
    target = target_of(url)
    assert (target.host, target.authority, target.path) == (host, authority, path)


PRIVATE = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fc00::1", "::ffff:127.0.0.1"]
NEVER = [
    "0.0.0.0", "::", "224.0.0.1", "ff02::1", "169.254.169.254", "fe80::1", "::ffff:169.254.169.254",  # noqa: S104
    "::ffff:0.0.0.0", "not an address", "fe80::1%eth0",
]  # fmt: skip
RESERVED = [
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.1", "192.88.99.1", "192.0.0.8",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "3fff::1",
    "fec0::1", "::127.0.0.1", "::ffff:8.8.8.8", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE + NEVER + RESERVED)
def test_an_address_that_is_not_connected_to(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_the_operator_may_open_the_own_network(address: str) -> None:
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", NEVER)
def test_nobody_may_open_these(address: str) -> None:
    assert not is_allowed(address, allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111"])
def test_a_public_address_is_open(address: str) -> None:
    assert is_allowed(address)


def test_private_answers_of_a_public_name_are_dropped() -> None:
    found = addresses(
        target_of("https://example.org/"),
        resolve=lambda host, port: ["10.0.0.1", "8.8.8.8", "::ffff:127.0.0.1"],
        allow_private=False,
        seconds=5,
    )
    assert found == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["localhost", "localhost.", "intranet.example"])
def test_a_name_for_a_private_address_is_refused(host: str) -> None:
    with pytest.raises(FetchError, match="private or reserved") as caught:
        addresses(
            target_of(f"http://{host}/"), resolve=lambda name, port: ["127.0.0.1"], allow_private=False, seconds=5
        )
    assert caught.value.hint and "allow_private" in caught.value.hint


def test_a_name_server_that_does_not_answer_ends_in_time() -> None:
    def hang(host: str, port: int) -> list[str]:
        time.sleep(1)
        return []

    started = time.monotonic()
    with pytest.raises(FetchError, match="not resolved in time"):
        addresses(target_of("http://example.org/"), resolve=hang, allow_private=False, seconds=0.05)
    assert time.monotonic() - started < 0.8


def test_an_unknown_name() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(FetchError, match=r"nowhere\.example: the name is unknown"):
        addresses(target_of("http://nowhere.example/"), resolve=unknown, allow_private=False, seconds=5)
