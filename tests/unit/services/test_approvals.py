"""What approvals come to: whose count, and why the others do not."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from mailer.config.approval import Approval, Approver
from mailer.errors import CheckError
from mailer.services.approvals import Approvals, refuse_unapproved, statement_of, weighed
from mailer.services.sshkeys import signed
from mailer.services.whoami import user_name
from mailer.store.approvals import StoredApproval

NOW = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)
NAME, HASH, OTHER = "2026-11-22-rivers", "ab" * 32, "cd" * 32
MARIA, TOM = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def line(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def by_user(who: str, content: str = HASH) -> StoredApproval:
    return StoredApproval(NAME, content, who, "user", statement_of(NAME, content, who, NOW), "", NOW, None)


def by_key(who: str, key: Ed25519PrivateKey, content: str = HASH) -> StoredApproval:
    row = by_user(who, content)
    return replace(row, how="key", signature=signed(key, row.statement))


def settings(required: int = 1, **people: Approver) -> Approval:
    return Approval(required=required, people=people)


def said(found: Approvals) -> dict[str, str]:
    return {voice.who: voice.not_counted for voice in found.voices}


USERS = settings(1, maria=Approver(user="maria"), tom=Approver(user="tom"))
KEYS = settings(1, maria=Approver(key=line(MARIA), user="maria"), tom=Approver(key=f"{line(TOM)} tom@desk"))


def test_without_people_any_user_counts_but_the_sender() -> None:
    found = weighed(settings(1), [by_user("tom"), by_user("maria")], NAME, HASH, "tom")
    assert said(found) == {"tom": "they send it themselves", "maria": ""}
    assert found.missing == 0 and found.may == ()
    assert weighed(settings(1), [by_user("tom")], NAME, HASH, "tom").missing == 1
    assert weighed(settings(1), [by_user("tom")], NAME, HASH, None).missing == 0
    assert said(weighed(settings(1), [by_key("tom", TOM)], NAME, HASH, None)) == {"tom": "no key is in the settings"}


def test_with_people_only_theirs_count() -> None:
    rows = [by_user("maria"), by_user("eve")]
    assert said(weighed(USERS, rows, NAME, HASH, "tom")) == {
        "maria": "",
        "eve": "nobody of that name approves any more",
    }
    assert weighed(USERS, rows, NAME, HASH, "maria").missing == 1
    assert weighed(USERS, [], NAME, HASH, "maria").may == ("tom",)


def test_a_name_is_not_the_user_of_another() -> None:
    """Whoever is called in the settings as another's user name is, is told apart."""
    people = settings(1, tom=Approver(user="maria"), maria=Approver(user="tom"))
    assert said(weighed(people, [by_user("tom")], NAME, HASH, "tom")) == {"tom": ""}
    assert said(weighed(people, [by_user("tom")], NAME, HASH, "maria")) == {"tom": "they send it themselves"}


def test_who_has_a_key_must_sign() -> None:
    found = said(weighed(KEYS, [by_user("maria"), by_key("tom", TOM)], NAME, HASH, "eve"))
    assert found == {"maria": "it is not signed with their key", "tom": ""}
    assert said(weighed(KEYS, [by_key("tom", MARIA)], NAME, HASH, None)) == {"tom": "it is not signed with their key"}
    assert said(weighed(KEYS, [by_key("maria", MARIA)], NAME, HASH, "maria")) == {"maria": "they send it themselves"}
    assert said(weighed(USERS, [by_key("maria", MARIA)], NAME, HASH, None)) == {"maria": "they have no key any more"}


@pytest.mark.parametrize(
    "change",
    [{"issue": "another"}, {"who": "tom"}, {"at": NOW + timedelta(seconds=1)}, {"statement": "I approve all."}],
    ids=str,
)
def test_a_row_that_was_changed_counts_no_more(change: dict[str, object]) -> None:
    for row, people in ((by_key("maria", MARIA), KEYS), (by_user("maria"), USERS)):
        assert weighed(people, [row], NAME, HASH, None).missing == 0
        assert weighed(people, [replace(row, **change)], NAME, HASH, None).missing == 1  # type: ignore[arg-type]


def test_a_row_of_other_content_with_the_hash_of_now_counts_no_more() -> None:
    moved = replace(by_key("maria", MARIA, OTHER), hash=HASH)
    assert said(weighed(KEYS, [moved], NAME, HASH, None)) == {"maria": "it is not as it was written down"}
    forged = replace(moved, statement=statement_of(NAME, HASH, "maria", NOW))
    assert said(weighed(KEYS, [forged], NAME, HASH, None)) == {"maria": "it is not signed with their key"}


def test_other_content_and_what_was_taken_back_do_not_count() -> None:
    assert said(weighed(USERS, [by_user("maria", OTHER)], NAME, HASH, None)) == {"maria": "it was of other content"}
    gone = replace(by_user("maria"), withdrawn_at=NOW)
    assert weighed(USERS, [gone], NAME, HASH, None) == Approvals(NAME, HASH, 1, (), ("maria", "tom"))


def test_the_same_person_twice_is_one_voice() -> None:
    two = settings(2, maria=Approver(user="maria"), tom=Approver(user="tom"))
    assert weighed(two, [by_user("maria"), by_user("maria")], NAME, HASH, None).missing == 1
    assert weighed(two, [by_user("maria"), by_user("tom")], NAME, HASH, None).missing == 0
    assert weighed(settings(2), [by_user("maria"), by_user("maria")], NAME, HASH, None).missing == 1


def test_one_person_under_two_names_is_a_mistake_in_the_settings() -> None:
    for one, other, what in (
        (Approver(user="maria"), Approver(user="maria"), "user"),
        (Approver(key=line(MARIA)), Approver(key=f"{line(MARIA)} maria@home", user="mm"), "key"),
    ):
        with pytest.raises(ValidationError, match=f"maria and mary have the same {what}"):
            settings(1, maria=one, mary=other)


@pytest.mark.parametrize("key", ["ssh-rsa AAAA", "ssh-ed25519", "ssh-ed25519 AAAA", line(MARIA)[:-4], "x", "ö ö"])
def test_a_key_that_is_none_is_a_mistake_in_the_settings(key: str) -> None:
    with pytest.raises(ValidationError, match="ssh-ed25519"):
        Approver(key=key)
    with pytest.raises(ValidationError, match="user, key or both"):
        Approver()


def test_the_refusal_says_whose_word_is_missing_and_how_they_give_it() -> None:
    with pytest.raises(CheckError) as caught:
        refuse_unapproved(weighed(USERS, [by_user("maria", OTHER)], NAME, HASH, "tom"))
    assert caught.value.message == (
        f"{NAME}: needs 1 approval of its content as it is now, has none"
        " (maria's does not count: it was of other content)"
    )
    assert caught.value.hint == f"for maria: mailer approve {NAME} --hash abababababab"
    with pytest.raises(CheckError) as caught:
        refuse_unapproved(weighed(settings(1, maria=Approver(key=line(MARIA))), [], NAME, HASH, "tom"))
    assert caught.value.hint == f"for maria: mailer approve {NAME} --hash abababababab --key FILE"
    refuse_unapproved(weighed(USERS, [by_user("maria")], NAME, HASH, "tom"))
    two = settings(2, maria=Approver(user="maria"), tom=Approver(user="tom"), eve=Approver(user="eve"))
    assert weighed(two, [by_user("maria")], NAME, HASH, "tom").may == ("eve",), "neither who did nor who sends"
    refuse_unapproved(weighed(settings(0), [], NAME, HASH, "tom"))


def test_who_runs_it_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "maria")
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name != "maria"
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000 - 1)
    assert user_name() == "3999999999", "a number without a name"
