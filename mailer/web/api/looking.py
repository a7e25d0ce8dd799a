"""/api/v1/lists and /api/v1/issues: what there is, in numbers. Nobody is named in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request

from mailer.model import IssueKind, IssueState, Scope
from mailer.services.lists import ListFigures
from mailer.services.public.paging import Wanted, issues_page, lists_page, one_issue, one_list
from mailer.web.api import shapes
from mailer.web.api.guarding import Guarded, needs
from mailer.web.surfaces import site_of

router = APIRouter(route_class=Guarded)

MOST = 100
Limit = Annotated[int, Query(ge=1, le=MOST, description="So many on a page.")]
After = Annotated[str, Query(max_length=200, description="What the last page gave as `next`.")]
Name = Annotated[str, Path(max_length=200)]


@router.get("/lists", response_model=shapes.Lists, tags=["lists"], openapi_extra=needs(Scope.LISTS_READ))
def lists(request: Request, limit: Limit = 20, after: After = "") -> shapes.Lists:
    """The lists, by name."""
    page = lists_page(site_of(request).program, Wanted(limit, after))
    return shapes.Lists(items=tuple(map(_shown, page.rows)), next=page.next)


@router.get("/lists/{name}", response_model=shapes.List, tags=["lists"], openapi_extra=needs(Scope.LISTS_READ))
def one_of_lists(request: Request, name: Name) -> shapes.List:
    """One list."""
    return _shown(one_list(site_of(request).program, name))


@router.get("/issues", response_model=shapes.Issues, tags=["issues"], openapi_extra=needs(Scope.ISSUES_READ))
def issues(
    request: Request,
    limit: Limit = 20,
    after: After = "",
    state: IssueState | None = None,
    kind: IssueKind | None = None,
) -> shapes.Issues:
    """What was sent, or is to be, newest first."""
    page = issues_page(site_of(request).program, Wanted(limit, after), state, kind)
    return shapes.Issues(items=tuple(map(shapes.Issue.model_validate, page.rows)), next=page.next)


@router.get(
    "/issues/{name}", response_model=shapes.IssueInDetail, tags=["issues"], openapi_extra=needs(Scope.ISSUES_READ)
)
def one_of_issues(request: Request, name: Name) -> shapes.IssueInDetail:
    """One issue in numbers. What providers answered is left out: an answer may name a reader."""
    story = one_issue(site_of(request).program, name)
    status = story.status
    figures = shapes.Issue.model_validate(status.figures).model_dump()
    return shapes.IssueInDetail(
        **figures,
        lists=status.lists,
        deliveries=dict(status.deliveries),
        left_out_by=dict(status.left_out),
        started_at=status.started_at,
        not_after=status.not_after,
        articles=tuple(story.articles.values()),
        readings=tuple(map(shapes.Reading.model_validate, status.readings)),
    )


def _shown(found: ListFigures) -> shapes.List:
    definition = found.definition
    return shapes.List(
        name=definition.name,
        title=definition.title,
        description=definition.description,
        opt_in=definition.opt_in,
        language=definition.language,
        public=definition.public,
        counts=dict(found.counts),
        mailable=found.mailable,
    )
