"""What is known of mail domains: large providers and their slips, relays that protect people, aliases of one mailbox.

All of it serves a report. Nothing here refuses, changes or merges an address: only its owner knows which one is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def words(text: str) -> frozenset[str]:
    """A table of words, as it is written down."""
    return frozenset(text.split())


_MICROSOFT = (
    "com com.ar com.au com.br com.mx com.tr com.vn co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za at be ca cl "
    "cz de dk es fi fr gr hu ie in it jp my nl no ph pt ro se sg sk"
)
_YAHOO = (
    "com ae at be bg ca ch cl cm.com co.id co.il co.in co.jp co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.cn "
    "com.co com.hk com.mx com.my com.pe com.ph com.sg com.tr com.tw com.ua com.ve com.vn cz de dk ee es fi fr gr hr "
    "hu ie in it lt lv nl no pl pt ro rs ru se si sk"
)
# Names that are no words, so that one letter more, less or other is a slip and not another organisation. Names of
# four letters and fewer (aol, gmx, live, msn, web) have real neighbours everywhere and are left out on purpose, and so
# are names that are words (free, mail, orange, libero).
_PROVIDERS = {
    "gmail": "com",
    "googlemail": "com",
    "hotmail": _MICROSOFT,
    "outlook": _MICROSOFT,
    "yahoo": _YAHOO,
    "ymail": "com",
    "rocketmail": "com",
    "icloud": "com",
    "protonmail": "com ch",
    "fastmail": "com fm net org co.uk com.au de es fr in jp mx nl se to uk us",
    "wanadoo": "fr es nl",
    "laposte": "net",
    "t-online": "de",
    "freenet": "de",
    "comcast": "net",
    "verizon": "net",
    "sbcglobal": "net",
    "bellsouth": "net",
    "btinternet": "com",
    "blueyonder": "co.uk",
    "virginmedia": "com",
    "talktalk": "net",
    "bigpond": "com net.au com.au",
    "rediffmail": "com",
    "yandex": "ru com ua by kz com.tr uz",
    "rambler": "ru",
    "seznam": "cz",
    "telenet": "be",
    "bluewin": "ch",
    "videotron": "ca qc.ca",
}
PROVIDERS = {name: words(ends) for name, ends in _PROVIDERS.items()}
LARGE = frozenset(f"{name}.{end}" for name, ends in PROVIDERS.items() for end in ends) | {
    "aol.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "live.com", "mail.com", "mail.ru", "me.com", "msn.com",
    "web.de", "proton.me", "free.fr", "orange.fr", "sfr.fr", "libero.it", "qq.com", "163.com", "126.com", "naver.com",
}  # fmt: skip

# Real mail domains that look like a slip of another one.
GOOD = words(
    """
    email.com fmail.com gmai.pl hmail.com kmail.com mail.com qmail.com rmail.com tmail.com vmail.com xmail.com
    zmail.com zoho.com ymail.com mymail.com jmail.com gmail.de gmx.com gmx.net gmx.de gmx.us gmx.fr gmx.co.uk gmx.es
    hotmail.com.hk hotmail.rs hotmail.lt hotmail.lv outlook.lv outlook.bz yahoo.com.hk
    freemail.hu freenet.am freenet.co.uk comcast.com comcast.biz verizon.com t-online.hu t-online.at
    talktalk.co.uk talk21.com telenet.ru fastemail.us fastermail.com fastmail.ca fastmail.cn icloud.fr rocketmail.de
    seznam.org yandex.fr yandex.pl yandex.lt yandex.lv yandex.ee yandex.net wanadoo.jo wanadoo.be bluemail.ch
    eastmail.com fast-mail.org fast-mail.fr gotmail.com hitmail.com y7mail.com
    """
)
# How people mistype the ends of addresses; none of these is a top-level domain.
_ENDS = {
    "com": words("con cmo ocm comm vom xom cpm cim conm comn coml coom ccom c0m comcom cmm"),
    "net": words("nte ent nett neet nel"),
    "org": words("ogr rog orgg orrg"),
}
ENDS = {slip: end for end, slips in _ENDS.items() for slip in slips}
# Ends that exist, but under which none of the large .com providers has mailboxes.
_COM_ONLY = frozenset({"co", "cm", "om", "cam", "como"})
# A name this short is a slip only when its first letter is right: otherwise `email.com` would be `gmail.com`.
_FIRST_LETTER_MATTERS = 6

# They hide a person's real address from the sender at the person's wish, and they deliver: never "disposable".
RELAYS = words(
    """
    simplelogin.com simplelogin.co simplelogin.fr simplelogin.io slmail.me slmails.com silomails.com aleeas.com
    8alias.com 8shield.net dralias.com passmail.net passmail.com passinbox.com passfwd.com mozmail.com
    relay.firefox.com privaterelay.appleid.com icloud.com duck.com anonaddy.com anonaddy.me addy.io addymail.com
    forwardemail.net 33mail.com erine.email hidemyemail.com mailbox.org spamgourmet.com fastmail.com pm.me
    cloaked.id ironvest.com relay.ironvest.com maskmail.net mailfence.com tuta.io tutamail.com posteo.de
    """
)

_GOOGLE = dict.fromkeys(("gmail.com", "googlemail.com"), "gmail.com")
_APPLE = dict.fromkeys(("icloud.com", "me.com", "mac.com"), "icloud.com")
_PROTON = dict.fromkeys(("proton.me", "protonmail.com", "protonmail.ch", "pm.me"), "proton.me")
_YANDEX = dict.fromkeys(("yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua"), "yandex.ru")
# A domain, and the one under which its mailboxes are compared.
_ONE_MAILBOX = _GOOGLE | _APPLE | _PROTON | _YANDEX
# Where "+something" reaches the same mailbox, by the provider's own documentation.
_PLUS = frozenset(_ONE_MAILBOX) | frozenset(
    {"fastmail.com", "fastmail.fm", "mailbox.org", "posteo.de", "posteo.net", "zoho.com", "msn.com", "runbox.com"}
    | {f"{name}.{end}" for name in ("outlook", "hotmail", "live") for end in words(_MICROSOFT)}
)


def slip_of(domain: str) -> str | None:
    """The large provider's domain that was probably meant; None when the domain may well be right."""
    if domain in LARGE or domain in GOOD:
        return None
    name, _, end = domain.partition(".")
    if name in PROVIDERS:
        return _end_slip(name, end)
    right_end = _right_end(end)
    for provider, ends in PROVIDERS.items():
        if right_end in ends and _is_slip(name, provider):
            return f"{provider}.{right_end}"
    return f"{name}.{right_end}" if right_end != end else None


def _end_slip(name: str, end: str) -> str | None:
    right = _right_end(end)
    if right != end or (end in _COM_ONLY and "com" in PROVIDERS[name]):
        right = right if right != end else "com"
        return f"{name}.{right}"
    return None


def _right_end(end: str) -> str:
    """With its last part put right: `com.con` becomes `com.com`, and then belongs to nobody."""
    head, dot, last = end.rpartition(".")
    return f"{head}{dot}{ENDS.get(last, last)}"


def _is_slip(name: str, provider: str) -> bool:
    if abs(len(name) - len(provider)) > 1 or not one_edit_apart(name, provider):
        return False
    if len(provider) > _FIRST_LETTER_MATTERS or name[:1] == provider[:1]:
        return True
    return name[:2] == provider[1::-1]  # the first two letters in the wrong order


def one_edit_apart(one: str, other: str) -> bool:
    """Whether one letter more, less or other, or two neighbours in the wrong order, make one of the other."""
    if one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, goal = one[start:], other[start:]
    if len(rest) == len(goal):
        return rest[1:] == goal[1:] or (rest[:2] == goal[1::-1] and len(goal) > 1 and rest[2:] == goal[2:])
    return rest[1:] == goal or rest == goal[1:]


def parents(domain: str) -> Iterator[str]:
    """The domain, and those above it that still have a period."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


def is_relay(domain: str) -> bool:
    return any(parent in RELAYS for parent in parents(domain))


def is_disposable(domain: str, disposable: frozenset[str]) -> bool:
    """Whether the domain or one above it is in the list; a relay never is."""
    return not is_relay(domain) and any(parent in disposable for parent in parents(domain))


def has_aliases(domain: str) -> bool:
    return domain in _PLUS


def mailbox(key: str) -> str:
    """The mailbox that an address key reaches, by the known rules of its provider; the key itself elsewhere."""
    local, _, domain = key.rpartition("@")
    if domain not in _PLUS:
        return key
    plain = local.partition("+")[0] or local
    if domain in _GOOGLE:
        plain = plain.replace(".", "")
    return f"{plain}@{_ONE_MAILBOX.get(domain, domain)}"


def read_domains(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """A file of domains, one a line: those to add and, after a `!`, those to take out. `#` begins a remark."""
    lines = [line.partition("#")[0].strip().casefold() for line in text.splitlines()]
    return frozenset(_plain(lines)), frozenset(_plain(line[1:].strip() for line in lines if line.startswith("!")))


def _plain(lines: Iterable[str]) -> Iterator[str]:
    return (line.removeprefix("@") for line in lines if line and not line.startswith("!"))
