"""import(export(x)) == x: through the real services, from one database into another, whatever people hold."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailer.audience.address import parse_address
from mailer.audience.columns import attribute_name
from mailer.audience.ownfile import TAKEN
from mailer.audience.tagging import tag_set
from mailer.errors import ConflictError, UsageError
from mailer.model import How, MailingList, SubscriptionState
from mailer.services import exportcells, exports
from mailer.services.exports import Wanted, export_blocks, export_file
from mailer.services.importreport import Import
from mailer.services.imports import Options, import_subscribers
from mailer.services.subscribers import Entry
from mailer.store import lists, people, subscribers
from mailer.store.database import Store
from mailer.store.people import Which
from mailer.store.subscriptions import Origin
from tests.store.world import NOW
from tests.thoroughness import examples

WEEKLY = MailingList("weekly", "Weekly", opt_in="single")
FORMATS = ("csv", "jsonl")
CONFIRMED = SubscriptionState.CONFIRMED

Known = dict[str, tuple[SubscriptionState, dict[str, Any]]]


def put(store: Store, rows: Iterable[subscribers.NewSubscriber]) -> None:
    with store.write() as connection:
        number = lists.ensure(connection, WEEKLY)
        subscribers.upsert(connection, number, rows, Origin(How.IMPORT, "a test"), NOW)


def fill(store: Store, who: Mapping[str, tuple[SubscriptionState, dict[str, Any]]]) -> None:
    put(store, [subscribers.NewSubscriber(parse_address(email), *pair[::-1]) for email, pair in who.items()])


def everybody(store: Store) -> Known:
    with store.read() as connection:
        return {
            person.email: (state, dict(person.attributes))
            for person, state, _ in people.members(connection, which(store))
        }


def which(store: Store) -> Which:
    with store.read() as connection:
        return Which(lists.number(connection, "weekly") or 0)


def exported(store: Store, form: str, **wanted: Any) -> str:
    return "".join(export_blocks(store, Wanted(which(store), form, **wanted)))


def imported(store: Store, text: str, name: str) -> Import:
    entry = Entry(WEEKLY, CONFIRMED, Origin(How.IMPORT, "a test"))
    # Again: of the examples of one test some are the same file, and the people of the first are gone.
    options = Options(file=Path(name), again=True)
    done = import_subscribers(store, entry, text.encode(), options, NOW)
    assert (done.refused, done.warnings) == (0, ())
    return done


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
PRINTED = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffd"), max_size=20)
ODD = st.sampled_from(
    ["=1+1", "'=1+1", "''=x", "+47 22", "-5", "@ann", "＝1", "say \"hi\"", "a,b;c|d", "two\nlines", "x\n@home, y@b",
     " blank ", "\tx", "1,5", "007", "true", "null", "[1]", "{}", "東京", "\u202eabc", "a\r\nb",
     "\x85", "\u2028x", ":=3"]
)  # fmt: skip
# What every import of ours lets in: no control signs but those of lines, and not nothing.
KEPT = (ODD | TEXT | PRINTED).map(lambda text: re.sub("[\x00-\x08\x0b-\x1f\x7f\ufffd]", "", text))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32)
JSON = st.recursive(
    KEPT | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEPT, inner, max_size=3),
    max_leaves=6,
)
VALUES = (KEPT | JSON).filter(lambda value: value not in (None, "", [], {}))
NAMES = (
    st.sampled_from(["city", "first_name", "nom", "name", "last_name", "labels", "age", "mail", "status", "x_1"])
    | st.text(min_size=1, max_size=12).map(attribute_name).filter(bool)
).filter(lambda name: name not in TAKEN | {"tags"})
TAGS = st.lists(KEPT, max_size=4).map(tag_set).map(list)
ADDRESSES = st.sampled_from(
    ["ann@example.org", "+b@example.org", "=c|'/x'!A0@example.org", "o'neil@example.org", "'d@example.org",
     "-e@example.org", "用户@例子.广告", "BIG@Example.org", "{f}@example.org", "a=b@example.org"]
)  # fmt: skip


@st.composite
def persons(draw: st.DrawFn) -> tuple[SubscriptionState, dict[str, Any]]:
    attributes = draw(st.dictionaries(NAMES, VALUES, max_size=4))
    if tags := draw(TAGS):
        attributes["tags"] = tags
    return draw(st.sampled_from(SubscriptionState)), attributes


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(who=st.dictionaries(ADDRESSES, persons(), min_size=1, max_size=5))
@example(who={"a@example.org": (CONFIRMED, {"age": 34}), "b@example.org": (CONFIRMED, {"age": "34"})})
@example(who={"a@example.org": (CONFIRMED, {"note": "x\nb@example.org, Oslo", "tags": ["=x", "[1]", "a, b"]})})
@example(who={"a@example.org": (CONFIRMED, {"mass": 1e30, "charge": 1.5e-19})})
@example(who={"a@example.org": (CONFIRMED, {"ok": True}), "b@example.org": (CONFIRMED, {"ok": 1})})
@example(who={"a@example.org": (CONFIRMED, {"name": "Ann", "last_name": "Li", "labels": "x"})})
def test_import_of_export_is_the_same(store: Store, another: Callable[[], Store], form: str, who: Known) -> None:
    second = other(store, another)
    for each in (store, second):
        empty(each)
    fill(store, who)
    before = everybody(store)
    done = imported(second, exported(store, form), f"weekly.{form}")
    assert done.new == len(before)
    assert typed(everybody(second)) == typed(before)


def typed(known: Known) -> dict[str, tuple[str, str]]:
    """With the types told apart: 1 is not True here. 1.0 and 1 are the same number for a database of JSON."""
    return {email: (state.value, repr(exact(attributes))) for email, (state, attributes) in known.items()}


def exact(value: Any) -> Any:
    match value:
        case dict():
            return sorted((name, exact(inner)) for name, inner in value.items())
        case list():
            return [exact(inner) for inner in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case int() if abs(value) > 2**53:
            return float(value)
    return value


_SECOND: dict[int, Store] = {}


def other(store: Store, another: Callable[[], Store]) -> Store:
    """One second store a test, not one an example."""
    if id(store) not in _SECOND:
        _SECOND.clear()
        _SECOND[id(store)] = another()
    return _SECOND[id(store)]


def empty(store: Store) -> None:
    from mailer.store.tables import subscribers as table
    from mailer.store.tables import subscription_events, subscriptions

    with store.write() as connection:
        for each in (subscription_events, subscriptions, table):
            connection.execute(each.delete())


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_columns_of_numbers_hold_json_and_say_so(store: Store) -> None:
    fill(
        store,
        {
            "a@example.org": (CONFIRMED, {"age": -34, "city": "Oslo", "tags": ["choir", "Oslo, east"], "mixed": 1}),
            "b@example.org": (CONFIRMED, {"tags": ["choir"], "mixed": "1", "vip": True}),
        },
    )
    header, ann, ben = rows_of(exported(store, "csv"))
    found = dict(zip(header, zip(ann, ben, strict=True), strict=True))
    assert header[:3] == ["email", "subscription_state", "tags"]
    assert found["tags"] == ('choir,"Oslo, east"', "choir")
    assert found["age:="] == ("-34", "")
    assert found["mixed:="] == ("1", '"1"')
    assert found["vip:="] == ("", "true")
    assert found["city"] == ("Oslo", "")


SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(who=st.dictionaries(ADDRESSES, persons(), min_size=1, max_size=3))
def test_no_cell_is_a_formula(store: Store, who: Known) -> None:
    empty(store)
    fill(store, who)
    for row in rows_of(exported(store, "csv")):
        for cell in row:
            assert not cell.startswith(SIGNS) or re.fullmatch(r"-[0-9.]+(e[+-]?[0-9]+)?", cell)


def test_json_lines_say_everything(store: Store) -> None:
    fill(store, {"a@example.org": (CONFIRMED, {"age": 34, "tags": ["choir"], "note": "x\u2028y"})})
    (line,) = exported(store, "jsonl").split("\n")[:-1]
    assert json.loads(line) == {
        "email": "a@example.org",
        "subscription_state": "confirmed",
        "subscription_joined": NOW.isoformat().replace("+00:00", "Z"),
        "tags": ["choir"],
        "attributes": {"age": 34, "note": "x\u2028y"},
    }
    assert "\u2028" not in line


def test_only_the_columns_that_are_asked_for(store: Store) -> None:
    fill(store, {"a@example.org": (CONFIRMED, {"age": 34, "city": "Oslo", "tags": ["choir"]})})
    assert rows_of(exported(store, "csv", columns=("city", "age")))[0] == [
        "email",
        "subscription_state",
        "city",
        "age:=",
    ]
    found = json.loads(exported(store, "jsonl", columns=("city",)))
    assert (found["attributes"], found["tags"]) == ({"city": "Oslo"}, [])
    with pytest.raises(UsageError, match='did you mean "city"'):
        exported(store, "csv", columns=("ctiy",))


@pytest.mark.parametrize(
    ("more", "header"), [({"late": "x"}, ["n", "late"]), ({"n": 7}, ["n:="]), ({"tags": ["x\x01"]}, ["tags:=", "n"])]
)
def test_a_column_that_only_somebody_in_the_middle_has(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], header: list[str]
) -> None:
    """The guess from both ends is wrong: the file is begun anew, and is as if everybody had been looked at."""
    monkeypatch.setattr(exports, "GUESSED_FROM", 2)
    monkeypatch.setattr(people, "STREAMED", 3)
    who: Known = {f"p{number}@example.org": (CONFIRMED, {"n": str(number)}) for number in range(12)}
    who["p6@example.org"][1].update(more)
    fill(store, who)
    told: list[int] = []
    assert export_file(store, Wanted(which(store)), tmp_path / "out.csv", told.append) == 12
    assert (tmp_path / "out.csv").read_bytes().decode("utf-8-sig") == exported(store, "csv")
    assert rows_of(exported(store, "csv"))[0] == ["email", "subscription_state", *header]
    assert told[-1] == 12
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_there_stays(store: Store, tmp_path: Path, form: str) -> None:
    fill(store, {"a@example.org": (CONFIRMED, {})})
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConflictError):
        export_file(store, Wanted(which(store), form), tmp_path / "out", print)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_one_moment_of_the_database(store: Store, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "STREAMED", 2)
    fill(store, {f"p{number}@example.org": (CONFIRMED, {"n": number}) for number in range(6)})
    texts = export_blocks(store, Wanted(which(store), form))
    first = next(texts)
    fill(store, {"new@example.org": (CONFIRMED, {"n": "text"}), "p5@example.org": (CONFIRMED, {"n": "x"})})
    whole = first + "".join(texts)
    assert "new@" not in whole
    assert '"x"' not in whole
    assert whole.count("@example.org") == 6


def test_guessing_costs_no_look_at_everybody(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, {"a@example.org": (CONFIRMED, {"city": "Oslo"})})
    monkeypatch.setattr(exports, "seen", None)
    assert export_file(store, Wanted(which(store)), tmp_path / "out.csv", lambda number: None) == 1


@pytest.mark.parametrize("value", [" x", "x\x00", "a\ufffdb", "x\ny@z", 1, None, "x" * 9000])
def test_what_csv_would_not_bring_back_is_not_written_as_text(value: Any) -> None:
    assert not exportcells.is_plain(value)
