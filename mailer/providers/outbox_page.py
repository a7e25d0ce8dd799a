"""The page that shows an outbox: what was written for an issue, and how the first mail looks."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import escape
from urllib.parse import quote

# More would make a page of megabytes; the folder has them all.
LISTED = 50


@dataclass(frozen=True, slots=True)
class MailLine:
    """One mail in the list; `path` is relative to the issue's folder."""

    path: str
    to: str
    subject: str


def read_mail(content: bytes, path: str) -> MailLine:
    """What the list shows of a mail."""
    message = BytesParser(policy=policy.default).parsebytes(content, headersonly=True)
    return MailLine(path, str(message["To"] or ""), str(message["Subject"] or ""))


def sample_html(content: bytes) -> str:
    """The HTML part of a mail, empty if it has none."""
    message = BytesParser(policy=policy.default).parsebytes(content)
    body = message.get_body(("html",))
    return str(body.get_content()) if isinstance(body, EmailMessage) else ""


@dataclass(frozen=True, slots=True)
class Page:
    """The first mails of an issue, and how many there are in all."""

    issue: str
    mails: list[MailLine]
    count: int
    has_sample: bool

    def html(self) -> str:
        subject = self.mails[0].subject if self.mails else ""
        return _PAGE.format(
            title=escape(subject or self.issue),
            issue=escape(self.issue),
            count=f"{self.count:,}",
            noun="mail" if self.count == 1 else "mails",
            rows="".join(map(_row, self.mails)),
            more=self._more(),
            sample=_SAMPLE if self.has_sample else "<p>The first mail has no HTML part.</p>",
        )

    def _more(self) -> str:
        left = self.count - len(self.mails)
        return f"<p>And {left:,} more in the folder <code>new</code> beside this page.</p>" if left > 0 else ""


def _row(mail: MailLine) -> str:
    name = mail.path.rpartition("/")[2].partition(".")[0]
    return (
        f'<tr><td><a href="{escape(quote(mail.path))}">{escape(name)}</a></td>'
        f"<td><bdi>{escape(mail.to)}</bdi></td><td><bdi>{escape(mail.subject)}</bdi></td></tr>\n"
    )


# No script, no form, no way out of the frame: its links carry a real subscriber's tokens, and nobody should follow
# them by a slip of the finger.
_SAMPLE = """<iframe src="sample.html" title="The first mail as HTML" sandbox referrerpolicy="no-referrer"></iframe>
<p>Links in the preview do not work. Drag its lower right corner to see it as narrow as a phone.</p>"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{title} - outbox</title>
<style>
:root {{ color-scheme: light dark; --ink: #1d2529; --soft: #56646b; --ground: #f4f6f6; --card: #ffffff;
  --line: #d9dfe1; --link: #0b5f86; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e6ecee; --soft: #9fb0b7; --ground: #12181b; --card: #1b2327; --line: #313c42; --link: #7cc4ea; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 32px 24px; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }}
header, main {{ max-width: 1400px; margin: 0 auto; }}
h1 {{ margin: 0; font-size: 1.75rem; line-height: 1.25; overflow-wrap: anywhere; }}
h2 {{ margin: 0 0 12px; font-size: 1rem; }}
header p {{ margin: 4px 0 24px; color: var(--soft); }}
main {{ display: grid; gap: 24px; grid-template-columns: minmax(0, 1fr); align-items: start; }}
@media (min-width: 1100px) {{ main {{ grid-template-columns: minmax(0, 1fr) minmax(0, 720px); }} }}
section {{ padding: 20px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }}
section p {{ margin: 12px 0 0; color: var(--soft); font-size: .875rem; }}
.list {{ max-height: 760px; overflow: auto; }}
table {{ width: 100%; border-collapse: collapse; font-size: .875rem; }}
th, td {{ padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top;
  overflow-wrap: anywhere; }}
th {{ color: var(--soft); font-weight: 600; }}
td:first-child {{ white-space: nowrap; font-variant-numeric: tabular-nums; }}
td:nth-child(2) {{ min-width: 12rem; }}
a {{ color: var(--link); }}
iframe {{ display: block; width: 100%; max-width: 100%; height: 760px; resize: both;
  border: 1px solid var(--line); border-radius: 4px; background: #ffffff; }}
@media (max-width: 480px) {{
  body {{ padding: 16px 12px; }}
  section {{ padding: 14px; }}
  thead {{ display: none; }}
  table, tbody, tr, td {{ display: block; min-width: 0; }}
  tr {{ padding: 8px 0; border-bottom: 1px solid var(--line); }}
  td {{ padding: 0; border: 0; }}
}}
</style>
</head>
<body>
<header>
<h1><bdi>{title}</bdi></h1>
<p>{count} {noun} written for {issue}. Nothing was sent.</p>
</header>
<main>
<section>
<h2>Mails</h2>
<div class="list">
<table>
<thead><tr><th scope="col">Mail</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
</div>
{more}
</section>
<section>
<h2>The first mail</h2>
{sample}
</section>
</main>
</body>
</html>
"""
