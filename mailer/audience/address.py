"""What makes a text an e-mail address, and what makes two of them one.

The key is the local part, NFKC and casefolded, and the domain in its ASCII form: `Ann@Example.org`, a full-width
or decomposed spelling of it, and `ann@example.org` are one person. A "+tag" and dots are kept: no provider's alias
rules are applied, because a wrong guess would merge two people.

The reserved names `.test`, `.invalid` and `.example` (RFC 2606) are taken: no mail to them can reach anybody, and
sample lists need addresses. Other names that are never a mail domain (`.local`, `.onion`, ...) are refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

# RFC 5321 4.5.3.1: 64 octets before the @; 254 in the whole path.
LOCAL_LIMIT, WHOLE_LIMIT = 64, 254
_MOST_KNOWN = 100_000

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+([A-Za-z]{{2,63}}))")
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# Of a column of lower-case addresses with their line ends: all that depends on the part before the @.
_PLAIN_COLUMN = re.compile(r"(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]++(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]++)*+@[^@\n]++\n)*+")
_PLAIN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+([a-z]{{2,63}})")
_ANGLE = re.compile(r"[^<>]*<([^<>]*)>")
_ECHO = re.compile(r"\s*\([^)]*\)|\s*'[^']*'|:\s.*")
_PERSON_AT = re.compile(r"[^\s@,;<>]@[^\s@,;<>]")

# Invisible marks that copying from a web page or a chat leaves behind; they never belong to an address.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
# At the edges also the marks that only steer direction.
_EDGES = " \t\r\n\v\f\u00a0\u202f\u3000\u200e\u200f\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u061c"
_DIRECTION = frozenset("\u200e\u200f\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\u061c")
# RFC 6761, 6762, 7686, 8375, 9476: names that never are a mail domain on the internet.
_NEVER_MAIL = frozenset({"local", "localhost", "onion", "arpa", "alt", "internal"})


class Address(NamedTuple):
    """An address as written, its identity, and its form without SMTPUTF8 (None: there is none)."""

    email: str
    key: str
    ascii_email: str | None

    @property
    def domain(self) -> str:
        """The part after the @, in ASCII."""
        return self.key.rpartition("@")[2]


# Without the call in Python that the named tuple's own constructor makes.
_make: Callable[[tuple[str, str, str | None]], Address] = partial(tuple.__new__, Address)


def parse_address(text: str) -> Address:
    """Read one address, also as `Name <address>` or `mailto:`. ValueError says why not, without repeating the text."""
    if address := _plain(text):
        return address
    cleaned = _cleaned(text)
    return _plain(cleaned) or _careful(cleaned)


def _plain(text: str) -> Address | None:
    """The usual address, 20 times faster than by the validator; both give the same (a test compares them)."""
    match = _PLAIN.fullmatch(text)
    if match is None or len(text) > WHOLE_LIMIT:
        return None
    local, domain, last = match.groups()
    domain = domain.lower()
    if len(local) > LOCAL_LIMIT or "--" in domain or last.lower() in _NEVER_MAIL:
        return None
    email = f"{local}@{domain}"
    return Address(email, email.lower(), email)


def plain_addresses(texts: Sequence[str], known_domains: set[str]) -> list[Address] | None:
    """A whole column of usual addresses, five times faster than one by one; None if one of them is not usual.

    `known_domains` is the caller's memory of domains that were found to be fine.
    """
    joined = "\n".join(texts) + "\n"
    lowered = joined.lower()
    if not joined.isascii() or _PLAIN_COLUMN.fullmatch(lowered) is None:
        return None
    keys = lowered.split("\n")
    keys.pop()
    if max(map(len, keys)) > LOCAL_LIMIT and any(map(_is_too_long, keys)):
        return None
    domains = set(lowered.replace("@", "\n").split("\n")[1::2])
    if not domains <= known_domains:
        if not all(map(_is_plain_domain, domains - known_domains)):
            return None
        if len(known_domains) > _MOST_KNOWN:
            known_domains.clear()
        known_domains |= domains
    if joined == lowered:
        return list(map(_make, zip(keys, keys, keys, strict=True)))
    emails = [text[: key.index("@")] + key[key.index("@") :] for text, key in zip(texts, keys, strict=True)]
    return list(map(_make, zip(emails, keys, emails, strict=True)))


def _is_too_long(key: str) -> bool:
    return len(key) > WHOLE_LIMIT or key.index("@") > LOCAL_LIMIT


def _is_plain_domain(domain: str) -> bool:
    match = _PLAIN_DOMAIN.fullmatch(domain)
    return match is not None and "--" not in domain and match[1] not in _NEVER_MAIL


def _checked(local: str, domain: str, ascii_domain: str) -> Address:
    _check_domain(ascii_domain)
    key = _caseless(local)
    if not local.isascii() and _LOCAL.fullmatch(plain := unicodedata.normalize("NFKC", local)):
        local = plain  # full-width letters of an input method: nobody has a mailbox spelled so
    _check_lengths(local, f"{local}@{ascii_domain}")
    ascii_email = f"{local}@{ascii_domain}" if local.isascii() else None
    return Address(f"{local}@{domain}", f"{key}@{ascii_domain}", ascii_email)


def _caseless(local: str) -> str:
    """Unicode's compatibility caseless form (The Unicode Standard, D146): applied again it changes nothing."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", local).casefold())
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", folded.casefold()))


def _cleaned(text: str) -> str:
    """The address alone: without what spreadsheets, web pages and mail programs put around it."""
    bare = text.translate(_INVISIBLE).strip(_EDGES)
    if angle := _ANGLE.fullmatch(bare):
        bare = angle[1].strip(_EDGES)
    if bare[:7].casefold() == "mailto:":
        bare = bare[7:].partition("?")[0].strip(_EDGES)
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip(_EDGES)
    return bare.rstrip(".,;")


def _careful(cleaned: str) -> Address:
    """Everything that is not plain ASCII, and everything that is wrong: the reason matters more than the time."""
    _check_shape(cleaned)
    from email_validator import EmailNotValidError, validate_email

    try:
        # Names that only this program accepts are checked below, hence not "globally deliverable".
        valid = validate_email(cleaned, strict=True, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(_reason(str(error))) from None
    ascii_domain = (valid.ascii_domain or "").lower()
    return _checked(valid.local_part, valid.domain, ascii_domain)


def _check_shape(cleaned: str) -> None:
    if not cleaned:
        raise ValueError("the address is empty")
    if len(cleaned) > 1000:
        raise ValueError("the text is far too long for an address")
    if any(letter in "\r\n" for letter in cleaned):
        raise ValueError("a line break stands inside the address")
    if any(letter in _DIRECTION for letter in cleaned):
        raise ValueError("an invisible mark that turns the direction of the text stands inside the address")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in cleaned):
        raise ValueError("an unprintable character stands inside the address")
    if len(_PERSON_AT.findall(cleaned)) > 1:
        raise ValueError("more than one address, or more than one @")
    if "@" not in cleaned:
        raise ValueError("there is no @")
    local, _, domain = cleaned.rpartition("@")
    _check_lengths(local, cleaned)
    _check_mail_domain(domain.casefold())


def _check_lengths(local: str, whole: str) -> None:
    if len(local.encode()) > LOCAL_LIMIT:
        raise ValueError(f"the part before the @ is longer than {LOCAL_LIMIT} bytes")
    if len(whole.encode()) > WHOLE_LIMIT:
        raise ValueError(f"the address is longer than {WHOLE_LIMIT} bytes")


def _check_domain(domain: str) -> None:
    labels = domain.split(".")
    if len(labels) < 2:
        raise ValueError("the part after the @ has no period")
    _check_mail_domain(domain)
    last = labels[-1]
    if len(last) < 2 or not re.fullmatch(r"[a-z]+|xn--[a-z0-9-]+", last):
        raise ValueError("the part after the @ does not end in a top-level domain")


def _check_mail_domain(domain: str) -> None:
    last = domain.rpartition(".")[2]
    if last in _NEVER_MAIL:
        raise ValueError(f"no mail domain ends in .{last}")


def _reason(message: str) -> str:
    """The validator's sentence without the pieces of the address that it may quote."""
    sentence = _ECHO.sub("", message).strip().rstrip(".")
    return sentence[:1].lower() + sentence[1:]
