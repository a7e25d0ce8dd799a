"""Writes campaign-feed.xml: 200 entries of a local paper's site, with the faults that real feeds have.

    python tests/data/articles/make_feed.py

The same bytes every time. `ENTRIES` holds what a reader must find in them.
"""

# ruff: noqa: E501 sentences are as long as they are

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, product
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

NEWEST = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
SITE = "https://morgenblatt.example"

CAMPAIGNS = {
    "Clean Rivers": (
        ["Volunteers pull {n} sacks of rubbish out of the {river}", "The {river} is safe to swim in again, says the lab",
         "Why the {river} smells after every storm", "Sewage alarm on the {river}: what the company knew",
         "Five questions about the new weir on the {river}"],
        "More than {n} neighbours came to the bank of the {river} on Saturday with gloves, boats and a borrowed digger. "
        "What they found, and who has to pay for it, is now before the council.",
    ),
    "Library Hours": (
        ["The library in {town} opens on Sundays", "{town} saves its reading room", "“Where else can I study?” A night in {town}",
         "Two librarians, {n} visitors: {town} counts", "Book bus reaches {town} for the first time"],
        "For {n} days the doors in {town} stayed shut after six. Readers wrote, the staff answered, and the committee for "
        "culture has now found the money for the longer evenings.",
    ),
    "Night Buses": (
        ["The last bus to {town} leaves at eleven. It should not", "Night line {n} to {town} gets a trial year",
         "Nurses of the {town} clinic walk home", "Drivers & passengers want the same: a bus to {town}",
         "{town}: petition for night buses passes {n} signatures"],
        "Anyone who works late in {town} knows the walk along the main road. The company says that line {n} would cost too "
        "little to argue about, and too much to begin without a decision.",
    ),
    "School Meals": (
        ["A warm lunch for {n} children in {town}", "What is on the plate in {town}’s schools", "School kitchens in {town} cook again",
         "Crème brûlée it is not: we ate with class 4b in {town}", "Free meals in {town}: the figures after one year"],
        "The kitchen in {town} serves {n} portions a day, most of them free. Parents, cooks and the health office agree that "
        "it works; the treasurer is still counting.",
    ),
}  # fmt: skip
TOWNS = [
    "Aarhus",
    "Łódź",
    "Gävle",
    "Brixton",
    "Tromsø",
    "Kreuzberg",
    "Liège",
    "Cádiz",
    "Ghent",
    "Győr",
    "Dún Laoghaire",
]
RIVERS = ["Akerselva", "Lea", "Spree", "Wisła", "Garonne", "Guadalquivir", "Mälaren", "Liffey"]
AUTHORS = [
    "Ingrid Sæther",
    "Tom O’Leary",
    "José Núñez",
    "news@morgenblatt.example (Ada Brandt)",
    "desk@morgenblatt.example",
    "",
]


@dataclass(frozen=True)
class Expected:
    """`moment` is None where the date cannot be read with certainty."""

    title: str
    link: str
    tags: tuple[str, ...]
    moment: datetime | None
    author: str | None
    image: str | None


def zoned(hours: float, name: str) -> Callable[[datetime], str]:
    """A writer of RFC 822 dates in that zone under that name."""
    return lambda at: at.astimezone(timezone(timedelta(hours=hours))).strftime("%a, %d %b %Y %H:%M:%S ") + name


# The element, how it is written, and whether it can be read.
DATES: list[tuple[str, Callable[[datetime], str], bool]] = [
    ("pubDate", zoned(0, "GMT"), True),
    ("pubDate", zoned(2, "+0200"), True),
    ("pubDate", zoned(2, "CEST"), True),
    ("pubDate", zoned(1, "BST"), True),
    ("pubDate", zoned(10, "AEST"), True),
    ("pubDate", zoned(-5, "EST"), True),
    ("pubDate", zoned(5.5, "IST"), True),
    ("pubDate", lambda at: at.strftime("%a, %d %b %Y %H:%M:%S"), True),
    ("pubDate", lambda at: at.strftime("%d %b %y %H:%M:%S Z"), True),
    ("pubDate", lambda at: at.strftime("%a, %d %b %Y %H:%M:%S -0000"), True),
    ("dc:date", lambda at: at.isoformat(), True),
    ("dc:date", lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.500Z"), True),
    ("dc:date", lambda at: at.strftime("%Y-%m-%d %H:%M:%S"), True),
    ("atom:updated", lambda at: at.isoformat(), True),
    ("pubDate", lambda at: at.strftime("%B %d, %Y %I:%M:%S %p"), True),
    ("pubDate", lambda at: at.strftime("%a %b %d %H:%M:%S UTC %Y"), True),
    ("pubDate", lambda at: at.strftime("%d/%m/%Y %H:%M"), False),
    ("pubDate", lambda at: "lun., " + at.strftime("%d") + " févr. " + at.strftime("%Y %H:%M:%S +0100"), False),
    ("pubDate", lambda at: at.strftime("Mo, %d %b %Y %H:%M:%S +0100"), False),
    ("pubDate", lambda at: at.replace(year=2062).strftime("%a, %d %b %Y %H:%M:%S GMT"), False),
]  # fmt: skip


def headlines() -> Iterator[tuple[str, str, str]]:
    """Campaign, title and text, each title once."""
    seen = set()
    for number, (turn, (campaign, (titles, text))) in enumerate(product(range(400), CAMPAIGNS.items())):
        values = {"n": 12 + 7 * number % 389, "town": TOWNS[turn % len(TOWNS)], "river": RIVERS[turn % len(RIVERS)]}
        title = titles[turn % len(titles)].format(**values)
        if title not in seen:
            seen.add(title)
            yield campaign, title, text.format(**values)


def categories(campaign: str, number: int) -> tuple[str, tuple[str, ...]]:
    """The campaign in the spellings that editors use, and what a reader must make of them."""
    forms = {
        0: (f"<category>{campaign}</category><category>Local</category>", (campaign, "Local")),
        1: (f"<category>#{campaign.replace(' ', '')}</category>", (campaign.replace(" ", ""),)),
        2: (f"<category><![CDATA[{campaign.lower().replace(' ', '-')}]]></category><category/>",
            (campaign.lower().replace(" ", "-"),)),
        3: (f'<atom:category term="{4000 + number}" label={quoteattr(campaign)}/>', (campaign, str(4000 + number))),
        4: (f"<category>  {campaign}  </category><category>{campaign.upper()}</category>", (campaign,)),
        5: (f"<category domain='{SITE}/t'>{campaign}</category><category>Q &amp; A</category>", (campaign, "Q & A")),
    }  # fmt: skip
    return forms[number % 6]


def picture(number: int) -> tuple[str, str | None]:
    """The elements of a picture, and the link that must be found."""
    name = f"{SITE}/media/{number}.jpg"
    pixel = '<img src="https://pixel.wp.com/g.gif" width="1" height="1">'
    forms = {
        0: ("", None),
        1: (f'<media:content url="{name}" medium="image" width="1200"/><media:thumbnail url="{SITE}/t.jpg" width="80"/>', name),
        2: (f'<enclosure url="{name}" type="image/jpeg" length="1"/>', name),
        3: (f"<content:encoded><![CDATA[<p>{pixel}<img src='/media/{number}.jpg' alt='At the site'></p>]]></content:encoded>", name),
        4: (f"<content:encoded><![CDATA[<p>{pixel}</p>]]></content:encoded>", None),
        5: (f'<media:group><media:content url="{name}" type="image/jpeg"/></media:group>', name),
    }  # fmt: skip
    return forms[number % 7 % 6]


def item(number: int, campaign: str, title: str, text: str) -> tuple[str, Expected]:
    at = NEWEST - timedelta(hours=7 * number)
    element, write, readable = DATES[number % len(DATES)]
    tags_xml, tags = categories(campaign, number)
    image_xml, image = picture(number)
    author = AUTHORS[number % len(AUTHORS)]
    link = f"{SITE}/{at:%Y/%m}/{number}"
    query = "?utm_source=rss&amp;utm_medium=feed" if number % 3 == 0 else ""
    media = "<media:description>A picture of the day</media:description>" if number % 4 == 1 else ""
    tail = ' <a href="#">Continue reading</a> [&hellip;]' if number % 5 == 2 else ""
    xml = (
        f"<item><title>{escape(escape(title)) if number % 2 else escape(title)}</title>"
        f"<link>{link}{query}</link>"
        f'<guid isPermaLink="false">{SITE}/?p={9000 - number}</guid>{media}'
        f"<description>{escape(f'<p>{escape(text)}{tail}</p>')}</description>"
        f"<{element}>{write(at)}</{element}>{tags_xml}{image_xml}"
        + (f"<author>{author}</author>" if "@" in author else f"<dc:creator>{author}</dc:creator>" if author else "")
        + "</item>"
    )
    name = "Ada Brandt" if "Ada" in author else None if "@" in author or not author else author
    expected_link = link + ("?utm_source=rss&utm_medium=feed" if query else "")
    return xml, Expected(title, expected_link, tags, at if readable else None, name, image)


ITEMS = [item(number, *headline) for number, headline in enumerate(islice(headlines(), 200))]
ENTRIES = [expected for _, expected in ITEMS]


def build() -> str:
    """The whole feed as text."""
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"\n'
        ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/">\n'
        f"<channel><title>Morgenblatt</title><link>{SITE}/</link><description>News of the town</description>\n"
    )
    return head + "\n".join(xml for xml, _ in ITEMS) + "\n</channel></rss>\n"


if __name__ == "__main__":
    Path(__file__).with_name("campaign-feed.xml").write_text(build(), encoding="utf-8", newline="\n")
