"""SMTP with servers that others wrote (aiosmtpd, postfix's smtp-sink), encryption with certificates, and passwords."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dkim
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_curve
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mailer.config import load_settings
from mailer.errors import ConfigError, ProviderError
from mailer.model import Batch, Envelope, Outcome
from mailer.providers import Provider, SubmitsInOrder, make_provider
from mailer.providers.smtp.dkim import DkimSigner
from mailer.providers.smtp.keyfile import load_key
from tests.providers.smtp_server import Answer, Close, MailServer, always, answers, listening, provider
from tests.providers.test_dkim import ED, RECORDS, RSA, pem, private

SETTINGS = """
[organisation]
name = "River Watch"
postal_address = "1 Quay Street, Oslo"
contact = "office@example.org"

[provider]
name = "smtp"
"""


def mail(number: int, content: bytes = b"From: News <news@example.org>\r\nSubject: x\r\n\r\nhello\r\n") -> Envelope:
    return Envelope(number, "news@example.org", f"reader{number}@example.net", content)


def batch(*numbers: int) -> Batch:
    return Batch(1, "clean-rivers", 1, tuple(map(mail, numbers)))


def all_accepted(made: Provider, *numbers: int) -> bool:
    return [receipt.outcome for receipt in made.submit(batch(*numbers))] == [Outcome.ACCEPTED] * len(numbers)


# --- certificates -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A certificate authority for one test run, and what it certified."""

    file: Path
    folder: Path

    def server(self, name: str = "good") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem")
        return context

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)


def certificate(subject: str, names: list[x509.GeneralName], issuer: Any, days: int = 2) -> tuple[Any, bytes]:
    """A key and its certificate, signed by the issuer's key or, without one, by its own."""
    key = generate_curve(SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    by = issuer[0] if issuer else named
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=5))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if issuer:
        signer = issuer[1]
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
    else:
        signer = key
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    made = builder.sign(signer, SHA256())
    return (named, key), made.public_bytes(Encoding.PEM)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    issuer, text = certificate("Test authority", [], None)
    (folder / "ca.pem").write_bytes(text)
    here: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    elsewhere: list[x509.GeneralName] = [x509.DNSName("mail.example.org")]
    for name, names, by, days in (
        ("good", here, issuer, 2),
        ("other name", elsewhere, issuer, 2),
        ("expired", here, issuer, -1),
        ("by itself", here, None, 2),
    ):
        (_, key), text = certificate(name, names, by, days)
        text += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(text)
    return Authority(folder / "ca.pem", folder)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_encrypted_either_way(authority: Authority, tls: str) -> None:
    server = MailServer(tls=authority.server(), implicit=tls == "implicit")
    with listening(server):
        smtp = provider(server, tls=tls, context=authority.client(), host="localhost", connections=2)
        assert all_accepted(smtp, *range(1, 41))
        assert all_accepted(smtp, *range(41, 51))
        smtp.close()
    assert len(set(server.recipients())) == 50
    assert server.connections == 2
    if tls == "starttls":
        assert server.said[:2] == [server.said[0], "STARTTLS"]
        assert server.said.count("STARTTLS") == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("other name", "Hostname mismatch"),
        ("expired", "certificate has expired"),
        ("by itself", "self-signed certificate"),
    ],
)
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_that_proves_nothing_ends_it(authority: Authority, tls: str, name: str, reason: str) -> None:
    server = MailServer(tls=authority.server(name), implicit=tls == "implicit")
    with listening(server):
        smtp = provider(server, tls=tls, context=authority.client(), host="localhost", user="u", password="p")
        with pytest.raises(ProviderError, match=reason) as caught:
            smtp.submit(batch(1))
    assert "certificate of localhost" in str(caught.value)
    assert "ca_file" in str(caught.value.hint)
    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.said)


def test_the_systems_authorities_do_not_know_ours(authority: Authority) -> None:
    server = MailServer(tls=authority.server())
    with listening(server), pytest.raises(ProviderError, match="not to be trusted"):
        provider(server, tls="starttls", context=ssl.create_default_context(), host="localhost").submit(batch(1))


def test_starttls_that_somebody_stripped_ends_it(authority: Authority) -> None:
    server = MailServer()
    with listening(server), pytest.raises(ProviderError, match="does not offer encryption"):
        provider(server, tls="starttls", context=authority.client(), user="u", password="p").submit(batch(1))
    assert [line.split(" ")[0] for line in server.said] == ["EHLO"]


@pytest.mark.parametrize("answer", ["454 4.7.0 not now", "501 5.5.4 no"])
def test_starttls_that_is_refused_ends_it(authority: Authority, answer: str) -> None:
    server = MailServer(always("STARTTLS", answer), tls=authority.server())
    with listening(server), pytest.raises(ProviderError, match="does not begin encryption"):
        provider(server, tls="starttls", context=authority.client(), user="u", password="p").submit(batch(1))
    assert [line.split(" ")[0] for line in server.said] == ["EHLO", "STARTTLS"]


def test_words_slipped_in_before_the_encryption_are_not_believed(authority: Authority) -> None:
    """What comes with the reply to STARTTLS was said in clear text, by whoever is on the way (CVE-2011-0411)."""
    server = MailServer(tls=authority.server(), injected=b"250-evil\r\n250 AUTH PLAIN\r\n")
    with listening(server), pytest.raises(ProviderError, match="slips in words before the encryption"):
        provider(server, tls="starttls", context=authority.client(), user="u", password="p").submit(batch(1))
    assert not any(line.startswith("AUTH") for line in server.said)


def test_tls_where_there_is_none(authority: Authority) -> None:
    server = MailServer()
    with listening(server), pytest.raises(ProviderError, match="no encryption with") as caught:
        provider(server, tls="implicit", context=authority.client(), timeout=2.0).submit(batch(1))
    assert 'tls = "starttls"' in str(caught.value.hint)


def test_what_was_offered_before_the_encryption_counts_for_nothing(authority: Authority) -> None:
    server = MailServer(tls=authority.server())
    first = "250-hello\r\n250-SIZE 10\r\n250-PIPELINING\r\n250 STARTTLS"
    server.step = answers({("EHLO", 1): first, ("EHLO", 2): "500 what?"})
    with listening(server):
        smtp = provider(server, tls="starttls", context=authority.client())
        assert all_accepted(smtp, 1)
        smtp.close()
    assert "MAIL FROM:<news@example.org>" in server.said


def test_an_encrypted_connection_that_breaks(authority: Authority) -> None:
    server = MailServer(answers({("END", 2): Close}), tls=authority.server())
    with listening(server):
        smtp = provider(server, tls="starttls", context=authority.client())
        outcomes = [receipt.outcome for receipt in smtp.submit(batch(1, 2, 3))]
        smtp.close()
    assert outcomes == [Outcome.ACCEPTED, Outcome.DOUBTFUL, Outcome.ACCEPTED]


# --- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_logging_in_with_aiosmtpd(authority: Authority, way: str) -> None:
    excluded = [known for known in ("PLAIN", "LOGIN") if known not in way]
    with running_aiosmtpd(
        tls_context=authority.server(), require_starttls=True, authenticator=known_user, auth_required=True,
        auth_exclude_mechanism=excluded,
    ) as (server, port):  # fmt: skip
        smtp = provider(
            MailServer(port=port), tls="starttls", context=authority.client(), host="localhost",
            user="news@example.org", password="pä ss:word",
        )  # fmt: skip
        assert all_accepted(smtp, 1, 2)
        smtp.close()
    assert sorted(server.taken) == ["reader1@example.net", "reader2@example.net"]


def test_a_wrong_password_is_one_line_without_it(authority: Authority) -> None:
    server = MailServer(always("AUTH", "535 5.7.8 no"), ("AUTH PLAIN",), tls=authority.server())
    with listening(server):
        smtp = provider(server, tls="starttls", context=authority.client(), user="u", password="wrong-secret")
        with pytest.raises(ProviderError, match=r"refuses the user or password \(535 5\.7\.8\)") as caught:
            smtp.submit(batch(1))
    assert "wrong-secret" not in repr(caught.value) + str(caught.value.hint) + repr(smtp.__dict__)
    assert "MAILER_SMTP_PASSWORD" in str(caught.value.hint)


def test_a_server_that_repeats_the_password_does_not_make_us_tell_it(authority: Authority) -> None:
    server = MailServer(
        always("AUTH", "535 5.7.8 AHUAcA== is wrong"), ("AUTH PLAIN",), tls=authority.server(), implicit=True
    )
    with listening(server), pytest.raises(ProviderError) as caught:
        provider(server, tls="implicit", context=authority.client(), user="u", password="p").submit(batch(1))
    assert "AHUAcA" not in str(caught.value)


def test_no_way_to_log_in(authority: Authority) -> None:
    server = MailServer(extensions=("AUTH CRAM-MD5",), tls=authority.server())
    with listening(server), pytest.raises(ProviderError, match="offers no way to log in"):
        provider(server, tls="starttls", context=authority.client(), user="u", password="p").submit(batch(1))


def test_a_password_that_cannot_be_checked_now(authority: Authority) -> None:
    server = MailServer(always("AUTH", "454 4.7.0 later"), ("AUTH PLAIN",), tls=authority.server())
    with listening(server), pytest.raises(ProviderError, match=r"cannot check the password now: 454 4\.7\.0"):
        provider(server, tls="starttls", context=authority.client(), user="u", password="p").submit(batch(1))


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_password_that_changes_in_the_middle_loses_no_answer(authority: Authority, lanes: int) -> None:
    """An error would say that nothing had left; the mails before it would be sent again."""

    def step(command: str, count: int) -> Answer | None:
        if command == "AUTH":
            return "535 5.7.8 no" if count > lanes else "235 ok"
        return Close if command == "RCPT" and count > 20 else None

    server = MailServer(step, ("AUTH PLAIN", "PIPELINING"), tls=authority.server())
    with listening(server):
        smtp = provider(
            server, tls="starttls", context=authority.client(), user="u", password="p", connections=lanes
        )  # fmt: skip
        receipts = smtp.submit(batch(*range(1, 41)))
        accepted = [receipt.delivery_id for receipt in receipts if receipt.outcome is Outcome.ACCEPTED]
        # A mail that two lanes lost their connections over waits for its next attempt.
        assert {receipt.outcome for receipt in receipts} <= {Outcome.ACCEPTED, Outcome.NOT_SENT, Outcome.RETRY}
        assert sorted(server.recipients()) == sorted(f"reader{number}@example.net" for number in accepted)
        assert len(accepted) == 20
        with pytest.raises(ProviderError, match="refuses the user or password"):
            smtp.submit(batch(41))
        smtp.close()


def test_access_is_checked_without_a_mail(authority: Authority) -> None:
    server = MailServer(extensions=("AUTH PLAIN",), tls=authority.server())
    with listening(server):
        smtp = provider(
            server, tls="starttls", context=authority.client(), user="u", password="p", smtputf8=False
        )  # fmt: skip
        smtp.check_access()
        assert all_accepted(smtp, 1)
        smtp.close()
    assert server.connections == 1
    with pytest.raises(ProviderError, match="cannot be reached"):
        smtp.check_access()


def test_addresses_beyond_ascii_are_not_promised_in_vain() -> None:
    server = MailServer(extensions=("PIPELINING",))
    with listening(server):
        smtp = provider(server)
        with pytest.raises(ProviderError, match="SMTPUTF8") as caught:
            smtp.check_access()
        smtp.close()
    assert "Remove smtputf8" in str(caught.value.hint)


# --- aiosmtpd ---------------------------------------------------------------------------------------------------------


def known_user(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    expected = LoginPassword(b"news@example.org", "pä ss:word".encode())
    return AuthResult(success=data == expected)


class Keeper:
    """Keeps what aiosmtpd gives it."""

    def __init__(self) -> None:
        self.taken: dict[str, list[bytes]] = {}
        self.senders: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        for recipient in envelope.rcpt_tos:
            self.taken.setdefault(recipient, []).append(bytes(envelope.original_content))
        self.senders.append(envelope.mail_from)
        return "250 2.0.0 Ok: queued as ABC123"


@contextlib.contextmanager
def running_aiosmtpd(**options: Any) -> Iterator[tuple[Keeper, int]]:
    keeper = Keeper()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(keeper, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield keeper, port
    finally:
        controller.stop()


def test_aiosmtpd_takes_what_we_send() -> None:
    content = b"From: a@example.org\r\nSubject: x\r\n\r\n.dot\r\n..\r\n" + b"x" * 998 + b"\r\n"
    with running_aiosmtpd() as (keeper, port):
        smtp = provider(MailServer(port=port))
        receipts = smtp.submit(Batch(1, "i", 1, (mail(1, content), mail(2))))
        smtp.close()
    assert [receipt.provider_id for receipt in receipts] == ["ABC123", "ABC123"]
    assert keeper.taken["reader1@example.net"] == [content]


def test_aiosmtpd_takes_addresses_beyond_ascii() -> None:
    content = "From: a@example.org\r\nTo: jörg@example.net\r\nSubject: x\r\n\r\nhello\r\n".encode()
    with running_aiosmtpd(enable_SMTPUTF8=True) as (keeper, port):
        smtp = provider(MailServer(port=port))
        receipts = smtp.submit(Batch(1, "i", 1, (Envelope(1, "a@example.org", "jörg@münchen.de", content),)))
        smtp.close()
    assert receipts[0].outcome is Outcome.ACCEPTED
    assert keeper.taken == {"jörg@xn--mnchen-3ya.de": [content]}


def test_aiosmtpds_limit_of_size_is_respected() -> None:
    with running_aiosmtpd(data_size_limit=500) as (keeper, port):
        smtp = provider(MailServer(port=port))
        receipts = smtp.submit(Batch(1, "i", 1, (mail(1, mail(1).content + b"x\r\n" * 300), mail(2))))
        smtp.close()
    assert [receipt.outcome for receipt in receipts] == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert "size" in receipts[0].detail
    assert list(keeper.taken) == ["reader2@example.net"]


# --- smtp-sink of postfix ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    program = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    if program is None:
        pytest.skip("smtp-sink is not installed (Debian: postfix)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    sink = subprocess.Popen([program, *options, f"127.0.0.1:{port}", "100"], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        sink.terminate()
        sink.wait(5)


def test_smtp_sink_takes_a_thousand_over_four_connections() -> None:
    with smtp_sink("-u", "nobody") as port:
        smtp = provider(MailServer(port=port), connections=4)
        assert all_accepted(smtp, *range(1, 1001))
        smtp.close()


# What smtp-sink can be told to do wrong, and what has to be said of two mails then.
SINK_FAULTS = {
    ("-r", "rcpt"): [Outcome.RETRY, Outcome.RETRY],
    ("-r", "."): [Outcome.RETRY, Outcome.RETRY],
    ("-f", "."): [Outcome.REFUSED, Outcome.REFUSED],
    ("-q", "rcpt"): [Outcome.RETRY, Outcome.RETRY],
    ("-q", "."): [Outcome.DOUBTFUL, Outcome.DOUBTFUL],
    ("-p",): [Outcome.ACCEPTED, Outcome.ACCEPTED],
    ("-a",): [Outcome.ACCEPTED, Outcome.ACCEPTED],
    ("-e",): [Outcome.ACCEPTED, Outcome.ACCEPTED],
}


@pytest.mark.parametrize("options", SINK_FAULTS, ids=" ".join)
def test_smtp_sink_that_misbehaves(options: tuple[str, ...]) -> None:
    with smtp_sink("-u", "nobody", *options) as port:
        smtp = provider(MailServer(port=port), timeout=3.0)
        outcomes = [receipt.outcome for receipt in smtp.submit(batch(1, 2))]
        smtp.close()
    assert outcomes == SINK_FAULTS[options]


@pytest.mark.parametrize("command", ["rcpt", "mail"])
def test_smtp_sink_that_refuses_everybody(command: str) -> None:
    with smtp_sink("-u", "nobody", "-f", command) as port:
        smtp = provider(MailServer(port=port), timeout=3.0)
        with pytest.raises(ProviderError, match=rf"refuses whatever we send, at {command.upper()}: 500 5\.3\.0"):
            smtp.submit(batch(1, 2, 3))
        smtp.close()


# --- settings ---------------------------------------------------------------------------------------------------------


def made(folder: Path, section: str, **environ: str) -> Provider:
    (folder / "mailer.toml").write_text(SETTINGS + section, encoding="utf-8")
    return make_provider(load_settings(folder / "mailer.toml", environ), folder)


def test_a_whole_setup_from_the_file(tmp_path: Path, authority: Authority) -> None:
    private(tmp_path / "ed.pem", pem(ED))
    private(tmp_path / "rsa.pem", pem(RSA))
    server = MailServer(always("AUTH", "235 ok"), ("AUTH PLAIN", "PIPELINING", "SMTPUTF8"), tls=authority.server())
    with listening(server):
        section = f"""
host = "localhost"
port = {server.port}
user = "news@example.org"
ca_file = "{authority.file}"
helo = "News.example.org"
connections = 2
smtputf8 = true

[[provider.dkim]]
domain = "example.org"
selector = "ed"
key = "ed.pem"

[[provider.dkim]]
domain = "example.org"
selector = "rsa"
key = "rsa.pem"
"""
        smtp = made(tmp_path, section, MAILER_SMTP_PASSWORD="p")
        assert server.connections == 0, "making it must not connect"
        assert smtp.capabilities.smtputf8
        assert isinstance(smtp, SubmitsInOrder)
        assert all_accepted(smtp, 1)
        smtp.close()
    assert server.said[0] == "EHLO news.example.org"
    (_, content) = server.taken[0]
    for which in (0, 1):
        assert dkim.DKIM(content).verify(idx=which, dnsfunc=lambda name, timeout=5: RECORDS[name])


WRONG: dict[str, tuple[str, str]] = {
    "no host": ("", "needs the mail server's name"),
    "no password": ('host = "mail.example.org"\nuser = "news"', "no password for smtp user news"),
    "clear text": ('host = "mail.example.org"\ntls = "none"', "in clear text"),
    "password in clear text": (
        'host = "mail.example.org"\ntls = "none"\nallow_unencrypted = true\nuser = "u"',
        "password is not sent to another machine without encryption",
    ),
    "host with a port": ('host = "mail.example.org/25"', "without a port"),
    "unknown key": ('hots = "mail.example.org"', 'did you mean "host"'),
    "another word for tls": ('host = "h"\ntls = "ssl"', "provider.tls must be"),
    "password in the file": ('host = "h"\npassword = "secret"', "must not stand in a file"),
    "key outside": (
        'host = "h"\n[[provider.dkim]]\ndomain = "e.org"\nselector = "s"\nkey = "../k.pem"',
        "leads out of",
    ),
    "key missing": ('host = "h"\n[[provider.dkim]]\ndomain = "e.org"\nselector = "s"\nkey = "k.pem"', "cannot be read"),
    "selector": ('host = "h"\n[[provider.dkim]]\ndomain = "e.org"\nselector = "a b"\nkey = "k.pem"', "as DNS has them"),
    "unknown dkim key": ('host = "h"\n[[provider.dkim]]\ndoman = "e.org"', 'did you mean "domain"'),
    "no certificate": ('host = "h"\nca_file = "mailer.toml"', "holds no certificate"),
    "certificates missing": ('host = "h"\nca_file = "none.pem"', "cannot be read"),
    "helo": ('host = "h"\nhelo = "a b"', "provider.helo must be a name"),
    "bounces": ('host = "h"\nbounces = "bounces"', "provider.bounces is not an e-mail address"),
    "long bounces": (f'host = "h"\nbounces = "{"b" * 31}@example.org"', "at most 30 plain letters"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_told_before_anything_is_sent(tmp_path: Path, case: str) -> None:
    section, message = WRONG[case]
    with pytest.raises(ConfigError, match=message) as caught:
        made(tmp_path, section, **({"MAILER_SMTP_PASSWORD": "hidden"} if "clear text" in case else {}))
    assert "hidden" not in str(caught.value)
    assert "secret" not in str(caught.value).replace("is a secret", "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "LOCALHOST."])
def test_this_machine_may_be_spoken_to_in_clear_text(tmp_path: Path, host: str) -> None:
    assert made(tmp_path, f'host = "{host}"\ntls = "none"').name == "smtp"
    with pytest.raises(ConfigError, match="clear text"):
        made(tmp_path, 'host = "localhost.example.org"\ntls = "none"')
    assert made(tmp_path, 'host = "mail.example.org"\ntls = "none"\nallow_unencrypted = true').name == "smtp"


def test_signatures_from_a_key_file_alone(tmp_path: Path) -> None:
    key = load_key(private(tmp_path / "k.pem", pem(Ed25519PrivateKey.generate())), "example.org", "new")
    server = MailServer()
    with listening(server):
        smtp = provider(server, signer=DkimSigner((key,)))
        assert all_accepted(smtp, 1, 2)
        smtp.close()
    assert [content.count(b"DKIM-Signature: v=1; a=ed25519-sha256") for _, content in server.taken] == [1, 1]
