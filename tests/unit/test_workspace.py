"""The workspace on a real disk: finding, making, writing whole files only, and never leaving the folder."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer.errors import ConfigError, ConflictError, IssueFileError, NotFoundError, TemplateError, WorkspaceError
from mailer.workspace import Workspace, find, shipped, template_sources
from mailer.workspace.writing import replace, write_new

ISSUE = "---\nkind: alert\nsubject: Now\nlists: weekly\n---\nWords\n"
FILES: dict[str, bytes | str] = {
    "mailer.toml": "",
    "subscribers/weekly.toml": 'title = "Weekly"\n',
    "issues/2026-11-22-now.md": ISSUE,
    "content/posts/a.md": b"\xff bytes",
}

posix_only = pytest.mark.skipif(os.name != "posix", reason="modes and links as POSIX has them")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "space", FILES)


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_create_makes_the_files_and_the_folders(workspace: Workspace) -> None:
    wanted = {name: data.encode() if isinstance(data, str) else data for name, data in FILES.items()}
    assert tree(workspace.root) == wanted
    for folder in ("issues", "templates", "subscribers", "outbox"):
        assert (workspace.root / folder).is_dir()


@pytest.mark.parametrize("taken", sorted(FILES))
def test_create_overwrites_nothing_and_then_writes_nothing(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("mine")
    with pytest.raises(ConflictError, match="is there already"):
        Workspace.create(tmp_path, FILES)
    assert tree(tmp_path) == {taken: b"mine"}


def test_create_keeps_what_else_is_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert tree(Workspace.create(tmp_path, FILES).root)["notes.txt"] == b"mine"


def test_create_does_not_write_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="leads out"):
        Workspace.create(tmp_path / "space", {"../outside.txt": "x"})
    assert tree(tmp_path) == {}


def test_find_walks_upwards(workspace: Workspace) -> None:
    deep = workspace.root / "content" / "posts"
    assert find(deep) == find(workspace.root) == workspace


def test_find_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"there is no mailer\.toml") as caught:
        find(tmp_path)
    assert "mailer init" in str(caught.value.hint)


@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "issues/../../x", "a\0b", "issues/../../../etc"])
def test_a_path_that_leads_out_is_refused(workspace: Workspace, path: str) -> None:
    with pytest.raises(WorkspaceError):
        workspace.inside(path)


@pytest.mark.parametrize("path", ["", ".", "issues", "issues/../outbox", "not/there/yet"])
def test_a_path_inside(workspace: Workspace, path: str) -> None:
    assert workspace.inside(path) == (workspace.root / path).resolve()
    assert workspace.inside(workspace.root / path) == (workspace.root / path).resolve()


@posix_only
def test_a_link_that_leads_out_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text('title = "x"')
    (workspace.root / "door").symlink_to(tmp_path)
    (workspace.subscribers_dir / "other.toml").symlink_to(tmp_path / "secret.toml")
    (workspace.issues_dir / "linked.md").symlink_to(tmp_path / "secret.toml")
    for read in (
        lambda: workspace.inside("door/secret.toml"),
        lambda: workspace.load_lists(),
        lambda: workspace.read_issue("linked"),
    ):
        with pytest.raises(WorkspaceError, match="leads out"):
            read()


@posix_only
def test_a_workspace_behind_a_link_is_the_real_one(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(workspace.root)
    assert find(tmp_path / "alias" / "issues") == workspace


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("sqlite:///mailer.db", "sqlite:///ROOT/mailer.db"),
        ("sqlite:///data/mailer.db?timeout=5", "sqlite:///ROOT/data/mailer.db?timeout=5"),
        ("sqlite+pysqlite:///mailer.db", "sqlite+pysqlite:///ROOT/mailer.db"),
        ("sqlite:////var/lib/mailer.db", "sqlite:////var/lib/mailer.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///file:x?mode=memory&uri=true", "sqlite:///file:x?mode=memory&uri=true"),
        ("postgresql://u@db/mailer", "postgresql://u@db/mailer"),
    ],
)
def test_a_relative_database_is_in_the_workspace(workspace: Workspace, url: str, resolved: str) -> None:
    assert workspace.database_url(url) == resolved.replace("ROOT", str(workspace.root))


def test_an_issue_is_read_by_its_name(workspace: Workspace) -> None:
    assert workspace.issue_names() == ["2026-11-22-now"]
    issue = workspace.read_issue("2026-11-22-now")
    assert (issue.name, issue.subject) == ("2026-11-22-now", "Now")
    assert workspace.read_issue("2026-11-22-now.md") == issue


@posix_only
def test_a_folder_or_a_pipe_is_no_issue(workspace: Workspace) -> None:
    (workspace.issues_dir / "folder.md").mkdir()
    os.mkfifo(workspace.issues_dir / "pipe.md")
    assert workspace.issue_names() == ["2026-11-22-now"]
    for name in ("folder", "pipe"):
        with pytest.raises(NotFoundError, match=rf"^issues/{name}\.md is not a file$"):
            workspace.read_issue(name)


@pytest.mark.parametrize("write", [write_new, replace])
def test_what_hinders_the_writing_is_told_also_where_nothing_can_be_removed(
    workspace: Workspace, write: Callable[[Path, str], Path]
) -> None:
    # As on a disk that is read-only: the file cannot be made, and asking to remove it fails in another way.
    with pytest.raises(WorkspaceError, match=r"mailer\.toml/new\.md cannot be written: Not a directory$"):
        write(workspace.settings_file / "new.md", "x")


def test_an_unknown_issue_has_a_near_name(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match='did you mean "2026-11-22-now"'):
        workspace.read_issue("2026-11-22-nov")


@pytest.mark.parametrize(
    "name", ["", "..", "../mailer", "a/b", "a\\b", "a b", "a\0b", "/etc/passwd", ".hidden", "x" * 300]
)
def test_the_name_of_an_issue_is_no_path(workspace: Workspace, name: str) -> None:
    with pytest.raises(WorkspaceError, match="is not the name of an issue"):
        workspace.issue_file(name)


def test_a_mistake_in_an_issue_names_its_file(workspace: Workspace) -> None:
    workspace.write_issue("bad", ISSUE.replace("alert", "alarm"))
    with pytest.raises(IssueFileError, match=r"^issues/bad\.md:2: "):
        workspace.read_issue("bad")
    (workspace.issues_dir / "bytes.md").write_bytes(ISSUE.encode() + b"\xff")
    with pytest.raises(IssueFileError, match=r"^issues/bytes\.md:7: the file is not UTF-8"):
        workspace.read_issue("bytes")


@pytest.mark.parametrize("name", ["2026-11-22-чистые-реки", "2026-11-22-नदियाँ-साफ़", "2026-11-22-清流"])
def test_an_issue_in_any_script(workspace: Workspace, name: str) -> None:
    workspace.write_issue(name, ISSUE)
    assert workspace.read_issue(name).name == name
    assert name in workspace.issue_names()


def test_an_issue_is_never_overwritten(workspace: Workspace) -> None:
    before = tree(workspace.root)
    with pytest.raises(ConflictError, match="is there already"):
        workspace.write_issue("2026-11-22-now", "other")
    assert tree(workspace.root) == before


def test_of_many_writers_one_wins(workspace: Workspace) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        try:
            workspace.write_issue("raced", f"{number}\n" * 1000)
            outcomes.append(str(number))
        except ConflictError:
            outcomes.append("")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = filter(None, outcomes)
    assert workspace.issue_text("raced") == f"{winner}\n" * 1000
    assert not [name for name in tree(workspace.root) if name.endswith(".tmp")]


def test_line_ends_and_marks_are_kept(workspace: Workspace) -> None:
    text = "\ufeff" + ISSUE.replace("\n", "\r\n")
    path = workspace.write_issue("windows", text)
    assert path.read_bytes() == text.encode()
    assert workspace.issue_text("windows") == text
    workspace.change_issue("windows", text, text + "More\r\n")
    assert path.read_bytes() == (text + "More\r\n").encode()


def test_a_change_over_somebody_elses_is_refused(workspace: Workspace) -> None:
    path = workspace.issue_file("2026-11-22-now")
    path.write_text("changed meanwhile")
    with pytest.raises(ConflictError, match="changed while"):
        workspace.change_issue("2026-11-22-now", ISSUE, "mine")
    assert path.read_text() == "changed meanwhile"


@posix_only
def test_a_change_keeps_the_mode_of_the_file(workspace: Workspace) -> None:
    path = workspace.issue_file("2026-11-22-now")
    path.chmod(0o640)
    workspace.change_issue("2026-11-22-now", ISSUE, ISSUE + "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_lists_are_read_by_name(workspace: Workspace) -> None:
    (workspace.subscribers_dir / "sample.csv").write_text("email\n")
    (workspace.subscribers_dir / "folder.toml").mkdir()
    assert {name: found.title for name, found in workspace.load_lists().items()} == {"weekly": "Weekly"}
    (workspace.subscribers_dir / "wrong.toml").write_text("titel = 1")
    with pytest.raises(ConfigError, match=r"subscribers/wrong\.toml:1: "):
        workspace.load_lists()


def test_the_signing_key_is_made_once_and_stays(workspace: Workspace) -> None:
    (key,) = workspace.secret_keys({})
    assert len(key) == 64
    assert workspace.secret_keys({}) == (key,)
    assert (workspace.private_dir / ".gitignore").read_text() == "*\n"
    assert workspace.secret_keys({"MAILER_SECRET_KEY": "y" * 40}) == (b"y" * 40,)


@posix_only
def test_only_the_owner_reads_the_signing_key(workspace: Workspace) -> None:
    (key,) = workspace.secret_keys({})
    path = workspace.private_dir / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="other people can read") as caught:
        workspace.secret_keys({})
    assert "chmod 600" in str(caught.value.hint)
    assert key.decode() not in str(caught.value)


@pytest.mark.parametrize("environ", [{"MAILER_SECRET_KEY": "short"}, {"MAILER_SECRET_KEY": " " * 10 + "short"}])
def test_a_short_signing_key_is_refused(workspace: Workspace, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="at least 32") as caught:
        workspace.secret_keys(environ)
    assert "cut -d' ' -f1 .mailer/secret.key" in str(caught.value.hint), "a line of the file has its time as well"
    assert "short" not in str(caught.value)


def test_processes_that_start_together_agree_on_the_key(workspace: Workspace) -> None:
    keys: list[tuple[bytes, ...]] = []
    threads = [threading.Thread(target=lambda: keys.append(workspace.secret_keys({}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8 and len(set(keys)) == 1


def test_templates_are_overridden_one_by_one(workspace: Workspace) -> None:
    ours = template_sources()
    assert "bulletin.mjml" in ours
    (workspace.templates_dir / "bulletin.mjml").write_text("mine", encoding="utf-8")
    (workspace.templates_dir / "parts").mkdir()
    (workspace.templates_dir / "parts" / "own.txt.jinja").write_text("own")
    (workspace.templates_dir / "notes.md").write_text("no template")
    found = template_sources(workspace.templates_dir)
    assert found == ours | {"bulletin.mjml": "mine", "parts/own.txt.jinja": "own"}


def test_a_template_that_is_not_text(workspace: Workspace) -> None:
    (workspace.templates_dir / "bad.mjml").write_bytes(b"<mjml>\n\xff")
    with pytest.raises(TemplateError, match=r"bad\.mjml:2: the file is not UTF-8"):
        template_sources(workspace.templates_dir)


@posix_only
def test_a_template_link_that_leads_out_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside.mjml").write_text("x")
    (workspace.templates_dir / "door.mjml").symlink_to(tmp_path / "outside.mjml")
    with pytest.raises(WorkspaceError, match="leads out"):
        template_sources(workspace.templates_dir)


def test_shipped_folders_are_there() -> None:
    assert (shipped("templates") / "bulletin.mjml").is_file()
    with pytest.raises(WorkspaceError, match="the shipped nothing are missing"):
        shipped("nothing")


def test_a_file_in_the_place_of_a_folder(workspace: Workspace, tmp_path: Path) -> None:
    workspace.issue_file("2026-11-22-now").unlink()
    workspace.issues_dir.rmdir()
    workspace.issues_dir.write_text("a file")
    with pytest.raises(WorkspaceError, match="cannot be made"):
        workspace.write_issue("new", ISSUE)
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="cannot be"):
        Workspace.create(tmp_path / "file", FILES)


def test_a_file_system_without_hard_links(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT and some network shares; only the system call is taken away, the files are real."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    workspace.write_issue("plain", ISSUE)
    assert workspace.issue_text("plain") == ISSUE
    with pytest.raises(ConflictError):
        workspace.write_issue("plain", "other")
    assert workspace.issue_text("plain") == ISSUE
