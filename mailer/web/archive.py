"""The issues that anybody may read, as pages and as a feed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from starlette.requests import Request
from starlette.responses import Response

from mailer.errors import NotFoundError
from mailer.render.atom import Feed, FeedEntry, atom
from mailer.services.public import archive as service
from mailer.services.public.archive import Shelf
from mailer.web.mailpage import mail_page
from mailer.web.surfaces import Site, site_of

router = APIRouter()

FOR_A_WHILE = "public, max-age=300"
"""Everybody sees the same, and a minute more or less does not matter."""

ISSUE = "public, max-age=3600"

PageNumber = Annotated[int, Query(alias="page")]


@router.get("/archive")
def everything(request: Request, number: PageNumber = 1) -> Response:
    """The issues of all lists."""
    return _shelf_page(request, None, number)


@router.get("/archive.atom")
def feed_of_everything(request: Request) -> Response:
    """The newest issues of all lists."""
    return _feed(request, None)


@router.get("/archive/_own")
def own_link(request: Request) -> Response:
    """Where the mail has a link of its reader's own."""
    return _kept(site_of(request).look.page(request, "archive_own.html"))


@router.get("/archive/issues/{name}")
def issue(request: Request, name: str) -> Response:
    """One issue, written for nobody in particular."""
    site = site_of(request)
    try:
        html, language = service.issue_html(site.program, name)
    except NotFoundError:
        raise HTTPException(404) from None
    return mail_page(html, language, Cache_Control=ISSUE)


@router.get("/archive/{list_name}.atom")
def feed_of_list(request: Request, list_name: str) -> Response:
    """The newest issues of one list."""
    return _feed(request, list_name)


@router.get("/archive/{list_name}")
def of_list(request: Request, list_name: str, number: PageNumber = 1) -> Response:
    """The issues of one list."""
    return _shelf_page(request, list_name, number)


def _shelf(site: Site, list_name: str | None, number: int) -> Shelf:
    try:
        return service.shelf(site.program, list_name, number)
    except NotFoundError:
        raise HTTPException(404) from None


def _shelf_page(request: Request, list_name: str | None, number: int) -> Response:
    site = site_of(request)
    shelf = _shelf(site, list_name, number)
    others = service.open_lists(site.program)
    values = {
        "shelf": shelf,
        "path": service.shelf_path(shelf.definition),
        "issue_path": service.issue_path,
        "lists": [each for each in others if len(others) > 1 or each != shelf.definition],
    }
    fallback = shelf.definition.language if shelf.definition else ""
    language = site.look.language(request, None, fallback)
    return _kept(site.look.page(request, "archive.html", values, language=language))


def _kept(page: Response) -> Response:
    page.headers["Cache-Control"] = FOR_A_WHILE
    return page


def _feed(request: Request, list_name: str | None) -> Response:
    site = site_of(request)
    shelf = _shelf(site, list_name, 1)
    base = site.program.settings.web.base_url.rstrip("/")
    path = base + service.shelf_path(shelf.definition)
    organisation = site.program.settings.organisation.name
    title = f"{shelf.definition.title} – {organisation}" if shelf.definition else organisation
    entries = tuple(
        FeedEntry(each.subject, each.preheader, each.language, base + service.issue_path(each.name), each.at)
        for each in shelf.entries
    )
    feed = Feed(title, organisation, f"{path}.atom", path, site.program.now(), entries)
    return Response(atom(feed), media_type="application/atom+xml", headers={"Cache-Control": FOR_A_WHILE})
