"""The outbox on a real file system: names, rights, readers, interruptions, and the page to look at."""

from __future__ import annotations

import mailbox
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailer.errors import ProviderError
from mailer.model import Batch, Envelope, Outcome
from mailer.providers.outbox import Outbox
from mailer.providers.outbox_page import LISTED
from mailer.render.mime import MessageAddress, MessageHeaders, MessageSkeleton, PersonalValues


@dataclass(frozen=True)
class Runs:
    constants: tuple[str, ...]
    slots: tuple[int, ...] = ()


ISSUE = "2026-11-22-clean-rivers"
NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


def mail(number: int, name: str = "Åse <b>", subject: str = "River & <i>news</i>") -> Envelope:
    skeleton = MessageSkeleton(
        Runs(("Dear ", "\n"), (0,)),
        Runs(("<p>Dear ", "</p>\n"), (0,)),
        Runs((subject,)),
        MessageHeaders("news@example.org", "River Watch"),
        "b1",
    )
    address = MessageAddress(f"reader{number}@example.net", str(number), "https://example.org/u/x", name)
    content = skeleton.message(PersonalValues((), (name,), (name,)), address, NOW)
    return Envelope(number, "news@example.org", address.to_email, content)


def batch(*envelopes: Envelope, issue: str = ISSUE) -> Batch:
    return Batch(1, issue, 1, envelopes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_named_by_delivery_and_never_by_address(root: Path) -> None:
    receipts = Outbox(root).submit(batch(mail(17), mail(1_234_567)))
    assert files(root) == [f"{ISSUE}/new/000017.eml", f"{ISSUE}/new/1234567.eml"]
    assert [receipt.provider_id for receipt in receipts] == ["new/000017.eml", "new/1234567.eml"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_may_look(root: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        outbox = Outbox(root)
        outbox.submit(batch(mail(1)))
        outbox.close()
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len(modes) == 8


def test_a_maildir_reader_reads_it_and_a_mail_it_moved_is_not_written_again(root: Path) -> None:
    Outbox(root).submit(batch(mail(1), mail(2)))
    folder = root / ISSUE
    reader = mailbox.Maildir(folder, create=False)
    assert sorted(str(message["Message-ID"]) for message in reader) == ["<1@example.org>", "<2@example.org>"]
    (folder / "new" / "000001.eml").rename(folder / "cur" / "000001.eml:2,S")
    (receipt,) = Outbox(root).submit(batch(mail(1, name="Ann")))
    assert (receipt.outcome, receipt.provider_id) == (Outcome.ACCEPTED, "cur/000001.eml:2,S")
    assert files(folder) == ["cur/000001.eml:2,S", "new/000002.eml"]


def test_a_mail_handed_over_again_replaces_its_file(root: Path) -> None:
    Outbox(root).submit(batch(mail(1, name="Old")))
    Outbox(root).submit(batch(mail(1, name="New")))
    assert files(root / ISSUE) == ["new/000001.eml"]
    assert b"Dear=20=\r\nNew=\r\n" in (root / ISSUE / "new" / "000001.eml").read_bytes()


def test_what_an_interruption_left_is_written_over(root: Path) -> None:
    Outbox(root).submit(batch())
    (root / ISSUE / "tmp" / "000001.eml").write_bytes(b"half a mail" * 10_000)
    Outbox(root).submit(batch(mail(1)))
    assert files(root / ISSUE) == ["new/000001.eml"]
    assert (root / ISSUE / "new" / "000001.eml").read_bytes() == mail(1).content


def test_a_link_planted_in_tmp_is_not_followed(root: Path, tmp_path: Path) -> None:
    Outbox(root).submit(batch())
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (root / ISSUE / "tmp" / "000001.eml").symlink_to(victim)
    (receipt,) = Outbox(root).submit(batch(mail(1)))
    assert receipt.outcome is Outcome.RETRY
    assert victim.read_text() == "precious"


def test_a_file_that_cannot_be_written_is_told_and_the_others_are_not_lost(root: Path) -> None:
    Outbox(root).submit(batch())
    (root / ISSUE / "tmp" / "000002.eml").mkdir()
    receipts = Outbox(root).submit(batch(mail(1), mail(2), mail(3)))
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.RETRY, Outcome.ACCEPTED]
    assert receipts[1].detail == "not written: Is a directory"
    assert files(root / ISSUE) == ["new/000001.eml", "new/000003.eml"]


def test_a_name_that_cannot_be_taken_leaves_nothing_behind(root: Path) -> None:
    Outbox(root).submit(batch())
    (root / ISSUE / "new" / "000001.eml").mkdir()
    (receipt,) = Outbox(root).submit(batch(mail(1)))
    assert receipt.outcome is Outcome.RETRY
    assert files(root / ISSUE) == []


def test_an_outbox_that_cannot_be_made_is_an_error_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(ProviderError, match="cannot be made or read"):
        Outbox(tmp_path / "outbox").submit(batch(mail(1)))


@pytest.mark.parametrize(
    "issue", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "a\\b", "a\0", "a\nb", "-x", "x" * 300, "a:b"]
)
def test_a_name_that_leads_elsewhere_is_no_issue(root: Path, issue: str) -> None:
    with pytest.raises(ProviderError):
        Outbox(root).submit(batch(mail(1), issue=issue))
    assert not root.exists()


def test_an_issue_folder_that_is_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / ISSUE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProviderError):
        Outbox(root).submit(batch(mail(1)))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("issue", ["2026-11-22-élections", "河川-2026", "a_b.c"])
def test_issues_are_named_in_every_script(root: Path, issue: str) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(mail(1), issue=issue))
    outbox.close()
    assert files(root / issue) == ["index.html", "new/000001.eml", "sample.html"]


class Seen(HTMLParser):
    """Text, links and tags of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes[tag] = dict(attrs)
        if tag == "a":
            self.links.append(str(dict(attrs)["href"]))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(folder: Path) -> Seen:
    return Seen((folder / "index.html").read_text(encoding="utf-8"))


def test_the_page_lists_the_mails_and_shows_the_first(root: Path) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(*map(mail, range(1, LISTED + 3))))
    assert files(root / ISSUE) == [f"new/{number:06d}.eml" for number in range(1, LISTED + 3)]
    outbox.close()
    seen = page(root / ISSUE)
    assert seen.links == [f"new/{number:06d}.eml" for number in range(1, LISTED + 1)]
    assert all((root / ISSUE / link).is_file() for link in seen.links)
    assert f"{LISTED + 2} mails written for {ISSUE}" in seen.text
    assert "And 2 more" in seen.text
    assert seen.attributes["iframe"]["src"] == "sample.html"
    assert seen.attributes["iframe"]["sandbox"] is None
    assert (root / ISSUE / "sample.html").read_text(encoding="utf-8") == "<p>Dear Åse <b></p>\n"
    assert files(root / ISSUE / "tmp") == []


def test_the_page_escapes_what_mails_say(root: Path) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(mail(1, name='"><script>alert(1)</script>', subject="<script>{issue}</script>&amp;")))
    outbox.close()
    seen = page(root / ISSUE)
    assert "script" not in seen.tags
    assert "<script>{issue}</script>&amp;" in seen.text
    assert "<script>alert(1)</script>" in seen.text


def test_the_page_needs_nothing_from_elsewhere(root: Path) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(mail(1)))
    outbox.close()
    source = (root / ISSUE / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import|<link|<script", source)
    assert "prefers-color-scheme: dark" in source


def test_the_page_fits_a_phone(root: Path) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(mail(1)))
    outbox.close()
    source = (root / ISSUE / "index.html").read_text(encoding="utf-8")
    _, _, narrow = source.partition("@media (max-width: 480px) {")
    assert "td { display: block;" in narrow
    # A phone's card is narrower than any width in pixels that the frame could ask for.
    assert not re.search(r"iframe \{[^}]*min-width", source)


def test_the_page_counts_what_earlier_runs_and_readers_left(root: Path) -> None:
    Outbox(root).submit(batch(mail(1), mail(2)))
    (root / ISSUE / "new" / "000001.eml").rename(root / ISSUE / "cur" / "000001.eml:2,S")
    outbox = Outbox(root)
    outbox.submit(batch(mail(3)))
    outbox.close()
    seen = page(root / ISSUE)
    assert seen.links == ["cur/000001.eml%3A2%2CS", "new/000002.eml", "new/000003.eml"]
    assert "3 mails" in seen.text


def test_a_mail_without_html_or_without_sense_does_not_stop_the_page(root: Path) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(Envelope(1, "a@example.org", "b@example.org", b"\xff\xfe no header at all\r\n\r\n=?utf-8?q?")))
    outbox.close()
    assert "has no HTML part" in page(root / ISSUE).text


def test_a_mail_opens_as_it_was_written(root: Path) -> None:
    Outbox(root).submit(batch(mail(1, name="Åse")))
    message = BytesParser(policy=policy.default).parsebytes((root / ISSUE / "new" / "000001.eml").read_bytes())
    assert message["To"] == "Åse <reader1@example.net>"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_mails_are_erased_wherever_a_reader_put_them_and_the_page_shows_them_no_more(root: Path) -> None:
    with_page = Outbox(root)
    with_page.submit(batch(mail(1), mail(2), mail(12)))
    with_page.close()
    folder = root / ISSUE
    (folder / "new" / "000001.eml").rename(folder / "cur" / "000001.eml:2,S")
    later = Outbox(root)
    assert later.erase(ISSUE, [1, 99]) == 1
    assert "reader1@" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    later.close()
    assert files(folder) == ["index.html", "new/000002.eml", "new/000012.eml", "sample.html"]
    assert "reader2@" in (folder / "index.html").read_text()
    assert later.erase(ISSUE, [2, 12]) == 2
    later.close()
    assert "reader" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("issue", ["never-sent", "../outside", ""])
def test_there_is_nothing_to_erase_in_a_folder_that_is_none(root: Path, issue: str) -> None:
    outside = root.parent / "outside" / "new" / "000001.eml"
    outside.parent.mkdir(parents=True)
    outside.write_text("somebody else's")
    root.mkdir()
    assert Outbox(root).erase(issue, [1]) == 0
    assert outside.exists()


def test_a_mail_that_cannot_be_deleted_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(root)
    outbox.submit(batch(mail(1)))

    def refuse(*_given: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ProviderError, match="cannot be deleted: Permission denied"):
        outbox.erase(ISSUE, [1])
