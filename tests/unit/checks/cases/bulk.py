from __future__ import annotations

from dataclasses import replace

from tests.unit.checks.making import GOOD, HTML, LINK, TEXT, Case, mail, sending

MAILTO = "mailto:o'neil@example.org?subject=unsubscribe%20AaQB&x=1"
AS_ATTRIBUTE = "mailto:o&#39;neil@example.org?subject=unsubscribe%20AaQB&amp;x=1"
WITHOUT = {"html": HTML.replace(LINK, "https://site.example/"), "text": TEXT.replace(LINK, "")}

CASES = {
    "unsubscribe-link": Case(
        [
            (mail(html=WITHOUT["html"]), "there is no unsubscribe link in the HTML part"),
            (mail(text=WITHOUT["text"]), "there is no unsubscribe link in the text part"),
            (mail(**WITHOUT), "there is no unsubscribe link in the HTML and the text part"),
        ],
        [mail(unsubscribe=MAILTO, html=HTML.replace(LINK, AS_ATTRIBUTE), text=TEXT.replace(LINK, MAILTO))],
    ),
    "postal-address": Case(
        [
            (sending(postal_address=" "), "the organisation's postal address is missing"),
            (sending(organisation=""), "the organisation's name is missing"),
        ],
        [replace(GOOD, sending=None)],
    ),
    "one-click": Case(
        [
            (sending(base_url=""), "there is no https address to unsubscribe at"),
            (sending(base_url="http://news.example.org"), "there is no https address"),
        ],
        [replace(GOOD, sending=None)],
    ),
}

WARNINGS_HERE = {
    "postal-address": sending(postal_address="", leaves_this_machine=False),
    "one-click": sending(base_url="", leaves_this_machine=False),
}
"""What stops nothing while the mails stay on this machine."""
