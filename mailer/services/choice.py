"""Which articles an issue file lists, changed in place: everything else a person wrote stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailer.errors import ConflictError, UsageError
from mailer.issues import edit
from mailer.issues.compose import described
from mailer.model import Article, ArticleChoice
from mailer.services.compose import whole_key
from mailer.services.program import Program
from mailer.store import articles as stored


@dataclass(frozen=True, slots=True)
class Chosen:
    """The articles that the file lists now, in its order."""

    name: str
    articles: tuple[Article, ...]


def add_articles(program: Program, name: str, keys: Sequence[str], *, again: bool = False) -> Chosen:
    """Put articles at the end. ConflictError for one that a list of the issue already got, unless `again`."""
    issue = program.workspace.read_issue(name)
    with program.store.read() as connection:
        added = [stored.get(connection, key) for key in keys]
        sent = {} if again else stored.sent_to(connection, issue.lists)
    for article in added:
        if article.key in sent:
            raise ConflictError(
                f"article {article.key} was already sent in {sent[article.key]}", hint="--again adds it all the same"
            )

    def change(text: str, path: str) -> str:
        for article in added:
            text = edit.add_article(text, ArticleChoice(article.key), described(article), path)
        return text

    return changed(program, name, change)


def remove_articles(program: Program, name: str, keys: Sequence[str]) -> Chosen:
    """Take articles out, with the comments that belong to them."""

    def change(text: str, path: str) -> str:
        for key in keys:
            text = edit.remove_article(text, whole_key(key, edit.article_keys(text, path)), path)
        return text

    return changed(program, name, change)


def order_articles(program: Program, name: str, keys: Sequence[str]) -> Chosen:
    """Put these articles first, in this order; the others follow as they stood."""

    def change(text: str, path: str) -> str:
        present = edit.article_keys(text, path)
        return edit.reorder_articles(text, [whole_key(key, present) for key in keys], path)

    return changed(program, name, change)


def changed(program: Program, name: str, change: Callable[[str, str], str]) -> Chosen:
    before = program.workspace.issue_text(name)
    try:
        after = change(before, f"issues/{name}.md")
    except ValueError as error:
        raise UsageError(str(error), hint=f"issues/{name}.md lists its articles under articles:") from None
    program.workspace.change_issue(name, before, after)
    issue = program.workspace.read_issue(name)
    with program.store.read() as connection:
        return Chosen(name, tuple(stored.get(connection, choice.key) for choice in issue.articles))
