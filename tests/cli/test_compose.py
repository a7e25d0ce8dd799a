"""`mailer compose`: which articles come into the file, and when there is no file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.campaign import Piece, add_articles, add_people, article_keys, issues, write_issue

PIECES = (
    Piece("Weir", "Clean Rivers", 1),
    Piece("Nets", "#CleanRivers, fishing", 2),
    Piece("Library", "library", 3),
    Piece("Harbour", "river-cleanup, fishing", 5),
    Piece("Summer", "clean-rivers", 20),
)


def composed(mailer: Any, *words: str, kind: str = "bulletin", code: int = 0) -> list[str]:
    """The titles that an issue gets, in its order; its file lists the same."""
    run = mailer("compose", kind, "--to", "members", *words, "--json")
    assert run.code == code, run.err
    keys = [article["key"] for article in run.json["articles"]]
    assert article_keys(mailer, run.json["name"]) == keys
    return [article["title"] for article in run.json["articles"]]


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ((), ["Weir", "Nets", "Library", "Harbour", "Summer"]),
        (("--tag", "#cleanrivers"), ["Weir", "Nets", "Harbour", "Summer"]),
        (("--tag", "clean rivers", "--tag", "fishing"), ["Weir", "Nets", "Harbour", "Summer"]),
        (("--tag", "clean rivers", "--tag", "fishing", "--all"), ["Nets", "Harbour"]),
        (("--tag", "Clean_Rivers", "--since", "7d"), ["Weir", "Nets", "Harbour"]),
        (("--since", "3w", "--until", "60h"), ["Library", "Harbour", "Summer"]),
        (("--tag", "library", "--pin", "Summer"), ["Summer", "Library"]),
        (("--tag", "clean-rivers", "--skip", "Nets"), ["Weir", "Harbour", "Summer"]),
        (("--order", "Library", "--order", "Harbour"), ["Library", "Harbour", "Weir", "Nets", "Summer"]),
        (("--limit", "2"), ["Weir", "Nets"]),
        (("--limit", "0"), []),
        (("--tag", "fishing", "--at-least", "2"), ["Nets", "Harbour"]),
    ],
)
def test_a_bulletin_takes_what_is_asked_for(mailer: Any, words: tuple[str, ...], titles: list[str]) -> None:
    keys = add_articles(mailer, *PIECES)
    assert composed(mailer, *(keys.get(word, word) for word in words)) == titles


def test_a_tag_that_no_article_has_writes_nothing(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    run = mailer("compose", "bulletin", "--to", "members", "--tag", "fishin")
    assert (run.code, run.out) == (1, "")
    assert 'unknown tag "fishin": did you mean "fishing"?' in run.err
    assert issues(mailer) == []


def test_a_bulletin_without_articles_is_written_only_when_asked_for(mailer: Any) -> None:
    keys = add_articles(mailer, *PIECES)
    send_first(mailer, keys, "Nets", "Harbour")
    run = mailer("compose", "bulletin", "--to", "members", "--tag", "fishing")
    assert (run.code, run.out) == (3, "")
    assert "no article was found (left out: 2 already sent); nothing was written" in run.err
    assert issues(mailer) == ["first.md"]
    assert composed(mailer, "--tag", "fishing", "--limit", "0") == []


def test_what_is_left_out_is_told_with_the_reasons(mailer: Any) -> None:
    keys = add_articles(mailer, *PIECES)
    send_first(mailer, keys, "Nets", "Library")
    run = mailer.done("compose", "bulletin", "--to", "members", "--tag", "clean-rivers", "--since", "7d")
    assert "left out: 1 already sent, 1 before " in run.err


def test_alert_and_bulletin_of_one_day_have_names_of_their_own(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    bulletin = mailer.done("compose", "bulletin", "--to", "members", "--tag", "fishing", "--json").json["name"]
    alert = mailer.done("compose", "alert", "--to", "members", "--tag", "fishing", "--json").json["name"]
    assert alert == bulletin.replace("fishing", "alert-fishing")


def test_too_few_articles_write_nothing(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    run = mailer("compose", "bulletin", "--to", "members", "--tag", "fishing", "--at-least", "3")
    assert (run.code, run.out) == (3, "")
    assert "only 2 of at least 3 articles were found; nothing was written" in run.err
    assert issues(mailer) == []


def send_first(mailer: Any, keys: dict[str, str], *titles: str) -> None:
    """The list members already got these."""
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    write_issue(mailer, "[articles]", name="first", articles=[{"key": keys[title]} for title in titles])
    mailer.done("send", "first")


def test_a_list_never_gets_an_article_twice_unless_asked(mailer: Any) -> None:
    keys = add_articles(mailer, *PIECES)
    send_first(mailer, keys, "Nets", "Weir")
    assert composed(mailer, "--tag", "clean-rivers") == ["Harbour", "Summer"]
    assert composed(mailer, "--tag", "clean-rivers", "--again", "--name", "again") == [
        "Weir", "Nets", "Harbour", "Summer",
    ]  # fmt: skip


def test_what_one_of_two_lists_got_is_left_out_for_both(mailer: Any) -> None:
    keys = add_articles(mailer, *PIECES)
    send_first(mailer, keys, "Nets")
    assert composed(mailer, "--to", "weekly", "--tag", "fishing") == ["Harbour"]
    run = mailer.done("compose", "bulletin", "--to", "weekly", "--tag", "fishing", "--name", "other", "--json")
    assert [article["title"] for article in run.json["articles"]] == ["Nets", "Harbour"]


@pytest.mark.parametrize("option", ["--pin", "--order"])
def test_an_article_asked_for_by_name_that_was_sent_is_a_conflict(mailer: Any, option: str) -> None:
    keys = add_articles(mailer, *PIECES)
    send_first(mailer, keys, "Nets")
    run = mailer("compose", "bulletin", "--to", "members", option, keys["Nets"][:8])
    assert run.code == 1
    assert f"article {keys['Nets']} was already sent in first" in run.err
    assert "--again" in run.err
    assert issues(mailer) == ["first.md"]


def test_an_article_of_two_sources_is_not_sent_again_under_the_other_name(mailer: Any) -> None:
    for source, link in (("paper", "nets"), ("copy", "nets?utm_source=copy")):
        guid = f"<guid isPermaLink='false'>{source}-7</guid><link>https://rivers.example/{link}</link>"
        feed = f"<rss version='2.0'><channel><item><title>Nets in {source}</title>{guid}</item></channel></rss>"
        mailer.done("articles", "import", "-", "--source", source, stdin=feed.encode())
    keys = {article["title"]: article["key"] for article in mailer.done("articles", "list", "--json").json}
    send_first(mailer, keys, *keys)
    for source in ("copy", "paper"):
        run = mailer("compose", "bulletin", "--to", "members", "--source", source)
        assert run.code == 3
        assert "nothing was written" in run.err


def test_one_source_alone_and_pins_from_anywhere(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    keys = add_articles(mailer, Piece("Other", days=4), source="other")
    assert composed(mailer, "--source", "other") == ["Other"]
    assert composed(mailer, "--source", "other", "--pin", keys["Summer"], "--name", "pinned") == ["Summer", "Other"]
    run = mailer("compose", "bulletin", "--to", "members", "--source", "othr", "--name", "x")
    assert run.code == 1
    assert "other" in run.err


def test_an_issue_file_is_never_overwritten(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    words = ("compose", "bulletin", "--to", "members", "--tag", "fishing")
    written = Path(mailer.done(*words, "--json").json["file"])
    before = written.read_bytes()
    run = mailer(*words)
    assert run.code == 1
    assert "--name NAME" in run.err
    assert written.read_bytes() == before
    assert len(issues(mailer)) == 1


def test_the_name_may_be_given_with_its_ending(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    run = mailer.done("compose", "bulletin", "--to", "members", "--name", "mine.md", "--json")
    assert run.json["name"] == "mine"
    assert issues(mailer) == ["mine.md"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--to", "wekly"), 1, "weekly"),
        (("--from", "ofice"), 1, "office"),
        (("--template", "bulletn"), 1, "bulletin"),
        (("--template", "_layout"), 1, "template"),
        (("--language", "klingon!"), 2, "language"),
        (("--since", "soon"), 2, "7d"),
        (("--pin", "zz"), 1, "there is no article with the key"),
        (("--pin", ""), 1, "there is no article with the key"),
        (("--name", "../out"), 1, "not the name of an issue"),
    ],
)
def test_a_wrong_option_writes_nothing(mailer: Any, words: tuple[str, ...], code: int, said: str) -> None:
    add_articles(mailer, *PIECES)
    run = mailer("compose", "bulletin", *(() if "--to" in words else ("--to", "members")), *words)
    assert run.code == code, run.err
    assert said in run.err
    assert issues(mailer) == []


def test_a_key_that_begins_two_articles_is_refused(mailer: Any) -> None:
    keys = add_articles(mailer, *(Piece(f"Article {number}") for number in range(17)))
    first = next(key[0] for key in keys.values() if sum(other[0] == key[0] for other in keys.values()) > 1)
    run = mailer("compose", "bulletin", "--to", "members", "--pin", first)
    assert run.code == 1
    assert "articles have a key that begins with" in run.err


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        (("--tag", "library"), ["Library"]),
        (("--tag", "clean-rivers"), ["Weir"]),
        (("--limit", "0"), []),
        (("--tag", "library", "--pin", "Nets"), ["Nets"]),
    ],
)
def test_an_alert_takes_the_newest_article_or_none(mailer: Any, words: tuple[str, ...], titles: list[str]) -> None:
    keys = add_articles(mailer, *PIECES)
    assert composed(mailer, *(keys.get(word, word) for word in words), kind="alert") == titles


@pytest.mark.parametrize("words", [("--limit", "2"), ("--pin", "Nets", "--pin", "Weir")])
def test_an_alert_about_several_articles_is_refused(mailer: Any, words: tuple[str, ...]) -> None:
    keys = add_articles(mailer, *PIECES)
    run = mailer("compose", "alert", "--to", "members", *(keys.get(word, word) for word in words))
    assert run.code == 2
    assert "an alert is about one article, and 2 are chosen" in run.err
    assert issues(mailer) == []


def editor(tmp_path: Path, script: str) -> str:
    path = tmp_path / "my editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return f"'{path}' --wait"


def test_edit_opens_the_file_in_the_editor(mailer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_articles(mailer, *PIECES)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor(tmp_path, 'test "$1" = --wait && echo "My own words." >> "$2"'))
    mailer.done("compose", "bulletin", "--to", "members", "--name", "mine", "--edit")
    assert (mailer.root / "issues" / "mine.md").read_text().endswith("\nMy own words.\n")


@pytest.mark.parametrize("value", [None, "", "  ", "'unclosed"])
def test_edit_without_an_editor_writes_nothing(mailer: Any, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    add_articles(mailer, *PIECES)
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv("EDITOR", value)
    run = mailer("compose", "bulletin", "--to", "members", "--edit")
    assert run.code == 2
    assert "nothing was written" in run.err
    assert issues(mailer) == []


@pytest.mark.parametrize(("script", "said"), [("exit 3", "ended with code 3"), (None, "cannot be started")])
def test_an_editor_that_fails_leaves_the_file(
    mailer: Any, script: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_articles(mailer, *PIECES)
    monkeypatch.setenv("VISUAL", editor(tmp_path, script) if script else str(tmp_path / "nothing"))
    run = mailer("compose", "bulletin", "--to", "members", "--name", "mine", "--edit")
    assert run.code == 2
    assert said in run.err
    assert "the file is there: " in run.err
    assert issues(mailer) == ["mine.md"]


def test_people_are_told_what_was_chosen_and_what_comes_next(mailer: Any) -> None:
    add_articles(mailer, *PIECES)
    run = mailer.done("compose", "bulletin", "--to", "members", "--since", "4d", "--name", "mine")
    assert "mine.md: 3 articles" in run.out
    assert all(title in run.out for title in ("Weir", "Nets", "Library"))
    assert "left out: 2" in run.err
    assert "mailer plan mine" in run.err


def test_a_composed_file_can_be_sent_as_it_is(mailer: Any) -> None:
    add_articles(mailer, Piece("Plain {% braces %} & <b>"), Piece("{{ more }}", days=2))
    add_people(mailer, "members", "ann@example.org,Ann,Oslo")
    for kind in ("bulletin", "alert"):
        words = ("compose", kind, "--to", "members", "--tag", "#CleanRivers", "--again")
        name = mailer.done(*words, "--name", kind, "--json").json["name"]
        assert mailer.done("send", name, "--again", "--json").json["state"] == "sent"
