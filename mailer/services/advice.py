"""What the doctor says about each kind of doubt: its name, why it matters, and the next command."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.audience.hygiene import Kind


@dataclass(frozen=True, slots=True)
class Advice:
    """`{list}` and `{months}` are filled in."""

    title: str
    why: str
    next: str


_SHOW = "mailer lists doctor {list} --examples"

ADVICE = {
    Kind.TYPING_ERROR: Advice(
        "Likely typing errors",
        "The mail goes to nobody, or to a stranger who owns the misspelt domain.",
        _SHOW + ", then ask the person, or: mailer subscribers unsubscribe EMAIL --list {list}",
    ),
    Kind.SEVERE_ROLE: Advice(
        "Addresses that nobody subscribes with",
        "They belong to machines and to those who handle complaints: mail to abuse@ harms your name as a sender.",
        _SHOW + ", then: mailer subscribers unsubscribe EMAIL --list {list}",
    ),
    Kind.REFUSING_DOMAIN: Advice(
        "Domains that refuse your mail",
        "At least a fifth of the mails to them in the last issues was refused; going on harms the other mails as well.",
        "mailer status ISSUE shows the reasons; for a domain that is gone: mailer suppressions add @DOMAIN",
    ),
    Kind.NO_EVIDENCE: Advice(
        "Confirmed without evidence",
        "Nothing shows that they agreed: no text, no word on how, no confirmation. The law asks you to show it.",
        'Import them again with --consent "how and when they agreed", or ask them to confirm anew.',
    ),
    Kind.OLD_CONSENT: Advice(
        "Consent older than {months} months",
        "People forget, and authorities doubt consent that was given long ago and never used.",
        "Write to them and ask whether they want to stay; who does not answer is better let go.",
    ),
    Kind.LONG_PENDING: Advice(
        "Pending for more than a month",
        "They were asked to confirm and did not; keeping their data needs a reason.",
        "mailer subscribers ask --list {list} asks once more, and nobody more than three times",
    ),
    Kind.NEVER_OPENED: Advice(
        "Never opened in a year",
        "Mailbox providers take it as a sign of unwanted mail. Some read without it being counted: ask before you act.",
        "Write to them and ask whether they want to stay: a segment such as not opened_within(365d)",
    ),
    Kind.DISPOSABLE: Advice(
        "Disposable addresses",
        "Most end within days. Some people protect themselves with them: nobody is kept out.",
        "Nothing: they fall out when their mail is refused. To look at them: " + _SHOW,
    ),
    Kind.ALIAS: Advice(
        "Further addresses of one mailbox",
        "One person probably gets each issue more than once, and complains about it.",
        _SHOW + ", then ask which one to keep; nothing is merged by itself",
    ),
    Kind.NEEDS_SMTPUTF8: Advice(
        "Addresses that need SMTPUTF8",
        "Many mail servers cannot take letters outside ASCII before the @, so an issue may leave these people out.",
        "mailer plan ISSUE says how many are left out; ask them for another address",
    ),
    Kind.ROLE: Advice(
        "Shared addresses",
        "Several people read office@ or info@, and one cannot consent for the others; they complain more often.",
        _SHOW + " and look whether a person stands behind them",
    ),
}
