"""Files of suppressions: every good row is read, every other one is told with its line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailer.audience.rows import RejectedRow
from mailer.audience.suppressing import hashes
from mailer.audience.suppressionfile import LONGEST_NOTE, NamedRow, read_suppressions, reason_in_name
from mailer.errors import ImportFileError
from mailer.model import SuppressionReason

BOUNCED, COMPLAINED = SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED
THEN = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def read(text: str | bytes) -> list[NamedRow | RejectedRow]:
    return list(read_suppressions(text.encode() if isinstance(text, str) else text))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        # SendGrid: bounces, spam reports, invalid addresses, global unsubscribes
        (
            'status,reason,email,created\n5.1.1,"550 no, unknown",ada@b.org,1700000000\n',
            NamedRow(2, "ada@b.org", None, "", THEN, "550 no, unknown"),
        ),
        ("ip,email,created\n1.2.3.4,ada@b.org,1700000000\n", NamedRow(2, "ada@b.org", created_at=THEN)),
        ("email,created\nada@b.org,1700000000000\n", NamedRow(2, "ada@b.org", created_at=THEN)),
        # Mailchimp, as it is
        (
            "Email Address,First Name,CLEAN_TIME\nada@b.org,Ada,2023-11-14 22:13:20\n",
            NamedRow(2, "ada@b.org", created_at=THEN),
        ),
        # our own
        (
            "email,reason,list,created,note\n<@b.org>,complained,weekly,2023-11-14T22:13:20+00:00,'=1\n",
            NamedRow(2, "@b.org", COMPLAINED, "weekly", THEN, "=1"),
        ),
        # a column
        ("Ada@B.org\n", NamedRow(1, "ada@b.org")),
        ("@b.org\r\n", NamedRow(1, "@b.org")),
        ("Domain\n@b.org\n", NamedRow(2, "@b.org")),
        ("x;ada@b.org\n", NamedRow(1, "ada@b.org")),
        ("Adresse;Grund;E-Mail\nx;y;ada@b.org\n", NamedRow(2, "ada@b.org")),
        ("\ufeffemail\tType\nada@b.org\tBounce\n", NamedRow(2, "ada@b.org", BOUNCED)),
        ("email,date\nada@b.org,some day\n", NamedRow(2, "ada@b.org")),
        ("email,note\nada@b.org,a\x07b\n", NamedRow(2, "ada@b.org", note="ab")),
        ("email,note\nada@b.org," + "n" * 900 + "\n", NamedRow(2, "ada@b.org", note="n" * LONGEST_NOTE)),
    ],
)
def test_columns_are_known_by_their_titles(text: str, row: NamedRow) -> None:
    assert read(text) == [row]


def test_a_hash_is_of_a_forgotten_address_whatever_the_row_says() -> None:
    (value,) = hashes({"aaaabbbbcccc": b"k" * 32}, "ada@b.org")
    assert read(f"email,reason\n{value},bounced\n") == [NamedRow(2, value, SuppressionReason.FORGOTTEN)]


def test_nobody_else_is_forgotten_by_a_file() -> None:
    assert read("email,reason\nada@b.org,forgotten\n") == [NamedRow(2, "ada@b.org", None, note="forgotten")]


def test_a_wrong_row_costs_itself_alone() -> None:
    found = read('email,note\nada@b.org,\nnobody,\n"bob@b.org,\n\ncy@b.org,x\n')
    assert [row.value for row in found if isinstance(row, NamedRow)] == ["ada@b.org", "cy@b.org"]
    refused = [row for row in found if isinstance(row, RejectedRow)]
    assert [row.line for row in refused] == [3, 4]
    assert not any("@" in row.reason.replace("no @", "") for row in refused)


@pytest.mark.parametrize("text", ["", "\n\n", "name,city\nAda,Oslo\n"])
def test_a_file_without_any_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(ImportFileError):
        read(text)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("suppression_bounces.csv", BOUNCED),
        ("Spam_Reports-2026.csv", COMPLAINED),
        ("cleaned_members_export_abc.csv", BOUNCED),
        ("suppression_global_unsubscribes.csv", SuppressionReason.UNSUBSCRIBED),
        ("invalid_emails.csv", SuppressionReason.INVALID),
        ("list.csv", None),
    ],
)
def test_a_provider_says_the_reason_by_the_file_s_name(name: str, reason: SuppressionReason | None) -> None:
    assert reason_in_name(name) is reason
