from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from mailer.checks.facts import Facts
from tests.unit.checks.making import Case, html, issue


def said(language: str, text: str) -> Facts:
    """On 22 November 2026."""
    return replace(html(f"<p>{text}</p>"), issue=issue(language=language).issue)


def in_january(text: str) -> Facts:
    return replace(said("en", text), now=datetime(2027, 1, 5, 9, tzinfo=UTC))


def apart(letters: int, *, before: bool = False) -> str:
    """An invitation and a day that is over, with so many letters between."""
    between = f" {'x' * (letters - 2)} "
    return f"14 November{between}join us" if before else f"Join us{between}14 November"


OVER = (
    ("en", "Join us on Saturday 14 November at the weir"),
    ("en", "Join us on Saturday, 21 Nov. 2026"),
    ("en", "Sign up by November 3rd"),
    ("en-GB", "Come to the weir on 2026-11-21"),
    ("en", "On the 14th of November: save the date"),
    ("en", "It was nice. Join us on 14 November"),
    ("en", "Join us on 25 July"),
    ("de", "Kommt alle am 14. November ans Wehr"),
    ("de", "Anmeldung bis 14.11.2026"),
    ("de", "Anmeldung bis 14.11."),
    ("fr", "Venez le 1er novembre"),
    ("fr", "Venez le 14/11/2026"),
    ("es", "Ven al río el 14 de noviembre"),
    ("es", "Participa el 14 de noviembre de 2026"),
    ("pt", "Junte-se a nós em 14 de novembro"),
    ("pt", "Venha em 21/11/2026"),
)
NOT_OVER = (
    ("en", "Join us on 22 November"),
    ("en", "Join us on 28 November"),
    ("en", "Join us on 14 November or 28 November"),
    ("en", "Thank you to all who joined us on 14 November"),
    ("en", "It was full on 14 November. Join us next week"),
    ("en", "It was full on 14 November, " + "and full " * 12 + "so join us"),
    ("en", "Join us " + "and others " * 10 + "on 14 November"),
    ("en", "Sign up by November 3, 2027"),
    ("en", "Join us on 24 July"),
    ("en", "Join us on 3 January"),
    ("en", "Join us on 31 February, or on 2026-13-01"),
    ("en", "Join us at room 2026-11-20-b"),
    ("en", "Join us, 14 may be enough"),
    ("en", "Join us on 01/11/2026"),
    ("de", "Kommt alle am 14. Dezember"),
    ("de", "Anmeldung bis 14.12.2026, Version 1.11.2026.4"),
    ("fr", "Venez au 3/11/2026/5"),
    ("ar", "Join us on 14 November"),
)

CASES = {
    "day-over": Case(
        [(said(*each), "readers are invited to a day that is over") for each in OVER]
        + [
            (in_january("Join us on 14 December"), "readers are invited to a day that is over"),
            (said("en", apart(100)), "readers are invited"),
            (said("en", apart(100, before=True)), "readers are invited"),
        ],
        [
            in_january("Join us on 6 January"),
            in_january("Join us on 14 August"),
            said("en", apart(101)),
            said("en", apart(101, before=True)),
            *(said(*each) for each in NOT_OVER),
            replace(said("en", "Join us on 14 November"), issue=None),
        ],
    )
}
