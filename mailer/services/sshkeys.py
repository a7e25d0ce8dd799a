"""Words signed with an SSH key, in the form of `ssh-keygen -Y sign`: that program can look at them too.

Only Ed25519: one kind of key, whose signatures have one form.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha512
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from mailer.errors import UsageError

NAMESPACE: Final = b"mailer-approval"
"""What a signature is for: one that was made for anything else is none here."""

MAGIC: Final = b"SSHSIG"
HASH: Final = b"sha512"
KIND: Final = b"ssh-ed25519"
BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
END: Final = "-----END SSH SIGNATURE-----"
WIDTH: Final = 70


def private_key(data: bytes, password: str | None = None) -> Ed25519PrivateKey | None:
    """The key in a file of OpenSSH; UsageError when it is of no use. None: it needs a passphrase, and none was said."""
    try:
        key = load_ssh_private_key(data, password.encode() if password else None)
    except TypeError:
        if password is None:
            return None
        raise UsageError("that key has no passphrase") from None
    except UnsupportedAlgorithm:
        raise UsageError(
            "keys with a passphrase need the package bcrypt", hint="pip install bcrypt, beside the mailer"
        ) from None
    except ValueError:
        if password:
            raise UsageError("that is not the passphrase of the key") from None
        raise UsageError("that file holds no private key of OpenSSH", hint="ssh-keygen -t ed25519 makes one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("that is no Ed25519 key", hint="ssh-keygen -t ed25519 makes one")
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes by which its other half is known."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def signed(key: Ed25519PrivateKey, words: str) -> str:
    """The signature over these words, as text."""
    public = _string(KIND) + _string(public_bytes(key))
    signature = _string(KIND) + _string(key.sign(_over(words)))
    blob = MAGIC + b"\0\0\0\1" + _envelope(public) + _string(signature)
    text = b64encode(blob).decode()
    return "\n".join((BEGIN, *(text[at : at + WIDTH] for at in range(0, len(text), WIDTH)), END))


def is_signed(public: bytes, words: str, signature: str) -> bool:
    """Whether the holder of this key signed exactly these words, for this purpose."""
    before = MAGIC + b"\0\0\0\1" + _envelope(_string(KIND) + _string(public))
    blob = _blob(signature)
    head = before + _number(len(KIND) + 4 + 64 + 4) + _string(KIND) + _number(64)
    if len(blob) != len(head) + 64 or not blob.startswith(head):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(blob[-64:], _over(words))
    except (InvalidSignature, ValueError):
        return False
    return True


def _blob(signature: str) -> bytes:
    lines = signature.strip().splitlines()
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        return b""
    try:
        return b64decode("".join(lines[1:-1]), validate=True)
    except (NotBase64, ValueError):
        return b""


def _over(words: str) -> bytes:
    """What is signed: the words' digest with what the signature is for, so that it cannot be used for another."""
    return MAGIC + _string(NAMESPACE) + _string(b"") + _string(HASH) + _string(sha512(words.encode()).digest())


def _envelope(public: bytes) -> bytes:
    return _string(public) + _string(NAMESPACE) + _string(b"") + _string(HASH)


def _string(value: bytes) -> bytes:
    return _number(len(value)) + value


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")
