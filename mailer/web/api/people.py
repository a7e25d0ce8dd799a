"""/api/v1/subscribers: people. An address stands in the body always, because addresses of pages get into logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import BaseModel
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from mailer.model import Scope
from mailer.services.people import person
from mailer.services.public import calling
from mailer.services.public import once as doing
from mailer.services.subscribers import Added, checked_address
from mailer.web.api import shapes
from mailer.web.api.guarding import Guarded, holder_of, needs
from mailer.web.surfaces import site_of

router = APIRouter(prefix="/subscribers", route_class=Guarded, tags=["subscribers"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A name for this request. Asked again within 24 hours, it is not done again.",
    ),
]
READ, WRITE = Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE


@router.post(
    "/subscribe",
    response_model=shapes.Subscribed,
    responses={202: {"model": shapes.Subscribed, "description": "They are asked by mail, where that may be."}},
    openapi_extra=needs(WRITE),
)
def subscribe(request: Request, wanted: shapes.Subscribe, key: Key = None) -> Response:
    """Put a person on a list.

    With `consent` they are on it at once, unless they left it before. Without, they go the way of everybody who fills
    in the list's form: the answer is the same for everybody, and what is to be done is done in a moment.
    """
    site, who = site_of(request), holder_of(request)
    address, definition = checked_address(wanted.email), site.program.list_named(wanted.list)
    attributes = calling.attributes_of(wanted.attributes, wanted.tags)
    agreed = wanted.agreed_to_text

    def join(connection: Connection) -> shapes.Subscribed:
        joining = calling.Joining(address, definition, wanted.consent or "", attributes, agreed)
        return _subscribed(request, calling.join(site.program, connection, who, joining))

    def ask(connection: Connection) -> shapes.Subscribed:
        calling.ask(site.program, connection, who, calling.Asking(address, definition, attributes, agreed))
        return shapes.Subscribed(list=definition.name, outcome="asking", state=None)

    if wanted.consent is not None:
        return _once(request, wanted, key, join)
    response = _once(request, wanted, key, ask, status=202)
    site.wake()
    return response


@router.post("/unsubscribe", response_model=shapes.Unsubscribed, openapi_extra=needs(WRITE))
def unsubscribe(request: Request, wanted: shapes.Unsubscribe, key: Key = None) -> Response:
    """Take a person off a list, or off every one, for good. Nobody of that address is no mistake."""
    program = site_of(request).program
    if wanted.list is not None:
        program.list_named(wanted.list)
    leaving = calling.Leaving(checked_address(wanted.email), wanted.list, wanted.reason)

    def do(connection: Connection) -> BaseModel:
        left = calling.leave(program, connection, holder_of(request), leaving)
        return shapes.Unsubscribed(lists=tuple(left) if _may_read(request) else None)

    return _once(request, wanted, key, do)


@router.post("/show", response_model=shapes.Person, openapi_extra=needs(READ))
def show(request: Request, wanted: shapes.Find) -> shapes.Person:
    """Everything about one person that is of use to who answers them."""
    found = person(site_of(request).program.store, checked_address(wanted.email))
    return shapes.Person.model_validate(found)


@router.post("/update", response_model=shapes.Changed, openapi_extra=needs(READ, WRITE))
def update(request: Request, wanted: shapes.Change, key: Key = None) -> Response:
    """Change what is known of a person: attributes and tags. Its answer says whether they are here."""
    address = checked_address(wanted.email)
    edit = calling.edit_named(wanted.set, wanted.unset, wanted.add_tags, wanted.remove_tags)

    def do(connection: Connection) -> BaseModel:
        return shapes.Changed(changed=calling.change(site_of(request).program, connection, address, edit))

    return _once(request, wanted, key, do)


def _once(
    request: Request, wanted: BaseModel, key: str | None, do: Callable[[Connection], BaseModel], *, status: int = 200
) -> Response:
    """Do it, unless that was done under this key before."""
    asked = doing.Request(holder_of(request), f"{request.url.path} {wanted.model_dump_json()}", key)
    reply = doing.once(
        site_of(request).program, asked, lambda connection: doing.Reply(status, do(connection).model_dump_json())
    )
    again = {"Idempotency-Replayed": "true"} if reply.again else None
    return Response(reply.body, reply.status, again, "application/json")


def _may_read(request: Request) -> bool:
    """Without that right an answer says nothing about who is here."""
    return READ in holder_of(request).scopes


def _subscribed(request: Request, added: Added) -> shapes.Subscribed:
    if not _may_read(request):
        return shapes.Subscribed(list=added.list_name, outcome=None, state=None)
    words = {"kept_out": added.kept_out, "added": added.new, "updated": added.updated}
    outcome = next((word for word, so in words.items() if so), "unchanged")
    return shapes.Subscribed(list=added.list_name, outcome=outcome, state=None if added.kept_out else added.state)
