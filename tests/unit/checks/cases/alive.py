from __future__ import annotations

from dataclasses import replace
from typing import Any

from mailer.checks.facts import Facts, Leaving, Probe
from mailer.model import Trouble
from tests.unit.checks.making import GOOD, LINK, NOW, Case, html

HERE = "https://site.example/rivers"
AWAY = "https://site.example/river-news"


def probe(url: str = HERE, status: int = 200, problem: str = "", **more: Any) -> Probe:
    return Probe(url, NOW, status, problem, **{"final_url": url} | more)


def known(*probes: Probe, facts: Facts = GOOD) -> Facts:
    return replace(facts, probes={each.url: each for each in probes})


def asked(href: str, *beside: Probe, **changes: Any) -> Facts:
    """GOOD with a link and what it answers."""
    return known(probe(href, **changes), *beside, facts=html(f'<p><a href="{href}">More about it</a></p>'))


def leaving(page: Probe | None = None, click: Probe | None = None, facts: Facts = GOOD) -> Facts:
    return replace(facts, leaving=Leaving(page or probe(LINK), click or probe(LINK)))


CASES: dict[str, Case] = {
    "one-click-answers": Case(
        [
            (leaving(probe(LINK, 404)), "the page for unsubscribing is answered with 404"),
            (leaving(probe(LINK, 204)), "the page for unsubscribing is answered with 204"),
            (leaving(probe(LINK, 301)), "the page for unsubscribing sends on to another address (301)"),
            (leaving(probe(LINK, 299)), "the page for unsubscribing is answered with 299"),
            (leaving(probe(LINK, 300)), "the page for unsubscribing sends on to another address (300)"),
            (leaving(click=probe(LINK, 399)), "unsubscribing by one click sends on to another address (399)"),
            (leaving(click=probe(LINK, 400)), "unsubscribing by one click is answered with 400"),
            (leaving(click=probe(LINK, 0, Trouble.TLS)), "unsubscribing by one click cannot be reached: the secure"),
            (leaving(click=probe(LINK, 200, Trouble.STRANGER)), "unsubscribing by one click answered by another"),
        ],
        [leaving(), GOOD],
    ),
    "link-broken": Case(
        [
            (known(probe(status=404)), "a link leads to a page that is not there (404)"),
            (known(probe(status=410)), "a link leads to a page that is not there (410)"),
            (known(probe(status=400)), "the site behind a link does not take it (400)"),
            (known(probe(status=302)), "the site behind a link does not take it (302)"),
            (known(probe(status=499)), "the site behind a link does not take it (499)"),
            (known(probe(status=500)), "the site behind a link has a fault (500)"),
            (known(probe(status=599)), "the site behind a link has a fault (599)"),
            (known(probe(status=600)), "the site behind a link does not take it (600)"),
            (asked("https://b.example/a#part", status=404), "a link leads to a page that is not there"),
        ],
        [
            known(probe(status=200)),
            known(probe(status=299)),
            known(probe(status=403)),
            known(probe(status=0, problem=Trouble.TIME)),
            known(probe("https://site.example/other", status=404)),
        ],
    ),
    "link-unreachable": Case(
        [
            (known(probe(status=0, problem=trouble)), f"a link cannot be reached: {trouble}")
            for trouble in ("the name is unknown", "the secure connection failed", "no answer in time")
        ]
        + [
            (known(probe(status=0, problem="the connection failed")), "a link cannot be reached: the connection"),
            (known(probe(status=0, problem="leads from https to http")), "a link cannot be reached: leads from"),
            (known(probe(status=0, problem="no address of the web")), "a link cannot be reached: no address"),
            (known(probe(status=0, problem="not a public address")), "a link leads, or sends on, to an address that"),
        ],
        [
            known(probe()),
            known(probe(status=200, problem=Trouble.MOVED)),
            known(probe(status=0, problem=Trouble.LOOP)),
            known(probe(status=0, problem=Trouble.UNASKED)),
            known(probe(status=503, problem=Trouble.PRIVATE)),
            asked("https://127.0.0.1/x", status=0, problem=Trouble.PRIVATE),
            asked("https://intranet/x", status=0, problem=Trouble.PRIVATE),
            known(probe(status=503, problem=Trouble.TIME)),
        ],
    ),
    "link-refused": Case(
        [
            (known(probe(status=status)), f"a site does not let programs look at a link ({status})")
            for status in (401, 403, 405, 406, 407, 423, 425, 429, 451, 503, 999)
        ]
        + [(known(probe(status=0, problem=Trouble.LOOP)), "a site sends programs in circles")],
        [
            known(probe()),
            known(probe(status=404)),
            known(probe(status=0, problem=Trouble.TIME)),
            known(probe(status=200, problem=Trouble.LOOP)),
        ],
    ),
    "link-home": Case(
        [
            (asked(AWAY, final_url="https://site.example/"), "a link ends on the front page of its site"),
            (asked(AWAY, final_url="https://www.site.example"), "a link ends on the front page"),
            (asked("https://www.site.example/2026/rivers/", final_url="https://site.example/en/"), "a link ends on"),
            (asked(AWAY, final_url="https://site.example/index.html"), "a link ends on the front page"),
            (asked("https://site.example/shop", final_url="https://site.example/pt-br"), "a link ends on"),
            (asked("https://a.site.example/shop", final_url="https://site.example/"), "a link ends on"),
        ],
        [
            asked(AWAY, final_url=AWAY),
            asked(AWAY, final_url="https://site.example/rivers/"),
            asked(AWAY, status=404, final_url="https://site.example/"),
            asked(AWAY, status=0, final_url=""),
            asked(AWAY, final_url="https://site.example/?p=12"),
            asked(AWAY, final_url="https://other.example/"),
            asked(AWAY, final_url="https://[site"),
            asked("https://[site/rivers", final_url="https://site.example/"),
            asked("https:///rivers", final_url="https://site.example/"),
            asked("https://site.example/?p=12", final_url="https://site.example/"),
            asked("https://site.example/find?q=12", final_url="https://site.example/"),
            asked("https://site.example", final_url="https://site.example/"),
            asked("https://site.example/index.php", final_url="https://site.example/"),
            asked("https://site.example/de", final_url="https://site.example/"),
        ],
    ),
    "link-elsewhere": Case(
        [
            (asked(AWAY, final_url="https://other.example/"), "a link ends on another site"),
            (asked(AWAY, final_url="https://other.example/river-news"), "a link ends on another site"),
            (asked(AWAY, final_url="https://notsite.example/river-news"), "a link ends on another site"),
            (asked("https://notsite.example/", final_url="https://site.example/"), "a link ends on another site"),
        ],
        [
            asked(AWAY, final_url="https://www.site.example/a"),
            asked(AWAY, final_url="https://m.site.example/a"),
            asked("https://m.site.example/a", final_url=AWAY),
            asked(AWAY, status=404, final_url="https://other.example/"),
            asked(AWAY, status=0, final_url=""),
            asked(AWAY, final_url="https://[other"),
            asked("https://[site/rivers", final_url="https://other.example/"),
        ],
    ),
    "link-moved": Case(
        [
            (asked(AWAY, problem=Trouble.MOVED, final_url="https://site.example/rivers-2"), "a link leads to a page"),
            (asked(AWAY, problem=Trouble.MOVED, final_url="https://m.site.example/rivers"), "a link leads to a page"),
        ],
        [
            asked(AWAY, final_url="https://site.example/rivers-2"),
            asked(AWAY, status=404, problem=Trouble.MOVED, final_url="https://site.example/rivers-2"),
            asked(AWAY, problem=Trouble.MOVED, final_url="https://www.site.example/river-news/"),
            asked(AWAY + "#top", problem=Trouble.MOVED, final_url=AWAY + "/"),
            asked("http://site.example/a", problem=Trouble.MOVED, final_url="https://site.example/a"),
            asked(AWAY, problem=Trouble.MOVED, final_url="https://site.example/"),
            asked(AWAY, problem=Trouble.MOVED, final_url="https://other.example/a"),
        ],
    ),
    "link-https": Case(
        [
            (asked("http://site.example/a", final_url="https://site.example/a"), "a link could be encrypted"),
            (asked("HTTP://site.example/a", final_url="https://site.example/a"), "a link could be encrypted"),
            (asked("http://site.example/a", probe("https://site.example/a")), "a link could be encrypted"),
        ],
        [
            asked("http://site.example/a"),
            asked("http://site.example/a", probe("https://site.example/a", 404)),
            asked("http://site.example/a", probe("https://site.example/a"), status=404),
            asked("http://site.example:8080/a", probe("https://site.example:8080/a")),
            asked(AWAY, final_url=AWAY),
        ],
    ),
    "links-unchecked": Case(
        [
            (known(probe(status=0, problem=Trouble.UNASKED)), "1 link or image not looked at"),
            (
                known(
                    probe(AWAY, 0, Trouble.UNASKED),
                    probe("https://site.example/a.png", 0, Trouble.UNASKED),
                    facts=html(f'<a href="{AWAY}">a</a><a href="{AWAY}">b</a><img src="https://site.example/a.png">'),
                ),
                "2 links and images not looked at",
            ),
        ],
        [
            GOOD,
            known(probe(status=0, problem=Trouble.TIME)),
            known(probe(), probe("https://site.example/beside", 0, Trouble.UNASKED)),
        ],
    ),
}
