"""The exports of other programs: how they are known, what their columns mean, and what they say of a person.

Titles are compared without case, accents, spaces and signs (`columns.folded`). An export may lower what an import
makes of a person, never raise it: to have been subscribed there is no consent here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailer.audience.cells import is_true, split_labels, split_tags
from mailer.audience.layout import EMAIL, LEFT_OUT, MERGED, TAGS
from mailer.audience.rows import RowState
from mailer.errors import UsageError
from mailer.wording import unknown

# What the file says of a person, and in which words.
Said = tuple[RowState | None, str]
Rule = Callable[[Sequence[str]], Said]

RuleMaker = Callable[[str, Collection[str]], Rule]

_NOTHING: Said = (None, "")


@dataclass(frozen=True, slots=True)
class Exporter:
    """A program's export.

    It is known when all titles of one set in `known_by` are there; where given, no others but those in `only`, and
    a name of the file in which `file` is found. `rule(file name, titles)` decides by the cells of `state_titles`,
    which are no attributes unless `keeps_state`; `by_file`: empty cells give what holds for everybody. `several`
    stands between addresses in one cell.
    """

    name: str
    title: str
    known_by: tuple[frozenset[str], ...]
    becomes: Mapping[str, str] = field(default_factory=dict)
    state_titles: tuple[str, ...] = ()
    rule: RuleMaker | None = None
    keeps_state: bool = False
    by_file: bool = False
    only: frozenset[str] = frozenset()
    file: re.Pattern[str] | None = None
    tags: Callable[[str], tuple[str, ...]] = split_tags
    several: str = ""
    notes: Callable[[str, Collection[str]], tuple[str, ...]] = lambda name, titles: ()

    def is_of(self, titles: Collection[str], file_name: str) -> bool:
        """Whether a file with these titles (`columns.folded`) and this name is one."""
        found = set(titles) - {"", "rejectedline", "rejectedreason"}
        return (
            any(known <= found for known in self.known_by)
            and (not self.only or found <= self.only)
            and (self.file is None or self.file.search(file_name) is not None)
        )


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _left_out(words: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), LEFT_OUT)


def _words(
    table: Mapping[str, RowState | None], other: RowState | None = None
) -> Callable[[str, Collection[str]], Rule]:
    """A rule by one column of known words."""

    def rule(cells: Sequence[str]) -> Said:
        word = " ".join(cells[0].split()).casefold()
        state = table.get(word, other)
        return state, (word[:40] or "no status") if state else ""

    return lambda name, titles: rule


# --- Mailchimp: the state is in the name of each file of the ZIP ---

_MAILCHIMP_FILE = re.compile(r"(?:^|[^a-z])(non-?subscribed|unsubscribed|subscribed|cleaned)(?![a-z])", re.IGNORECASE)
_MAILCHIMP_STATES = {
    "subscribed": RowState.MAILABLE,
    "unsubscribed": RowState.UNSUBSCRIBED,
    "cleaned": RowState.SUPPRESSED_BOUNCED,
    "nonsubscribed": RowState.NOT_MAILABLE,
}


def _mailchimp_word(name: str) -> str:
    found = _MAILCHIMP_FILE.search(name.rpartition("/")[2])
    return found[1].casefold().replace("-", "") if found else ""


def _mailchimp(name: str, titles: Collection[str]) -> Rule:
    word = _mailchimp_word(name)
    whole: Said = (_MAILCHIMP_STATES.get(word), word)

    def rule(cells: Sequence[str]) -> Said:
        unsubscribed, cleaned = cells
        if cleaned.strip():
            return RowState.SUPPRESSED_BOUNCED, "cleaned"
        if unsubscribed.strip() and word != "cleaned":
            return RowState.UNSUBSCRIBED, "unsubscribed"
        return whole

    return rule


def _mailchimp_notes(name: str, titles: Collection[str]) -> tuple[str, ...]:
    if _mailchimp_word(name) or {"unsubtime", "cleantime"} & set(titles):
        return ()
    return (
        "Mailchimp says in the file's name who is subscribed (subscribed_..., unsubscribed_..., cleaned_..., "
        "nonsubscribed_...), and this name does not: make sure that these people are subscribed",
    )


# --- SendGrid: suppressions are lists of their own, told apart by name and columns ---

_SENDGRID_FILES: tuple[tuple[str, Said], ...] = (
    ("bounce", (RowState.SUPPRESSED_BOUNCED, "bounced")),
    ("spam", (RowState.SUPPRESSED_COMPLAINED, "spam report")),
    ("invalid", (RowState.SUPPRESSED_OTHER, "invalid address")),
    ("block", (RowState.NOT_MAILABLE, "blocked")),
    ("unsub", (RowState.UNSUBSCRIBED, "unsubscribed")),
)


def _sendgrid_file(name: str, titles: Collection[str]) -> Said:
    lowered = name.casefold()
    for word, said in _SENDGRID_FILES:
        if word in lowered:
            return said
    if "status" in titles:
        return RowState.SUPPRESSED_BOUNCED, "bounced"
    if "ip" in titles:
        return RowState.SUPPRESSED_COMPLAINED, "spam report"
    if "reason" in titles:
        return RowState.SUPPRESSED_OTHER, "invalid address"
    return RowState.UNSUBSCRIBED, "unsubscribed"


def _sendgrid(name: str, titles: Collection[str]) -> Rule:
    said = _sendgrid_file(name, titles)
    return lambda cells: said


def _sendgrid_notes(name: str, titles: Collection[str]) -> tuple[str, ...]:
    if any(word in name.casefold() for word, _ in _SENDGRID_FILES):
        return ()
    said = _sendgrid_file(name, titles)[1]
    return (f"a suppression list of SendGrid whose name does not say which: read as {said}",)


# --- Action Network, NationBuilder, and a column called status ---

_ACTION_NETWORK = {
    "subscribed": RowState.MAILABLE,
    "unsubscribed": RowState.UNSUBSCRIBED,
    "bouncing": RowState.SUPPRESSED_BOUNCED,
    "bounced": RowState.SUPPRESSED_BOUNCED,
    "previous bounce": RowState.SUPPRESSED_BOUNCED,
    "spam complaint": RowState.SUPPRESSED_COMPLAINED,
    "previous spam complaint": RowState.SUPPRESSED_COMPLAINED,
}

_NATIONBUILDER_STATE = (
    "email", "emailoptin", "isdeceased", "donotcontact", "emailisbad",
    "email1", "email1isbad", "email2", "email2isbad", "email3", "email3isbad", "email4", "email4isbad",
)  # fmt: skip


def _nationbuilder(name: str, titles: Collection[str]) -> Rule:
    def rule(cells: Sequence[str]) -> Said:
        email, opt_in, deceased, no_contact, bad, *numbered = cells
        pairs = zip(numbered[::2], numbered[1::2], strict=True)
        if is_true(deceased):
            return RowState.NOT_MAILABLE, "deceased"
        if is_true(no_contact):
            return RowState.SUPPRESSED_OTHER, "do not contact"
        if is_true(bad) or any(is_true(flag) and other.casefold() == email.casefold() for other, flag in pairs):
            return RowState.SUPPRESSED_BOUNCED, "bad address"
        if is_true(opt_in):
            return RowState.MAILABLE, "opted in"
        return (RowState.UNSUBSCRIBED, "not opted in") if opt_in.strip() else (RowState.NOT_MAILABLE, "no opt-in")

    return rule


_STATUS_WORDS: dict[str, RowState | None] = {
    "unsubscribed": RowState.UNSUBSCRIBED, "unsubscribe": RowState.UNSUBSCRIBED, "opted out": RowState.UNSUBSCRIBED,
    "opted-out": RowState.UNSUBSCRIBED, "opt-out": RowState.UNSUBSCRIBED, "opt out": RowState.UNSUBSCRIBED,
    "bounced": RowState.SUPPRESSED_BOUNCED, "hard bounced": RowState.SUPPRESSED_BOUNCED,
    "hard bounce": RowState.SUPPRESSED_BOUNCED, "bouncing": RowState.SUPPRESSED_BOUNCED,
    "cleaned": RowState.SUPPRESSED_BOUNCED, "unreachable": RowState.SUPPRESSED_BOUNCED,
    "complained": RowState.SUPPRESSED_COMPLAINED, "spam complaint": RowState.SUPPRESSED_COMPLAINED,
    "marked as spam": RowState.SUPPRESSED_COMPLAINED, "spam": RowState.SUPPRESSED_COMPLAINED,
    "suppressed": RowState.SUPPRESSED_OTHER, "blocklisted": RowState.SUPPRESSED_OTHER,
    "blacklisted": RowState.SUPPRESSED_OTHER, "nonsubscribed": RowState.NOT_MAILABLE,
    "non-subscribed": RowState.NOT_MAILABLE, "not subscribed": RowState.NOT_MAILABLE,
    "unconfirmed": RowState.PENDING, "pending": RowState.PENDING,
}  # fmt: skip


# --- The table ---

OWN = Exporter(
    "mailer", "mailer", (_set("email subscriptionstate"),),
    {"subscriptionjoined": LEFT_OUT, "attributes": MERGED},
    state_titles=("subscriptionstate",),
    rule=_words(
        {"confirmed": RowState.MAILABLE, "pending": RowState.PENDING, "unsubscribed": RowState.UNSUBSCRIBED}
    ),
)  # fmt: skip

MAILCHIMP = Exporter(
    "mailchimp", "Mailchimp",
    (_set("leid euid"), _set("memberrating optintime"), _set("memberrating lastchanged"), _set("optintime euid")),
    _left_out(
        """memberrating optinip confirmip latitude longitude gmtoff dstoff lastchanged leid euid unsubcampaigntitle
        unsubcampaignid unsubreason unsubreasonother cleancampaigntitle cleancampaignid"""
    ),
    ("unsubtime", "cleantime"), _mailchimp, by_file=True, notes=_mailchimp_notes,
)  # fmt: skip

SENDGRID_SUPPRESSIONS = Exporter(
    "sendgrid-suppressions", "SendGrid suppressions",
    (_set("email created reason"),),
    _left_out("created reason status ip groupid groupname"),
    (), _sendgrid, by_file=True,
    only=_set("email created reason status ip groupid groupname"), notes=_sendgrid_notes,
)  # fmt: skip
# Of these columns many lists of subscribers are made: the name of the file must say that it is none.
SENDGRID_LISTS = replace(
    SENDGRID_SUPPRESSIONS,
    known_by=(_set("email created"),),
    file=re.compile(r"suppression|spam_?report|unsubscribe|bounce|invalid_?email", re.IGNORECASE),
)

SENDGRID = Exporter(
    "sendgrid", "SendGrid contacts",
    (_set("email contactid"),),
    _left_out("contactid updatedat alternateemails uniquename phonenumberid externalid anonymousid"),
    notes=lambda name, titles: (
        "SendGrid keeps who unsubscribed, bounced or complained in lists of their own: import those as well",
    ),
)  # fmt: skip

LISTMONK = Exporter(
    "listmonk", "listmonk",
    (_set("uuid email attributes status"), _set("uuid email attribs status")),
    {**_left_out("uuid id updatedat lists"), "attributes": MERGED, "attribs": MERGED},
    ("status",),
    _words(
        {
            "enabled": RowState.MAILABLE,
            "disabled": RowState.NOT_MAILABLE,
            "blocklisted": RowState.SUPPRESSED_OTHER,
            "blacklisted": RowState.SUPPRESSED_OTHER,
        },
        RowState.NOT_MAILABLE,
    ),
)  # fmt: skip

KEILA = Exporter(
    "keila", "Keila",
    (_set("email data status"),),
    {**_left_out("externalid"), "data": MERGED},
    ("status",),
    _words(
        {
            "active": RowState.MAILABLE,
            "unsubscribed": RowState.UNSUBSCRIBED,
            "unreachable": RowState.SUPPRESSED_BOUNCED,
        },
        RowState.NOT_MAILABLE,
    ),
)  # fmt: skip

ACTION_NETWORK = Exporter(
    "action-network", "Action Network",
    (_set("email can2subscriptionstatus"), _set("email can2usertags"), _set("email can2subscriptiondate")),
    {
        **_left_out("uuid can2smsstatus"),
        "zipcode": "postal_code", "can2phone": "phone", "can2useraddress": "address", "can2usercity": "city",
        "can2userstate": "state", "can2stateabbreviated": "state", "can2county": "county",
        "can2subscriptiondate": "subscription_date", "can2usertags": TAGS, "can2languagepreference": "language",
    },
    ("can2subscriptionstatus",), _words(_ACTION_NETWORK, RowState.NOT_MAILABLE),
)  # fmt: skip

NATIONBUILDER = Exporter(
    "nationbuilder", "NationBuilder",
    (_set("nationbuilderid email"), _set("email emailoptin taglist"), _set("email emailoptin email1isbad")),
    {**_left_out("nationbuilderid signupnationbuilderid externalid"), "email": EMAIL, "mobilenumber": "phone",
     "primarycity": "city", "primaryzip": "postal_code"},
    _NATIONBUILDER_STATE, _nationbuilder,
)  # fmt: skip

GOOGLE = Exporter(
    "google", "Google Contacts",
    (_set("email1value"),),
    {"email1value": EMAIL, "labels": TAGS, "groupmembership": TAGS, "organizationname": "organization",
     "phone1value": "phone", **_left_out("photo notes birthday fileas email1label email1type phone1label phone1type")},
    rule=lambda name, titles: lambda cells: (RowState.PENDING, "no consent in an address book"), by_file=True,
    tags=split_labels, several=":::",
    notes=lambda name, titles: ("an address book is no consent: these people come in as pending",),
)  # fmt: skip

EXPORTERS = (
    OWN, MAILCHIMP, ACTION_NETWORK, NATIONBUILDER, LISTMONK, KEILA, GOOGLE, SENDGRID, SENDGRID_SUPPRESSIONS,
    SENDGRID_LISTS,
)  # fmt: skip

# Any other file: columns called status are kept, and what one of them says of people who left or bounced is respected.
# "state" is mostly a part of a country, which none of the words is.
_STATUS = (
    "status", "subscriptionstatus", "emailstatus", "subscriberstatus", "contactstatus", "emailmarketingstatus",
    "subscriptionstate", "state",
)  # fmt: skip
_LOWEST_FIRST = (
    RowState.SUPPRESSED_COMPLAINED, RowState.SUPPRESSED_BOUNCED, RowState.SUPPRESSED_OTHER, RowState.UNSUBSCRIBED,
    RowState.NOT_MAILABLE, RowState.PENDING,
)  # fmt: skip


def _lowest(name: str, titles: Collection[str]) -> Rule:
    """What the columns say that says least for the person."""
    one = _words(_STATUS_WORDS)(name, titles)

    def rule(cells: Sequence[str]) -> Said:
        said = {state: words for state, words in map(one, zip(cells)) if state}
        return next(((state, said[state]) for state in _LOWEST_FIRST if state in said), _NOTHING)

    return rule


OTHERS = Exporter("", "", (), {}, _STATUS, _lowest, keeps_state=True)


def exporter_of(titles: Sequence[str], file_name: str, told: str | None = None) -> Exporter | None:
    """Whose export has these titles (`folded`). `told`: a name out of the table, or "none"."""
    if told == "none":
        return None
    if told:
        if found := next((exporter for exporter in EXPORTERS if exporter.name == told), None):
            return found
        raise UsageError(unknown("program", told, [*dict.fromkeys(one.name for one in EXPORTERS), "none"]))
    known = next((exporter for exporter in EXPORTERS if exporter.is_of(titles, file_name)), None)
    return known or (OTHERS if set(_STATUS) & set(titles) else None)


def nothing_said(cells: Sequence[str]) -> Said:
    """The rule of a file that says nothing of people."""
    return _NOTHING
