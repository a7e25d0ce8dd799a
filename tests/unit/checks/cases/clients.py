from __future__ import annotations

from mailer.checks.clients import GMAIL_CLIPS_AT
from tests.unit.checks.making import HTML, Case, mail

LONGEST = HTML + "x" * (GMAIL_CLIPS_AT - len(HTML))

CASES = {
    "clipped": Case(
        [
            (mail(html=LONGEST + "x"), "the HTML has 102,401 bytes"),
            (mail(html=LONGEST[:-1] + "é"), "the HTML has 102,401 bytes"),
        ],
        [mail(html=LONGEST)],
    ),
}
