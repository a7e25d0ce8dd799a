"""Days that are over although readers are asked to come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from mailer.checks.facts import Facts
from mailer.checks.finding import Fault, Level
from mailer.checks.rule import Family, Rule

NEAR = 100
"""Characters between an invitation and its day."""

RECENT = timedelta(days=120)
"""A day without a year is the one that is nearest; one that would be longer over may as well be next year's."""

_MONTHS = {
    "en": "jan(?:uary)? feb(?:ruary)? mar(?:ch)? apr(?:il)? may june? july? aug(?:ust)? sept?(?:ember)? oct(?:ober)? "
    "nov(?:ember)? dec(?:ember)?",
    "de": "jan(?:uar)?|jänner feb(?:ruar)? märz apr(?:il)? mai juni? juli? aug(?:ust)? sept?(?:ember)? okt(?:ober)? "
    "nov(?:ember)? dez(?:ember)?",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto sep?tiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
# Words that ask readers to do something, not those that tell of it: "join us", but not "joined us".
_INVITATIONS = {
    "en": r"join us|come (?:along|and|to)|sign up|(?:register|apply|book|rsvp) (?:by|until|before|now|here|at|for)"
    r"|save the date|see you|be there|take part|book your|deadline(?= is|:)|we meet|meet us",
    "de": r"kommt? (?:mit|zu[mr]?|alle|vorbei)|kommen sie|sei(?:d)? dabei|seien sie dabei|mach(?:t)? mit"
    r"|meldet? (?:dich|euch)|melden sie sich|anmeld(?:en|ung) (?:bis|unter)|wir treffen uns|treffpunkt|anmeldeschluss"
    r"|einsendeschluss|wir laden|herzlich ein",
    "fr": r"rejoignez|venez|viens|inscri(?:vez|s)-(?:vous|toi)|inscriptions? (?:avant|jusqu)|rendez-vous|participez"
    r"|nous vous invitons|on se retrouve",
    "es": r"únete|uníos|únanse|ven(?:id)? (?:a|al|con)|vengan|inscríb(?:ete|anse)|participa|apúntate|te esperamos"
    r"|os esperamos|plazo hasta",
    "pt": r"junte-se|juntem-se|venha|inscreva-se|inscreve-te|participe|esperamos por|prazo até",
}
INVITATIONS = {language: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for language, words in _INVITATIONS.items()}
MONTHS = {
    language: [re.compile(rf"(?:{word})\.?", re.IGNORECASE) for word in words.split()]
    for language, words in _MONTHS.items()
}
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
YEAR = r"(?:,?\s+(?:de\s+)?(?P<year>20\d\d))?"
ISO = re.compile(r"(?<![\w-])(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?![\w-])")
DOTTED = re.compile(r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>20\d\d)?(?!\d)")
# From the first of several marks, or the one after a number's: never tried again from within a row of them. One dot
# after a number may be that of an ordinal, but for a year.
SENTENCE_END = re.compile(r"(?:(?<![\d.!?])|(?<=\d[.!?])|(?<=20\d\d)|(?<=\d)(?=[!?]))[.!?]+\s+")
SLASHED = re.compile(r"(?<![\d/])(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>20\d\d)(?![\d/])")


def named(language: str) -> list[re.Pattern[str]]:
    months = "|".join(_MONTHS[language].split())
    first = rf"\b{DAY}\s+(?:de\s+|of\s+)?(?P<name>(?:{months})\b\.?){YEAR}"
    found = [re.compile(first, re.IGNORECASE)]
    if language == "en":
        found.append(re.compile(rf"\b(?P<name>(?:{months})\b\.?)\s+{DAY}(?!\d|:){YEAR}", re.IGNORECASE))
    return found


FORMS: Mapping[str, list[re.Pattern[str]]] = {
    "en": [ISO, *named("en")],
    "de": [ISO, DOTTED, *named("de")],
    "fr": [ISO, SLASHED, *named("fr")],
    "es": [ISO, SLASHED, *named("es")],
    "pt": [ISO, SLASHED, *named("pt")],
}


def invitations_over(facts: Facts) -> Iterator[Fault]:
    language = facts.issue.language.partition("-")[0].lower() if facts.issue else ""
    if language not in FORMS:
        return
    for mail in facts.mails:
        for block in mail.document.blocks if mail.html else ():
            for sentence in SENTENCE_END.split(block.text):
                if over(sentence, language, facts.now.date()):
                    yield Fault(
                        "readers are invited to a day that is over", mail.document.place(block.element, sentence)
                    )


def over(sentence: str, language: str, today: date) -> bool:
    """Whether an invitation has a day near it, and none of its days is yet to come."""
    asked = [match.span() for match in INVITATIONS[language].finditer(sentence)]
    if not asked:
        return False
    days = [
        day
        for form in FORMS[language]
        for match in form.finditer(sentence)
        if any(match.start() - end <= NEAR and start - match.end() <= NEAR for start, end in asked)
        and (day := day_of(match.groupdict(), language, today))
    ]
    return bool(days) and max(days) < today


def day_of(found: Mapping[str, str | None], language: str, today: date) -> date | None:
    """The day that is meant; None for what is no day, or may be next year's."""
    month = int(found["month"] or 0) if "month" in found else month_named(found["name"] or "", language)
    day, year = int(found["day"] or 0), found.get("year")
    try:
        if year:
            return date(int(year), month, day)
        near = date(today.year, month, day)
        return near if abs(near - today) <= RECENT else nearest(near, today)
    except ValueError:
        return None


def nearest(day: date, today: date) -> date | None:
    """That day of the year before or after, if it is near."""
    others = (day.replace(year=day.year + 1), day.replace(year=day.year - 1))
    return next((other for other in others if abs(other - today) <= RECENT), None)


def month_named(name: str, language: str) -> int:
    return next((number for number, word in enumerate(MONTHS[language], 1) if word.fullmatch(name)), 0)


RULES = (
    Rule(
        "day-over",
        Family.CONTENT,
        Level.WARNING,
        "An invitation to a day that is over was copied from an older issue, or comes too late.",
        "correct the day, or take the invitation out",
        invitations_over,
    ),
)
