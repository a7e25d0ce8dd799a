from __future__ import annotations

from dataclasses import replace

from mailer.checks.facts import Facts, Mail
from tests.unit.checks.making import ARTICLE, NOW, TEXT, Case, html, issue, mail

WORDS = "word " * 119


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
                         "%%first_name%%", "[[first_name]]", "%recipient.name%", "&lt;%= name %&gt;",
                         "${first_name}", "{$name}")
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
            (line("Lorem ipsum dolor"), "a placeholder was left"),
            (line("[insert quote]"), "a placeholder was left"),
            (line("[Your name]"), "a placeholder was left"),
            (line("Dear [First name]"), "a placeholder was left"),
            (line("Your headline here"), "a placeholder was left"),
            (line("Insert text here"), "a placeholder was left"),
            (line("Hello [object Object]"), "a placeholder was left"),
            (mail(subject="Rivers TK"), "a placeholder was left"),
            (mail(preheader="TK"), "a placeholder was left"),
            (mail(text=TEXT + "TK"), "a placeholder was left"),
            (html('<p><img src="https://a.example/x.png" alt="TODO: words"></p>'), "a placeholder was left"),
            (replace(line("Platz halter"), placeholders=("platz halter",)), "a placeholder was left"),
        ],
        [
            line("TK Maxx sells it, and so does the shop in ATK Street"),
            line("All my todo lists, tk and tbd"),
            line("Write to [us](https://site.example), [inserted] or [name of]"),
            in_spanish("TODO el río"),
            file_in("", "TODO el río"),
            file_in("es-MX", "TODO el río"),
            line("MXXXI"),
            line("Your text is here"),
            replace(line("Platz halters"), placeholders=("platz halter",)),
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
    articles=(replace(ARTICLE, title="Why {{ name }} fails", excerpt="And *|FNAME|*"),)).issue)  # fmt: skip
"""What a site wrote into its article is only warned of."""
