"""`mailer subscribers import, imports`: what a person sees of it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.audience.workbooks import rows, workbook

PEOPLE = "email,name,city\nann@example.org,Ann,Oslo\nbo@example.org,Bo,\n"
IMPORT = ("subscribers", "import")
ONTO = ("--list", "members")


def attributes(mailer: Any) -> dict[str, Any]:
    run = mailer.done("subscribers", "list", *ONTO, "--json")
    return {one["email"]: one["attributes"] | ({"tags": one["tags"]} if one["tags"] else {}) for one in run.json}


def test_a_dry_run_shows_columns_people_and_counts(mailer: Any) -> None:
    path = mailer.write("people.csv", "E-Mail;Vorname;Ort;id\nann@example.org;Ann;Köln;1\nnobody;Bo;;2\n")
    run = mailer(*IMPORT, str(path), *ONTO, "--map", "id=-", "--dry-run")
    assert run.code == 3
    assert "columns: E-Mail -> email, Vorname -> first_name, Ort -> ort" in run.out
    assert "left out: id" in run.out
    assert "ann@example.org" in run.out
    assert "first_name=Ann, ort=Köln" in run.out
    assert "members (nothing was changed): 1 new, 0 updated, 0 unchanged, 0 kept out, 1 refused" in run.out
    assert "1 row would be refused" in run.err
    told = json.loads(mailer(*IMPORT, str(path), *ONTO, "--dry-run", "--json").out)
    assert told["dry_run"]
    assert told["file"]["parts"][0]["delimiter"] == ";"
    assert told["sample"] == [
        {"line": 2, "email": "ann@example.org", "attributes": {"first_name": "Ann", "ort": "Köln", "imported_id": "1"},
         "tags": [], "said": ""}
    ]  # fmt: skip
    assert mailer.done("subscribers", "imports", "--json").json == []


def test_columns_are_mapped_by_title_number_and_several_times(mailer: Any) -> None:
    path = mailer.write("people.csv", "a=b,Ort,Gruppe\nann@example.org,Oslo,Chor\n")
    words = ("--map", "a=b=email", "--map", "2=city", "--map", "Gruppe=tags", "--tag", "fair")
    mailer.done(*IMPORT, str(path), *ONTO, *words)
    assert attributes(mailer) == {"ann@example.org": {"city": "Oslo", "tags": ["Chor", "fair"]}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--map", "email"), "--map takes COLUMN=NAME"),
        (("--map", "=email"), "--map takes COLUMN=NAME"),
        (("--map", "name=a", "--map", "name=b"), "says twice"),
        (("--map", "Nmae=a"), 'unknown column "Nmae"'),
        (("--delimiter", "ab"), "--delimiter is one sign"),
        (("--tag", " "), "--tag: a tag is empty"),
        (("--sheet", "1"), "only a workbook has sheets"),
        (("--from", "mailchmp"), "mailchimp"),
        (("--consent-text",), "members has no consent text"),
        (("--update", "maybe"), "--update"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_done(mailer: Any, words: tuple[str, ...], said: str) -> None:
    path = mailer.write("people.csv", PEOPLE)
    run = mailer(*IMPORT, str(path), *ONTO, *words)
    assert run.code == 2, run.err
    assert said in run.err
    assert mailer.done("subscribers", "imports", "--json").json == []


def test_without_a_terminal_an_unclear_column_is_an_error_that_shows_the_way(mailer: Any) -> None:
    path = mailer.write("people.csv", "Reach,Ort\nann at example,Oslo\nbo at example,Bergen\n")
    run = mailer(*IMPORT, str(path), *ONTO)
    assert run.code == 1
    assert "--map" in run.err
    assert "Reach" in run.err


@pytest.mark.parametrize(("answer", "code"), [(1, 3), (3, 2)])
def test_at_a_terminal_the_column_is_asked_for(
    mailer: Any, monkeypatch: pytest.MonkeyPatch, answer: int, code: int
) -> None:
    path = mailer.write("people.csv", "Reach,Ort\nann at example,Oslo\nbo at example,Bergen\n")
    monkeypatch.setattr("mailer.cli.output.interactive", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *words, **options: answer)
    run = mailer(*IMPORT, str(path), *ONTO)
    assert run.code == code, run.err
    assert "1  Reach: ann at example, bo at example" in run.err
    assert ("2 rows refused" in run.err) is (code == 3)


@pytest.mark.parametrize(
    ("update", "after"),
    [
        ("keep", {"city": "Oslo"}),
        ("fill", {"city": "Oslo", "name": "Ann"}),
        ("overwrite", {"city": "x", "name": "Ann"}),
    ],
)
def test_update(mailer: Any, update: str, after: dict[str, str]) -> None:
    mailer.done("subscribers", "add", "ann@example.org", *ONTO, "--set", "city=Oslo")
    path = mailer.write("people.csv", "email,name,city\nann@example.org,Ann,x\n")
    mailer.done(*IMPORT, str(path), *ONTO, "--update", update)
    assert attributes(mailer)["ann@example.org"] == after


def test_the_same_file_again_is_said_to_be_in(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    mailer.done(*IMPORT, str(path), *ONTO)
    run = mailer.done(*IMPORT, str(path), *ONTO)
    assert run.out.startswith("members: this file was imported on 20")
    assert "already; nothing was changed" in run.out
    assert "--again does it once more" in run.err
    run = mailer.done(*IMPORT, str(path), *ONTO, "--again")
    assert "members: 0 new, 0 updated, 2 unchanged" in run.out
    assert [one["state"] for one in mailer.done("subscribers", "imports", "--json").json] == ["done", "done"]


def test_kept_out_by_reason(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE + "cy@example.org,Cy,\ndee@example.org,Dee,\n")
    mailer.done("suppressions", "add", "bo@example.org")
    mailer.done("subscribers", "add", "cy@example.org", *ONTO)
    mailer.done("subscribers", "unsubscribe", "cy@example.org", *ONTO)
    run = mailer.done(*IMPORT, str(path), *ONTO)
    assert "kept out: 1 unsubscribed from this list, 1 suppressed; no import undoes that" in run.out
    told = mailer.done(*IMPORT, str(path), *ONTO, "--again", "--json").json
    assert told["kept_out_by"] == {"unsubscribed": 1, "suppressed": 1}
    assert told["rows"] == told["unchanged"] + told["kept_out"] == 4


def mailchimp() -> bytes:
    """An export as it comes: a ZIP with a file for each state."""
    files = {
        "subscribed_members_1.csv": '"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,LEID,EUID,TAGS\n'
        'ann@example.org,Ann,2,,1,a,"""VIP"",""Oslo, east"""\nnobody,Bo,2,,2,b,\n',
        "unsubscribed_members_1.csv": '"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,LEID,EUID,TAGS\n'
        "cy@example.org,Cy,2,,3,c,\n",
        "cleaned_members_1.csv": '"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,LEID,EUID,TAGS\n'
        "dee@example.org,Dee,2,,4,d,\nbad,Eve,2,,5,e,\n",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return content.getvalue()


def test_an_export_with_states_and_refused_rows_of_each_of_its_files(mailer: Any) -> None:
    path = mailer.write("export.zip", mailchimp())
    run = mailer(*IMPORT, str(path), *ONTO, "--json")
    assert run.code == 3
    told = json.JSONDecoder().raw_decode(run.out)[0]
    assert (told["new"], told["banned"], told["refused"]) == (2, 1, 2)
    assert {Path(name).name for name in told["rejected_files"]} == {
        "subscribed_members_1.csv.rejected.csv", "cleaned_members_1.csv.rejected.csv",
    }  # fmt: skip
    assert [row["part"] for row in told["rejected"]] == [
        part["name"] for part in told["file"]["parts"] if "unsub" not in part["name"]
    ]
    assert attributes(mailer)["ann@example.org"]["tags"] == ["Oslo, east", "VIP"]
    cleaned = path.with_name("cleaned_members_1.csv.rejected.csv")
    text = cleaned.read_text("utf-8-sig").replace("bad", "eve@example.org")
    cleaned.write_text(text, "utf-8")
    assert json.loads(mailer.done(*IMPORT, str(cleaned), *ONTO, "--json").out)["banned"] == 1, (
        "the state is in its name"
    )


def test_a_report_does_not_say_that_somebody_was_forgotten_who_was_not(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    mailer.done(*IMPORT, str(path), *ONTO)
    mailer.done("subscribers", "rename", "ann@example.org", "ann@new.example")
    run = mailer.done(*IMPORT, str(path), *ONTO, "--again")
    assert "kept out: 1 forgotten or known by another address now; no import undoes that" in run.out


def test_refused_rows_of_a_sheet_are_called_after_the_workbook(mailer: Any) -> None:
    sheets = {"Notes": rows(["x"]), "Members": rows(["email"], ["ann@example.org"], ["nobody"])}
    path = mailer.write("members.xlsx", workbook(sheets))
    run = mailer(*IMPORT, str(path), *ONTO)
    assert run.code == 3
    refused = path.with_name("members.xlsx.rejected.csv")
    assert f"Correct {refused} and import it." in run.err
    refused.write_text(refused.read_text("utf-8-sig").replace("nobody", "bo@example.org"))
    assert "1 new" in mailer.done(*IMPORT, str(refused), *ONTO).out


def test_attributes_in_an_object_are_attributes_and_shown_as_json(mailer: Any) -> None:
    path = mailer.write(
        "people.jsonl",
        '{"email": "ann@example.org", "tags": ["a, b", "c"], "attributes": {"member": true, "id": 7}, "likes": ["x"]}',
    )
    run = mailer.done(*IMPORT, str(path), *ONTO, "--dry-run")
    assert 'member=true, imported_id=7, likes=["x"]' in run.out
    assert '"a, b", c' in run.out
    assert "is taken" not in run.err
    mailer.done(*IMPORT, str(path), *ONTO)
    assert attributes(mailer) == {
        "ann@example.org": {"member": True, "imported_id": 7, "likes": ["x"], "tags": ["a, b", "c"]}
    }


def test_names_that_our_own_files_need_are_taken(mailer: Any) -> None:
    path = mailer.write("people.csv", "Address of mail,Attributes,subscription_joined\nann@example.org,blue,2020\n")
    mailer.done(*IMPORT, str(path), *ONTO)
    assert attributes(mailer)["ann@example.org"] == {
        "imported_attributes": "blue", "imported_subscription_joined": "2020",
    }  # fmt: skip


def test_what_the_list_of_people_says_of_them_is_respected_when_it_is_imported(mailer: Any) -> None:
    path = mailer.write("people.csv", PEOPLE)
    mailer.done(*IMPORT, str(path), *ONTO)
    mailer.done("subscribers", "unsubscribe", "ann@example.org", *ONTO)
    told = mailer.done("subscribers", "list", *ONTO, "--json").out
    other = mailer.write("told.json", told)
    done = mailer.done(*IMPORT, str(other), *ONTO, "--dry-run", "--json").json
    assert [one["said"] for one in done["sample"]] == ["unsubscribed", ""]


def test_many_refused_rows_are_not_all_told(mailer: Any) -> None:
    path = mailer.write("people.csv", "email\nann@example.org\n" + "nobody\n" * 50)
    run = mailer(*IMPORT, str(path), *ONTO)
    assert run.code == 3
    assert run.err.count("warning: line") == 20
    assert "and 30 rows more" in run.err


def test_progress_at_a_terminal(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mailer.write("people.csv", PEOPLE)
    drawn: list[str] = []
    monkeypatch.setattr("mailer.cli.output.overwrite", drawn.append)
    mailer.done(*IMPORT, str(path), *ONTO)
    assert drawn[0].startswith("[##############################] 100%  2 rows, ")
    assert drawn[-1] == "", "the line goes away at the end"


def test_imports_says_what_waits_to_be_finished(mailer: Any) -> None:
    from datetime import UTC, datetime

    from mailer.store import imports, lists
    from mailer.store.database import open_store

    mailer.done(*IMPORT, str(mailer.write("people.csv", PEOPLE)), *ONTO)
    store = open_store(f"sqlite:///{mailer.root}/mailer.db")
    with store.write() as connection:
        new = imports.NewImport(lists.ids(connection, ["members"])[0], "big file.csv", "f", "import of big file.csv")
        number = imports.begin(connection, new, datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
        assert imports.advance(connection, number, (0, 20_000), datetime(2026, 11, 22, 9, 1, tzinfo=UTC))
    store.close()
    run = mailer.done("subscribers", "imports")
    assert "big file.csv" in run.out
    assert "import 2 runs, or was interrupted after 20,000 rows" in run.err
    assert "mailer subscribers import 'big file.csv' --list members" in run.err
    rows = mailer.done("subscribers", "imports", "--list", "members", "--limit", "1", "--json").json
    assert [(one["name"], one["state"], one["rows"]) for one in rows] == [("big file.csv", "running", 20_000)]
    assert mailer.done("subscribers", "imports", "--list", "weekly", "--json").json == []
