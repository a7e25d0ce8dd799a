"""`mailer articles` over real files and a real web server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mailer.model import IssueKind
from mailer.store.database import open_store
from mailer.store.freezing import Frozen, freeze

Feed = Callable[..., str]


def source(name: str, **values: Any) -> str:
    """A `[sources.NAME]` table."""
    lines = []
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else value if str(value).startswith("[") else f'"{value}"'
        lines.append(f"{key} = {text}")
    return f"\n[sources.{name}]\n" + "\n".join(lines) + "\n"


def outcome(run: Any, name: str) -> dict[str, Any]:
    return next(each for each in run.json if each["source"] == name)


def figures(run: Any, name: str) -> tuple[str, int, int, int]:
    found = outcome(run, name)
    return found["status"], found["new"], found["changed"], found["same"]


def test_sync_saves_new_changed_and_same(mailer: Any, feed: Feed) -> None:
    mailer.add_settings(source("site", kind="feed", path="site.xml"))
    mailer.write("site.xml", feed("One", "Two"))
    assert figures(mailer.done("articles", "sync", "--json"), "site") == ("read", 2, 0, 0)
    mailer.write("site.xml", feed("One", "Two").replace("About Two", "More about Two"))
    assert figures(mailer.done("articles", "sync", "--json"), "site") == ("read", 0, 1, 1)


def test_sync_asks_with_the_validators_of_the_last_answer(mailer: Any, site: Any, feed: Feed) -> None:
    mailer.add_settings(source("site", kind="feed", url=f"{site.url}/feed", allow_private=True))
    site.answer("/feed", 200, feed("One"), Content_Type="application/rss+xml", ETag='W/"a1"')
    assert figures(mailer.done("articles", "sync", "--json"), "site") == ("read", 1, 0, 0)
    site.answer("/feed", 304)
    assert figures(mailer.done("articles", "sync", "--json"), "site") == ("unchanged", 0, 0, 0)
    assert site.requests[1][1]["If-None-Match"] == 'W/"a1"'


def test_validators_are_kept_only_after_the_bytes_were_understood(mailer: Any, site: Any, feed: Feed) -> None:
    mailer.add_settings(source("site", kind="feed", url=f"{site.url}/feed", allow_private=True))
    site.answer("/feed", 200, "<html>maintenance</html>", Content_Type="text/html", ETag='"broken"')
    failed = mailer("articles", "sync", "--json")
    assert failed.code == 3
    assert outcome(failed, "site")["status"] == "failed"
    site.answer("/feed", 200, feed("One"), Content_Type="application/rss+xml")
    assert figures(mailer.done("articles", "sync", "--json"), "site") == ("read", 1, 0, 0)
    assert "If-None-Match" not in site.requests[1][1]


def test_one_failing_source_does_not_stop_the_others(mailer: Any, site: Any, feed: Feed) -> None:
    mailer.add_settings(
        source("broken", kind="feed", url=f"{site.url}/broken", allow_private=True)
        + source("private", kind="feed", url=f"{site.url}/feed")
        + source("outside", kind="feed", path="../secret.xml")
        + source("good", kind="feed", path="site.xml")
        + source("off", kind="feed", path="missing.xml", enabled=False)
    )
    site.answer("/broken", 500)
    mailer.write("site.xml", feed("One"))
    run = mailer("articles", "sync", "--json")
    assert run.code == 3
    assert {each["source"]: each["status"] for each in run.json} == {
        "broken": "failed",
        "good": "read",
        "outside": "failed",
        "private": "failed",
    }
    assert "attention: 3 of 4 sources failed: broken, outside, private" in run.err
    assert "The others are saved. Try again: mailer articles sync broken outside private" in run.err
    assert [each["title"] for each in mailer.done("articles", "list", "--json").json] == ["One"]
    assert site.requests and all(path == "/broken" for path, _ in site.requests)


def test_a_source_that_is_gone_is_asked_no_more(mailer: Any, site: Any, feed: Feed) -> None:
    mailer.add_settings(source("site", kind="feed", url=f"{site.url}/feed", allow_private=True))
    site.answer("/feed", 410)
    assert outcome(mailer.done("articles", "sync", "--json"), "site")["status"] == "gone"
    assert outcome(mailer.done("articles", "sync", "--json"), "site")["status"] == "gone"
    assert len(site.requests) == 1
    site.answer("/feed", 200, feed("Back"), Content_Type="application/rss+xml")
    assert figures(mailer.done("articles", "sync", "site", "--json"), "site") == ("read", 1, 0, 0)


def test_retry_after_is_respected(mailer: Any, site: Any) -> None:
    mailer.add_settings(source("site", kind="feed", url=f"{site.url}/feed", allow_private=True))
    site.answer("/feed", 429, Retry_After="3600")
    assert outcome(mailer("articles", "sync", "--json"), "site")["status"] == "failed"
    waiting = mailer.done("articles", "sync", "site", "--json")
    assert outcome(waiting, "site")["status"] == "waiting"
    assert len(site.requests) == 1


def test_an_interrupt_does_not_wait_for_a_slow_server(mailer: Any, site: Any) -> None:
    mailer.add_settings(source("slow", kind="feed", url=f"{site.url}/feed", allow_private=True))
    site.may_answer.clear()
    command = [sys.executable, "-m", "mailer", "-w", str(mailer.root), "articles", "sync"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert site.asked.wait(30)
    begin = monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")
    assert monotonic() - begin < 10


POST = """---
title: {title}
date: 2026-11-20T10:00:00Z
tags: [clean-rivers]
---
Text of {title}.
"""


def test_a_folder_gives_its_documents_and_nothing_from_outside(mailer: Any, tmp_path: Path) -> None:
    mailer.add_settings(source("posts", kind="folder", path="content", url="https://site.example/"))
    mailer.write("content/inside.md", POST.format(title="Inside"))
    mailer.write("content/deeper/more.md", POST.format(title="More"))
    mailer.write("content/image.png", b"\x89PNG")
    mailer.write("content/.hidden.md", POST.format(title="Hidden"))
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "secret.md").write_text(POST.format(title="Secret"))
    os.symlink(secret / "secret.md", mailer.root / "content" / "link.md")
    os.symlink(secret, mailer.root / "content" / "linked")
    assert figures(mailer.done("articles", "sync", "--json"), "posts") == ("read", 2, 0, 0)
    titles = {each["title"] for each in mailer.done("articles", "list", "--json").json}
    assert titles == {"Inside", "More"}


def test_a_folder_that_is_a_link_to_the_outside_is_refused(mailer: Any, tmp_path: Path) -> None:
    mailer.add_settings(source("posts", kind="folder", path="content"))
    secret = tmp_path / "secret"
    secret.mkdir()
    os.symlink(secret, mailer.root / "content")
    run = mailer("articles", "sync", "--json")
    assert run.code == 3
    assert outcome(run, "posts")["status"] == "failed"


def test_an_unknown_source_names_the_near_one(mailer: Any) -> None:
    mailer.add_settings(source("news", kind="feed", path="site.xml"))
    run = mailer("articles", "sync", "nws")
    assert run.code == 1
    assert 'unknown source "nws": did you mean "news"?' in run.err


def test_nothing_to_sync_is_no_error(mailer: Any) -> None:
    assert mailer.done("articles", "sync", "--json").json == []


def test_an_article_of_two_sources_is_one_with_the_tags_of_both(mailer: Any, feed: Feed) -> None:
    mailer.add_settings(
        source("all", kind="feed", path="all.xml", tags='["site"]')
        + source("rivers", kind="feed", path="rivers.xml", tags='["campaign"]')
    )
    text = feed("One").replace("<guid isPermaLink='false'>One</guid>", "")
    mailer.write("all.xml", text)
    mailer.write("rivers.xml", text.replace("About One", "Another text"))
    mailer.done("articles", "sync", "all")
    for _ in range(2):
        for name in ("rivers", "all"):
            last = mailer.done("articles", "sync", name, "--json")
            (article,) = mailer.done("articles", "list", "--json").json
            assert article["source"] == "all"
            assert article["excerpt"] == "About One."
            assert set(article["tags"]) == {"Clean Rivers", "site", "campaign"}
    assert figures(last, "all") == ("read", 0, 0, 1)
    mailer.write("all.xml", text.replace("Clean Rivers", "Library"))
    mailer.done("articles", "sync", "all")
    (article,) = mailer.done("articles", "list", "--json").json
    assert set(article["tags"]) == {"Library", "site", "campaign"}


def test_where_every_source_failed_nothing_is_said_to_be_saved(mailer: Any) -> None:
    mailer.add_settings(source("gone", kind="feed", path="gone.xml"))
    run = mailer("articles", "sync")
    assert run.code == 3
    assert "hint: Try again: mailer articles sync gone" in run.err
    assert "saved" not in run.err


@pytest.mark.parametrize("words", [["import", "-"], ["list"]])
def test_a_tag_of_signs_alone_is_wrong_usage(mailer: Any, words: list[str]) -> None:
    run = mailer("articles", *words, "--tag", "###", stdin=b"Title\n\nText.\n")
    assert run.code == 2
    assert "'###' is no tag: it needs a letter or a digit" in run.err


LISTING = """First title

First excerpt.

Second title
url: https://site.example/second

Second excerpt.
"""


def test_import_of_a_listing_from_standard_input(mailer: Any) -> None:
    words = ("articles", "import", "-", "--tag", "#CleanRivers", "--source", "archive", "--json")
    run = mailer.done(*words, stdin=LISTING.encode())
    assert (run.json["source"], run.json["new"]) == ("archive", 2)
    assert mailer.done(*words, stdin=LISTING.encode()).json["same"] == 2
    found = mailer.done("articles", "list", "--tag", "clean-rivers", "--json").json
    assert [each["title"] for each in found] == ["First title", "Second title"]
    assert [each["url"] for each in found] == [None, "https://site.example/second"]


@pytest.mark.parametrize("suffix", ["xml", "json", "txt"])
def test_import_recognises_the_content_not_the_name(mailer: Any, feed: Feed, suffix: str) -> None:
    path = mailer.write(f"saved.{suffix}", "\ufeff" + feed("One", "Two"))
    assert mailer.done("articles", "import", str(path), "--json").json["new"] == 2


def test_import_of_a_json_feed(mailer: Any) -> None:
    text = '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "A", "content_text": "b"}]}'
    path = mailer.write("saved", text)
    assert mailer.done("articles", "import", str(path), "--json").json["new"] == 1


def test_import_of_a_missing_file(mailer: Any) -> None:
    run = mailer("articles", "import", "nowhere.txt")
    assert (run.code, run.out) == (1, "")
    assert "nowhere.txt cannot be read: No such file or directory" in run.err


@pytest.fixture
def stocked(mailer: Any, feed: Feed) -> Any:
    """Three river articles of 22, 21 and 20 November, and one library article of the 22nd."""
    mailer.add_settings(source("rivers", kind="feed", path="r.xml") + source("books", kind="feed", path="b.xml"))
    mailer.write("r.xml", feed("River one", "River two", "River three", tag="Clean Rivers"))
    mailer.write("b.xml", feed("Library", tag="Save the Library").replace("site.example", "books.example"))
    mailer.done("articles", "sync")
    return mailer


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ([], ["Library", "River one", "River two", "River three"]),
        (["--tag", "#cleanrivers"], ["River one", "River two", "River three"]),
        (["--tag", "river-cleanup"], ["River one", "River two", "River three"]),
        (["--tag", "rivers", "--tag", "savethelibrary"], ["Library"]),
        (["--tag", "cleanrivers", "--tag", "savethelibrary", "--all"], []),
        (["--tag", "clean_rivers", "--since", "2026-11-21"], ["River one", "River two"]),
        (["--until", "2026-11-21"], ["River three"]),
        (["--source", "books"], ["Library"]),
        (["--source", "rivers", "--limit", "1"], ["River one"]),
        (["--unsent", "weekly", "--tag", "cleanrivers"], ["River one", "River two", "River three"]),
    ],
)
def test_list(stocked: Any, words: list[str], titles: list[str]) -> None:
    found = stocked.done("articles", "list", *words, "--json").json
    assert sorted(each["title"] for each in found) == sorted(titles)
    assert [each["title"] for each in found if each["source"] == "rivers"] == [
        title for title in titles if title != "Library"
    ]


def test_unsent_leaves_out_what_the_list_got(stocked: Any) -> None:
    stocked.done("subscribers", "add", "ann@example.org", "--list", "members")
    first, *_ = stocked.done("articles", "list", "--source", "rivers", "--json").json
    frozen = Frozen("2026-11-22-x", IssueKind.BULLETIN, "X", "hash", {}, ("members",), (first["key"],))
    store = open_store(f"sqlite:///{stocked.root}/mailer.db")
    with store.write() as connection:
        freeze(connection, frozen, datetime(2026, 11, 22, tzinfo=UTC))
    store.close()
    for name, titles in (
        ("members", ["River two", "River three"]),
        ("weekly", ["River one", "River two", "River three"]),
    ):
        found = stocked.done("articles", "list", "--source", "rivers", "--unsent", name, "--json").json
        assert [each["title"] for each in found] == titles
    assert stocked.done("articles", "show", first["key"], "--json").json["sent"] == {"members": "2026-11-22-x"}


def test_the_table_and_json_say_the_same(stocked: Any) -> None:
    text = stocked.done("articles", "list").out
    for article in stocked.done("articles", "list", "--json").json:
        assert f"{article['key']}  " in text
        assert article["title"] in text
    assert "\x1b" not in text


def test_a_list_that_is_not_defined_is_unknown(stocked: Any) -> None:
    run = stocked("articles", "list", "--unsent", "weakly")
    assert run.code == 1
    assert 'unknown list "weakly": did you mean "weekly"?' in run.err


def test_a_time_that_is_none_is_wrong_usage(stocked: Any) -> None:
    assert stocked("articles", "list", "--since", "yesterday-ish").code == 2


def test_show_takes_the_beginning_of_a_key(stocked: Any) -> None:
    article = stocked.done("articles", "list", "--source", "books", "--json").json[0]
    found = stocked.done("articles", "show", article["key"][:6], "--json").json
    assert found == {"article": article, "sent": {}}
    text = stocked.done("articles", "show", article["key"]).out
    assert "Library" in text and "https://books.example/0" in text


def test_show_of_an_unknown_key(stocked: Any) -> None:
    run = stocked("articles", "show", "zzzz")
    assert run.code == 1
    assert "hint: " in run.err


def test_tags_are_counted_with_their_aliases(mailer: Any) -> None:
    for tag in ("Clean Rivers", "#CleanRivers", "river-cleanup", "Library"):
        listing = f"About {tag}\n\nText.\n"
        mailer.done("articles", "import", "-", "--tag", tag, stdin=listing.encode())
    rivers, library = mailer.done("articles", "tags", "--json").json
    assert rivers["articles"] == 3
    assert set(rivers["spellings"]) == {"Clean Rivers", "CleanRivers", "river-cleanup"}
    assert (library["tag"], library["articles"]) == ("Library", 1)
    assert "Library" in mailer.done("articles", "tags").out


def test_a_title_commands_no_terminal(mailer: Any) -> None:
    feed = (
        '{"version": "https://jsonfeed.org/version/1.1", "items": '
        '[{"id": "1", "title": "Hi \\u001b]0;x\\u0007\\u009b2J\\u202ethere", "content_text": "b"}]}'
    )
    mailer.done("articles", "import", "-", stdin=feed.encode())
    for words in (["list"], ["list", "--json"]):
        out = mailer.done("articles", *words).out
        assert "there" in out
        assert not any(letter in out for letter in "\x1b\x07\x9b\u202e")
