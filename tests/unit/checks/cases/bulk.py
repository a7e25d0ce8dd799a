from __future__ import annotations

from dataclasses import replace
from html import escape

from mailer.checks.clients import GMAIL_CLIPS_AT
from tests.unit.checks.making import GOOD, HTML, LINK, TEXT, Case, html, mail, sending

MAILTO = "mailto:o'neil@example.org?subject=unsubscribe%20AaQB&x=1"
AS_ATTRIBUTE = "mailto:o&#39;neil@example.org?subject=unsubscribe%20AaQB&amp;x=1"
WITHOUT = {"html": HTML.replace(LINK, "https://site.example/"), "text": TEXT.replace(LINK, "")}
WAY_OUT = f'<p><a href="{LINK}">Unsubscribe</a></p>'


def leaving(link: str) -> dict[str, str]:
    """HTML whose only way out is that."""
    return {"html": HTML.replace(WAY_OUT, link)}


def page(link: str, way_out: str = "Go") -> dict[str, str]:
    """A file on its own, of which nothing is known."""
    return {"html": f'<p><a href="{link}">{way_out}</a></p>', "text": "", "unsubscribe": ""}


def at(position: int, link: str = LINK) -> dict[str, str]:
    """HTML in which the way out begins at that byte, in letters of two bytes."""
    before = "<p>" + "é" * ((position - 20) // 2)
    before += "x" * (position - len(before.encode()) - len('</p><a href="'))
    return {"html": f'{before}</p><a href="{link}">Unsubscribe</a><p>Rivers United, 1 Quay Street, Oslo</p>'}


AND = "https://news.example.org/u?a=1&b=2"
assert at(5000)["html"].encode().find(LINK.encode()) == 5000

CASES = {
    "unsubscribe-link": Case(
        [
            (mail(html=WITHOUT["html"]), "there is no unsubscribe link in the HTML part"),
            (mail(text=WITHOUT["text"]), "there is no unsubscribe link in the text part"),
            (mail(**WITHOUT), "there is no unsubscribe link in the HTML and the text part"),
            (
                replace(mail(**page("https://site.example/")), issue=None),
                "no link looks like one to unsubscribe",
            ),
        ],
        [
            mail(unsubscribe=MAILTO, html=HTML.replace(LINK, AS_ATTRIBUTE), text=TEXT.replace(LINK, MAILTO)),
            *(
                replace(mail(**page("https://site.example/x", words)), issue=None)
                for words in ("Unsubscribe", "Abmelden", "Se désabonner", "Darse de baja", "إلغاء الاشتراك", "Opt out")
            ),
            replace(mail(**page("https://site.example/unsub/1")), issue=None),
            mail(**page("https://site.example/")),
            replace(mail(html="", unsubscribe=""), issue=None),
        ],
    ),
    "unsubscribe-hidden": Case(
        [
            (mail(**leaving(f'<div style="Display : none"><a href="{LINK}">Unsubscribe</a></div>')), "the unsub"),
            (mail(**leaving(f'<a href="{LINK}" style="font-size: 1px">Unsubscribe</a>')), "the unsubscribe link"),
            (mail(**leaving(f'<a href="{LINK}" style="color:#000;font-size:2px">Unsubscribe</a>')), "the unsubscribe"),
            (mail(**leaving(f'<a href="{LINK}" style="font-size:.2em">Unsubscribe</a>')), "the unsubscribe link"),
            (mail(**leaving(f'<a href="{LINK}" style="opacity:0;">Unsubscribe</a>')), "the unsubscribe link"),
            (mail(**leaving(f'<a href="{LINK}" style="visibility:hidden">Unsubscribe</a>')), "the unsubscribe link"),
            (mail(**leaving(f'<p hidden><a href="{LINK}">Unsubscribe</a></p>')), "the unsubscribe link"),
            (mail(**leaving(f'<a href="{LINK}"></a>')), "the unsubscribe link cannot be seen"),
            (mail(**leaving(f'<a href="{LINK}"><img src="https://a.example/x.png" alt=""></a>')), "the unsub"),
        ],
        [
            mail(
                **leaving(f'<td style="font-size:0px"><p style="font-size:14px"><a href="{LINK}">Unsubscribe</a></p>')
            ),
            mail(**leaving(f'<a href="{LINK}" style="opacity:0.8">Unsubscribe</a>')),
            mail(**leaving(f'<a href="{LINK}" style="font-size:3px">Unsubscribe</a>')),
            mail(**leaving(f'<a href="{LINK}" hidden>no</a><a href="{LINK}">Unsubscribe</a>')),
            mail(**leaving(f'<a href="{LINK}"><img src="https://a.example/x.png" alt="Unsubscribe"></a>')),
            html('<p style="display:none"><a href="https://site.example/x">Unsubscribe</a></p>'),
        ],
    ),
    "unsubscribe-clipped": Case(
        [
            (mail(**at(GMAIL_CLIPS_AT)), "the unsubscribe link stands after the first 102,400 bytes"),
            (mail(**at(GMAIL_CLIPS_AT + 1, escape(AND)), unsubscribe=AND), "the unsubscribe link stands"),
        ],
        [
            mail(**at(GMAIL_CLIPS_AT - 1)),
            mail(html=HTML.replace("</body>", "é" * 60_000 + "</body>")),
            mail(html=at(GMAIL_CLIPS_AT)["html"], unsubscribe=""),
            mail(html=at(GMAIL_CLIPS_AT)["html"], unsubscribe="https://elsewhere.example/"),
        ],
    ),
    "postal-address": Case(
        [
            (sending(postal_address=" "), "the organisation's postal address is missing"),
            (sending(organisation=""), "the organisation's name is missing"),
        ],
        [replace(GOOD, sending=None)],
    ),
    "address-shown": Case(
        [
            (mail(html=HTML.replace("Quay", "Long")), "the organisation's postal address is not in the HTML part"),
            (mail(html=HTML.replace("United", "")), "the organisation's name is not in the HTML part"),
            (mail(text=TEXT.replace("Quay", "Long")), "the organisation's postal address is not in the text part"),
            (mail(html=HTML.replace("<p>Rivers", '<p title="Rivers').replace("Oslo<", 'Oslo"><')), "the organisation"),
        ],
        [
            mail(html=HTML.replace("1 Quay Street, Oslo", "1 QUAY Street<br>\nOslo")),
            mail(text=TEXT.replace("1 Quay Street, Oslo", "1 Quay Street\n Oslo")),
            mail(html="", text=TEXT),
            mail(text=""),
            replace(mail(html="<p>Nothing"), sending=None),
        ],
    ),
    "one-click": Case(
        [
            (sending(base_url=""), "there is no https address to unsubscribe at"),
            (sending(base_url="http://news.example.org"), "there is no https address"),
        ],
        [replace(GOOD, sending=None)],
    ),
    "free-mail": Case(
        [(sending(free_mail=True), "From is an address at a provider of mailboxes")], [replace(GOOD, sending=None)]
    ),
    "made-up-sender": Case(
        [
            (sending(from_email="news@example.org"), "From is under a domain that only exists in examples"),
            (sending(from_email="news@mail.Example.com"), "From is under a domain"),
        ],
        [
            sending(from_email="news@example.org", leaves_this_machine=False),
            sending(from_email="news@notexample.org"),
            sending(from_email=""),
            replace(GOOD, sending=None),
        ],
    ),
    "tracking-on": Case(
        [(sending(tracking=True), "it is counted who follows links in this issue")], [replace(GOOD, sending=None)]
    ),
}

WARNINGS_HERE = {
    "postal-address": sending(postal_address="", leaves_this_machine=False),
    "address-shown": replace(
        mail(html=HTML.replace("Quay", "Long")), sending=sending(leaves_this_machine=False).sending
    ),
    "one-click": sending(base_url="", leaves_this_machine=False),
    "free-mail": sending(free_mail=True, leaves_this_machine=False),
}
"""What stops nothing while the mails stay on this machine."""
