"""Header lines: what the standard library reads back is what was meant, and no value begins a header of its own."""

from __future__ import annotations

from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import MessageError
from mailer.render.headers import encoded_words, fold, phrase_header, text_header
from mailer.render.mailbox import ascii_address

# Hidden and combining characters included; what no header may carry is tested apart.
WRITABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)

CONTROLS = ["\r\n", "\r", "\n", "\0", "\t", "\x0b", "\x0c", "\x1b", "\x1c", "\x7f", "\x85", "\u2028", "\u2029"]

NAMES = [
    "Ann",
    "Ann Example",
    "O'Brien-Smith",
    "Smith, John",
    'The "Red" Crew',
    "back\\slash",
    "quote at end\\",
    "John Q. Public",
    "Friends (of the river)",
    "Bank <ceo@bank.example> via",
    "a@b.example",
    "=?utf-8?q?spoof?=",
    "=?utf-8?B?c3Bvb2Y=?= <x@y.example>",
    "Åse Ødegård",
    "山田 太郎",
    "محمد علي",
    "👩‍👩‍👧‍👦 Family",
    "e\N{COMBINING ACUTE ACCENT}" * 40,
    "Very " * 30,
    "x" * 200,
    "№ 5; list: [a]",
    "trailing dot.",
    "a  b   c",
    "100 %",
    "?=",
    "_ = ?",
]


def parsed(header: str) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(header.encode("ascii") + b"\r\nbody")


def one_line(text: str) -> str:
    return " ".join(text.split())


def faults(header: str) -> list[str]:
    """What RFC 5322 and RFC 2047 would object to in the form of the header."""
    found = []
    if not header.endswith("\r\n") or "\n" in header.replace("\r\n", "") or "\r" in header.replace("\r\n", ""):
        found.append("line ends")
    for number, line in enumerate(header.removesuffix("\r\n").split("\r\n")):
        content = line.strip(" ")
        if len(line) > 998 or (len(line) > 76 and " " in content and "?=" in content):
            found.append(f"line {number} is too long: {len(line)}")
        if number and not line.startswith(" "):
            found.append(f"line {number} is no continuation")
        if not content:
            found.append(f"line {number} is empty")
        found += [f"a word of {len(word)}" for word in content.split(" ") if word[:2] == "=?" and len(word) > 75]
    return found


@given(WRITABLE)
def test_a_subject_reads_back_up_to_spaces(text: str) -> None:
    header = text_header("Subject", "x" + text)
    assert faults(header) == []
    assert one_line(str(parsed(header)["Subject"])) == one_line("x" + text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=400))
def test_an_ascii_subject_reads_back_up_to_spaces(text: str) -> None:
    header = text_header("Subject", "x" + text)
    assert faults(header) == []
    assert max(map(len, header.split("\r\n"))) <= 76
    assert one_line(str(parsed(header)["Subject"])) == one_line("x" + text)


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("Clean rivers now", b"Subject: Clean rivers now\r\n"),
        ("Møte i kveld", b"Subject: =?utf-8?q?M=C3=B8te_i_kveld?=\r\n"),
        ("河川清掃", b"Subject: =?utf-8?b?5rKz5bed5riF5o6D?=\r\n"),
        ("=?utf-8?q?x?=", b"Subject: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n"),
        ("  two   spaces ", b"Subject: two spaces\r\n"),
        ("word " * 20, b"Subject: " + b"word " * 12 + b"word\r\n " + b"word " * 6 + b"word\r\n"),
        ("", b"Subject: \r\n"),
    ],
)
def test_subjects_in_bytes(subject: str, line: bytes) -> None:
    assert text_header("Subject", subject).encode("ascii") == line


@pytest.mark.parametrize("text", ["ø" * 300, "日本語" * 60, "👩‍👩‍👧‍👦" * 30, "aø日👩" * 40, "=" * 300 + "?="])
def test_encoded_words_are_whole_characters_each(text: str) -> None:
    words = list(encoded_words(text))
    assert len(words) > 1
    decoded = [str(parsed(f"Subject: {word}\r\n")["Subject"]) for word in words]
    assert "".join(decoded) == text
    assert max(map(len, words)) <= 75


def mailboxes(header: str) -> list[tuple[str, str]]:
    """Name and address of each mailbox in the header, as the standard library reads them."""
    (field,) = parsed(header).keys()
    value = cast(Any, parsed(header)[field])
    assert value.defects == ()
    found = [(mailbox.display_name, mailbox.addr_spec) for mailbox in value.addresses]
    if "=?" in header and len(found) == 1:
        # Python 3.11 keeps the space between two encoded words of a phrase, which RFC 2047 says to drop; its older
        # decoder does not.
        phrase = header.partition(":")[2].rpartition("<")[0].replace("\r\n", "")
        found = [(str(make_header(decode_header(phrase))), found[0][1])]
    return [(one_line(name), address) for name, address in found]


@pytest.mark.parametrize("field", ["From", "To", "Reply-To"])
@pytest.mark.parametrize("name", NAMES)
def test_a_display_name_reads_back(field: str, name: str) -> None:
    header = phrase_header(field, name, "ann@example.org")
    assert faults(header) == []
    assert mailboxes(header) == [(one_line(name), "ann@example.org")]


@given(WRITABLE)
def test_any_display_name_names_one_mailbox(name: str) -> None:
    header = phrase_header("To", name, "ann@example.org")
    assert faults(header) == []
    assert mailboxes(header) == [(one_line(name), "ann@example.org")]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize("shape", ["{}", "a{}", "{}a", "a{}Bcc: victim@example.org", "ø{}ø"])
def test_a_control_character_in_a_header_is_refused(control: str, shape: str) -> None:
    text = shape.format(control)
    with pytest.raises(MessageError) as caught:
        text_header("Subject", text)
    assert caught.value.field == "Subject"
    with pytest.raises(MessageError):
        phrase_header("To", text, "ann@example.org")
    assert "victim" not in str(caught.value)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(MessageError):
        text_header("Subject", "a\ud83d")


def test_what_cannot_be_folded_below_the_hard_limit_is_refused() -> None:
    with pytest.raises(MessageError, match="998"):
        fold("List-ID", ["<" + "x" * 998 + ">"])


@pytest.mark.parametrize(
    ("given_address", "on_the_wire"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.Lee+news@Example.ORG", "Ann.Lee+news@Example.ORG"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("ann@münchen.de", "ann@xn--mnchen-3ya.de"),
        ("ann@MÜNCHEN.de", "ann@xn--mnchen-3ya.de"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ann@faß.de", "ann@xn--fa-hia.de"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_an_address_goes_out_in_ascii(given_address: str, on_the_wire: str) -> None:
    assert ascii_address(given_address, "To") == on_the_wire


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann lee@example.org",
        "ann@exam ple.org",
        "ann@example.org>",
        "ann@example.org, bob@example.org",
        "<ann@example.org>",
        "ann@example.org\r\nBcc: bob@example.org",
        "ann\r\nRCPT TO:<bob@example.org>@example.org",
        '"ann\r\nRCPT TO:<v@x>"@e.org',
        '"ann"@example.org',
        "ann@example.org\n",
        "ann@example.org\0",
        "ann\0@example.org",
        "bob%example.com@example.org",
        "host!bob@example.org",
        "@a,@b:bob@example.org",
        "ann..lee@example.org",
        ".ann@example.org",
        "ann.@example.org",
        "ann@[127.0.0.1]",
        "ann@-example.org",
        "ann@example..org",
        "ann@ex_ample.org",
        "x" * 65 + "@example.org",
        "ann@" + "x" * 64 + ".org",
        "ann@" + "x." * 127 + "org",
        "ann(comment)@example.org",
        "ann@exämple\u2028.org",
        "ann@\N{ZERO WIDTH SPACE}",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(MessageError) as caught:
        ascii_address(address, "To")
    told = str(caught.value)
    assert caught.value.field == "To"
    assert "bob" not in told
    assert "example" not in told


@pytest.mark.parametrize("address", ["jöe@example.org", "用户@例え.jp", "ann\u2019s@example.org"])
def test_a_local_part_beyond_ascii_needs_smtputf8(address: str) -> None:
    with pytest.raises(MessageError, match="SMTPUTF8") as caught:
        ascii_address(address, "To")
    assert address not in str(caught.value) + (caught.value.hint or "")
