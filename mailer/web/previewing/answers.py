"""What the page is told, as JSON."""

from __future__ import annotations

from typing import Any, Final

from mailer.checks.finding import Finding
from mailer.languages import direction
from mailer.services.previewing.readers import Reader
from mailer.services.previewing.shown import Judged, State, View
from mailer.services.previewing.trouble import Trouble

CLIPPED: Final = 102_400
"""Bytes of HTML after which Gmail shows no more."""

NAMES: Final = {
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "de": "Deutsch",
    "pt": "Português",
    "ar": "العربية",
    "ur": "اردو",
}


def of_state(state: State, first_reader: str) -> dict[str, Any]:
    return {
        "name": state.name,
        "generation": state.generation,
        "troubles": [of_trouble(each) for each in state.troubles],
        "language": state.language,
        "languages": [
            {"tag": tag, "name": NAMES.get(tag, tag), "direction": direction(tag)} for tag in state.languages
        ],
        "lists": [{"name": each.name, "title": each.title} for each in state.lists],
        "readers": [of_reader(each) for each in state.readers],
        "variants": list(state.variants),
        "reader": first_reader,
    }


def of_trouble(trouble: Trouble) -> dict[str, Any]:
    return {
        "message": trouble.message,
        "hint": trouble.hint,
        "file": trouble.file,
        "line": trouble.line,
        "around": [{"line": line, "text": text} for line, text in trouble.around],
    }


def of_reader(reader: Reader) -> dict[str, Any]:
    return {"key": reader.key, "label": reader.label, "real": reader.real}


def of_view(view: View) -> dict[str, Any]:
    mail = view.mail
    return {
        "number": view.number,
        "subject": mail.subject,
        "preheader": mail.preheader,
        "sender": view.sender,
        "reader": of_reader(view.reader),
        "snippet": view.snippet,
        "language": view.language,
        "direction": view.direction,
        "hash": view.hash[:12],
        "current": view.current,
        "bytes": len(mail.html.encode()),
        "clipped": CLIPPED,
        "raw": len(mail.raw),
        "milliseconds": {"compiling": round(view.compiling * 1000), "writing": round(view.seconds * 1000)},
    }


def of_judged(judged: Judged) -> dict[str, Any]:
    return {
        "findings": [of_finding(each) for each in judged.findings],
        "recipients": judged.recipients,
        "approvals": list(judged.approvals),
    }


def of_finding(finding: Finding) -> dict[str, Any]:
    place, source = finding.place, finding.source
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "words": finding.words,
        "advice": finding.advice,
        "accepted": finding.accepted,
        "part": place.part.value if place else "",
        "line": place.line if place else 0,
        "element": place.element if place else -1,
        "file": source.file if source else "",
        "source_line": source.line if source else 0,
    }
