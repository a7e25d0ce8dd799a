"""Signatures against dkimpy, which is another one's reading of the same standards."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import ConfigError
from mailer.providers.smtp.dkim import DkimSigner, SigningKey
from mailer.providers.smtp.keyfile import load_key

NOW = 1_795_000_000
MAIL = (
    b"Date: Sun, 22 Nov 2026 17:00:00 +0000\r\n"
    b"To: reader@example.net\r\n"
    b"Subject: River\r\n  news\t for   you \r\n"
    b"Message-ID: <1.abc@example.org>\r\n"
    b"List-Unsubscribe: <https://example.org/u/x>,\r\n <mailto:office@example.org?subject=unsubscribe%20x>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"From: River Watch <news@example.org>\r\n"
    b"List-ID: Weekly <weekly.example.org>\r\n"
    b"Precedence: bulk\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Dear reader,\r\n\r\nthe river  \r\n"
)

Keys = tuple[SigningKey, ...]


def pem(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def record(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    """What docs/smtp.md says to publish."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b"v=DKIM1; k=ed25519; p=" + b64encode(raw)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


RSA = generate_rsa(65537, 2048)
ED = Ed25519PrivateKey.generate()
RECORDS = {b"rsa._domainkey.example.org.": record(RSA), b"ed._domainkey.example.org.": record(ED)}


def private(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    folder = tmp_path_factory.mktemp("keys")
    return {
        "rsa": load_key(private(folder / "rsa.pem", pem(RSA)), "example.org", "rsa"),
        "ed": load_key(private(folder / "ed.pem", pem(ED)), "example.org", "ed"),
    }


def signed(keys: Keys, content: bytes = MAIL) -> bytes:
    return DkimSigner(keys).headers(content, NOW) + content


def believed(mail: bytes, which: int = 0) -> bool:
    def lookup(name: bytes, timeout: int = 5) -> bytes:
        return RECORDS[name]

    try:
        return bool(dkim.DKIM(mail).verify(idx=which, dnsfunc=lookup))
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize("name", ["rsa", "ed"])
def test_dkimpy_believes_a_signature(keys: dict[str, SigningKey], name: str) -> None:
    assert believed(signed((keys[name],)))


def test_two_signatures_both_hold(keys: dict[str, SigningKey]) -> None:
    mail = signed((keys["ed"], keys["rsa"]))
    assert mail.count(b"DKIM-Signature:") == 2
    assert believed(mail, 0)
    assert believed(mail, 1)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "the body": lambda mail: mail.replace(b"Dear reader", b"Dear riber"),
    "a space in the body": lambda mail: mail.replace(b"river  ", b"river "),
    "the subject": lambda mail: mail.replace(b"News", b"news").replace(b"news\t", b"gnus\t"),
    "List-Unsubscribe": lambda mail: mail.replace(b"/u/x", b"/u/y"),
    "List-Unsubscribe-Post": lambda mail: mail.replace(b"=One-Click", b"=Two-Click"),
    "the promise renamed": lambda mail: mail.replace(b"\r\nList-Unsubscribe-Post:", b"\r\nX-Post:"),
    "a second From": lambda mail: b"From: Mallory <m@example.com>\r\n" + mail,
    "a second Subject": lambda mail: b"Subject: Win\r\n" + mail,
    "a Reply-To": lambda mail: b"Reply-To: <m@example.com>\r\n" + mail,
    "the time of signing": lambda mail: mail.replace(b"t=1795000000", b"t=1795000001"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["rsa", "ed"])
def test_a_change_breaks_it(keys: dict[str, SigningKey], name: str, change: str) -> None:
    mail = signed((keys[name],))
    changed = CHANGES[change](mail)
    assert changed != mail
    assert not believed(changed)


def test_what_relays_do_to_a_mail_does_not_break_it(keys: dict[str, SigningKey]) -> None:
    mail = signed((keys["rsa"],))
    folded = mail.replace(b"Subject: River\r\n  news\t for   you ", b"subject:  River news for\r\n\tyou")
    assert folded != mail
    assert believed(b"Received: from a by b\r\n" + folded + b"\r\n\r\n")


def test_both_unsubscribe_headers_and_from_twice_are_in_h(keys: dict[str, SigningKey]) -> None:
    header = DkimSigner((keys["ed"],)).headers(MAIL, NOW).decode("ascii")
    assert all(len(line) <= 78 for line in header.split("\r\n"))
    tags = dict(part.strip().split("=", 1) for part in header.partition(":")[2].replace("\r\n", "").split(";"))
    names = [name.strip() for name in tags["h"].split(":")]
    assert names.count("from") == names.count("subject") == names.count("to") == 2
    assert {"list-unsubscribe", "list-unsubscribe-post", "list-id", "message-id"} <= set(names)
    assert (names.count("reply-to"), names.count("precedence")) == (1, 0)
    assert (tags["v"], tags["a"], tags["c"]) == ("1", "ed25519-sha256", "relaxed/simple")
    assert (tags["d"], tags["s"], tags["t"]) == ("example.org", "ed", str(NOW))


def test_the_room_they_need_is_enough(keys: dict[str, SigningKey]) -> None:
    signer = DkimSigner((keys["ed"], keys["rsa"]))
    assert len(signer.headers(MAIL, NOW)) <= signer.room


VALUES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60).map(str.encode)
LINES = st.lists(VALUES | st.just(b""), max_size=8).map(b"\r\n".join)
BLANK = st.sampled_from([b" ", b"  ", b"\t", b"\r\n ", b"\r\n\t", b" \t "])


@given(
    st.lists(st.tuples(VALUES, BLANK), min_size=1, max_size=4), LINES, st.sampled_from([b"", b"\r\n", b"\r\n\r\n\r\n"])
)
def test_any_subject_and_body_hold(words: list[tuple[bytes, bytes]], body: bytes, end: bytes) -> None:
    subject = b"".join(blank + word for word, blank in words)
    mail = b"From: a@example.org\r\nSubject:" + subject + b"\r\n\r\n" + body + end
    key = SigningKey("example.org", "ed", "ed25519-sha256", lambda data: ED.sign(hashlib.sha256(data).digest()))
    assert believed(signed((key,), mail))


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "key.pem", pem(ED))
    path.chmod(mode)
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        load_key(path, "example.org", "s")
    assert caught.value.hint == f"chmod 600 {path}"


def unusable() -> dict[str, bytes]:
    locked = ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    curve = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"locked": locked, "empty": b"", "noise": b"secret noise", "cut": pem(ED)[:60], "curve": curve}


@pytest.mark.parametrize("name", ["locked", "empty", "noise", "cut", "curve"])
def test_what_is_no_dkim_key_is_told_without_its_content(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"key\.pem (is not a PEM private key|is neither RSA nor Ed25519)") as caught:
        load_key(private(tmp_path / "key.pem", unusable()[name]), "example.org", "s")
    assert "secret" not in str(caught.value)


# No library makes one any more; it protects nothing.
TOO_SHORT = b"""\
-----BEGIN PRIVATE KEY-----
MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA3+92GU8+CFUgzir+
2qrkDIyKKvJIw3c3yXTALVFPO/1OIHG1WTTmIqPc495TJGypbLeyv7PQui9C+Ir+
Pgy99QIDAQABAkA2iaJQja0E6H6h13TUGpSJvdyUkwdHm4xZovZ+0vOiHxz7uCPe
0YNK/5i/UF6/VOZvcJ8oASGxX/qpkQ4d8r9BAiEA/8k8puRZ0jOyIqxLTQEepE6l
pNIr9MoSUj5wnH70yeUCIQDgH2e/ILViWznX3/Nq/xw0z/F0EiCWl8JJahaqc52i
0QIhAJplVzYKKmmmiMVDKOTfYyaczoGx15SYEP0R8ZmVTJ89AiEA0zWlbp/jb8Jq
237Ihb/OlBKXB/yBS4nO5aKdo5p7JtECIGB0SeZMwUFK5ZiQRui4IVk+ByAEITqe
nFJ0snK7+KT2
-----END PRIVATE KEY-----
"""


def test_a_key_too_short_to_be_believed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="512 bits"):
        load_key(private(tmp_path / "key.pem", TOO_SHORT), "example.org", "s")


def test_a_key_that_is_missing_or_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file") as caught:
        load_key(tmp_path / "key.pem", "example.org", "s")
    assert "docs/smtp.md" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_key(tmp_path, "example.org", "s")
