"""The text of a new issue file: friendly, commented, and ready to be sent as it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from mailer.errors import UsageError
from mailer.issues.edit import article_source, one_line
from mailer.issues.scalar import flow_list, scalar
from mailer.model import Article, ArticleChoice, IssueKind

# Rendered to nothing, so the file can be sent with it; a check can ask whether the editor ever wrote her own words.
PLACEHOLDER = "{# Write your own introduction in place of the next paragraph, and remove this line. #}"
# Inboxes on phones show about 40 letters of a subject, on a desk about 70.
SUBJECT_LENGTH = 78
# The date takes 11; the longest file name is 255 bytes.
SLUG_LENGTH = 60

_QUOTED = '"'
# Vowel signs of Indian scripts are no letters to Python, but words fall apart without them.
_NO_WORD = re.compile(r"(?:[^\w\u0300-\u036f\u0900-\u0dff]|_)+")
# Letters of Latin script that Unicode does not take apart.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŋ": "n", "ŧ": "t"}
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new issue is made of. `campaign` is its name for people; without one the first tag is used."""

    kind: IssueKind
    lists: tuple[str, ...]
    articles: tuple[Article, ...] = ()
    tags: tuple[str, ...] = ()
    since: str = ""
    campaign: str = ""
    subject: str = ""
    preheader: str = ""
    template: str = ""
    sender: str = ""
    language: str = "en"
    segment: str = ""

    @property
    def title(self) -> str:
        """The campaign's name."""
        return one_line(self.campaign or next(iter(self.tags), "").removeprefix("#"))


def compose(draft: Draft) -> str:
    """The text of the file. UsageError when an alert would have several articles."""
    if draft.kind is IssueKind.ALERT and len(draft.articles) > 1:
        raise UsageError(
            f"an alert is about one article, and {len(draft.articles)} are chosen",
            hint="choose one with --pin KEY and --limit 1, or compose a bulletin",
        )
    lines = ["---", *_fields(draft), "---", "", *_body(draft)]
    return "\n".join(lines) + "\n"


def default_subject(draft: Draft) -> str:
    """What the subject is until the editor writes a better one."""
    first = one_line(draft.articles[0].title) if draft.articles else ""
    if draft.kind is IssueKind.ALERT:
        return shortened(first or draft.title or "News")
    more = f" and {len(draft.articles) - 1} more" if len(draft.articles) > 1 else ""
    campaign = f"{draft.title}: " if draft.title and first else draft.title
    room = SUBJECT_LENGTH - len(campaign) - len(more)
    return f"{campaign}{shortened(first, max(room, 20))}{more}" or "Our bulletin"


def issue_name(day: date, title: str) -> str:
    """`2026-11-22-clean-rivers`: the date, and the title for file systems and links."""
    return f"{day.isoformat()}-{slug(title) or 'issue'}"


def slug(title: str) -> str:
    """Small letters, digits and single hyphens. Latin letters lose their accents; other scripts stay themselves."""
    # Compatibility forms such as a mathematical A become letters first; folding may compose new ones.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", title).casefold())
    letters = plain.replace("'", "").replace("\u2019", "").translate(_LETTERS)
    kept = "".join(_without_latin_accents(letters))
    return _whole_words([word for word in _NO_WORD.split(unicodedata.normalize("NFC", kept)) if word])


def shortened(text: str, limit: int = SUBJECT_LENGTH) -> str:
    """The text, cut between words where it is longer than `limit` letters."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(" ,;:.-") + "…"


def as_data(text: str) -> str:
    """Words from outside in a place where templates are read: braces that would open an expression are printed."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


def _without_latin_accents(parts: str) -> Iterator[str]:
    bare = True  # whether a mark here is an accent to drop: on a Latin letter, or on no letter at all
    for letter in parts:
        mark = unicodedata.category(letter).startswith("M")
        if not mark:
            bare = letter < "\u0250" or not letter.isalnum()
        if not (mark and bare):
            yield letter


def _whole_words(words: list[str]) -> str:
    found = ""
    for word in words:
        longer = f"{found}-{word}" if found else word[:SLUG_LENGTH]
        if len(longer) > SLUG_LENGTH:
            break
        found = longer
    return found


def _fields(draft: Draft) -> Iterator[str]:
    yield f"kind: {draft.kind.value}"
    subject = one_line(draft.subject) or as_data(default_subject(draft))
    preheader = one_line(draft.preheader) or as_data(_preheader(draft))
    yield f"subject: {scalar(subject, _QUOTED)}"
    yield f"preheader: {scalar(preheader, _QUOTED)}   # shown after the subject"
    for name, value in (("template", draft.template), ("from", draft.sender)):
        if value:
            yield f"{name}: {scalar(value)}"
    yield f"lists: {flow_list(list(draft.lists))}"
    if draft.segment:
        yield f"segment: {scalar(draft.segment)}"
    yield f"language: {scalar(draft.language)}"
    if draft.tags:
        yield f"tags: {flow_list(list(draft.tags))}"
    if draft.since:
        yield f"since: {scalar(draft.since)}"
    yield from _article_lines(draft)


def _preheader(draft: Draft) -> str:
    """What the inbox shows after the subject: the titles that the subject did not name, else the first excerpt."""
    if len(draft.articles) > 1:
        return shortened(" · ".join(one_line(article.title) for article in draft.articles[1:4]), 120)
    return shortened(one_line(draft.articles[0].excerpt), 120) if draft.articles else ""


def _article_lines(draft: Draft) -> Iterator[str]:
    if not draft.articles:
        yield "articles: []"
        return
    yield "# The articles, in this order. Move or delete lines; for your own words, add title: or excerpt: below key."
    yield "articles:"
    for article in draft.articles:
        yield f"  - {article_source(ArticleChoice(article.key), described(article))}"


def described(article: Article) -> str:
    """What a key stands for, as the comment beside it: title, day and source."""
    day = article.published_at.date().isoformat() if article.published_at else ""
    return ", ".join(filter(None, (shortened(one_line(article.title), 80), day, one_line(article.source))))


def _body(draft: Draft) -> Iterator[str]:
    yield 'Dear {{ subscriber.first_name | default("friend") }},'
    yield ""
    yield PLACEHOLDER
    yield _introduction(draft)
    yield ""
    yield "[articles]"
    yield ""
    yield "Thank you for reading, and for standing with us."


def _introduction(draft: Draft) -> str:
    about = f" about **{_as_markdown(draft.title)}**" if draft.title else ""
    if draft.kind is IssueKind.ALERT:
        return f"There is news{about} that cannot wait for the next bulletin."
    return f"This is what is new{about}."


def _as_markdown(text: str) -> str:
    """Words that Markdown and the template language read as words."""
    return as_data(re.sub(r"([\\`*_\[\]<>()#+.!|~-])", r"\\\1", text))
