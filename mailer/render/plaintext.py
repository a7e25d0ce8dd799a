"""Markdown tokens -> plain text as a person would type it into a mail: wrapped, links written out."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Sequence

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

WIDTH = 72


def write_text(tokens: Sequence[Token], marks: re.Pattern[str]) -> str:
    """Plain text of parsed Markdown. `marks` stand for template code and pass unchanged, wherever they are."""
    return Writer(marks).blocks(SyntaxTreeNode(tokens).children).strip("\n") + "\n" if tokens else ""


class Writer:
    def __init__(self, marks: re.Pattern[str]) -> None:
        self.marks = marks
        self.addresses: list[str] = []

    def blocks(self, nodes: Sequence[SyntaxTreeNode], width: int = WIDTH) -> str:
        """Blocks with a blank line between them; code that stands alone brings no blank line of its own."""
        pieces = []
        for node in nodes:
            text = self.block(node, width)
            pieces.append(text if self.is_code(text) else f"{text}\n\n")
        return "".join(pieces)

    def is_code(self, text: str) -> bool:
        return bool(text) and not self.marks.sub("", text).strip()

    def block(self, node: SyntaxTreeNode, width: int) -> str:
        match node.type:
            case "paragraph":
                return self.wrapped(self.inline(node), width)
            case "heading":
                return self.heading(node)
            case "bullet_list" | "ordered_list":
                return self.listed(node, width)
            case "blockquote":
                return indented(self.blocks(node.children, width - 2).strip("\n"), "> ", "> ")
            case "fence" | "code_block":
                return indented(node.content.rstrip("\n"), "    ", "    ")
            case "hr":
                return "-" * min(width, 40)
            case "table":
                return self.table(node)
            case "html_block":
                return self.wrapped(re.sub(r"<[^>]*>", " ", node.content), width)
        return self.blocks(node.children, width).strip("\n") if node.children else ""

    def wrapped(self, text: str, width: int) -> str:
        lines = [
            textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n")
        ]
        return "\n".join(lines)

    def heading(self, node: SyntaxTreeNode) -> str:
        text = self.inline(node)
        visible = len(self.marks.sub("xxxxxxxx", text))
        return f"{text}\n{('=' if node.tag in ('h1', 'h2') else '-') * min(visible, WIDTH)}"

    def listed(self, node: SyntaxTreeNode, width: int) -> str:
        start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
        lines = []
        for number, item in enumerate(node.children, start):
            bullet = f"{number}. " if node.type == "ordered_list" else "* "
            text = self.blocks(item.children, width - len(bullet)).strip("\n")
            lines.append(indented(re.sub(r"\n\n(?=[*\d])", "\n", text), bullet, " " * len(bullet)))
        return "\n".join(lines)

    def table(self, node: SyntaxTreeNode) -> str:
        rows = [row for part in node.children for row in part.children]
        return "\n".join(" | ".join(self.inline(cell) for cell in row.children) for row in rows)

    def inline(self, node: SyntaxTreeNode) -> str:
        return "".join(self.span(child) for child in node.children)

    def span(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "text" | "code_inline":
                return node.content
            case "softbreak":
                return " "
            case "hardbreak":
                return "\n"
            case "html_inline":
                return self.tag(node.content)
            case "s":
                return f"~~{self.inline(node)}~~"
            case "image":
                return f"[{node.content}]" if node.content else ""
            case "link":
                return self.link(node)
        return self.inline(node)

    def tag(self, source: str) -> str:
        """What is left of an HTML tag: a line break, and the address of a link where the link ends."""
        if re.match(r"<br\b", source, re.IGNORECASE):
            return "\n"
        if found := re.match(r"<a\b[^>]*?\bhref\s*=\s*[\"']?([^\"'\s>]+)", source, re.IGNORECASE):
            self.addresses.append(html.unescape(found[1]))
        elif re.match(r"</a\b", source, re.IGNORECASE) and self.addresses:
            return f" ({self.addresses.pop()})"
        return ""

    def link(self, node: SyntaxTreeNode) -> str:
        text, url = self.inline(node), str(node.attrs.get("href", ""))
        return text if text in (url, url.removeprefix("mailto:")) else f"{text} ({url})"


def indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        (first if index == 0 else rest if line else rest.rstrip()) + line for index, line in enumerate(lines)
    )
