"""The mailbox that bounces go to, on a real IMAP server: every way in, every way to mark, and what goes wrong."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailer.app import open_mailer
from mailer.bounces.opened import LONGEST
from mailer.config.bounces import Imap
from mailer.errors import ConfigError, MailerError, SourceError
from mailer.services import imapbox
from mailer.services.imapbox import ImapBox, open_box, quoted
from mailer.services.jobs.clock import due_by_clock
from mailer.services.readbounces import listing, read_imap
from mailer.workspace import Workspace
from tests.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.providers.test_smtp_servers import Authority
from tests.providers.test_smtp_servers import authority as authority
from tests.store.world import FILES_ONLY
from tests.web.house import House, furnish

MAIL = b"From: somebody@example.net\nSubject: number %d\n\nhello\n"


@contextmanager
def serving(authority: Authority, certificate: str = "good", can: str = "") -> Iterator[Dovecot]:
    # Its processes are nobody's, who may not look into the folders of a test run.
    with tempfile.TemporaryDirectory(prefix="mailbox-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with dovecot(folder, authority.folder / f"{certificate}.pem", can=can) as server:
            yield server


@pytest.fixture(scope="module")
def shared(authority: Authority) -> Iterator[Dovecot]:
    with serving(authority) as server:
        yield server


@pytest.fixture
def server(shared: Dovecot) -> Dovecot:
    """An empty mailbox."""
    for file in shared.mail.rglob("[0-9]*.M*"):
        file.unlink()
    return shared


def settings(server: Dovecot, **values: object) -> Imap:
    return Imap(**{"host": "localhost", "port": server.secure, "user": USER, **values})  # type: ignore[arg-type]


def opened(server: Dovecot, authority: Authority, password: str = PASSWORD, **values: object) -> ImapBox:
    return open_box(settings(server, **values), password, authority.client())


def read(server: Dovecot, authority: Authority, **values: object) -> int:
    """One run: how many were read."""
    with opened(server, authority, PASSWORD, **values) as box:
        letters = list(box.letters())
        if letters:
            box.done(letters)
        return len(letters)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize(("after", "left"), [("seen", ["S", "S", "S"]), ("move", []), ("delete", [])])
def test_each_mail_is_read_once(server: Dovecot, authority: Authority, tls: str, after: str, left: list[str]) -> None:
    port = server.secure if tls == "implicit" else server.plain
    how: dict[str, object] = {"tls": tls, "port": port, "after": after, "move_to": "Erledigt/ö & ü"}
    server.deliver(MAIL % 1, MAIL % 2)
    assert read(server, authority, **how) == 2
    server.deliver(MAIL % 3)
    assert (read(server, authority, **how), read(server, authority, **how)) == (1, 0)
    assert server.flags() == left
    moved = list((server.mail / "Erledigt").rglob("[0-9]*.M*"))
    assert len(moved) == (3 if after == "move" else 0)


def test_a_server_that_can_neither_move_nor_delete_one_mail(authority: Authority) -> None:
    """Nothing is expunged that somebody else flagged; what we flagged is not read again."""
    with serving(authority, can="IMAP4rev1 AUTH=PLAIN") as server:
        server.deliver(MAIL % 1, MAIL % 2)
        assert (read(server, authority, after="move"), read(server, authority, after="move")) == (2, 0)
        assert server.flags() == ["T", "T"]
        assert len(server.flags("Processed")) == 2


def test_what_is_not_marked_is_read_again(server: Dovecot, authority: Authority) -> None:
    server.deliver(MAIL % 1)
    for _ in range(2):
        with opened(server, authority) as box:
            (letter,) = box.letters()
            assert letter.data.replace(b"\r\n", b"\n") == MAIL % 1
    assert server.flags() == [""], "fetching marks nothing"


def test_many_mails_are_searched_by_portions(
    server: Dovecot, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imapbox, "WINDOW", 3)
    server.deliver(*(MAIL % number for number in range(8)))
    with opened(server, authority) as box:
        assert len({letter.place for letter in box.letters()}) == 8


def test_attack_52_of_a_long_mail_only_the_beginning_is_fetched(server: Dovecot, authority: Authority) -> None:
    server.deliver(b"Subject: long\n\n" + b"x" * 70 * 40_000)
    with opened(server, authority) as box:
        (letter,) = box.letters()
        assert (len(letter.data), letter.cut) == (LONGEST, True)


@pytest.mark.parametrize("certificate", ["other name", "expired", "by itself"])
def test_a_certificate_that_proves_nothing_ends_it(authority: Authority, certificate: str) -> None:
    with (
        serving(authority, certificate) as server,
        pytest.raises(SourceError, match="certificate that is not trusted"),
    ):
        opened(server, authority)


def test_a_wrong_password_is_told_and_not_repeated(server: Dovecot, authority: Authority) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(server, authority, "wrong-Secret-7")
    assert caught.value.message == "imap: localhost refuses user and password"
    assert "wrong-Secret-7" not in f"{caught.value.hint}{caught.value.__context__!r}" or caught.value.__cause__ is None


def test_a_folder_that_is_not_there(server: Dovecot, authority: Authority) -> None:
    with pytest.raises(SourceError, match="refused"):
        opened(server, authority, folder='No "such" folder')


@pytest.mark.parametrize(
    ("values", "password", "words"),
    [
        ({"host": ""}, "x", "no mailbox is set"),
        ({"user": ""}, "x", "who logs in is not set"),
        ({}, "", "who logs in is not set"),
        ({"host": "imap.example.org", "tls": "none"}, "x", "in clear text"),
    ],
)
def test_what_must_not_be_is_told_before_anybody_is_asked(
    server: Dovecot, values: dict[str, object], password: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        open_box(settings(server, **values), password, ssl.create_default_context())


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imapbox, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SourceError, match="cannot be reached"):
            open_box(Imap(host="localhost", port=port, user="x"), "y", ssl.create_default_context())
        port_of_nobody = port
    with pytest.raises(SourceError, match="cannot be reached"):
        open_box(Imap(host="localhost", port=port_of_nobody, user="x"), "y", ssl.create_default_context())


@pytest.mark.parametrize(
    ("name", "spelled"),
    [("INBOX", '"INBOX"'), ('a "b" \\', '"a \\"b\\" \\\\"'), ("Entwürfe", '"Entw&APw-rfe"'), ("R&D", '"R&-D"'),
     ("~peter/mail/台北/日本語", '"~peter/mail/&U,BTFw-/&ZeVnLIqe-"')],
)  # fmt: skip
def test_names_of_folders_are_spelled_as_the_standard_has_them(name: str, spelled: str) -> None:
    assert quoted(name) == spelled


# --- through the program ----------------------------------------------------------------------------------------------


@pytest.fixture
def house(url: str, tmp_path: Path, server: Dovecot, authority: Authority) -> Iterator[House]:
    folder = tmp_path / "workspace"
    furnish(folder)
    with (folder / "mailer.toml").open("a") as file:
        file.write(
            f'\n[bounces.imap]\nhost = "localhost"\nport = {server.secure}\nuser = "{USER}"\n'
            f'ca_file = "{authority.file}"\n'
        )
    found = House(folder)
    environ = {"DATABASE_URL": url, "MAILER_IMAP_PASSWORD": PASSWORD}
    with open_mailer(Workspace(folder), environ, now=lambda: found.moment) as program:
        found.program = program
        yield found


def tick(house: House) -> list[str]:
    with house.program.store.write() as connection:
        due_by_clock(house.program, connection, house.moment)
    return [words for words in house.work() if "bounces" in words]


@FILES_ONLY
def test_a_worker_reads_the_mailbox_every_so_often(house: House, server: Dovecot) -> None:
    server.deliver(MAIL % 1, MAIL % 2)
    (told,) = tick(house)
    assert "2 mails read" in told
    assert (server.flags(), len(listing(house.program))) == (["S", "S"], 2)
    assert tick(house) == [], "not before the next period"
    house.later(minutes=10)
    (told,) = tick(house)
    assert "0 mails read" in told


@FILES_ONLY
def test_a_run_that_is_killed_before_it_marks_is_gone_on_with(
    house: House, server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deliver(MAIL % 1, MAIL % 2)

    def die(box: ImapBox, letters: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ImapBox, "done", die)
        with pytest.raises(KeyboardInterrupt):
            read_imap(house.program)
    assert server.flags() == ["", ""]
    taken = read_imap(house.program)
    assert (taken.read, taken.known, len(listing(house.program)), server.flags()) == (2, 2, 2, ["S", "S"])


@FILES_ONLY
def test_a_dry_run_marks_nothing_and_a_limit_is_kept(house: House, server: Dovecot) -> None:
    server.deliver(*(MAIL % number for number in range(5)))
    assert read_imap(house.program, dry_run=True).read == 5
    assert (server.flags(), listing(house.program)) == ([""] * 5, [])
    assert read_imap(house.program, 2).read == 2
    assert server.flags() == ["", "", "", "S", "S"]


@FILES_ONLY
def test_a_mailbox_that_cannot_be_reached_fails_no_job(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> ImapBox:
        raise SourceError("imap: localhost cannot be reached: Connection refused")

    monkeypatch.setattr(imapbox, "open_box", gone)
    (told,) = tick(house)
    assert "failed: imap: localhost cannot be reached" in told
    with pytest.raises(MailerError):
        read_imap(house.program)
