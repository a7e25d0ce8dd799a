"""The form of a list as HTML for the organisation's own site: plain, without script, style or anything of others.

What it sends comes without a stamp, as such a page is older than the visit. So it is shown once more on our page, with
everything filled in, and one press is all that is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from mailer.errors import ConfigError, ConflictError
from mailer.languages import direction
from mailer.languages.own import spoken
from mailer.model import MailingList
from mailer.services.program import Program
from mailer.services.public.signup import consent_version

FIELD = "field-"
"""Before the names of what a list asks for, so that none is taken for a field of the form itself."""


LABELS = {
    "first_name": "First name",
    "last_name": "Last name",
    "name": "Name",
    "city": "Town or city",
    "country": "Country",
    "postcode": "Postcode",
    "postal_code": "Postcode",
    "zip": "Postcode",
}
"""What is written beside a field, as on our page; another one is called what the attribute is called."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """The form of a list: its own page, and the HTML for another one."""

    list_name: str
    url: str
    html: str


def form_of(program: Program, definition: MailingList) -> Snippet:
    """The form of a public list. ConflictError for any other, ConfigError while the pages have no address."""
    if not definition.public:
        raise ConflictError(
            f"{definition.name} takes nobody by a form", hint=f"Add public = true to subscribers/{definition.name}.toml"
        )
    base_url = program.settings.web.base_url
    if not base_url:
        raise ConfigError("the public pages have no address", hint="Set base_url under [web] in mailer.toml.")
    url = f"{base_url.rstrip('/')}/subscribe/{definition.name}"
    said = spoken(definition.language, program.settings.texts).gettext
    return Snippet(definition.name, url, _html(definition, url, said))


def _html(definition: MailingList, url: str, said: Callable[[str], str]) -> str:
    """Every name begins with that of the list, so that two forms fit on one page."""
    name, language = definition.name, escape(definition.language)
    rows = [
        f'<form method="post" action="{escape(url)}" accept-charset="utf-8" lang="{language}" '
        f'dir="{direction(definition.language)}">',
        f'  <input type="hidden" name="language" value="{language}">',
        f'  <p><label for="{name}-email">{escape(said("Your e-mail address"))}</label>',
        f'  <input type="email" name="email" id="{name}-email" required maxlength="254" autocomplete="email" '
        'dir="ltr"></p>',
        *(row for field in definition.fields for row in _field(name, field, said)),
        f"  <p hidden><label>{escape(said('Leave this empty'))} "
        '<input type="text" name="homepage" tabindex="-1" autocomplete="off"></label></p>',
        *_consent(definition),
        f'  <p><button type="submit">{escape(said("Subscribe"))}</button></p>',
        "</form>",
    ]
    return "\n".join(rows) + "\n"


def _field(name: str, field: str, said: Callable[[str], str]) -> tuple[str, str]:
    label = said(LABELS[field]) if field in LABELS else field.replace("_", " ").capitalize()
    return (
        f'  <p><label for="{name}-{field}">{escape(label)}</label>',
        f'  <input type="text" name="{FIELD}{field}" id="{name}-{field}" maxlength="200"></p>',
    )


def _consent(definition: MailingList) -> tuple[str, ...]:
    """The text itself: whoever changes it in the file pastes the form anew, and until then has it shown on our page."""
    version = consent_version(definition)
    if not version:
        return ()
    text = "<br>".join(map(escape, definition.consent.strip().splitlines()))
    return (f'  <p><label><input type="checkbox" name="agree" value="{version}" required> {text}</label></p>',)
