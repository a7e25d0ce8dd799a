"""The places that may send from a database, on both kinds of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from mailer.errors import ConflictError
from mailer.model import Outcome
from mailer.services import binding
from mailer.store import bindings
from mailer.store.bindings import Binding
from mailer.store.database import Store, open_store
from tests.store.asking_program import Campaign
from tests.store.world import NOW


def place(name: str, minutes: int = 0) -> Binding:
    return Binding(name * 64, f"host-{name}:/srv", NOW + timedelta(minutes=minutes))


def labels(store: Store) -> list[str]:
    with store.read() as connection:
        return [each.label for each in bindings.every(connection)]


@pytest.fixture
def campaign(store: Store, tmp_path: Path) -> Campaign:
    return Campaign.over(store, tmp_path)


def elsewhere(campaign: Campaign) -> Campaign:
    """The same database seen from another machine."""
    return replace(campaign, environ={binding.VARIABLE: "another"})


def test_the_first_place_is_bound_and_another_is_refused(campaign: Campaign) -> None:
    binding.check_bound(campaign)
    binding.check_bound(campaign)
    with pytest.raises(ConflictError, match="a copy must not send") as caught:
        binding.check_bound(elsewhere(campaign))
    assert caught.value.hint is not None
    assert "mailer db bind" in caught.value.hint
    assert ("bind --keep" in caught.value.hint) == (not campaign.store.is_file), "hosts share a server and no file"
    assert len(labels(campaign.store)) == 1, "who is refused leaves nothing behind"


def test_of_two_that_are_first_at_once_one_is_bound(url: str) -> None:
    stores = [open_store(url, busy_timeout=10) for _ in range(2)]
    start, found = Barrier(2), []

    def one(store: Store, mine: Binding) -> None:
        start.wait()
        with store.write() as connection:
            found.append(bindings.bind_first(connection, mine))

    threads = [Thread(target=one, args=pair) for pair in zip(stores, (place("a"), place("b")), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(labels(stores[0])) == 1
    assert found[0] == found[1], "the second finds the first"
    for store in stores:
        store.close()


def test_binding_takes_the_place_of_others_unless_they_are_kept(store: Store) -> None:
    with store.write() as connection:
        bindings.bind_first(connection, place("a"))
        assert bindings.bind(connection, place("b", 1), keep=True) == []
        assert bindings.bind(connection, place("b", 2), keep=True) == []
    assert labels(store) == ["host-a:/srv", "host-b:/srv"]
    with store.write() as connection:
        assert [each.label for each in bindings.bind(connection, place("c", 3), keep=False)] == [
            "host-a:/srv",
            "host-b:/srv",
        ]
    assert labels(store) == ["host-c:/srv"]


def test_several_hosts_may_send(campaign: Campaign) -> None:
    binding.check_bound(campaign)
    other = elsewhere(campaign)
    assert not binding.show(other).bound
    binding.bind(other, keep=True)
    for each in (campaign, other):
        binding.check_bound(each)
        assert binding.show(each).bound


def test_moving_makes_the_old_place_the_copy(campaign: Campaign) -> None:
    binding.check_bound(campaign)
    new = elsewhere(campaign)
    tried = binding.bind(new, dry_run=True)
    assert [len(tried.places), len(tried.removed)] == [1, 1]
    binding.check_bound(campaign)
    binding.bind(new)
    binding.check_bound(new)
    with pytest.raises(ConflictError):
        binding.check_bound(campaign)


def test_a_copy_asks_nobody_to_confirm(campaign: Campaign) -> None:
    campaign.join("ada")
    copy = elsewhere(campaign)
    with pytest.raises(ConflictError, match="a copy must not send"):
        copy.join("ben")
    assert len(campaign.desk.mails) == 1
    assert copy.state("ben") is None, "nothing was written"
    joined = campaign.join("cy")
    assert joined.asked is not None
    assert joined.asked.result is Outcome.ACCEPTED
