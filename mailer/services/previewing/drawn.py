"""Pages that stand around pictures or become one: numbered lines, the line of an inbox, all pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, Protocol

from mailer.render.scheme import Scheme
from mailer.services.previewing.shown import View

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="script-src 'none'; object-src 'none'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

LINES: Final = """
body { margin: 0; padding: 8px 0; background: #fff; color: #16191d; }
pre { margin: 0; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { font: inherit; display: grid; grid-template-columns: 3.4em minmax(0, 1fr); gap: 0 .8em; padding-right: 12px; }
code i { font-style: normal; text-align: right; color: #55606c; }
code span { white-space: pre-wrap; overflow-wrap: anywhere; }
"""

INBOX: Final = """
body { margin: 0; background: #fff; color: #111;
  font: 14px/1.35 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
body.dark { background: #101214; color: #f3f3f3; }
.row { display: grid; grid-template-columns: 40px minmax(0, 1fr) auto; gap: 0 10px; padding: 12px 14px; }
.who { grid-row: 1 / 4; width: 40px; height: 40px; border-radius: 50%; background: #3a5f8a; color: #fff; display: grid;
  place-items: center; font-weight: 600; }
b, .subject { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
time { font-size: 12px; }
time, .snippet { color: #5a6068; }
.dark time, .dark .snippet { color: #b6bcc3; }
.subject, .snippet { grid-column: 2 / 4; }
.snippet { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
"""

INDEX: Final = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 16px 20px; background: #eef0f3; color: #16191d;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 28px 0 8px; }
.all { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
figure { margin: 0; max-width: 100%; }
figcaption { margin-bottom: 4px; overflow-wrap: anywhere; }
figcaption code { font: 12px ui-monospace, Menlo, Consolas, monospace; display: block; }
.picture { max-height: 760px; max-width: 100%; overflow: auto; border: 1px solid #76808a; border-radius: 8px;
  background: #fff; box-sizing: border-box; }
a:focus-visible { outline: 3px solid #0b57a4; outline-offset: -3px; }
img { display: block; max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { body { background: #14171b; color: #eceff2; } }
"""


class Listed(Protocol):
    """A picture as the index shows it."""

    @property
    def file(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def reader(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


def lines_page(title: str, text: str) -> str:
    """A text with its lines numbered, as the page shows it."""
    rows = "".join(
        f'<code><i>{number}</i><span dir="auto">{escape(line) or " "}</span></code>'
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    )
    return PAGE.format(title=title, style=LINES, body=f"<pre>{rows}</pre>")


def inbox_page(view: View, scheme: Scheme) -> str:
    """Sender, subject and what follows it, cut as a phone cuts them."""
    sender, subject, snippet = (escape(text) for text in (view.sender, view.mail.subject, view.snippet))
    body = (
        f'<div class="row" dir="{view.direction}"><span class="who">{escape(view.sender[:1]) or "?"}</span>'
        f"<b>{sender}</b><time>09:41</time>"
        f'<span class="subject" dir="auto">{subject}</span><span class="snippet" dir="auto">{snippet}</span></div>'
    )
    page = PAGE.format(title="Inbox", style=INBOX, body=body)
    return page.replace("<body>", f'<body class="{scheme}">', 1)


def index_page(name: str, pictures: Sequence[Listed]) -> str:
    """All pictures side by side, by readers."""
    parts = [f"<h1>{escape(name)}</h1>", f"<p>{len(pictures)} pictures</p>"]
    for reader in dict.fromkeys(each.reader for each in pictures):
        figures = "".join(_figure(name, each) for each in pictures if each.reader == reader)
        parts.append(f'<h2>{escape(reader[:1].upper() + reader[1:])}</h2>\n<div class="all">\n{figures}</div>')
    return PAGE.format(title=f"{escape(name)} – pictures", style=INDEX, body="\n".join(["<main>", *parts, "</main>"]))


def _figure(name: str, picture: Listed) -> str:
    file, words = escape(picture.file), escape(picture.words)
    alt = escape(f"{name} for the {picture.reader}: {picture.words}")
    return (
        f'<figure style="width:{picture.width + 2}px"><figcaption>{words}<code>{file}</code></figcaption>'
        f'<div class="picture"><a href="{file}">'
        f'<img src="{file}" alt="{alt}" width="{picture.width}" height="{picture.height}"></a></div>'
        "</figure>\n"
    )
