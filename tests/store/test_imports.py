"""An import of a file: cut off anywhere and run again it ends as if nothing had happened."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from mailer.audience.layout import Told
from mailer.errors import ConflictError
from mailer.model import How, ImportState, MailingList, SubscriptionState
from mailer.services import imports
from mailer.services.importreport import Import
from mailer.services.imports import Options, Watch, import_subscribers, imports_of
from mailer.services.subscribers import Entry
from mailer.store import importing, subscribers
from mailer.store import imports as records
from mailer.store.admission import Update
from mailer.store.database import Store
from mailer.store.subscriptions import Origin
from tests.store.test_importing import contents
from tests.store.world import NOW, World, key

WEEKLY = MailingList("weekly", "Weekly", opt_in="single")
ENTRY = Entry(WEEKLY, SubscriptionState.CONFIRMED, Origin(How.IMPORT, "import of people.csv"))


class CutError(Exception):
    """Where a process would have died."""


def file_of(count: int = 40) -> bytes:
    """Good rows, refused ones, people who said no, and addresses that come twice: in this chunk and in later ones."""
    lines = ["email,city,status"]
    for number in range(count):
        if number % 7 == 3:
            lines.append(f"nobody{number},Oslo,")
        elif number % 11 == 5:
            lines.append(f"p{number // 2}@example.org,Bergen,unsubscribed")
        elif number % 13 == 6:
            lines.append(f"p{number}@example.org,,bounced")
        else:
            lines.append(f"p{number - number % 3}@example.org,City {number},")
    return "\n".join(lines).encode()


def run(store: Store, data: bytes = file_of(), **options: Any) -> Import:
    return import_subscribers(store, ENTRY, data, Options(**({"chunk": 6} | options)), NOW)


def numbers(done: Import) -> tuple[Any, ...]:
    return (
        done.rows, done.new, done.updated, done.unchanged, done.duplicate, done.banned, done.kept_out_by, done.refused,
        done.rejected,
    )  # fmt: skip


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader gives a thousand rows at a time; here a few, so that a small file has many chunks."""
    from mailer.audience.reading import PeopleFile

    whole = PeopleFile.batches

    def few(self: PeopleFile) -> Any:
        for batch in whole(self):
            for start in range(0, len(batch), 3):
                yield batch[start : start + 3]

    monkeypatch.setattr(PeopleFile, "batches", few)


@pytest.mark.usefixtures("small_batches")
def test_stopped_after_any_chunk_it_goes_on(world: World, another: Any) -> None:
    undisturbed = numbers(run(world.store))
    expected = contents(world.store)
    for chunks in (1, 2, 5):
        store = another()
        left = [chunks]

        def stop(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] <= 0

        first = run(store, watch=Watch(stop=stop))
        assert first.stopped
        assert first.rows == 6 * chunks
        (record,) = imports_of(store)
        assert (record.state, record.rows, record.name) == (ImportState.RUNNING, 6 * chunks, "standard input")
        second = run(store, chunk=7)
        assert numbers(second) == undisturbed
        assert second.resumed_at == 6 * chunks
        assert contents(store) == expected
        (record,) = imports_of(store)
        assert (record.state, record.rows) == (ImportState.DONE, 40)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("where", ["bring_in", "figures", "count", "finish"])
def test_cut_off_in_the_middle_of_a_transaction(
    world: World, another: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    undisturbed = numbers(run(world.store))
    expected = contents(world.store)
    store = another()
    module: Any = {"bring_in": importing, "figures": imports, "count": records, "finish": records}[where]
    whole, left = getattr(module, where), [3 if where in ("bring_in", "count") else 1]

    def cut(*values: Any) -> Any:
        found = whole(*values)
        left[0] -= 1
        if not left[0]:
            raise CutError
        return found

    with monkeypatch.context() as patch:
        patch.setattr(module, where, cut)
        with pytest.raises(CutError):
            run(store)
    assert numbers(run(store)) == undisturbed
    assert contents(store) == expected


def test_the_same_file_again_changes_nothing_and_says_so(world: World) -> None:
    first = run(world.store)
    world.change("weekly", "p0", SubscriptionState.UNSUBSCRIBED)
    before = contents(world.store)
    second = run(world.store)
    assert contents(world.store) == before
    assert second.done_before == NOW
    assert (second.new, second.rows) == (0, first.rows)
    assert second.kept_out_by["unsubscribed"] >= 1
    assert len(imports_of(world.store)) == 1


def test_again_does_it_again(world: World) -> None:
    data = b"email,city\np1@example.org,Oslo\n"
    run(world.store, data)
    run(world.store, b"email,city\np1@example.org,Bergen\n")
    assert run(world.store, data).updated == 1, "what would be updated is said, and not done"
    assert contents(world.store)[key("p1")][2] == {"city": "Bergen"}
    assert run(world.store, data, again=True).updated == 1
    assert contents(world.store)[key("p1")][2] == {"city": "Oslo"}
    assert [record.state for record in imports_of(world.store)] == [ImportState.DONE] * 3


@pytest.mark.parametrize(
    "changed",
    [
        {"update": Update.KEEP}, {"tags": ("x",)}, {"told": Told(delimiter=",")}, {"data": file_of(39)},
    ],
)  # fmt: skip
def test_another_file_or_other_options_are_another_import(world: World, changed: dict[str, Any]) -> None:
    run(world.store)
    options = {name: value for name, value in changed.items() if name != "data"}
    assert run(world.store, changed.get("data", file_of()), **options).done_before is None
    assert len(imports_of(world.store)) == 2


@pytest.mark.usefixtures("small_batches")
def test_two_processes_with_one_file_do_not_both_go_on(world: World, another: Any) -> None:
    """The second one takes over what it believes to be dead, and the first one notices."""
    run(world.store)
    expected = contents(world.store)
    store = another()
    begun: list[int] = []

    def in_between(rows: int, part: float) -> None:
        if not begun:
            begun.append(rows)
            run(store)

    with pytest.raises(ConflictError, match="another process is importing this file"):
        run(store, watch=Watch(progress=in_between))
    assert contents(store) == expected


def test_a_dry_run_counts_the_same_and_writes_nothing(world: World) -> None:
    world.add("weekly", "p0", "p3", city="Old")
    world.suppress("p9")
    before = contents(world.store)
    dry = run(world.store, dry_run=True)
    assert contents(world.store) == before
    assert imports_of(world.store) == []
    assert [row.line for row in dry.sample][:3] == [2, 3, 4]
    assert dry.file.parts[0].columns[0] == ("email", "email")
    assert numbers(dry) == numbers(run(world.store))


def test_a_dry_run_lets_others_write(world: World) -> None:
    written = []

    def write(rows: int, part: float) -> None:
        written.append(world.add("alerts", f"w{rows}"))

    run(world.store, dry_run=True, watch=Watch(progress=write))
    assert written


def test_history_has_the_words_of_the_import(world: World) -> None:
    run(world.store, b"email\nada@example.org\n")
    (event,) = contents(world.store)[key("ada")][5]
    assert event == ("weekly", SubscriptionState.CONFIRMED, How.IMPORT, "import of people.csv")


def test_tags_for_everybody(world: World) -> None:
    run(world.store, b"email,tags\nada@example.org,Fair\nben@example.org,\n", tags=("fair", "2026"))
    found = contents(world.store)
    assert found[key("ada")][2] == {"tags": ["2026", "Fair"]}
    assert found[key("ben")][2] == {"tags": ["2026", "fair"]}


# --- Refused rows -----------------------------------------------------------------------------------------------------


def refused_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text("utf-8-sig").splitlines()))


@pytest.mark.usefixtures("small_batches")
def test_refused_rows_are_whole_after_a_resume(world: World, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    assert run(world.store, file=file, watch=Watch(stop=lambda: True)).rejected_files == ()
    (path,) = run(world.store, file=file).rejected_files
    assert path == tmp_path / "people.csv.rejected.csv"
    header, *rows = refused_rows(path)
    assert header == ["rejected_line", "rejected_reason", "email", "city", "status"]
    assert [row[0] for row in rows] == [str(number + 2) for number in range(40) if number % 7 == 3]


def test_cut_off_between_the_refused_rows_and_the_end_there_is_one_file(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "people.csv"

    def cut(*values: Any) -> Any:
        raise CutError

    with monkeypatch.context() as patch:
        patch.setattr(imports, "figures", cut)
        with pytest.raises(CutError):
            run(world.store, file=file)
    (path,) = run(world.store, file=file).rejected_files
    assert [one.name for one in tmp_path.glob("people*")] == [path.name] == ["people.csv.rejected.csv"]


def test_corrected_rows_come_in_with_the_same_words(world: World, tmp_path: Path) -> None:
    data = b"Anschrift,Ort,id\nada@example.org,Oslo,1\nnobody,=1+1,2\n"
    told = Told(mapping={"Anschrift": "email", "id": "-"})
    (path,) = run(world.store, data, told=told, file=tmp_path / "leute.csv").rejected_files
    assert refused_rows(path)[1][2:] == ["nobody", "'=1+1", "2"]
    corrected = path.read_text("utf-8-sig").replace("nobody", "bo@example.org").encode()
    assert run(world.store, corrected, told=told, file=path).new == 1
    assert contents(world.store)[key("bo")][2] == {"ort": "=1+1"}


def test_millions_of_refused_rows_are_counted_and_not_all_told(world: World) -> None:
    data = b"email\nada@example.org\n" + b"nobody\n" * 5000
    done = run(world.store, data)
    assert (done.refused, done.new, len(done.rejected)) == (5000, 1, 100)


def test_ids_grow(world: World) -> None:
    run(world.store, b"email\n" + b"".join(b"p%d@example.org\n" % number for number in range(3000)))
    with world.store.read() as connection:
        found = [person.id for person, _ in subscribers.stream(connection, "weekly")]
    in_order = str.maketrans("234567", "\x02\x03\x04\x05\x06\x07")
    assert found == sorted(found, key=lambda one: one.translate(in_order))
