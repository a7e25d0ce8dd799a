"""`mailer issues`: the choice of articles changed in a file that a person wrote, and nothing else in it."""

from __future__ import annotations

import pytest

from tests.cli.campaign import Piece, add_articles, add_people, article_keys
from tests.cli.conftest import Program

NAME = "2026-11-22-rivers"
FILE = f"issues/{NAME}.md"


@pytest.fixture
def issue(mailer: Program) -> tuple[Program, dict[str, str]]:
    """A composed issue of three articles, with a person's comment and blank lines in it; a fourth is in the store."""
    keys = add_articles(mailer, *(Piece(f"Part {number}", days=number) for number in range(1, 5)))
    add_people(mailer, "members", "ada@example.org,Ada,Oslo")
    mailer.done("compose", "bulletin", "--tag", "rivers", "--tag", "Clean Rivers", "--to", "members", "--limit", "3",
                  "--name", NAME)  # fmt: skip
    path = mailer.root / FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("language: en", "language: en\n\n# Ask Mira before changing the subject.\n"), "utf-8")
    return mailer, keys


def others(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("  - key:")]


def test_order_changes_the_order_and_nothing_else(issue: tuple[Program, dict[str, str]]) -> None:
    mailer, keys = issue
    before = (mailer.root / FILE).read_text(encoding="utf-8")
    run = mailer.done("issues", "order", FILE, keys["Part 3"][:6], keys["Part 2"], "--json")
    wanted = [keys[title] for title in ("Part 3", "Part 2", "Part 1")]
    assert article_keys(mailer, NAME) == wanted
    assert [article["key"] for article in run.json["articles"]] == wanted
    after = (mailer.root / FILE).read_text(encoding="utf-8")
    assert others(after) == others(before)
    assert sorted(after.splitlines()) == sorted(before.splitlines())


def test_remove_and_add_give_the_file_back(issue: tuple[Program, dict[str, str]]) -> None:
    mailer, keys = issue
    before = (mailer.root / FILE).read_bytes()
    mailer.done("issues", "remove", NAME, keys["Part 3"])
    assert article_keys(mailer, NAME) == [keys["Part 1"], keys["Part 2"]]
    mailer.done("issues", "add", NAME, keys["Part 3"][:8])
    assert (mailer.root / FILE).read_bytes() == before
    mailer.done("issues", "add", NAME, keys["Part 4"])
    assert article_keys(mailer, NAME)[-1] == keys["Part 4"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("remove", NAME, "ffff"), "there is no article with the key 'ffff'"),
        (("add", NAME, "ffff"), "ffff"),
        (("order", NAME, "ffff"), "there is no article with the key 'ffff'"),
        (("order", "2026-11-22-river", "ffff"), '"2026-11-22-river"'),
    ],
)
def test_mistakes_leave_the_file_alone(
    issue: tuple[Program, dict[str, str]], words: tuple[str, ...], message: str
) -> None:
    mailer, _ = issue
    before = (mailer.root / FILE).read_bytes()
    run = mailer("issues", *words)
    assert run.code == 1
    assert message in run.err
    assert (mailer.root / FILE).read_bytes() == before


def test_an_article_twice_is_refused(issue: tuple[Program, dict[str, str]]) -> None:
    mailer, keys = issue
    run = mailer("issues", "add", NAME, keys["Part 1"])
    assert run.code == 2
    assert "in this issue already" in run.err


def test_what_a_list_got_is_added_only_when_said(issue: tuple[Program, dict[str, str]]) -> None:
    mailer, keys = issue
    mailer.done("send", NAME)
    mailer.done("compose", "bulletin", "--tag", "Clean Rivers", "--to", "members", "--name", "next")
    run = mailer("issues", "add", "next", keys["Part 1"])
    assert (run.code, f"article {keys['Part 1']} was already sent in {NAME}" in run.err) == (1, True)
    mailer.done("issues", "add", "next", keys["Part 1"], "--again")
    assert article_keys(mailer, "next") == [keys["Part 4"], keys["Part 1"]]
