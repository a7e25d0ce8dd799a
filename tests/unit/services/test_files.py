"""Reading from the workspace is bounded, and never leaves it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailer.articles.markdown import MAX_DOCUMENT
from mailer.errors import SourceError
from mailer.services import files
from mailer.services.files import read_bounded, read_documents


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(b"x" * 100)
    assert read_bounded(path, 100) == b"x" * 100
    with pytest.raises(SourceError, match="larger than"):
        read_bounded(path, 99)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", ""):
        with pytest.raises(SourceError):
            read_bounded(tmp_path / name)


def test_an_endless_device_is_refused() -> None:
    with pytest.raises(SourceError, match="not a regular file"):
        read_bounded(Path("/dev/zero"))


def test_documents_come_in_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.markdown", "a/b.MD", "a/image.png", ".git/x.md", ".draft.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert read_documents(tmp_path) == [("b.md", b"b.md"), ("a/b.MD", b"a/b.MD"), ("a/z.markdown", b"a/z.markdown")]


def test_a_document_that_is_too_large_does_not_stop_the_folder(tmp_path: Path) -> None:
    (tmp_path / "huge.md").write_bytes(b"x" * (MAX_DOCUMENT + 50))
    (tmp_path / "small.md").write_text("# A\n\nText.")
    sizes = {name: len(data) for name, data in read_documents(tmp_path)}
    assert sizes == {"huge.md": MAX_DOCUMENT + 1, "small.md": 10}


def test_a_folder_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (tmp_path / f"{number}.md").write_text("12345")
    monkeypatch.setattr(files, "MAX_DOCUMENTS", 3)
    with pytest.raises(SourceError, match="holds more than 3 articles"):
        read_documents(tmp_path)
    monkeypatch.setattr(files, "MAX_DOCUMENTS", 4)
    assert len(read_documents(tmp_path)) == 4
    monkeypatch.setattr(files, "MAX_FOLDER", 19)
    with pytest.raises(SourceError, match="holds more than"):
        read_documents(tmp_path)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        read_documents(tmp_path / "missing")


def test_links_are_not_followed(tmp_path: Path) -> None:
    folder, secret = tmp_path / "posts", tmp_path / "secret"
    folder.mkdir()
    secret.mkdir()
    (secret / "s.md").write_text("secret")
    os.symlink(secret, folder / "linked")
    os.symlink(secret / "s.md", folder / "s.md")
    assert read_documents(folder) == []
