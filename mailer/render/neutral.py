"""A compiled part written for nobody: what is personal in it takes its default, or nothing."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.errors import TemplateError
from mailer.render.fields import Values, clean_fields, escaped
from mailer.render.flat import Flat
from mailer.render.personal import PersonalPart, Slot, one_line
from mailer.render.slots import SlotCode, asked_by
from mailer.render.values import decode

LINKS = frozenset({"links.preferences", "links.view"})
"""What is asked of these is answered with no: nobody has preferences, and this is the page already."""


class NeutralPart:
    """Writes one part. `own`: the fields that everybody has; `link` stands where a reader has a link of their own."""

    def __init__(self, flat: Flat, own: Mapping[str, str], link: str, *, language: str, header: bool = False) -> None:
        self._part = PersonalPart(flat, language=language, header=header, absent=LINKS)
        self._values: Values = {name: decode(data) for name, data in flat.values.items()}
        links = dict.fromkeys(("unsubscribe", "preferences", "view"), link)
        self._known = {"subscriber": clean_fields(own), "links": links}

    def text(self) -> str:
        """The whole part."""
        texts = [self._of(slot) for slot in self._part.distinct]
        return self._part.substituted(texts.__getitem__)

    def _of(self, slot: Slot) -> str:
        text = self._plain(slot) if slot.field else self._code(slot)
        return one_line(text) if self._part.header else text

    def _plain(self, slot: Slot) -> str:
        value = self._known[slot.root].get(slot.field, slot.default)
        text = "" if value is None else str(value)
        return escaped([text])[0] if self._part.escaped else text

    def _code(self, slot: Slot) -> str:
        """As for somebody of whom nothing is known; where that cannot be printed, with nothing in its place."""
        asked = asked_by(self._part.environment, slot.segment)
        code = SlotCode(self._part.environment, [slot.segment], self._values, asked)
        empty = {name: "" for root, name in asked or () if root == "subscriber"}
        for fields in (self._known["subscriber"], {**empty, **self._known["subscriber"]}):
            try:
                return code.texts(fields, self._known["links"])[0]
            except TemplateError:
                continue
        return ""
