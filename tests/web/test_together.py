"""Those who leave at the same moment: one commit for all of them, and each gets an answer of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer.errors import LinkError, StoreBusyError
from mailer.model import How, SubscriptionState
from mailer.render.links import Purpose, Signer
from mailer.services.leaving import Answer, No, Result, unsubscribe_together
from mailer.store import leaving as stored
from mailer.store.tables import subscribers, subscriptions
from mailer.web.together import MOST, Together
from tests.store.world import SERVERS_ONLY
from tests.web.house import House

LEFT = SubscriptionState.UNSUBSCRIBED


def no(house: House, who: str, list_name: str = "weekly") -> No:
    signer = Signer(house.program.workspace.secret_keys({}))
    return No(signer.token(Purpose.UNSUBSCRIBE, list_name, who), How.ONE_CLICK, "one click", {"request": "POST"})


def test_each_of_a_group_gets_their_own_answer(house: House) -> None:
    ann, bob, cia = (house.join(name) for name in ("ann", "bob", "cia"))
    assert unsubscribe_together(house.program, [no(house, cia)]) == [Answer("weekly", Result.UNSUBSCRIBED)]
    nos = [no(house, ann), No("x" * 60, How.LINK), no(house, ann), no(house, bob), no(house, cia), no(house, "a" * 16)]
    first, broken, *others = unsubscribe_together(house.program, nos)
    assert isinstance(broken, LinkError)
    answers = [answer.result for answer in (first, *others) if isinstance(answer, Answer)]
    assert answers == [Result.UNSUBSCRIBED, Result.ALREADY, Result.UNSUBSCRIBED, Result.ALREADY, Result.GONE]
    assert [house.state(name) for name in ("ann", "bob", "cia")] == [LEFT] * 3
    assert unsubscribe_together(house.program, []) == []


def test_who_has_left_waits_for_nobody(house: House) -> None:
    """Answered from what is read, while somebody else holds everything."""
    ann = house.join("ann")
    unsubscribe_together(house.program, [no(house, ann)])
    with house.program.store.write() as connection:
        connection.execute(sa.select(subscriptions.c.state).with_for_update()).all()
        assert unsubscribe_together(house.program, [no(house, ann)]) == [Answer("weekly", Result.ALREADY)]


@SERVERS_ONLY
def test_whom_an_import_holds_keeps_nobody_else_waiting(house: House) -> None:
    ann, bob = house.join("ann"), house.join("bob")
    nos = [no(house, ann), no(house, bob)]
    with house.program.store.write() as connection:
        connection.execute(sa.select(subscribers).where(subscribers.c.public_id == ann).with_for_update()).all()
        held, free = unsubscribe_together(house.program, nos, patient=False)
        assert (held, free) == (None, Answer("weekly", Result.UNSUBSCRIBED))
        assert unsubscribe_together(house.program, nos[:1], patient=False) == [None]
    assert house.state("ann") is SubscriptionState.CONFIRMED
    assert unsubscribe_together(house.program, nos) == [
        Answer("weekly", Result.UNSUBSCRIBED),
        Answer("weekly", Result.ALREADY),
    ]


@SERVERS_ONLY
def test_who_is_held_waits_on_the_page_and_leaves_then(house: House, client: TestClient) -> None:
    ann, bob = (f"/u/{no(house, house.join(name)).token}" for name in ("ann", "bob"))
    with ThreadPoolExecutor() as threads, house.program.store.write() as connection:
        connection.execute(sa.select(subscribers).where(subscribers.c.email_key.like("ann%")).with_for_update()).all()
        waits = threads.submit(client.post, ann, content="List-Unsubscribe=One-Click")
        assert client.post(bob, content="List-Unsubscribe=One-Click").status_code == 200
        assert not waits.done()
        connection.rollback()
        assert waits.result().status_code == 200
    assert (house.state("ann"), house.state("bob")) == (LEFT, LEFT)


def test_one_who_cannot_be_written_now_holds_up_nobody_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may break a circle of locks by ending one transaction: then each is written alone."""
    people = [house.join(name) for name in ("ann", "bob", "cia")]
    real, sizes = stored.leave, []

    def leave(connection: Any, wanted: Any, now: Any, *, patient: bool) -> Any:
        sizes.append(len(wanted))
        if len(wanted) > 1:
            raise StoreBusyError("a circle")
        return real(connection, wanted, now, patient=patient)

    monkeypatch.setattr(stored, "leave", leave)
    nos = [no(house, each) for each in people]
    if house.program.store.is_file:
        with pytest.raises(StoreBusyError):
            unsubscribe_together(house.program, nos)
        assert sizes == [3], "a file has one writer: nobody waits for as long again"
        return
    assert unsubscribe_together(house.program, nos) == [Answer("weekly", Result.UNSUBSCRIBED)] * 3
    assert sizes == [3, 1, 1, 1]


def test_what_comes_while_a_group_is_written_is_the_next_group() -> None:
    groups: list[list[int]] = []

    def work(items: Sequence[int]) -> list[int]:
        groups.append(list(items))
        if 3 in items:
            raise ValueError("not these")
        return [-item for item in items]

    async def run() -> list[Any]:
        together = Together(work)
        first = asyncio.create_task(together.do(0))
        while not groups:
            await asyncio.sleep(0)
        many = [asyncio.create_task(together.do(number)) for number in range(10, 10 + MOST)]
        given_up = many.pop(1)
        await asyncio.sleep(0)
        given_up.cancel()
        found = [await first, *(await asyncio.gather(*many)), await together.do(1)]
        failed = await asyncio.gather(together.do(3), together.do(4), return_exceptions=True)
        assert [type(error) for error in failed] == [ValueError, ValueError]
        return [*found, await together.do(2)]

    found = asyncio.run(asyncio.wait_for(run(), 20))
    assert found == [0, -10, *(-number for number in range(12, 10 + MOST)), -1, -2]
    assert max(map(len, groups)) <= MOST
    assert len(groups) < 10
