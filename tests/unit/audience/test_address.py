"""Which texts are addresses, which addresses are one, and that no reason repeats the text."""

from __future__ import annotations

import re
import string
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from email_validator import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.audience.address import Address, parse_address

SAME = [
    # (text, address as kept, key, address without SMTPUTF8)
    ("ann@example.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("Ann.Lee@Example.ORG", "Ann.Lee@example.org", "ann.lee@example.org", "Ann.Lee@example.org"),
    ("ann+rivers@example.org", "ann+rivers@example.org", "ann+rivers@example.org", "ann+rivers@example.org"),
    ("a.n.n@gmail.com", "a.n.n@gmail.com", "a.n.n@gmail.com", "a.n.n@gmail.com"),
    ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
    ("=1+1@example.com", "=1+1@example.com", "=1+1@example.com", "=1+1@example.com"),
    ("-ann@example.com", "-ann@example.com", "-ann@example.com", "-ann@example.com"),
    ("a%b@example.org", "a%b@example.org", "a%b@example.org", "a%b@example.org"),
    ("ann@münchen.de", "ann@münchen.de", "ann@xn--mnchen-3ya.de", "ann@xn--mnchen-3ya.de"),
    ("ann@MÜNCHEN.de", "ann@münchen.de", "ann@xn--mnchen-3ya.de", "ann@xn--mnchen-3ya.de"),
    ("ann@mu\u0308nchen.de", "ann@münchen.de", "ann@xn--mnchen-3ya.de", "ann@xn--mnchen-3ya.de"),
    ("ann@xn--mnchen-3ya.de", "ann@münchen.de", "ann@xn--mnchen-3ya.de", "ann@xn--mnchen-3ya.de"),
    ("ann@faß.de", "ann@faß.de", "ann@xn--fa-hia.de", "ann@xn--fa-hia.de"),
    ("ann@пример.рф", "ann@пример.рф", "ann@xn--e1afmkfd.xn--p1ai", "ann@xn--e1afmkfd.xn--p1ai"),
    ("ann@ｅxample.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ann@example。org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ａｎｎ@example.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ＡＮＮ@example.org", "ANN@example.org", "ann@example.org", "ANN@example.org"),
    ("josé@example.org", "josé@example.org", "josé@example.org", None),
    ("JOSE\u0301@example.org", "JOSÉ@example.org", "josé@example.org", None),
    ("用户@例子.公司", "用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d", None),
    ("Straße@example.org", "Straße@example.org", "strasse@example.org", None),
    ("ann@myshop--x.org", "ann@myshop--x.org", "ann@myshop--x.org", "ann@myshop--x.org"),
    # Reserved names are for samples.
    ("ann@example.test", "ann@example.test", "ann@example.test", "ann@example.test"),
    ("ann@mail.invalid", "ann@mail.invalid", "ann@mail.invalid", "ann@mail.invalid"),
    ("ann@mail.example", "ann@mail.example", "ann@mail.example", "ann@mail.example"),
    # What is around an address in cells and on the clipboard.
    ("  ann@example.org\t", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("\u00a0ann@example.org\u00a0", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("\ufeffann@example.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ann@\u200bexample.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("\u200eann@example.org\u200f", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ann@exam\u00adple.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("mailto:ann@example.org", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("MAILTO:ann@example.org?subject=Hi", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("<ann@example.org>", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("Ann Lee <ann@example.org>", "ann@example.org", "ann@example.org", "ann@example.org"),
    ('"Lee, Ann" <ann@example.org>', "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ann@example.org.", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("ann@example.org,;", "ann@example.org", "ann@example.org", "ann@example.org"),
    ('"ann@example.org"', "ann@example.org", "ann@example.org", "ann@example.org"),
    ("'ann@example.org'", "ann@example.org", "ann@example.org", "ann@example.org"),
    ("x" * 64 + "@example.org", "x" * 64 + "@example.org", "x" * 64 + "@example.org", "x" * 64 + "@example.org"),
]

REFUSED = [
    ("", "empty"),
    ("   ", "empty"),
    ("ann", "no @"),
    ("ann at example.org", "no @"),
    ("ann＠example.org", "no @"),
    ("@example.org", "before the @"),
    ("ann@", "after the @"),
    ("ann@example", "no period"),
    ("ann@localhost", "no mail domain"),
    ("ann@printer.local", "no mail domain ends in .local"),
    ("ann@abc.onion", "no mail domain ends in .onion"),
    ("ann@example.c", "top-level"),
    ("ann@1.2.3.4", "top-level"),
    ("ann@[1.2.3.4]", "bracketed"),
    ("ann@exa_mple.org", "invalid characters"),
    ("ann@-example.org", "hyphen"),
    ("ann@example-.org", "hyphen"),
    ("ann@ab--example.org", "two dashes"),
    ("ann@xn--zzzzzzzz999.org", "IDNA"),
    ("ann@example..org", "periods"),
    ("ann..lee@example.org", "periods"),
    (".ann@example.org", "period"),
    ("ann.@example.org", "period"),
    ("ann lee@example.org", "invalid characters"),
    ("ann(work)@example.org", "invalid characters"),
    ('"ann lee"@example.org', "quoting"),
    ("ann@example.org@example.org", "more than one"),
    ("ann@example.org; bob@example.org", "more than one"),
    ("ann@example.org, bob@example.org", "more than one"),
    ("ann@example.org ::: bob@example.org", "more than one"),
    ("<@a.org,@b.org:ann@example.org>", "before the @"),
    ("ann\u202egro@example.org", "direction"),
    ("ann@example.org\r\nBcc: bob@example.org", "line break"),
    ("ann\n@example.org", "line break"),
    ("ann\0@example.org", "unprintable"),
    ("ann\x1b[31m@example.org", "unprintable"),
    ("ann\ud800@example.org", "unprintable"),
    ("x" * 65 + "@example.org", "longer than 64"),
    ("ann@" + "é." * 100 + "org", "longer than 254"),
    ("é" * 33 + "@example.org", "longer than 64"),
    ("ann@" + "x" * 64 + ".org", "so many characters"),
    ("ann@" + "x." * 130 + "org", "longer than 254"),
    ("x" * 900 + "@example.org", "longer than 64"),
    ("x " * 2000 + "@example.org", "far too long"),
]


@pytest.mark.parametrize(("text", "email", "key", "ascii_email"), SAME)
def test_address_is_read(text: str, email: str, key: str, ascii_email: str | None) -> None:
    assert parse_address(text) == Address(email, key, ascii_email)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_address(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "secretperson lee@example.org",
        "ann@secretperson_club.org",
        "ann@xn--secretperson-999.org",
        "ann@secretperson\u0378.org",
        "secretperson@[1.2.3.4]",
        "secretperson(x)@example.org",
        '"secretperson"@example.org',
    ],
)
def test_the_reason_does_not_repeat_the_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_address(text)
    assert "secretperson" not in str(caught.value)


@given(st.text(max_size=40))
@example("a@b.co")
def test_any_text_gives_an_address_or_a_reason(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert address.key.count("@") == 1


LOCALS = st.text("abcXYZ019._+-äÄßéＡª漢", min_size=1, max_size=12)
DOMAINS = st.text("abcXYZ019.-äßｅ例", min_size=1, max_size=12)


@given(LOCALS, DOMAINS)
def test_the_key_is_a_key_of_itself_and_ignores_case(local: str, domain: str) -> None:
    try:
        address = parse_address(f"{local}@{domain}.org")
    except ValueError:
        return
    assert parse_address(address.key).key == address.key
    assert parse_address(address.email).key == address.key
    name, _, place = address.email.rpartition("@")
    assert parse_address(f"{name.upper()}@{place}").key == address.key


@given(
    st.text(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-.", min_size=1, max_size=70),
    st.text(string.ascii_letters + string.digits + "-.", min_size=1, max_size=70),
)
def test_the_fast_path_agrees_with_the_validator(local: str, domain: str) -> None:
    text = f"{local}@{domain}.org"
    try:
        expected = validate_email(text, strict=True, check_deliverability=False, test_environment=True).normalized
    except ValueError:
        expected = None
    try:
        found = parse_address(text).email if text[0] not in "'\"" else expected
    except ValueError:
        found = None
    assert found == expected


ISEMAIL = Path(__file__).parents[2] / "data" / "addresses" / "isemail-tests.xml"
# Valid, or wrong only for want of a DNS record; but no such top-level domain can be.
NO_TOP_LEVEL = re.compile(r".*@io|.*\.[a-z]|.*\.co-uk")


def test_the_164_addresses_of_isemail() -> None:
    """What is wrong is refused, and so are comments, literals and quotation marks, which no reader has.

    Accepted beside the valid ones: those that are one but for blanks and line ends around, or a period at the end.
    """
    cases = list(ET.parse(ISEMAIL).getroot().iter("test"))  # noqa: S314 - our own copy
    assert len(cases) == 164
    for case in cases:
        # Control characters are written as their pictures, which follow U+2400.
        text = (case.findtext("address") or "").translate({0x2400 + number: number for number in range(33)})
        good = case.findtext("category") in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN")
        try:
            email = parse_address(text).email
        except ValueError:
            assert not good or NO_TOP_LEVEL.fullmatch(text)
        else:
            assert good or (email == text.strip(" \r\n.") == "test@iana.org")
