from __future__ import annotations

from dataclasses import replace

from mailer.checks.facts import Facts, Mail
from tests.unit.checks.making import ARTICLE, NOW, TEXT, Case, html, issue, mail

WORDS = "word " * 119
STANDING_IN = (
    "Lorem ipsum", "dolor sit amet", "[insert quote]", "[add a quote]", "[Your quote]", "[First name]", "[last name]",
    "[full name]", "[name]", "Your headline here", "your text here", "your title here", "your name here",
    "your heading here", "Insert text here", "insert link here", "insert title here", "insert name here",
    "Hier Text einfügen", "Text hier einfügen", "[object Object]",
)  # fmt: skip


def line(text: str) -> Facts:
    return html(f"<p>{text}</p>")


def file(text: str) -> Facts:
    return replace(line(text), issue=None)


def file_in(language: str, text: str) -> Facts:
    return Facts(now=NOW, mails=(Mail("a file", html=f'<html lang="{language}"><body><p>{text}</p></body></html>'),))


def in_spanish(text: str) -> Facts:
    return replace(line(text), issue=issue(language="es-MX").issue)


CASES = {
    "template-marks": Case(
        [
            (mail(text=TEXT + "Dear {{ name }},"), "readers will see template code"),
            (mail(text=TEXT + "{% if %}"), "readers will see template code"),
            (mail(subject="For {{ name }}"), "readers will see template code"),
            (mail(preheader="For {{ name }}"), "readers will see template code"),
            (line("Dear {# name #},"), "readers will see template code"),
            (html('<p><a href="https://site.example/{{ id }}">More</a></p>'), "readers will see template code"),
        ],
        [
            mail(text=TEXT + "a set {a, b}, {{ and } }, 100%"),
            mail(text=TEXT + "{{" + "x" * 80 + "}}"),
        ],
    ),
    "foreign-marks": Case(
        [
            (line(f"Dear {mark},"), "readers will see the placeholder of another program")
            for mark in ("*|FNAME|*", "*|COMPANY|*", "<em>|FNAME|</em>", "|MC:SUBJECT|",
                         "|LNAME|", "|MNAME|", "|EMAIL|", "|UNSUB|", "|ARCHIVE|", "|LIST:A_1:B|", "|USER:A|",
                         "|DATE:Y|", "*|A_1:B.C|*", "%%first_name%%", "%%Last name.a-b%%", "[[first_name]]", "[[_a]]",
                         "[[Last name.a:b|c-d]]", "%recipient.name%", "&lt;%= name %&gt;", "&lt;% name %&gt;",
                         "${first_name}", "${Name.a}", "${_a}", "{$name}", "{$Name}", "{$_a1}")
        ]
        + [(html('<p><a href="*|UNSUB|*">Leave</a></p>'), "readers will see")],
        [
            line(mark)
            for mark in ("5 *| 6 |*", "|x| and |AB|", "NAME|FNAME",
                         "100%% and 20%%", "[1] [[2]]", "10% recipient.name", "$5 {a}", "&lt;5%, 6%>")
        ],
    ),
    "placeholder": Case(
        [
            (line("TK how many"), "a placeholder was left"),
            (line("TODO: add the number"), "a placeholder was left"),
            (line("And TODO"), "a placeholder was left"),
            (in_spanish("TODO: la cifra"), "a placeholder was left"),
            (file("TODO: add the number"), "a placeholder was left"),
            (file_in("EN-gb", "And TODO"), "a placeholder was left"),
            (line("FIXME"), "a placeholder was left"),
            (line("Call XXX now"), "a placeholder was left"),
            (line("XXXX people"), "a placeholder was left"),
            (line("TKTK"), "a placeholder was left"),
            (line("The place: TBD"), "a placeholder was left"),
            *((line(f"And {words}, too"), "a placeholder was left") for words in STANDING_IN),
            (mail(subject="Rivers TK"), "a placeholder was left"),
            (mail(preheader="TK"), "a placeholder was left"),
            (mail(text=TEXT + "TK"), "a placeholder was left"),
            (html('<p><img src="https://a.example/x.png" alt="TODO: words"></p>'), "a placeholder was left"),
            (replace(line("Platz halter"), placeholders=("hier fehlt", "platz halter")), "a placeholder was left"),
            (replace(line("Hier fehlt"), placeholders=("hier fehlt", "platz halter")), "a placeholder was left"),
            (Facts(now=NOW, mails=(Mail("a file"), *file_in("en", "And TODO").mails)), "a placeholder was left"),
        ],
        [
            line("TK Maxx sells it, and so does the shop in ATK Street"),
            line("All my todo lists, tk and tbd, in METODOS or ATK, TODOS, two TKs, PREFIXME, size XX"),
            in_spanish("MÉTODO: contar"),
            line("Write to [us](https://site.example), [inserted] or [name of]"),
            in_spanish("TODO el río"),
            file_in("", "TODO el río"),
            file_in(" ES-mx ", "TODO el río"),
            file_in("pt", "TODO o rio"),
            file_in("gl", "TODO o río"),
            Facts(now=NOW, mails=(Mail("a file", html="<p>TODO</p>"),)),
            line("Cicero wrote dolorem ipsum, and lorem ipsumque, and dolor sit ametque, indolor sit amet"),
            line("Yyour text here, your texts here, reinsert text here, insert text hereby"),
            line("Dahier Text einfügen, hier Text einfügend"),
            line("[your page](https://site.example)"),
            line("MXXXI"),
            line("Your text is here"),
            replace(line("Platz halters, Ersatzplatz halter"), placeholders=("platz halter",)),
            html('<p><a href="https://site.example/-TK-?x=TODO:">More</a></p>'),
        ],
    ),
    "long-paragraph": Case(
        [(line(WORDS + "and more"), "a paragraph has more than 120 words")],
        [
            line(WORDS + "more"),
            line(f"{WORDS}</p><p>{WORDS}"),
            line(f'{WORDS}<span style="display:none">{WORDS}</span>'),
        ],
    ),
}  # fmt: skip

MEANT = replace(line("Why {{ name }} and *|FNAME|* fail"), issue=issue(
    articles=(ARTICLE, replace(ARTICLE, title="Why {{ name }} fails", excerpt="And *|FNAME|*"))).issue)  # fmt: skip
"""What a site wrote into its article is only warned of."""
