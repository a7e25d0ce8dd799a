"""The texts an issue is made of, by which findings get their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mailer.checks.facts import Mail
from mailer.checks.finding import Finding, Part
from mailer.checks.locate import Authored, Written
from mailer.issues.frontmatter import FrontMatter, read_front_matter
from mailer.model import Article
from mailer.services.prepare import Prepared, workspace_templates
from mailer.services.program import Program


def authored_of(program: Program, prepared: Prepared) -> Authored:
    """Everything that an author wrote for this issue."""
    workspace = program.workspace
    file = f"issues/{prepared.issue.name}.md"
    text = workspace.issue_text(prepared.issue.name)
    front = read_front_matter(text, file)
    own: list[Written] = []
    shipped: list[Written] = []
    for template in workspace_templates(program).values():
        is_own = (workspace.root / template.label).is_file()
        (own if is_own else shipped).append(Written(template.label, template.text))
    return Authored(
        issue=Written(file, text.replace("\r\n", "\n").replace("\r", "\n")),
        fields={str(key.value): front.line(key) for key, _ in front.fields},
        keys={article.key: line for article, line in zip(prepared.articles, key_lines(front), strict=False)},
        articles={article.key: Written(article.key, words_of(article)) for article in prepared.articles},
        templates=own,
        settings=Written(workspace.settings_file.name, workspace.settings_file.read_text(encoding="utf-8-sig")),
        shipped=shipped,
    )


def key_lines(front: FrontMatter) -> Iterator[int]:
    """The lines of the articles in the order of the file."""
    found = front.find("articles")
    items: Sequence[Node] = found[1].value if found and isinstance(found[1], SequenceNode) else []
    for item in items:
        keys = [value for key, value in item.value if key.value == "key"] if isinstance(item, MappingNode) else [item]
        yield from (front.line(key) for key in keys if isinstance(key, ScalarNode))


def words_of(article: Article) -> str:
    texts = (article.title, article.excerpt, article.url, article.image_url, article.image_alt, article.author)
    return "\n".join(text for text in texts if text)


def said_at(finding: Finding, mails: Sequence[Mail]) -> list[str]:
    """What the element of a finding says in the first mail: its address, its picture, its text."""
    place = finding.place
    if place is None or place.part is not Part.HTML or place.element < 0 or not mails:
        return []
    elements = mails[0].document.elements
    if place.element >= len(elements):
        return []
    element = elements[place.element]
    texts = [element.get("href"), element.get("src"), element.get("alt"), " ".join(element.itertext())]
    return [text.strip() for text in texts if text and text.strip()]
