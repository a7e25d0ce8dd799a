"""As whom a preview is looked at, what it says about mistakes, and which files it follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change

from mailer.errors import ConfigError, IssueFileError, MailerError, Mistake, TemplateError
from mailer.model import Recipient
from mailer.services.previewing.readers import MADE_UP, awkward_readers, made_up_readers, name_of
from mailer.services.previewing.trouble import troubles_of
from mailer.services.previewing.watching import asks_to_reopen, counts, folders_of
from mailer.workspace import Workspace


def person(number: str, **attributes: Any) -> Recipient:
    return Recipient(0, number, f"{number}@example.org", "weekly", attributes)


# --- readers ----------------------------------------------------------------------------------------------------------


def test_awkward_people_are_found_each_for_one_reason() -> None:
    people = [
        person("plain", first_name="Ann", city="Oslo"),
        person("wordy", first_name="Ann", city="Llanfairpwllgwyngyll"),
        person("bare"),
        person("hebrew", first_name="דנה"),
        person("greek", first_name="Νίκη", city="Oslo"),
        person("arabic", first_name="محمد"),
    ]
    found = {each.key.removeprefix("person:"): each.label for each in awkward_readers(people)}
    assert found == {
        "wordy": "most words: Ann <wordy@example.org>",
        "bare": "fewest fields: bare@example.org",
        "hebrew": "right-to-left: דנה <hebrew@example.org>",
        "greek": "other script: Νίκη <greek@example.org>",
    }


@pytest.mark.parametrize("name", ["דנה", "محمد"])
def test_names_of_either_kind_of_right_to_left_are_found(name: str) -> None:
    people = [person("wordy", city="Llanfairpwllgwyngyll"), person("bare"), person("other", first_name=name)]
    assert f"right-to-left: {name} <other@example.org>" in [each.label for each in awkward_readers(people)]


def test_nobody_is_awkward_twice_and_of_nobody_nobody_is() -> None:
    assert [each.key for each in awkward_readers([person("one", first_name="محمد")])] == ["person:one"]
    assert awkward_readers([]) == []


def test_what_is_no_text_or_no_letter_makes_nobody_awkward() -> None:
    people = [person("one", first_name="Ann", age=9, tags=["א"]), person("two", first_name="123 – ¡é!", city="x" * 40)]
    assert [each.label.split(":")[0] for each in awkward_readers(people)] == ["most words"]


def test_made_up_readers_have_the_fields_that_people_have() -> None:
    made = {each.key: each.recipient.attributes for each in made_up_readers(person("x", first_name="Alex", city="A"))}
    assert made[MADE_UP] == {"first_name": "Alex", "city": "A"}
    assert made["nothing-known"] == {}
    assert made["arabic"] == {"first_name": "محمد", "city": "A"}
    assert not any(each.real for each in made_up_readers(person("x")))


def test_where_nobody_has_a_name_the_made_up_ones_have() -> None:
    made = {each.key: each.recipient.attributes for each in made_up_readers(person("x", city="A"))}
    assert made["japanese"] == {"city": "A", "name": "山田 太郎", "first_name": "太郎", "last_name": "山田"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [({"name": "Ann Lee", "first_name": "B"}, "Ann Lee"), ({"first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
     ({"last_name": "Lee"}, "Lee"), ({}, "")],
)  # fmt: skip
def test_somebody_is_called_by_the_name_that_is_known(fields: dict[str, str], name: str) -> None:
    assert name_of(fields) == name


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for folder in ("issues", "templates", "subscribers"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mailer.toml").write_text("one\ntwo\nthree\n")
    (tmp_path / "templates" / "own.mjml").write_text("".join(f"line {number}\n" for number in range(1, 21)))
    (tmp_path / "issues" / "rivers.md").write_text("---\nkind: alert\nsubject: {{ x }}\n---\n\nBody\n")
    return Workspace(tmp_path)


def told(error: MailerError, workspace: Workspace) -> list[tuple[str, str, int, list[int]]]:
    found = troubles_of(error, workspace)
    return [(each.message, each.file, each.line, [line for line, _ in each.around]) for each in found]


def test_a_mistake_in_a_template_has_the_lines_around_it(workspace: Workspace) -> None:
    error = TemplateError("no such name", name="templates/own.mjml", line=9, hint="look")
    (found,) = troubles_of(error, workspace)
    assert (found.message, found.hint, found.file, found.line) == ("no such name", "look", "templates/own.mjml", 9)
    assert found.around == tuple((number, f"line {number}") for number in range(5, 14))


@pytest.mark.parametrize(("line", "around"), [(1, [1, 2, 3, 4, 5]), (20, [16, 17, 18, 19, 20, 21]), (99, []), (0, [])])
def test_at_the_ends_of_a_file_there_are_fewer(workspace: Workspace, line: int, around: list[int]) -> None:
    assert told(TemplateError("x", name="templates/own.mjml", line=line), workspace)[0][3] == around


def test_a_shipped_template_is_shown_too(workspace: Workspace) -> None:
    ((_, file, line, around),) = told(TemplateError("x", name="templates/_footer.mjml", line=2), workspace)
    assert (file, line, around) == ("templates/_footer.mjml", 2, [1, 2, 3, 4, 5, 6])


def test_a_mistake_in_the_subject_is_on_its_line_of_the_issue(workspace: Workspace) -> None:
    error = TemplateError("'x' is undefined", name="issues/rivers.md (subject)", line=1)
    assert told(error, workspace) == [("'x' is undefined", "issues/rivers.md", 3, [1, 2, 3, 4, 5, 6, 7])]


def test_each_mistake_of_an_issue_file_is_told(workspace: Workspace) -> None:
    error = IssueFileError("issues/rivers.md", [Mistake(2, "first"), Mistake(6, "second")])
    assert [each[:3] for each in told(error, workspace)] == [
        ("first", "issues/rivers.md", 2),
        ("second", "issues/rivers.md", 6),
    ]


def test_what_names_its_place_in_words_is_found_there(workspace: Workspace) -> None:
    error = ConfigError("mailer.toml:2: no such setting\nSENDGRID_API_KEY: is not set")
    assert told(error, workspace) == [
        ("no such setting", "mailer.toml", 2, [1, 2, 3, 4]),
        ("SENDGRID_API_KEY: is not set", "", 0, []),
    ]


def test_no_file_outside_the_workspace_is_shown(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path.parent / "secret.md").write_text("secret\n")
    assert told(TemplateError("x", name="../secret.md", line=1), workspace) == [("x", "../secret.md", 1, [])]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "counted"),
    [
        ("mailer.toml", True),
        ("issues/rivers.md", True),
        ("templates/own.mjml", True),
        ("templates/web/style.css", True),
        ("subscribers/weekly.toml", True),
        ("templates", True),
        ("mailer.db", False),
        ("mailer.db-wal", False),
        ("preview", False),
        ("issues/.rivers.md.swp", False),
        ("issues/rivers.md~", False),
        ("templates/own.mjml.tmp", False),
    ],
)
def test_only_files_that_an_issue_is_made_of_count(workspace: Workspace, path: str, counted: bool) -> None:
    assert counts(workspace, Change.modified, str(workspace.root / path)) is counted


@pytest.mark.parametrize(
    ("path", "reopened"),
    [
        ("mailer.toml", True),
        ("subscribers/weekly.toml", True),
        ("issues/rivers.md", False),
        ("templates/a.mjml", False),
    ],
)
def test_settings_and_lists_are_read_again(workspace: Workspace, path: str, reopened: bool) -> None:
    assert asks_to_reopen(workspace, frozenset({workspace.root / path})) is reopened


def test_folders_below_templates_are_watched(workspace: Workspace) -> None:
    (workspace.templates_dir / "a" / "b").mkdir(parents=True)
    below = [each.relative_to(workspace.root).as_posix() for each in folders_of(workspace)]
    assert below == ["issues", "subscribers", "templates", "templates/a", "templates/a/b"]
