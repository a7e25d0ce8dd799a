"""The features of a piece of CSS that mail programs may not know, each with whether something else is there for those
that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import tinycss2
from tinycss2.color3 import parse_color

from mailer.checks.caniemail.table import table
from mailer.checks.cssnames import (
    AT_RULES,
    BACKGROUNDS,
    COMBINATORS,
    DISPLAYS,
    FINISH,
    FUNCTIONS,
    KEYWORDS,
    MEDIA,
    OLD_PSEUDO_ELEMENTS,
    PROPERTIES,
    UNITS,
    VENDOR,
)
from mailer.checks.parsed import Node, declarations_of, rules_of

Needs = tuple[frozenset[str], ...]
"""For each selector of a rule the tags, .classes and #ids that must be in a document for it to match anything."""


@dataclass(frozen=True, slots=True)
class Found:
    """A feature in a piece of CSS. `graceful`: programs without it have something else, or miss nothing. `line` counts
    from 1 in the piece. `needs` is empty in a `style` attribute."""

    slug: str
    words: str
    graceful: bool = False
    line: int = 1
    needs: Needs = ()


@lru_cache(maxsize=4096)
def in_block(css: str) -> tuple[Found, ...]:
    """The features of a `style` attribute."""
    return tuple(of_declarations(declarations_of(css)))


@lru_cache(maxsize=64)
def in_sheet(css: str) -> tuple[Found, ...]:
    """The features of a `style` element."""
    return tuple(of_rules(rules_of(css)))


def is_extra(css: str) -> bool:
    """Whether a `style` element is only for those who can choose by a condition or a state: who does not read it
    misses nothing."""
    plain = (rule for rule in rules_of(css) if rule.type == "qualified-rule")
    return all(each.graceful for each in in_sheet(css)) and all(is_special(of_selector(rule.prelude)) for rule in plain)


def is_special(selected: Iterable[Found]) -> bool:
    """Whether a rule chooses by an attribute or a state."""
    return any(each.slug.startswith(("css-selector-attr", "css-pseudo-class")) for each in selected)


def of_rules(rules: Iterable[Node], *, graceful: bool = False) -> Iterator[Found]:
    for rule in rules:
        if rule.type == "qualified-rule":
            yield from of_rule(rule, graceful=graceful)
        elif rule.type == "at-rule":
            yield from of_at_rule(rule)


def of_at_rule(rule: Node) -> Iterator[Found]:
    """What stands in a condition is for those who understand it, and so graceful."""
    name = rule.lower_at_keyword
    if slug := AT_RULES.get(name):
        yield Found(slug, f"@{name}", graceful=name != "import", line=rule.source_line)
    if name in ("media", "supports") and rule.content is not None:
        words = [each.lower_value for each in flat(rule.prelude) if each.type == "ident"]
        yield from (Found(MEDIA[word], f"@media {word}", True, rule.source_line) for word in words if word in MEDIA)
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        yield from of_rules(inner, graceful=True)


def of_rule(rule: Node, *, graceful: bool) -> Iterator[Found]:
    selected = list(of_selector(rule.prelude))
    needs = tuple(names(part) for part in parted(rule.prelude))
    special = graceful or is_special(selected)
    inner = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
    declared = [node for node in inner if node.type == "declaration"]
    says_nothing = all(each.lower_name != "content" or is_blank(each.value) for each in declared)
    for each in selected:
        yield replace(each, graceful=says_nothing or special, line=rule.source_line, needs=needs)
    if any(node.type == "qualified-rule" and not is_torn(node) for node in inner):
        yield Found("css-nesting", "nested rules", special, rule.source_line, needs)
    for each in of_declarations(declared):
        yield replace(each, graceful=each.graceful or special, needs=needs)


def is_torn(rule: Node) -> bool:
    """Whether it is a declaration with braces in its value, as in the template of another program."""
    words = [node for node in rule.prelude if node.type != "whitespace"]
    return bool(words) and (words[-1] == ":" or words[0].type in ("number", "dimension", "percentage"))


def of_selector(prelude: Sequence[Node]) -> Iterator[Found]:
    before = ""
    for node in prelude:
        slug, words = "", tinycss2.serialize([node])
        if node.type == "hash":
            slug = "css-selector-id"
        elif node.type == "[] block":
            slug = "css-selector-attribute"
        elif node.type == "literal":
            slug = {"*": "css-selector-universal", ",": "css-selector-grouping"}.get(node.value, "")
            slug = slug or COMBINATORS.get(node.value, "")
        elif node.type in ("ident", "function"):
            slug, words = named_selector(before, node)
        if slug in table().features:
            yield Found(slug, words)
        before = f"{before}:" if node.type == "literal" and node.value == ":" and before == ":" else words


def named_selector(before: str, node: Node) -> tuple[str, str]:
    """A tag, a class or a pseudo class or element, by what stands before the name."""
    name = node.lower_name if node.type == "function" else node.lower_value
    if before == "::" or (before == ":" and name in OLD_PSEUDO_ELEMENTS):
        return f"css-pseudo-element-{name}", f"::{name}"
    if before == ":":
        return f"css-pseudo-class-{name}", f":{name}"
    return ("css-selector-class", f".{name}") if before == "." else ("css-selector-type", name)


def parted(prelude: Sequence[Node]) -> list[list[Node]]:
    parts: list[list[Node]] = [[]]
    for node in prelude:
        if node.type == "literal" and node.value == ",":
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def names(selector: Sequence[Node]) -> frozenset[str]:
    """The tags, classes and ids of one selector."""
    found, before = set(), ""
    for node in selector:
        if node.type == "hash":
            found.add(f"#{node.value}")
        elif node.type == "ident" and before == ".":
            found.add(f".{node.value}")
        elif node.type == "ident" and before != ":":
            found.add(node.lower_value)
        before = node.value if node.type == "literal" else ""
    return frozenset(found)


def of_declarations(declarations: Sequence[Node]) -> Iterator[Found]:
    """Two declarations of one property in a block: what the program does not know of one, the other is there for."""
    listed = [(node, features_of(node)) for node in declarations if not node.lower_name.startswith(VENDOR)]
    listed += [(node, {"css-variables": node.name}) for node in declarations if node.name.startswith("--")]
    coloured = any(has_colour(node) for node in declarations)
    for node, found in listed:
        others = [set(other) for each, other in listed if each is not node and each.lower_name == node.lower_name]
        for slug, words in found.items():
            spared = any(slug not in other for other in others) or (slug in BACKGROUNDS and coloured)
            minor = node.lower_name in FINISH or node.name.startswith("--")
            yield Found(slug, words, spared or minor, node.source_line)


def features_of(declaration: Node) -> dict[str, str]:
    """Slug -> what stands there, of one declaration."""
    name = declaration.lower_name
    known = table().features
    words = f"{name}: {tinycss2.serialize(declaration.value).strip()}"
    found = [
        PROPERTIES.get(name, f"css-{name}"),
        *(slug for node in flat(declaration.value) for slug in of_value(node)),
    ]
    if name == "display":
        found += [DISPLAYS[node.lower_value] for node in declaration.value if word_of(node) in DISPLAYS]
    if declaration.important:
        found.append("css-important")
    if name == "position" and harmless_position(declaration):
        found.remove("css-position")
    if name == "float" and any(word_of(node) == "none" for node in declaration.value):
        found.remove("css-float")
    if name == "background" and any(names_url(node) for node in declaration.value):
        found.append("css-background-image")
    if name == "background-image" and not any(names_url(node) for node in declaration.value):
        found.remove("css-background-image")
    return {slug: words for slug in found if slug in known}


def of_value(node: Node) -> Iterator[str]:
    if node.type == "function":
        yield FUNCTIONS.get(node.lower_name, "")
    elif node.type == "dimension":
        yield UNITS.get(node.lower_unit, "")
    elif node.type == "percentage":
        yield "css-unit-percent"
    elif node.type == "ident":
        yield KEYWORDS.get(node.lower_value, "")


def harmless_position(declaration: Node) -> bool:
    """Where a thing stays in the order of the source, nothing is lost."""
    return any(word_of(node) in ("relative", "static", "inherit", "initial") for node in declaration.value)


def word_of(node: Node) -> str:
    return str(node.lower_value) if node.type == "ident" else ""


def names_url(node: Node) -> bool:
    return bool(node.type == "url" or (node.type == "function" and node.lower_name == "url"))


def has_colour(declaration: Node) -> bool:
    """Whether it puts a plain colour behind an element."""
    if declaration.lower_name not in ("background", "background-color"):
        return False
    colours = (parse_color(node) for node in declaration.value if not is_see_through(node))
    return any(colour is not None and colour != "currentColor" and colour.alpha for colour in colours)


def is_see_through(node: Node) -> bool:
    """A colour that some programs do not know, so that nothing stands behind the picture."""
    return node.type == "function" and node.lower_name in ("rgba", "hsla")


def is_blank(value: Sequence[Node]) -> bool:
    """Whether generated text says nothing: "", " ", none."""
    return not any(node.type == "string" and node.value.strip() for node in value)


def flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node and what is in it."""
    for node in nodes:
        yield node
        if node.type == "function":
            yield from flat(node.arguments)
        elif node.type in ("() block", "[] block", "{} block"):
            yield from flat(node.content)
