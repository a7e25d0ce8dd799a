"""Whole mails of a real issue in a shipped design, read back by the standard library."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from mailer.config.theme import Theme
from mailer.errors import LinkError, MailerError
from mailer.issues.file import parse_issue
from mailer.model import Outcome, Recipient
from mailer.render.compile import PartInput, compile_plain
from mailer.render.fields import FieldColumns
from mailer.render.issue import RenderInput, render_issue
from mailer.render.links import LinkTarget, Purpose, Signer
from mailer.render.personal import PersonalPart
from mailer.render.sources import TemplateText
from mailer.services.reader_links import LinkColumns
from mailer.services.references import reference, references
from mailer.services.writer import MailWriter, ascii_word
from mailer.workspace import shipped

NOW = datetime(2026, 11, 22, 17, 0, 5, tzinfo=UTC)
KEY = b"0123456789abcdef0123456789abcdef"
NAME = "2026-11-22-rivers"
ISSUE = """---
kind: bulletin
subject: "Rivers for {{ subscriber.city | default('you') }}"
lists: [weekly, green_city]
---

Dear {{ subscriber.first_name | default("friend") }},
"""
LISTS: dict[str, dict[str, str]] = {
    "weekly": {"title": "Weekly, for everyone", "reply_to": ""},
    "green_city": {"title": "Grønn liste", "reply_to": "svar@example.org"},
}


@pytest.fixture(scope="module")
def parts() -> Mapping[str, Any]:
    """The issue, compiled once."""
    folder = shipped("templates")
    templates = {path.name: TemplateText(path.read_text(encoding="utf-8"), path.name) for path in folder.iterdir()}
    issue = parse_issue(ISSUE, f"issues/{NAME}.md")
    organisation = {"name": "Rivers United", "postal_address": "1 Quay Street, Oslo", "contact": "", "website": ""}
    given = RenderInput(issue, (), organisation, Theme().model_dump(), templates, "issue", "abc123", NOW)
    return render_issue(given).to_json()


SENDER = {"name": "Rivers United", "email": "news@example.org", "reply_to": "desk@example.org"}


def writer(
    parts: Mapping[str, Any],
    key: bytes = KEY,
    *,
    preview: bool = False,
    sender: Mapping[str, str] = SENDER,
    base_url: str = "https://news.example.org",
    contact: str = "office@example.org",
    older: tuple[bytes, ...] = (),
    name: str = NAME,
    **more: str,
) -> MailWriter:
    snapshot: dict[str, Any] = {
        "parts": parts,
        "from": sender,
        "lists": LISTS,
        "base_url": base_url,
        "contact": contact,
        "hash": "0123456789abcdef" * 4,
    }
    return MailWriter(name, {**snapshot, **more}, (key, *older), preview=preview)


def person(delivery: int = 17, list_name: str = "weekly", email: str = "ann@example.net", **fields: Any) -> Recipient:
    return Recipient(delivery, "ab12cd34", email, list_name, fields)


def mail(written: MailWriter, recipient: Recipient) -> EmailMessage:
    envelope = written.envelope(recipient, NOW)
    assert (envelope.delivery_id, envelope.recipient) == (recipient.delivery_id, recipient.email)
    message = BytesParser(policy=policy.default).parsebytes(envelope.content)
    assert isinstance(message, EmailMessage)
    assert all(each.defects == [] for each in message.walk())
    return message


def test_the_headers_of_a_mail(parts: Mapping[str, Any]) -> None:
    message = mail(writer(parts), person(first_name="Ann", last_name="Lee", city="Tromsø"))
    assert message["From"] == "Rivers United <news@example.org>"
    assert message["To"] == "Ann Lee <ann@example.net>"
    assert message["Subject"] == "Rivers for Tromsø"
    assert message["Date"].datetime == NOW
    assert message["Reply-To"] == "desk@example.org"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Owner"] == "<mailto:office@example.org>"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_link_in_the_header_is_the_one_in_the_parts(parts: Mapping[str, Any]) -> None:
    message = mail(writer(parts), person())
    web, letter = str(message["List-Unsubscribe"]).split(", ")
    token = web.strip("<>").removeprefix("https://news.example.org/u/")
    assert letter == f"<mailto:office@example.org?subject=unsubscribe%20{token}>"
    assert Signer([KEY]).read(token, Purpose.UNSUBSCRIBE) == LinkTarget("weekly", "ab12cd34")
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert web.strip("<>") in body.get_content()


def test_without_public_pages_unsubscribing_is_a_mail(parts: Mapping[str, Any]) -> None:
    message = mail(writer(parts, base_url=""), person())
    (letter,) = str(message["List-Unsubscribe"]).split(", ")
    assert letter.startswith("<mailto:office@example.org?subject=unsubscribe%20")
    assert message["List-Unsubscribe-Post"] is None, "one click needs an address (RFC 8058)"
    body = message.get_body(("plain",))
    assert body is not None
    assert letter.strip("<>") in body.get_content()


def test_a_preview_unsubscribes_nobody(parts: Mapping[str, Any]) -> None:
    token = writer(parts, preview=True).token(person())
    assert Signer([KEY]).read(token, Purpose.PREVIEW).subscriber_id == "ab12cd34"
    with pytest.raises(LinkError):
        Signer([KEY]).read(token, Purpose.UNSUBSCRIBE)


def in_both(written: MailWriter, recipient: Recipient, page: str) -> str:
    """The token of the link to a kind of page, once the HTML and the text say the same."""
    whole = written.personal(recipient)
    found = re.findall(rf"https://news\.example\.org/{page}/([\w-]+)", whole.html + " " + whole.text)
    assert len(found) == 2, "once in the HTML, once in the text"
    assert len(set(found)) == 1
    return str(found[0])


def test_a_mail_leads_to_its_readers_preferences_and_to_itself_as_a_page(parts: Mapping[str, Any]) -> None:
    signer = Signer([KEY])
    assert signer.read(in_both(writer(parts), person(), "p"), Purpose.PREFERENCES) == LinkTarget("weekly", "ab12cd34")
    assert signer.read(in_both(writer(parts), person(), "v"), Purpose.VIEW) == LinkTarget(NAME, "ab12cd34")


def test_links_of_a_preview_are_good_for_nothing(parts: Mapping[str, Any]) -> None:
    signer = Signer([KEY])
    for page, purpose in (("u", Purpose.UNSUBSCRIBE), ("p", Purpose.PREFERENCES), ("v", Purpose.VIEW)):
        token = in_both(writer(parts, preview=True), person(), page)
        assert signer.read(token, Purpose.PREVIEW).subscriber_id == "ab12cd34"
        with pytest.raises(LinkError):
            signer.read(token, purpose)


def test_without_public_pages_no_link_leads_to_one(parts: Mapping[str, Any]) -> None:
    whole = writer(parts, base_url="").personal(person())
    for word in ("View in browser", "Preferences"):
        assert word.lower() not in (whole.html + whole.text).lower()


def test_an_issue_with_a_name_that_no_token_can_hold_has_no_page_of_its_own(parts: Mapping[str, Any]) -> None:
    whole = writer(parts, name="é" * 64).personal(person())
    assert "/v/" not in whole.html
    assert "/p/" in whole.html


def test_a_link_that_no_template_mentions_is_never_made() -> None:
    """A token is a hash: of a million mails each would cost seconds."""
    made: list[str] = []

    def maker(name: str) -> Callable[[], list[str]]:
        def make() -> list[str]:
            made.append(name)
            return [name]

        return make

    columns = LinkColumns({name: maker(name) for name in ("view", "preferences")})
    people = FieldColumns([{}], {}, columns)
    text = PersonalPart(compile_plain(PartInput({"a": TemplateText("{{ links.view }}", "a")}, "a", {}, "en", "x", {})))
    assert text.columns(people) == [["view"]]
    assert made == ["view"]


def test_each_list_has_its_own_headers(parts: Mapping[str, Any]) -> None:
    written = writer(parts)
    weekly, green = mail(written, person()), mail(written, person(18, "green_city"))
    assert weekly["List-ID"] == '"Weekly, for everyone" <weekly.example.org>'
    assert green["List-ID"] == "Grønn liste <green_city.example.org>"
    assert (weekly["Reply-To"], green["Reply-To"]) == ("desk@example.org", "svar@example.org")
    assert weekly["List-Unsubscribe"] != green["List-Unsubscribe"]


def test_a_contact_with_signs_of_a_link_stays_one_mailbox(parts: Mapping[str, Any]) -> None:
    message = mail(writer(parts, base_url="", contact="a&b=c?d+e@example.org"), person())
    assert str(message["List-Owner"]) == "<mailto:a%26b%3Dc%3Fd+e@example.org>"
    assert str(message["List-Unsubscribe"]).startswith("<mailto:a%26b%3Dc%3Fd+e@example.org?subject=unsubscribe%20")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("weekly", "weekly"),
        ("team_a", "team_a"),
        ("team-a", "team-a"),
        ("Übersicht_2026", "ubersicht_2026-5d9a024f"),
        ("a.b c", "a-b-c-8640d2e2"),
        ("новости", "list-b936c407"),
        ("--", "list-d8156bae"),
    ],
)
def test_a_list_id_is_ascii_and_stays(name: str, word: str) -> None:
    assert ascii_word(name) == word


def test_a_message_id_is_stable_for_a_delivery_and_not_to_be_guessed(parts: Mapping[str, Any]) -> None:
    first, again = (mail(writer(parts), person())["Message-ID"] for _ in range(2))
    assert first == again
    assert first.startswith("<17.")
    assert first.endswith("@example.org>")
    others = {
        mail(writer(parts), person(18))["Message-ID"].partition(".")[2],
        mail(writer(parts, b"f" * 32), person())["Message-ID"].partition(".")[2],
        first.partition(".")[2],
    }
    assert len(others) == 3


def test_a_new_key_changes_no_message_id(parts: Mapping[str, Any]) -> None:
    """A send that goes on after a rotation, or after the old key was given up, writes the same mails."""
    new = b"n" * 32
    before = mail(writer(parts, message_ids="5a17"), person())["Message-ID"]
    assert mail(writer(parts, new, older=(KEY,), message_ids="5a17"), person())["Message-ID"] == before
    assert mail(writer(parts, new, message_ids="5a17"), person())["Message-ID"] == before
    assert mail(writer(parts, message_ids="5a18"), person())["Message-ID"] != before
    old = mail(writer(parts), person())["Message-ID"]
    assert mail(writer(parts, new, older=(KEY,)), person())["Message-ID"] == old, "frozen by an earlier version"


def test_a_link_of_before_a_rotation_is_read_after_it(parts: Mapping[str, Any]) -> None:
    before = writer(parts).token(person())
    after = writer(parts, b"n" * 32, older=(KEY,))
    assert Signer((b"n" * 32, KEY)).read(before, Purpose.UNSUBSCRIBE) == LinkTarget("weekly", "ab12cd34")
    assert after.token(person()) != before


def test_domains_that_are_not_ascii(parts: Mapping[str, Any]) -> None:
    sender = {"name": "Grønn Ungdom", "email": "nytt@grønn.example", "reply_to": ""}
    message = mail(writer(parts, sender=sender), person(email="ann@xn--mnchen-3ya.example"))
    assert str(message["From"]) == "Grønn Ungdom <nytt@xn--grnn-hra.example>"
    assert message["Message-ID"].endswith("@xn--grnn-hra.example>")
    assert message["List-ID"].endswith("<weekly.xn--grnn-hra.example>")
    assert message["Reply-To"] is None


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, "ann@example.net"),
        ({"name": "Ann Marie Lee", "first_name": "Ann"}, "Ann Marie Lee <ann@example.net>"),
        ({"first_name": "Ann"}, "Ann <ann@example.net>"),
        ({"last_name": "Lee"}, "Lee <ann@example.net>"),
        ({"first_name": "", "last_name": "Lee"}, "Lee <ann@example.net>"),
        ({"name": "Ann\r\nBcc: all@example.net"}, '"Ann Bcc: all@example.net" <ann@example.net>'),
        ({"name": "Żółć"}, "Żółć <ann@example.net>"),
    ],
)
def test_the_name_in_to(parts: Mapping[str, Any], fields: dict[str, Any], shown: str) -> None:
    message = mail(writer(parts), person(**fields))
    assert str(message["To"]) == shown
    assert message["Bcc"] is None


def test_own_fields_cannot_be_forged_by_an_import(parts: Mapping[str, Any]) -> None:
    fields = writer(parts).fields(person(email="ann@example.net", list="weekly", id="other"))
    assert (fields["email"], fields["id"], fields["list"]) == ("ann@example.net", "ab12cd34", "Weekly, for everyone")


def test_what_is_shown_and_what_is_mailed_are_the_same(parts: Mapping[str, Any]) -> None:
    written, ann = writer(parts), person(first_name="Ann & Bo", city="Oslo")
    shown, message = written.personal(ann), mail(written, ann)
    assert shown.subject == message["Subject"] == "Rivers for Oslo"
    for kind, text in (("plain", shown.text), ("html", shown.html)):
        body = message.get_body((kind,))
        assert body is not None
        assert body.get_content().replace("\r\n", "\n").strip() == text.strip()
    assert "Dear Ann & Bo," in shown.text
    assert "Dear Ann &amp; Bo," in shown.html


@pytest.mark.parametrize("email", ["jürgen@example.net", "a b@example.net", "ann@exa mple.net", "x@y@example.net"])
def test_an_address_that_mail_cannot_carry_is_named_without_itself(parts: Mapping[str, Any], email: str) -> None:
    with pytest.raises(MailerError) as caught:
        writer(parts).envelope(person(email=email), NOW)
    assert email not in caught.value.message
    assert caught.value.message.startswith("To: ")


def test_many_mails_are_those_of_each_in_their_order(parts: Mapping[str, Any]) -> None:
    written = writer(parts)
    people = [
        person(1, first_name="Ann & Bo", city="Oslo"),
        person(2, "green_city", email="bo@bücher.example", name="Bo, Żółć"),
        person(3, email="a b@example.net"),
        person(4, first_name=7, city=["a", "b"]),
        person(5, city="tab\there", name="two\nlines"),
        person(6, "green_city", email="jürgen@example.net"),
        person(7, first_name="", name=None),
    ]
    mails, refused = written.envelopes(people, NOW)
    assert [(each.delivery_id, each.outcome) for each in refused] == [(3, Outcome.REFUSED), (6, Outcome.REFUSED)]
    assert all(each.detail.startswith("not written: To: ") for each in refused)
    assert list(mails) == [written.envelope(each, NOW) for each in people if each.delivery_id not in (3, 6)]
    assert written.envelopes([], NOW) == ((), ())


def test_references_of_neighbours_are_each_their_own() -> None:
    numbers = [1, 63, 64, 65, 128, 10**12, *range(190, 200)]
    made = references(b"k" * 32, NAME, numbers)
    assert made == [reference(b"k" * 32, NAME, number) for number in numbers]
    assert [each.partition(".")[0] for each in made] == list(map(str, numbers))
    others = references(b"l" * 32, NAME, numbers), references(b"k" * 32, NAME + "1", numbers)
    tags = {each.partition(".")[2] for each in (*made, *others[0], *others[1])}
    assert len(tags) == 3 * len(numbers)
    assert all(len(tag) == 16 for tag in tags)
