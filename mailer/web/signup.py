"""Putting oneself on a list: the form, and what is answered to whoever sends it.

The answer to a form that is in order is one page, whoever the address belongs to and whatever is known of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mailer.model import MailingList
from mailer.services.public import stamps
from mailer.services.public.signup import Form, Problem, consent_version, new_stamp, send_in
from mailer.services.public.snippet import FIELD
from mailer.web.posted import posted
from mailer.web.surfaces import Site, site_of

router = APIRouter()

SCRIPT: Final = (Path(__file__).parent / "scripts" / "subscribe.js").read_bytes()
STATUS: Final = {Problem.AGAIN: 200, Problem.EARLY: 200, Problem.BUSY: 429}
"""What is answered with a form that is shown again; 422 where something in it is wrong."""

LATER: Final = {"Retry-After": "3600"}
KEPT: Final = (Problem.EARLY, Problem.WORK)
"""The stamp was in order and goes on counting."""

Posted = Annotated[Mapping[str, str], Depends(posted)]


@router.get("/")
@router.get("/subscribe")
@router.get("/subscribe/")
def lists(request: Request) -> Response:
    """The lists that people can put themselves on; where there is one, its form."""
    site = site_of(request)
    public = [each for each in site.program.lists.values() if each.public]
    if not public:
        raise HTTPException(404)
    if len(public) == 1:
        return _form(request, site, public[0], Form())
    return site.look.page(request, "subscribe_lists.html", {"lists": public})


@router.get("/subscribe/{name}")
@router.get("/subscribe/{name}/")
def form(request: Request, name: str) -> Response:
    """The form of one list. Nothing is filled in from the address: addresses end up in logs."""
    site = site_of(request)
    return _form(request, site, _public(site, name), Form())


@router.post("/subscribe/{name}")
@router.post("/subscribe/{name}/")
def sent(request: Request, name: str, fields: Posted) -> Response:
    """A form was sent, from our page or from the organisation's own."""
    site = site_of(request)
    definition = _public(site, name)
    given = _given(request, definition, fields)
    problem = send_in(site.program, definition, given)
    if problem is not None:
        return _form(request, site, definition, given, problem)
    site.wake()
    language = _language(request, site, definition, given)
    return site.look.page(request, "check_mail.html", {"email": given.email, "list": definition}, language=language)


@router.get("/subscribe.js")
def script() -> Response:
    """What solves the puzzle, where the organisation wants one."""
    return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})


def _public(site: Site, name: str) -> MailingList:
    """A list that takes people by forms. Any other name is answered as one that there is not."""
    definition = site.program.lists.get(name)
    if definition is None or not definition.public:
        raise HTTPException(404)
    return definition


def _given(request: Request, definition: MailingList, fields: Mapping[str, str]) -> Form:
    return Form(
        email=fields.get("email", "").strip(),
        values={name: fields.get(f"{FIELD}{name}", "") for name in definition.fields},
        language=fields.get("language", ""),
        agreed=fields.get("agree", ""),
        stamp=fields.get("stamp", ""),
        work=fields.get("work", ""),
        trap=fields.get("homepage", ""),
        client=request.client.host if request.client else "",
    )


def _form(
    request: Request, site: Site, definition: MailingList, given: Form, problem: Problem | None = None
) -> Response:
    web = site.program.settings.web
    values: dict[str, Any] = {
        "list": definition,
        "given": given,
        "problem": problem.value if problem else "",
        "stamp": given.stamp if problem in KEPT else new_stamp(site.program, definition),
        "consent": consent_version(definition),
        "bits": stamps.BITS if web.proof_of_work else 0,
    }
    status = STATUS.get(problem, 422) if problem else 200
    language = _language(request, site, definition, given)
    page = site.look.page(request, "subscribe.html", values, language=language, status=status)
    if problem is Problem.BUSY:
        page.headers.update(LATER)
    if web.proof_of_work:
        page.headers["Content-Security-Policy"] = site.look.policy(script_src="'self'")
    return page


def _language(request: Request, site: Site, definition: MailingList, given: Form) -> str:
    """That of the page which the form stood on, else the browser's, else the list's."""
    return site.look.language(request, given.language, definition.language)
