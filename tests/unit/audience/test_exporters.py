"""Exports of other programs: known by their columns, mapped by themselves, and what each says of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailer.audience.exporters import EXPORTERS
from mailer.audience.layout import Summary, Told
from mailer.audience.reading import open_people
from mailer.audience.rows import Row, RowState
from mailer.errors import UsageError
from tests.unit.audience.workbooks import zipped

PEOPLE = Path(__file__).parents[2] / "data" / "people"
S = RowState


def read(name: str, told: Told | None = None, called: str | None = None) -> tuple[Summary, list[Row]]:
    """The summary and the people of one of the files; nothing in them is refused."""
    file = open_people((PEOPLE / name).read_bytes(), name if called is None else called, told)
    rows = [row for row in file.rows() if isinstance(row, Row)]
    assert len(rows) == len(list(file.rows())) - (name == "google-contacts.csv")
    return file.summary, rows


Person = tuple[RowState | None, tuple[str, ...], dict[str, Any]]
OWN: dict[str, Person] = {
    "ann@example.org": (S.MAILABLE, ("Oslo, east", "rivers"), {"city": "Oslo", "age": 34, "note": "=1+1"}),
    "bob@example.org": (S.PENDING, (), {"age": "x"}),
    "+cid@example.org": (S.UNSUBSCRIBED, (), {"city": "Bergen"}),
}

FILES: list[tuple[str, str, dict[str, Person]]] = [
    (
        "subscribed_members_export_3f9c1d2a77.csv", "Mailchimp",
        {
            "ann@example.org": (S.MAILABLE, ("Oslo, east", "VIP"), {"first_name": "Ann", "city": "Oslo"}),
            "bob.ray@example.org": (S.MAILABLE, (), {"notes": "Met at the fair", "optin_time": "2022-11-20 18:00:00"}),
        },
    ),
    ("unsubscribed_members_export_3f9c1d2a77.csv", "Mailchimp", {"cid@example.org": (S.UNSUBSCRIBED, ("Blog",), {})}),
    ("cleaned_members_export_3f9c1d2a77.csv", "Mailchimp", {"dora@example.org": (S.SUPPRESSED_BOUNCED, (), {})}),
    ("nonsubscribed_members_export_3f9c1d2a77.csv", "Mailchimp", {"eve@example.org": (S.NOT_MAILABLE, ("Shop",), {})}),
    (
        "sendgrid-contacts.csv", "SendGrid contacts",
        {
            "ann@example.org": (None, (), {"city": "Oslo", "postal_code": "0155", "union_branch": "East"}),
            "bob@example.org": (None, (), {"last_name": "Ray"}),
        },
    ),
    ("suppression_bounces.csv", "SendGrid suppressions", {"dora@example.org": (S.SUPPRESSED_BOUNCED, (), {})}),
    ("suppression_spam_reports.csv", "SendGrid suppressions", {"eve@example.org": (S.SUPPRESSED_COMPLAINED, (), {})}),
    ("suppression_global_unsubscribes.csv", "SendGrid suppressions", {"cid@example.org": (S.UNSUBSCRIBED, (), {})}),
    ("suppression_blocks.csv", "SendGrid suppressions", {"finn@example.org": (S.NOT_MAILABLE, (), {})}),
    ("suppression_invalid_emails.csv", "SendGrid suppressions",
     {"gus@example.invalid": (S.SUPPRESSED_OTHER, (), {})}),
    (
        "listmonk-subscribers.csv", "listmonk",
        {
            "ann@example.org": (S.MAILABLE, (), {"name": "Ann Lee", "age": 34, "projects": ["rivers", "forests"]}),
            "bob@example.org": (S.NOT_MAILABLE, (), {"name": "Bob Ray"}),
            "cid@example.org": (S.SUPPRESSED_OTHER, (), {"city": "Bergen"}),
        },
    ),
    (
        "keila_contacts.csv", "Keila",
        {
            "ann@example.org": (S.MAILABLE, ("Choir", "rivers"), {"first_name": "Ann", "city": "Oslo"}),
            "bob@example.org": (S.UNSUBSCRIBED, (), {}),
            "cid@example.org": (S.SUPPRESSED_BOUNCED, (), {}),
        },
    ),
    (
        "action-network-report.csv", "Action Network",
        {
            "ann@example.org": (S.MAILABLE, ("Phone bank", "Rivers"), {"city": "Oslo", "postal_code": "0155",
                                                                      "phone": "15550100", "committee": "East"}),
            "bob@example.org": (S.UNSUBSCRIBED, (), {}),
            "cid@example.org": (S.SUPPRESSED_BOUNCED, (), {}),
            "dora@example.org": (S.SUPPRESSED_COMPLAINED, (), {}),
            "eve@example.org": (S.NOT_MAILABLE, (), {}),
        },
    ),
    (
        "nationbuilder-people.csv", "NationBuilder",
        {
            "ann@example.org": (S.MAILABLE, ("member", "rivers"), {"city": "Oslo", "language": "nb"}),
            "bob@example.org": (S.UNSUBSCRIBED, (), {}),
            "cid@example.org": (S.SUPPRESSED_BOUNCED, (), {}),
            "dora@example.org": (S.NOT_MAILABLE, (), {}),
            "eve@example.org": (S.SUPPRESSED_OTHER, (), {}),
            "finn@example.org": (S.NOT_MAILABLE, (), {}),
        },
    ),
    (
        "google-contacts.csv", "Google Contacts",
        {"ann@example.org": (S.PENDING, ("Choir", "River"), {"first_name": "Ann", "organization": "River Friends"})},
    ),
    (
        "google-contacts-older.csv", "Google Contacts",
        {"ann@example.org": (S.PENDING, ("Choir",), {"first_name": "Ann", "name": "Ann Lee", "phone": "22000001"})},
    ),
    ("mailer-export.csv", "mailer", OWN),
    ("mailer-export.jsonl", "mailer", OWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "exporter", "people"), FILES, ids=[name for name, _, _ in FILES])
def test_an_export_is_known_and_mapped(name: str, exporter: str, people: dict[str, Person]) -> None:
    summary, rows = read(name)
    assert summary.exporter == exporter
    assert [row.address.key for row in rows] == list(people)
    for row in rows:
        state, tags, attributes = people[row.address.key]
        assert (row.state, row.tags) == (state, tags)
        assert attributes.items() <= row.attributes.items()
        assert bool(row.said) is (state is not None)


@pytest.mark.parametrize("name", [name for name, _, _ in FILES])
def test_what_identifies_people_elsewhere_is_left_behind(name: str) -> None:
    """Addresses of computers, places and foreign numbers are no attributes that a newsletter needs."""
    for row in read(name)[1]:
        kept = {attribute for attribute in row.attributes if attribute.startswith(("optin_ip", "confirm_ip", "latit"))}
        assert not kept | ({"uuid", "euid", "leid", "contact_id", "nationbuilder_id", "tags"} & set(row.attributes))


def test_every_exporter_has_a_file() -> None:
    assert {exporter.title for exporter in EXPORTERS} == {exporter for _, exporter, _ in FILES}


def test_mailchimp_s_zip_is_one_import() -> None:
    names = [name for name, exporter, _ in FILES if exporter == "Mailchimp"]
    file = open_people(zipped({f"export/{name}": (PEOPLE / name).read_bytes() for name in names}), "audience.zip")
    assert (file.summary.format, file.summary.exporter) == ("ZIP of CSV", "Mailchimp")
    assert [part.state for part in file.summary.parts] == [
        S.MAILABLE, S.UNSUBSCRIBED, S.SUPPRESSED_BOUNCED, S.NOT_MAILABLE
    ]  # fmt: skip
    rows = [row for row in file.rows() if isinstance(row, Row)]
    assert [(row.part.partition("_")[0], row.line, row.state, row.said) for row in rows] == [
        ("subscribed", 2, S.MAILABLE, "subscribed"),
        ("subscribed", 3, S.MAILABLE, "subscribed"),
        ("unsubscribed", 2, S.UNSUBSCRIBED, "unsubscribed"),
        ("cleaned", 2, S.SUPPRESSED_BOUNCED, "cleaned"),
        ("nonsubscribed", 2, S.NOT_MAILABLE, "nonsubscribed"),
    ]


def test_a_mailchimp_file_with_another_name_says_that_nobody_knows() -> None:
    summary, rows = read("subscribed_members_export_3f9c1d2a77.csv", called="people.csv")
    assert {row.state for row in rows} == {None}
    assert any("make sure that these people are subscribed" in note for note in summary.notes)
    _, rows = read("unsubscribed_members_export_3f9c1d2a77.csv", called="people.csv")
    assert {row.state for row in rows} == {S.UNSUBSCRIBED}
    _, rows = read("cleaned_members_export_3f9c1d2a77.csv", called="people.csv")
    assert {row.state for row in rows} == {S.SUPPRESSED_BOUNCED}


def test_titles_that_stand_twice_are_no_trouble() -> None:
    summary, _ = read("subscribed_members_export_3f9c1d2a77.csv")
    assert [column.becomes for column in summary.parts[0].columns if column.title == "LAST_CHANGED"] == ["-", "-"]


@pytest.mark.parametrize("titles", ["email,created", "email,created,ip", "created,email,name"])
def test_a_list_with_dates_is_not_taken_for_suppressions(titles: str) -> None:
    data = f"{titles}\n".encode() + b",".join(
        {"email": b"ann@example.org"}.get(title, b"1700000000") for title in titles.split(",")
    )
    (row,) = open_people(data, "members.csv").rows()
    assert isinstance(row, Row) and row.state is None
    assert "created" in row.attributes


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("subscribed", None), ("active", None), ("gold member", None), ("", None),
        ("Unsubscribed", S.UNSUBSCRIBED), ("opted  out", S.UNSUBSCRIBED), ("BOUNCED", S.SUPPRESSED_BOUNCED),
        ("spam complaint", S.SUPPRESSED_COMPLAINED), ("blacklisted", S.SUPPRESSED_OTHER), ("pending", S.PENDING),
        ("non-subscribed", S.NOT_MAILABLE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("title", ["Status", "Subscription status", "email_status"])
def test_a_status_of_any_file_is_respected_and_kept(word: str, state: RowState | None, title: str) -> None:
    (row,) = open_people(f"email,{title}\nann@example.org,{word}\n".encode()).rows()
    assert isinstance(row, Row) and row.state is state
    assert list(row.attributes.values()) == ([word] if word else [])


@pytest.mark.parametrize(
    ("titles", "words", "state"),
    [
        ("Status,Email status", "active,unsubscribed", S.UNSUBSCRIBED),
        ("Status,Email status", "unsubscribed,bounced", S.SUPPRESSED_BOUNCED),
        ("Status,Email status", "pending,opted out", S.UNSUBSCRIBED),
        ("State", "NY", None),
        ("State", "unsubscribed", S.UNSUBSCRIBED),
        ("State,Subscription state", "NY,unsubscribed", S.UNSUBSCRIBED),
    ],
)
def test_of_several_columns_the_lowest_word_counts(titles: str, words: str, state: RowState | None) -> None:
    (row,) = open_people(f"Members,{titles}\nann@example.org,{words}\n".encode()).rows()
    assert isinstance(row, Row) and row.state is state
    assert list(row.attributes.values()) == words.split(",")


def test_a_person_may_say_whose_export_it_is() -> None:
    name = "mailer-export.csv"
    summary, rows = read(name, Told(exporter="none"))
    assert summary.exporter == "" and rows[0].state is None
    assert rows[0].attributes["imported_subscription_state"] == "confirmed"
    with pytest.raises(UsageError, match='unknown program "malchimp": did you mean "mailchimp"'):
        read(name, Told(exporter="malchimp"))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("{nope", "the attributes are not JSON: column 2"),
        ("[1]", "the attributes are not a JSON object"),
        ('{"x": NaN}', "NaN is no JSON"),
        ('{"x": "\\u0000"}', "unprintable"),
        ('{"x":' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
    ],
)
def test_attributes_that_are_no_json_cost_the_row(attributes: str, reason: str) -> None:
    quoted = attributes.replace('"', '""')
    data = f'uuid,email,attributes,status\n1,ann@example.org,"{quoted}",enabled\n2,bob@example.org,{{}},enabled\n'
    bad, good = open_people(data.encode()).rows()
    assert not isinstance(bad, Row) and reason in bad.reason and bad.line == 2
    assert isinstance(good, Row)


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("a, b", ("a", "b")),
        ("b;a", ("a", "b")),
        ("a|B|b|A", ("a", "B")),
        ('"""x, y"",z"', ("x, y", "z")),
        ('"[""x"",""y, z""]"', ("x", "y, z")),
        ('"[x"', ("[x",)),
        ("  a   b  ", ("a b",)),
        (",;|", ()),
    ],
)
def test_tags_of_a_cell(cell: str, tags: tuple[str, ...]) -> None:
    (row,) = open_people(f"email\ttags\nann@example.org\t{cell}\n".encode()).rows()
    assert isinstance(row, Row) and row.tags == tags and row.attributes == {}


def test_several_columns_of_tags_are_one() -> None:
    (row,) = open_people(b'email,tags,Etiketter\nann@example.org,"b,a","A;c"\n').rows()
    assert isinstance(row, Row) and row.tags == ("a", "b", "c")
