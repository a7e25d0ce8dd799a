"""What browsers do with a sign-up form: read it, fill it in, send it."""

from __future__ import annotations

import re
from email.message import EmailMessage

from httpx2 import Response
from starlette.testclient import TestClient

from mailer.services.public.signup import consent_version
from tests.web.house import BASE, House

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')

FIELDS = ("first_name",)


def hidden(page: str) -> dict[str, str]:
    """The fields that nobody sees."""
    return dict(HIDDEN.findall(page))


def filled(house: House, client: TestClient, email: str, name: str = "weekly", **more: str) -> dict[str, str]:
    """The form of a list as somebody sends it who has read it."""
    shown = hidden(client.get(f"/subscribe/{name}").text)
    agree = consent_version(house.program.list_named(name))
    told = {f"field-{key}" if key in FIELDS else key: value for key, value in more.items()}
    return {**shown, "email": email, **({"agree": agree} if agree else {}), **told}


def sign_up(house: House, client: TestClient, email: str, name: str = "weekly", **more: str) -> Response:
    """Fill in the form of a list and send it."""
    return client.post(f"/subscribe/{name}", data=filled(house, client, email, name, **more))


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def links_of(mail: EmailMessage) -> dict[str, str]:
    """The addresses of our pages in a mail: what they are for (`c`, `u`, `p`) and their path."""
    found = re.findall(rf"{re.escape(BASE)}(/(\w)/[\w-]+)", text_of(mail))
    return {kind: path for path, kind in found}
