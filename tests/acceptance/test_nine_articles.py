"""The real listing of a paper's tag archive: nine articles with neither link nor date, all the way to two lists."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.commands import fill, run, told, workspace
from tests.cli.campaign import article_keys_of, outbox_mails, part

ARCHIVE = (
    Path(os.environ.get("MAILER_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data") / "tag-archive.txt"
)
TAG = "Students & Workers"
LISTS = ("members", "weekly")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return workspace(tmp_path)


def titles_in(text: str) -> list[str]:
    """The listing read another way: blocks between blank lines, title and excerpt in turn."""
    return [block.strip() for block in text.split("\n\n") if block.strip()][::2]


def compose(folder: Path, name: str, *words: str) -> Any:
    to = [word for each in LISTS for word in ("--to", each)]
    return told(folder, "compose", "bulletin", "--tag", TAG, "--since", "1d", *to, "--name", name, *words)


def places(text: str, titles: list[str]) -> list[int]:
    """Where each title begins, however the text is wrapped."""
    flat = " ".join(text.split())
    return [flat.find(title) for title in titles]


def check_mails(folder: Path, name: str, people: int, titles: list[str], absent: list[str]) -> None:
    mails = outbox_mails(folder, name)
    assert len(mails) == people
    for mail in mails[:1] + mails[-1:]:
        for kind in ("plain", "html"):
            text = part(mail, kind)
            found = places(shown(text), titles)
            assert -1 not in found
            assert found == sorted(found), "in the order of the listing"
            assert not any(title in shown(text) for title in absent)
            assert "read more" not in text.lower()
            assert "read the article" not in text.lower()


def shown(text: str) -> str:
    """What a reader sees of a part, without the title that the subject repeats above the articles."""
    body = html.unescape(text)
    start = body.find("This is what is new")
    assert start > 0
    return " ".join(body[start:].split())


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the listing is kept outside the repository: MAILER_SHARED_DATA")
def test_nine_articles_to_two_lists_of_which_one_had_three(folder: Path) -> None:
    titles = titles_in(ARCHIVE.read_text(encoding="utf-8"))
    assert len(titles) == 9
    told(folder, "articles", "import", str(ARCHIVE), "--tag", TAG)
    listed = told(folder, "articles", "list", "--tag", "#students&workers")
    assert [article["title"] for article in listed] == titles
    assert not any(article["url"] or article["published_at"] for article in listed)
    keys = {article["title"]: article["key"] for article in listed}
    fill(folder, "members", 3)
    fill(folder, "weekly", 2, first=3)

    three = [titles[1], titles[4], titles[8]]
    words = [word for title in three for word in ("--pin", keys[title])]
    told(folder, "compose", "bulletin", "--to", "weekly", "--limit", "3", *words, "--name", "three")
    assert told(folder, "send", "three")["deliveries"] == {"accepted": 2}

    six = [title for title in titles if title not in three]
    assert [article["title"] for article in compose(folder, "six")["articles"]] == six
    assert article_keys_of(folder / "issues" / "six.md") == [keys[title] for title in six]
    preview = told(folder, "preview", "six")
    assert -1 not in places(Path(preview["text"]).read_text(encoding="utf-8"), six)
    plan = told(folder, "plan", "six")
    assert plan["recipients"] == 5
    assert not any(finding["level"] == "error" for finding in plan["findings"])
    assert told(folder, "send", "six")["accepted_now"] == 5
    check_mails(folder, "six", 5, six, three)

    to = [word for each in LISTS for word in ("--to", each)]
    refused = run(folder, "compose", "bulletin", "--tag", TAG, *to, "--name", "none", code=3)
    assert "left out: 9 already sent" in refused, "everybody has all of them"
    assert [article["title"] for article in compose(folder, "nine", "--again")["articles"]] == titles
    assert "went to one of these lists before" in run(folder, "plan", "nine", code=1)
    run(folder, "send", "nine", code=1)
    assert told(folder, "send", "nine", "--again")["accepted_now"] == 5
    check_mails(folder, "nine", 5, titles, [])
