"""Whether the way out of a mail works is asked of the real public side over TLS, and of others who answer there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from uvicorn import Config, Server

from mailer.checks.facts import Facts, Leaving, Mail
from mailer.cli.serve import config
from mailer.fetch import FetchPolicy
from mailer.model import SubscriptionState, Trouble
from mailer.render.links import Purpose, Signer
from mailer.services.checking.oneclick import A_TEST, ONE_CLICK, probe_leaving
from mailer.store.tables import subscription_events
from mailer.web.leaving import A_TEST as SAID
from mailer.web.leaving import EXACTLY
from mailer.web.site import make_app
from tests.site import Site, certificate_for, reply, tls_sides
from tests.store.world import NOW
from tests.web.house import House

HOST = "news.example.org"
OURS = reply(A_TEST + b"\n", "Content-Type: text/plain")


@pytest.fixture
def kind() -> str:
    """Of database: what is asked here does not depend on it."""
    return "sqlite"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(HOST, tmp_path_factory.mktemp("tls"))


@pytest.fixture
def policy(certificate: tuple[Path, Path]) -> FetchPolicy:
    _, tls = tls_sides(*certificate)
    return FetchPolicy(allow_private=True, total_seconds=5, tls=tls, resolve=lambda host, port: ["127.0.0.1"])


@pytest.fixture
def port(house: House, certificate: tuple[Path, Path]) -> Iterator[int]:
    """The public side of the house, in a thread."""
    files = {"ssl_certfile": str(certificate[0]), "ssl_keyfile": str(certificate[1])}
    options = {**config(1, as_json=True), **files, "http": "h11", "factory": False, "log_config": None}
    server = Server(Config(**{**options, "app": make_app(house.program, house.wake)}))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def site(certificate: tuple[Path, Path]) -> Iterator[Site]:
    """Somebody else who answers there."""
    server = Site(tls_sides(*certificate)[0])
    yield server
    server.close()


def link(house: House, port: int, who: str = "nobody", purpose: Purpose = Purpose.PREVIEW) -> str:
    return f"https://{HOST}:{port}/u/{Signer(house.program.workspace.secret_keys({})).token(purpose, 'weekly', who)}"


def facts(url: str, *, real: bool = False) -> Facts:
    return Facts(now=NOW, mails=(Mail("made-up reader", unsubscribe=url, real=real),))


def lines(house: House) -> int:
    with house.program.store.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(subscription_events)).scalar_one())


def told(found: Leaving | None) -> tuple[tuple[int, str], tuple[int, str]]:
    assert found is not None
    return (found.page.status, found.page.problem), (found.click.status, found.click.problem)


def test_what_is_asked_and_answered_is_what_the_public_side_says() -> None:
    assert ONE_CLICK == EXACTLY
    assert SAID.encode().startswith(A_TEST)


def test_our_own_pages_answer_and_nobody_is_unsubscribed(house: House, port: int, policy: FetchPolicy) -> None:
    house.join("ann")
    before = lines(house)
    found = probe_leaving(house.program, facts(link(house, port)), policy=policy)
    assert told(found) == ((200, ""), (200, ""))
    assert (house.state("ann"), lines(house)) == (SubscriptionState.CONFIRMED, before)


def test_a_link_of_other_keys_is_not_asked(house: House, site: Site, policy: FetchPolicy) -> None:
    foreign = Signer([b"f" * 32]).token(Purpose.PREVIEW, "weekly", "nobody")
    assert probe_leaving(house.program, facts(f"https://{HOST}:{site.port}/u/{foreign}"), policy=policy) is None


def test_nobody_s_own_link_is_ever_asked(house: House, site: Site, policy: FetchPolicy) -> None:
    own = link(house, site.port, house.join("ann"), Purpose.UNSUBSCRIBE)
    preview = link(house, site.port)
    asked = (
        facts(own),
        facts(preview, real=True),
        facts(preview.replace("https:", "http:")),
        Facts(now=NOW),
        facts(""),
    )
    assert [probe_leaving(house.program, each, policy=policy) for each in asked] == [None] * 5
    assert probe_leaving(house.program, facts("mailto:office@example.org?subject=unsubscribe%20AaQB")) is None
    assert site.requests == []


@pytest.mark.parametrize(
    ("page", "click", "expected"),
    [
        (reply(b"hello"), OURS, ((200, ""), (200, ""))),
        (reply(b"hello"), reply(b"hello"), ((200, ""), (200, Trouble.STRANGER))),
        (OURS, reply(A_TEST, status="404 Gone"), ((200, ""), (404, ""))),
        (reply(status="301 Moved"), reply(b"", "Location: /", status="302 Found"), ((301, ""), (302, ""))),
        (b"", b"SSH-2.0\r\n", ((0, Trouble.CONNECTION), (0, Trouble.CONNECTION))),
    ],
)
def test_others_who_answer_there_are_found_out(
    house: House, site: Site, policy: FetchPolicy, page: bytes, click: bytes, expected: object
) -> None:
    url = link(house, site.port)
    path = url.partition(str(site.port))[2]
    site.replies |= {f"GET {path}": page, f"POST {path}": click}
    assert told(probe_leaving(house.program, facts(url), policy=policy)) == expected
    assert site.lines == [f"GET {path}", f"POST {path}"]
    assert site.requests[1].endswith("\r\n\r\nList-Unsubscribe=One-Click")


def test_a_certificate_that_nobody_trusts_is_found_out(house: House, site: Site, policy: FetchPolicy) -> None:
    found = probe_leaving(house.program, facts(link(house, site.port)), policy=replace(policy, tls=None))
    assert told(found) == ((0, Trouble.TLS), (0, Trouble.TLS))
