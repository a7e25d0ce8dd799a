"""Signed links: what we made reads back, and nothing else does."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import digest
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import ConfigError, LinkError
from mailer.render.links import LinkTarget, Purpose, Signer, link_url, unsubscribe_url

OLD, NEW = b"an older key of enough bytes", b"the newest key of enough bytes"
SIGNER = Signer([NEW])
HEX_ID = "00ff" * 8
LIST_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
IDS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.binary(max_size=20).map(bytes.hex))


def octets(token: str) -> bytes:
    return urlsafe_b64decode(token + "=" * (-len(token) % 4))


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


@given(st.sampled_from(list(Purpose)), LIST_NAMES, IDS)
def test_a_token_reads_back_for_its_purpose(purpose: Purpose, list_name: str, subscriber_id: str) -> None:
    token = SIGNER.token(purpose, list_name, subscriber_id)
    assert SIGNER.read(token, purpose) == LinkTarget(list_name, subscriber_id)
    assert urlsplit(f"https://example.org/u/{token}").path == f"/u/{token}"


@pytest.mark.parametrize("made_for", list(Purpose))
@pytest.mark.parametrize("read_as", list(Purpose))
def test_a_token_is_for_one_purpose(made_for: Purpose, read_as: Purpose) -> None:
    token = SIGNER.token(made_for, "weekly", HEX_ID)
    if made_for is read_as:
        assert SIGNER.read(token, read_as).subscriber_id == HEX_ID
    else:
        with pytest.raises(LinkError):
            SIGNER.read(token, read_as)


def test_a_purpose_byte_changed_by_hand_does_not_open_another_purpose() -> None:
    raw = bytearray(octets(SIGNER.token(Purpose.PREVIEW, "weekly", HEX_ID)))
    raw[2] = octets(SIGNER.token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID))[2]
    with pytest.raises(LinkError):
        SIGNER.read(text(bytes(raw)), Purpose.UNSUBSCRIBE)


def test_every_flipped_bit_is_noticed() -> None:
    raw = octets(SIGNER.token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID))
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LinkError):
            SIGNER.read(text(bytes(changed)), Purpose.UNSUBSCRIBE)


def test_two_tokens_cannot_be_spliced() -> None:
    one, other = (octets(SIGNER.token(Purpose.UNSUBSCRIBE, name, HEX_ID)) for name in ("weekly", "alerts"))
    with pytest.raises(LinkError):
        SIGNER.read(text(one[:-16] + other[-16:]), Purpose.UNSUBSCRIBE)


def test_the_split_between_list_and_subscriber_is_signed() -> None:
    assert SIGNER.token(Purpose.UNSUBSCRIBE, "ab", "c") != SIGNER.token(Purpose.UNSUBSCRIBE, "a", "bc")


GOOD = SIGNER.token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID)
# 28 octets, one more than fit base64 without rest, so the last character has four unused bits to play with.
LOOSE = SIGNER.token(Purpose.UNSUBSCRIBE, "weekly", "zz")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A",
        "AQ",
        GOOD[:-1],
        GOOD[:-22],
        GOOD[:4],
        GOOD + "A",
        GOOD + "=",
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace("A", "\N{GREEK CAPITAL LETTER ALPHA}", 1),
        GOOD.replace("e", "\N{CYRILLIC SMALL LETTER IE}", 1),
        GOOD[:10] + "!" + GOOD[10:],
        GOOD[:10] + "." + GOOD[10:],
        GOOD[:10] + "+" + GOOD[11:],
        LOOSE[:-1] + chr(ord(LOOSE[-1]) + 1),
        LOOSE + "==",
        "A" * 10_000,
        text(octets(GOOD)[:-16]),
        text(octets(GOOD)[:-16] + bytes(16)),
        text(octets(GOOD)[:3] + octets(GOOD)[-16:]),
        "\ud800" * 56,
    ],
)
def test_what_is_not_our_token_is_refused_in_the_same_words(token: str) -> None:
    with pytest.raises(LinkError) as caught:
        SIGNER.read(token, Purpose.UNSUBSCRIBE)
    assert caught.value.message == "this link is not valid"


def test_unused_bits_of_the_last_character_are_refused() -> None:
    assert len(octets(LOOSE)) % 3, "this case needs a token with unused bits"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = [LOOSE[:-1] + c for c in alphabet if octets(LOOSE[:-1] + c) == octets(LOOSE) and c != LOOSE[-1]]
    assert twins
    for twin in twins:
        with pytest.raises(LinkError):
            SIGNER.read(twin, Purpose.UNSUBSCRIBE)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(token: str) -> None:
    with pytest.raises(LinkError):
        SIGNER.read(token, Purpose.UNSUBSCRIBE)


def test_an_old_key_still_verifies_and_the_first_one_signs() -> None:
    old_token = Signer([OLD]).token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID)
    rotated = Signer([NEW, OLD])
    assert rotated.read(old_token, Purpose.UNSUBSCRIBE).subscriber_id == HEX_ID
    assert rotated.token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID) == GOOD
    with pytest.raises(LinkError):
        SIGNER.read(old_token, Purpose.UNSUBSCRIBE)


def test_keys_whose_ids_collide_both_verify() -> None:
    def key_id(key: bytes) -> int:
        return octets(Signer([key]).token(Purpose.VIEW, "w", ""))[1]

    candidates = (b"a key that collides, no. %d" % number for number in range(10_000))
    twin = next(key for key in candidates if key_id(key) == key_id(NEW))
    both = Signer([NEW, twin])
    for key in (NEW, twin):
        token = Signer([key]).token(Purpose.UNSUBSCRIBE, "weekly", HEX_ID)
        assert both.read(token, Purpose.UNSUBSCRIBE).list_name == "weekly"


def test_the_tag_is_hmac_sha256_under_the_key_of_the_purpose() -> None:
    raw = octets(GOOD)
    derived = digest(NEW, b"mailer link v1 unsubscribe", "sha256")
    assert raw[-16:] == digest(derived, raw[:-16], "sha256")[:16]
    assert raw[:-16] == bytes(
        [1, sha256(b"mailer link key id" + NEW).digest()[0], 1, 0x86]
    ) + b"weekly" + bytes.fromhex(HEX_ID)


@given(st.lists(IDS, max_size=8))
def test_many_tokens_at_once_are_those_of_each(ids: list[str]) -> None:
    each = [SIGNER.token(Purpose.UNSUBSCRIBE, "weekly", one) for one in ids]
    assert SIGNER.tokens(Purpose.UNSUBSCRIBE, "weekly", ids) == each
    for one, token in zip(ids, each, strict=True):
        assert SIGNER.read(token, Purpose.UNSUBSCRIBE).subscriber_id == one


@pytest.mark.parametrize("subscriber_id", ["AB" * 8, "ab cd", "abc", "", "0x12", "ÅB"])
def test_ids_that_only_look_like_hexadecimal_keep_their_letters(subscriber_id: str) -> None:
    token = SIGNER.token(Purpose.VIEW, "weekly", subscriber_id)
    assert SIGNER.read(token, Purpose.VIEW).subscriber_id == subscriber_id


@pytest.mark.parametrize("keys", [[], [b""], [b"short"], [NEW, b"short"]])
def test_a_missing_or_short_key_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(ConfigError) as caught:
        Signer(keys)
    assert "MAILER_SECRET_KEY" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "x" * 128, "ø" * 64])
def test_a_list_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        SIGNER.token(Purpose.VIEW, name, HEX_ID)


@pytest.mark.parametrize("base", ["https://news.example.org", "https://news.example.org/"])
def test_addresses(base: str) -> None:
    assert unsubscribe_url(base, GOOD) == f"https://news.example.org/u/{GOOD}"
    assert link_url(base, Purpose.PREFERENCES, GOOD) == f"https://news.example.org/p/{GOOD}"
    assert len(unsubscribe_url(base, GOOD)) < 100
