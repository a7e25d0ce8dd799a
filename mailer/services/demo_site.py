"""A made-up organisation with two campaigns: its feed and its people, for `mailer demo`. Nobody here exists."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import cycle, islice
from xml.sax.saxutils import escape

SITE = "https://riverside.example.org"

SETTINGS = """\
# Settings of the demo. `mailer config check` reads them, `mailer config schema` describes every key.

[organisation]
name = "Riverside Together"
postal_address = "12 Mill Lane, Riverside"
contact = "office@riverside.example.org"
website = "https://riverside.example.org"

[from.office]
name = "Riverside Together"
email = "news@riverside.example.org"

[sources.site]
kind = "feed"
path = "site/feed.xml"                 # a file here, so that the demo needs no network; otherwise: url = "https://..."
url = "https://riverside.example.org/feed.xml"

[tags.aliases]
clean-rivers = ["rivers", "#CleanRiversNow"]

[provider]
name = "outbox"                        # writes the mails as files and needs no account

[web]
base_url = "https://news.riverside.example.org"

[[theme.social]]
name = "Mastodon"
url = "https://social.example.org/@riverside"
"""


@dataclass(frozen=True, slots=True)
class Item:
    """One article of the made-up site. `days` is its age."""

    days: float
    title: str
    excerpt: str
    tags: tuple[str, ...]
    author: str


ITEMS = (
    Item(0.3, "400 people, 11 bridges, 3 tonnes of rubbish: Saturday on the river",
         "It rained, and they came all the same. From the weir to the old harbour, volunteers cleaned both banks in "
         "one morning. What they found, and what the council promised on the spot.",
         ("#CleanRivers", "volunteering"), "Mira Holt"),
    Item(1.2, "Mill Lane weir: the council will publish its measurements",
         "After two years of letters the readings of the water quality at Mill Lane go online every week. We explain "
         "how to read them and which three numbers matter.",
         ("clean-rivers",), "Jonas Adeyemi"),
    Item(2.1, "Library hours: 2,318 signatures in nine days",
         "Evening opening on two days a week, and a reading room on Sundays: that is what the petition asks for. The "
         "hearing is on the 9th, and there are seats for the public.",
         ("Library for all",), "Sofia Brandt"),
    Item(2.9, "\u201cI learned to read here at forty\u201d: five visitors on their library",
         "A bus driver, a student, a grandfather, a nurse on night shift and a boy who comes for the radiator: five "
         "short portraits from the reading room in Canal Street.",
         ("library-for-all",), "Sofia Brandt"),
    Item(3.6, "Where the nets go: a fisherman shows his logbook",
         "For thirty years Piet Vos has written down what he catches and what else is in the net. His logbook is the "
         "longest record of the river that anybody has.",
         ("Clean Rivers", "people"), "Mira Holt"),
    Item(4.4, "Three questions to the water board, and the answers",
         "Who pays for the new filter, when will it run, and what happens until then? We asked, they answered, we "
         "checked.",
         ("rivers",), "Jonas Adeyemi"),
    Item(5.5, "Sunday reading room: how other towns pay for it",
         "Four towns of our size open on Sundays. Two use volunteers at the desk, one a key card, one simply pays. "
         "What each of them costs.",
         ("library-for-all", "background"), "Ewa Lis"),
    Item(6.3, "Bring your own gloves: the next three clean-up mornings",
         "Dates, meeting points, and who to call. Children are welcome on the meadow side; bags, pickers and tea are "
         "there.",
         ("#CleanRiversNow", "volunteering"), "Mira Holt"),
    Item(9.0, "What the river carried this summer",
         "Every bag was weighed, every find counted. The figures from fourteen mornings in one table.",
         ("clean-rivers",), "Jonas Adeyemi"),
    Item(16.0, "A library is not a warehouse: notes from the first meeting",
         "Sixty people in a room for thirty. What was said, who will do what, and when we meet again.",
         ("library-for-all",), "Ewa Lis"),
)  # fmt: skip

FIRST_NAMES = (
    "Ada", "Amir", "Anna", "Bo", "Carla", "Chen", "Dwi", "Elif", "Emeka", "Fatima", "Frida", "Gra\u017cyna", "Hana",
    "Ibrahim", "Ilse", "Ines", "Jo\u00e3o", "Kofi", "Lea", "Liam", "Maja", "Mehmet", "Mira", "Noor", "Olga", "Omar",
    "Pau", "Priya", "Rosa", "Sami", "Siobh\u00e1n", "Tariq", "Uma", "V\u00edctor", "Wei", "Yara", "Zo\u00eb",
)  # fmt: skip
LAST_NAMES = (
    "Adeyemi", "Berg", "Brandt", "Costa", "Demir", "Eriksen", "Farah", "Garc\u00eda", "Haddad", "Ivanova", "Jensen",
    "Kaya", "Lind", "M\u00fcller", "Nowak", "O'Neil", "Petrov", "Quispe", "Rossi", "S\u00e1", "Tan", "Usman", "Vos",
    "Wang", "Yilmaz",
)  # fmt: skip
CITIES = ("Riverside", "Riverside", "Riverside", "Canal Street", "Millbridge", "Harbourton")


def feed(now: datetime) -> str:
    """The feed of the site, as RSS 2.0, with articles of the last days."""
    items = "".join(item_xml(number, item, now) for number, item in enumerate(ITEMS))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>\n'
        f"<title>Riverside Together</title><link>{SITE}</link><description>News</description>\n{items}"
        "</channel></rss>\n"
    )


def item_xml(number: int, item: Item, now: datetime) -> str:
    tags = "".join(f"<category>{escape(tag)}</category>" for tag in item.tags)
    return (
        f"<item><title>{escape(item.title)}</title><link>{SITE}/news/{len(ITEMS) - number}</link>"
        f'<guid isPermaLink="false">riverside-{len(ITEMS) - number}</guid>'
        f"<pubDate>{format_datetime(now - timedelta(days=item.days))}</pubDate>"
        f"<dc:creator>{escape(item.author)}</dc:creator>{tags}"
        f"<description>{escape(item.excerpt)}</description></item>\n"
    )


def people(count: int) -> str:
    """A CSV file of made-up subscribers, the same ones each time."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["Email", "First Name", "Last Name", "City", "Volunteer"])
    first, last, city = cycle(FIRST_NAMES), cycle(LAST_NAMES), cycle(CITIES)
    for number in range(count):
        row = [f"reader{number + 1:04d}@example.org", *islice(first, 1), *islice(last, 1), *islice(city, 1)]
        # Some left their name out: the greeting must do without it.
        writer.writerow([row[0], "" if number % 9 == 4 else row[1], row[2], row[3], "yes" if number % 5 == 0 else "no"])
    return table.getvalue()
