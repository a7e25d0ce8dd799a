"""From articles in the store to an issue file that a person edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mailer.articles.select import Selected, Selection, parse_since, select
from mailer.articles.tags import checked_tags, readable
from mailer.errors import ConflictError, IssueFileError, NeedsAttention, NotFoundError, UsageError
from mailer.issues.compose import Draft, compose, default_subject, issue_name
from mailer.issues.file import parse_issue
from mailer.model import Article, IssueKind
from mailer.render.issue import is_design
from mailer.services.articles import matcher
from mailer.services.prepare import workspace_templates
from mailer.services.program import Program
from mailer.services.segments import parse_for
from mailer.store import articles as stored
from mailer.wording import unknown


@dataclass(frozen=True, slots=True)
class Wish:
    """What the editor asks for. Keys may be shortened as long as they are unique; `since` is as she writes it."""

    kind: IssueKind
    lists: tuple[str, ...]
    tags: tuple[str, ...] = ()
    every: bool = False
    since: str = ""
    until: str = ""
    source: str | None = None
    pin: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    limit: int | None = None
    at_least: int = 0
    again: bool = False
    subject: str = ""
    name: str = ""
    sender: str = ""
    template: str = ""
    language: str = ""
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """The file that was written, its articles, and those left out with the reason."""

    name: str
    file: Path
    articles: tuple[Article, ...]
    left_out: tuple[tuple[Article, str], ...]


def compose_issue(program: Program, wish: Wish) -> Composed:
    """Choose the articles and write the file. NeedsAttention, and nothing written, when there are too few."""
    now = program.now()
    definitions = [program.list_named(name) for name in wish.lists]
    if not definitions:
        raise UsageError("an issue goes to at least one list", hint="--to LIST; mailer lists list shows them")
    program.settings.sender(wish.sender or definitions[0].sender)
    check_template(program, wish.template)
    if wish.segment:
        parse_for(program, wish.segment, wish.lists)
    selected = choose(program, wish, now)
    refuse_too_few(wish, selected)
    draft = Draft(
        kind=wish.kind,
        lists=wish.lists,
        articles=selected.articles,
        tags=wish.tags,
        since=wish.since,
        campaign=readable(wish.tags[0]) if wish.tags else "",
        subject=wish.subject,
        sender=wish.sender,
        template=wish.template,
        language=wish.language or definitions[0].language,
        segment=wish.segment.strip(),
    )
    # An alert and a bulletin of one day about one campaign are two issues.
    kind = "alert " if wish.kind is IssueKind.ALERT else ""
    name = wish.name or issue_name(now.date(), kind + (draft.title or default_subject(draft)))
    file = write(program, name, compose(draft))
    return Composed(file.stem, file, selected.articles, selected.left_out)


def refuse_too_few(wish: Wish, selected: Selected) -> None:
    """NeedsAttention when there are fewer articles than wanted; without a wish, when there is none at all."""
    wanted = wish.at_least if wish.at_least or wish.limit == 0 else 1
    if len(selected.articles) >= wanted:
        return
    found = (
        f"only {len(selected.articles)} of at least {wanted} articles were found"
        if wish.at_least
        else "no article was found"
    )
    reasons = f" (left out: {reasons_of(selected.left_out)})" if selected.left_out else ""
    raise NeedsAttention(
        f"{found}{reasons}; nothing was written",
        hint="Look further back with --since or ask for fewer; --again takes what was sent, --limit 0 takes none.",
    )


def reasons_of(left_out: Sequence[tuple[Article, str]]) -> str:
    """`3 already sent, 1 before 2026-11-15`: why articles were left out, the most frequent reason first."""
    counts = Counter(reason for _, reason in left_out)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())


def check_tags(program: Program, wish: Wish, articles: Sequence[Article]) -> None:
    """NotFoundError when no article has any of the tags, with the near one. Another tag may be for later."""
    known = matcher(program.settings)
    carried = {known.canonical(tag): tag for article in articles for tag in article.tags}
    wanted = checked_tags(wish.tags)
    if wanted and not any(known.canonical(tag) in carried for tag in wanted):
        what = unknown("tag", wanted[0].removeprefix("#"), sorted(carried.values()))
        raise NotFoundError(what, hint="mailer articles tags shows them all")


def check_template(program: Program, name: str) -> None:
    designs = [found.removesuffix(".mjml") for found in workspace_templates(program) if is_design(found)]
    if name and name not in designs:
        raise NotFoundError(unknown("template", name, designs), hint="mailer templates list shows them")


def write(program: Program, name: str, text: str) -> Path:
    """Write the file, if it can be read as an issue: a wrong option must not end as a file that cannot be sent."""
    try:
        parse_issue(text, f"{name}.md")
    except IssueFileError as error:
        mistakes = "; ".join(mistake.message for mistake in error.mistakes)
        raise UsageError(f"{mistakes}; nothing was written") from None
    try:
        return program.workspace.write_issue(name, text)
    except ConflictError as error:
        raise ConflictError(error.message, hint="Give this one another name: --name NAME") from error


def choose(program: Program, wish: Wish, now: datetime) -> Selected:
    """The articles for an issue to all of its lists: what one of them already got is not sent again."""
    since, until = (parse_since(text, now) if text else None for text in (wish.since, wish.until))
    with program.store.read() as connection:
        everything = stored.find(connection, stored.Query())
        sent = {} if wish.again else stored.sent_to(connection, wish.lists)
    check_source(program, wish.source, everything)
    check_tags(program, wish, everything)
    keys = [article.key for article in everything]
    pin = whole_keys(wish.pin, keys)
    # An alert takes one article, or all that are pinned: to leave one of those out unasked would be a surprise.
    limit = max(1, len(pin)) if wish.kind is IssueKind.ALERT and wish.limit is None else wish.limit
    selection = Selection(
        tags=wish.tags,
        every=wish.every,
        since=since,
        until=until,
        pin=pin,
        skip=whole_keys(wish.skip, keys),
        order=whole_keys(wish.order, keys),
        limit=limit,
        at_least=wish.at_least,
        exclude=frozenset(sent),
    )
    # Articles that were sent stay among the known ones, whatever their source: two sources may carry the same one.
    articles = [each for each in everything if each.key in sent or each.key in pin or from_source(each, wish.source)]
    selected = select(articles, selection, matcher(program.settings))
    blocked = [key for key in (*selection.pin, *selection.order) if key in sent]
    if blocked:
        raise ConflictError(
            f"article {blocked[0]} was already sent in {sent[blocked[0]]}",
            hint="--again sends it a second time",
        )
    known = matcher(program.settings)
    shown = [
        (article, reason)
        for article, reason in selected.left_out
        if from_source(article, wish.source) and known.matches(article.tags, wish.tags, every=wish.every)
    ]
    return replace(selected, left_out=tuple(shown))


def check_source(program: Program, name: str | None, articles: Sequence[Article]) -> None:
    known = {*program.settings.sources, *(article.source for article in articles)}
    if name is not None and name not in known:
        raise NotFoundError(unknown("source", name, sorted(known)), hint="sources are [sources.NAME] in mailer.toml")


def from_source(article: Article, name: str | None) -> bool:
    return name is None or article.source == name


def whole_keys(wanted: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(whole_key(prefix, keys) for prefix in wanted)


def whole_key(prefix: str, keys: Sequence[str]) -> str:
    found = [key for key in keys if key.startswith(prefix.strip().lower())] if prefix.strip() else []
    if len(found) == 1 or (found and prefix in found):
        return prefix if prefix in found else found[0]
    what = f"{len(found)} articles have a key that begins with" if found else "there is no article with the key"
    raise NotFoundError(f"{what} {prefix!r}", hint="mailer articles list shows the keys")
