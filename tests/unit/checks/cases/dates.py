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


ASKING = {
    "en": "join us|come along|come and|come to|sign up|register by|register until|apply before|book now|rsvp here"
    "|register at|register for|save the date|see you|be there|take part|book your|deadline is|deadline:|we meet"
    "|meet us",
    "de": "komm mit|kommt zu|kommt zum|kommt zur|kommt alle|kommt vorbei|kommen Sie|sei dabei|seid dabei"
    "|seien Sie dabei|mach mit|macht mit|melde dich|meldet euch|melden Sie sich|anmelden bis|Anmeldung unter"
    "|wir treffen uns|Treffpunkt|Anmeldeschluss|Einsendeschluss|wir laden|herzlich ein",
    "fr": "rejoignez|venez|viens|inscrivez-vous|inscris-toi|inscription avant|inscriptions jusqu'au|rendez-vous"
    "|participez|nous vous invitons|on se retrouve",
    "es": "únete|uníos|únanse|ven a|venid al|ven con|vengan|inscríbete|inscríbanse|participa|apúntate|te esperamos"
    "|os esperamos|plazo hasta",
    "pt": "junte-se|juntem-se|venha|inscreva-se|inscreve-te|participe|esperamos por|prazo até",
}
NAMES = {
    "en": "Jan January Feb February Mar March Apr April May Jun June Jul July Aug August Sep Sept September Oct "
    "October Nov November Dec December",
    "de": "Jan Januar Jänner Feb Februar März Apr April Mai Jun Juni Jul Juli Aug August Sep Sept September Okt "
    "Oktober Nov November Dez Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto setiembre septiembre octubre noviembre diciembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
ASKED = [(language, f"{words} 2026-11-14") for language, every in ASKING.items() for words in every.split("|")]
NAMED = [
    (language, f"{ASKING[language].partition('|')[0]} 14 {name} 2025")
    for language, every in NAMES.items()
    for name in every.split()
]
OVER = (
    ("en", "Join us on Saturday 14 November at the weir"),
    ("en", "Join us on Saturday, 21 Nov. 2026"),
    ("en", "Sign up by November 3rd"),
    ("en-GB", "Come to the weir on 2026-11-21"),
    ("en", "On the 14th of November: save the date"),
    ("en", "It was nice. Join us on 14 November"),
    ("EN", "Join us on 14 November"),
    ("en", "Join us on 1st November"),
    ("en", "Join us on 2nd November"),
    ("en", "Join us on 3rd of November"),
    ("en", "Join us on December 14, 2025"),
    ("en", "Sign up " + "and others " * 10 + "and join us on 14 November"),
    ("en", "Join us on 14 November or 23 March"),
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
    ("pt", "Venha em 1º de novembro"),
    ("pt", "Venha em 2026-11-21"),
    ("es", "Ven a vernos el 14 de diciembre de 2025"),
    ("es", "Ven a vernos el 21/11/2026"),
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
    ("en", "Join us and bring 9 novels"),
    ("en", "The deadline was 14 November"),
    ("en", "We had much to overcome to 14 November"),
    ("en", "They meet usually until 14 November"),
    ("en", "Join us in November 2026"),
    ("en", "Join us on Mondays in November 10:30"),
    ("en", "Join us at Tarnov 14"),
    ("en", "Join us in hall B14 November to March"),
    ("en", "Join us on 14 November or 3 January"),
    ("en", "Join us on 14 November or 22 March"),
    ("en", "Join us in room B2026-11-20"),
    ("en", "Join us in room 7-2026-11-20"),
    ("en", "Join us in room 2026-11-20b"),
    ("en", "It was full on 14 November 2026. Join us next week"),
    ("en", "It was full on November 14! Join us next week"),
    ("en", "It was full on November 14? Join us next week"),
    ("en", "It was full on November 14... Join us next week"),
    ("en", "It was full on November 14!? Join us next week"),
    ("en", "It was full on 14 November! Join us next week"),
    ("en", "It was full on 14 November?! Join us next week"),
    ("en", "Join us on 01/11/2026"),
    ("de", "Kommt alle am 14. Dezember"),
    ("de", "Anmeldung bis 14.12.2026, Version 1.11.2026.4"),
    ("de", "Kommt alle, im November 14 Tage lang"),
    ("de", "Anmeldung bis Version 3.14.11.2026"),
    ("de", "Anmeldung bis Version 114.11.2026"),
    ("de", "Anmeldung bis Version 14.11.20265"),
    ("fr", "Venez au 3/11/2026/5"),
    ("fr", "Venez au 3/14/11/2026"),
    ("fr", "Venez au 114/11/2026"),
    ("fr", "Venez au 14/11/20265"),
    ("ar", "Join us on 14 November"),
)

CASES = {
    "day-over": Case(
        [(said(*each), "readers are invited to a day that is over") for each in (*OVER, *ASKED, *NAMED)]
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
