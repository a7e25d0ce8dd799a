"""`mailer keys`: a new key in front, old links that go on working, and a key that is given up."""

from __future__ import annotations

import re
from typing import Any

import pytest


def fingerprints(mailer: Any) -> list[str]:
    return [key["fingerprint"] for key in mailer.done("keys", "list", "--json").json]


def test_rotating_puts_a_new_key_in_front(mailer: Any) -> None:
    (first,) = fingerprints(mailer)
    run = mailer.done("keys", "rotate", "--json")
    assert [key["fingerprint"] for key in run.json] == fingerprints(mailer)
    assert [key["signs"] for key in run.json] == [True, False]
    assert run.json[1]["fingerprint"] == first
    assert run.json[0]["age_days"] == 0


def test_no_key_is_ever_shown(mailer: Any) -> None:
    mailer.done("keys", "rotate")
    secret = mailer.root / ".mailer" / "secret.key"
    keys = [line.split()[0] for line in secret.read_text().splitlines()]
    shown = "".join(
        run.out + run.err
        for run in (
            mailer("keys", "list"),
            mailer("keys", "list", "--json"),
            mailer("keys", "retire", fingerprints(mailer)[1], "--dry-run"),
        )
    )
    assert len(keys) == 2 and not any(key in shown or key[:12] in shown for key in keys)


def test_the_table_says_which_one_signs(mailer: Any) -> None:
    mailer.write(".mailer/secret.key", "old-key-without-a-date-0123456789abcdef\n").chmod(0o600)
    mailer.done("keys", "rotate")
    lines = mailer.done("keys", "list").out.splitlines()
    assert re.match(r"FINGERPRINT +USE +MADE \(UTC\) +DAYS OLD", lines[0])
    assert "signs and verifies" in lines[1]
    assert re.search(r"\bverifies +unknown", lines[2]) and "signs" not in lines[2]


def test_giving_up_a_key_needs_a_word(mailer: Any) -> None:
    (first,) = fingerprints(mailer)
    only = mailer("keys", "retire", first, "--yes")
    assert (only.code, "the only key" in only.err, "mailer keys rotate" in only.err) == (1, True, True)
    mailer.done("keys", "rotate")
    asked = mailer("keys", "retire", first)
    assert asked.code == 2 and "--yes" in asked.err
    assert "links in mails that were signed with it stop working" in asked.err
    dry = mailer.done("keys", "retire", first, "--dry-run")
    assert "would be given up" in dry.out
    assert len(fingerprints(mailer)) == 2
    mailer.done("keys", "retire", first, "--yes")
    assert first not in fingerprints(mailer) and len(fingerprints(mailer)) == 1
    assert mailer("keys", "retire", first, "--yes").code == 1


def test_keys_of_the_environment_are_changed_there(mailer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_SECRET_KEY", f"{'n' * 40}\n{'o' * 40}")
    found = mailer.done("keys", "list", "--json").json
    assert [(key["signs"], key["made_at"]) for key in found] == [(True, None), (False, None)]
    for words in (("rotate",), ("retire", found[1]["fingerprint"], "--yes")):
        run = mailer("keys", *words)
        assert run.code == 1 and "MAILER_SECRET_KEY" in run.err
    assert not (mailer.root / ".mailer" / "secret.key").exists()


def test_giving_up_a_key_tells_how_many_forgotten_people_it_alone_recognises(mailer: Any) -> None:
    (first,) = fingerprints(mailer)
    mailer.done("subscribers", "add", "ada@example.org", "--list", "members")
    mailer.done("subscribers", "forget", "ada@example.org", "--yes")
    mailer.done("keys", "rotate")
    second, old = fingerprints(mailer)
    assert old == first
    told = mailer.done("keys", "retire", first, "--dry-run").err
    assert "1 person who was forgotten will not be recognised" in told
    assert "forgotten" not in mailer.done("keys", "retire", second, "--dry-run").err
