"""Signatures over words: as `ssh-keygen` makes and reads them, and nothing else."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailer.config.approval import key_bytes
from mailer.errors import UsageError
from mailer.services.sshkeys import BEGIN, END, is_signed, private_key, public_bytes, signed

WORDS = "I approve that this issue is sent.\nissue: rivers\n"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_bytes(KEY)
SIGNATURE = signed(KEY, WORDS)
LINE = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_what_was_signed_is_believed() -> None:
    assert is_signed(PUBLIC, WORDS, SIGNATURE)
    assert is_signed(PUBLIC, WORDS, f"{SIGNATURE}\n")


def test_another_key_other_words_and_no_signature_are_not() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert not is_signed(public_bytes(other), WORDS, SIGNATURE)
    assert not is_signed(PUBLIC, f"{WORDS} ", SIGNATURE)
    for text in ("", BEGIN, f"{BEGIN}\n{END}", f"{BEGIN}\n!!!!\n{END}", f"{BEGIN}\nö\n{END}", SIGNATURE[:-1]):
        assert not is_signed(PUBLIC, WORDS, text)
    assert not is_signed(b"", WORDS, SIGNATURE)


@given(at=st.integers(0, 8 * 200), more=st.binary(max_size=2))
def test_a_signature_with_one_other_bit_or_more_bytes_is_none(at: int, more: bytes) -> None:
    blob = bytearray(b64decode("".join(SIGNATURE.splitlines()[1:-1])))
    if more:
        blob += more
    else:
        blob[at // 8 % len(blob)] ^= 1 << at % 8
    assert not is_signed(PUBLIC, WORDS, f"{BEGIN}\n{b64encode(blob).decode()}\n{END}")


def test_ssh_keygen_reads_ours_and_we_read_its(tmp_path: Path) -> None:
    file, words = tmp_path / "key", tmp_path / "words"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    file.chmod(0o600)
    words.write_text(WORDS)
    (tmp_path / "allowed").write_text(f'maria namespaces="mailer-approval" {LINE}\n')
    (tmp_path / "ours.sig").write_text(f"{SIGNATURE}\n")
    look: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        tmp_path / "allowed",
        "-I",
        "maria",
        "-n",
        "mailer-approval",
        "-s",
    ]
    subprocess.run([*look, tmp_path / "ours.sig"], input=WORDS.encode(), check=True, capture_output=True)
    for purpose, good in (("mailer-approval", True), ("file", False)):
        Path(f"{words}.sig").unlink(missing_ok=True)
        sign: list[str | Path] = ["ssh-keygen", "-Y", "sign", "-f", file, "-n", purpose, words]
        subprocess.run(sign, check=True, capture_output=True)
        assert is_signed(PUBLIC, WORDS, Path(f"{words}.sig").read_text()) is good


def test_a_key_made_by_ssh_keygen_is_read(tmp_path: Path) -> None:
    make: list[str | Path] = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "maria@desk", "-f", tmp_path / "key", "-N"]
    subprocess.run([*make, ""], check=True, capture_output=True)
    key = private_key((tmp_path / "key").read_bytes())
    assert key is not None and public_bytes(key) == key_bytes((tmp_path / "key.pub").read_text().strip())
    (tmp_path / "key").unlink()
    subprocess.run([*make, "secret words"], input=b"y\n", check=True, capture_output=True)
    assert private_key((tmp_path / "key").read_bytes()) is None, "its passphrase is asked for"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no private key of OpenSSH"),
        (LINE.encode(), "no private key of OpenSSH"),
        (
            generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
            "no Ed25519 key",
        ),
    ],
    ids=["nothing", "public", "rsa"],
)
def test_what_is_no_key_is_said(data: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        private_key(data)


def test_a_passphrase_for_a_key_that_has_none_is_said() -> None:
    data = KEY.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    with pytest.raises(UsageError, match="has no passphrase"):
        private_key(data, "secret")
