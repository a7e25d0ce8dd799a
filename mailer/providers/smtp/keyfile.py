"""A DKIM key from its file, which nobody but the owner may read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from mailer.errors import ConfigError
from mailer.providers.smtp.dkim import SigningKey

# RFC 8301: below it receivers must not believe a signature. New keys should have 2048 bits.
SHORTEST_RSA = 1024
LARGEST_FILE = 64 * 1024


def load_key(path: Path, domain: str, selector: str) -> SigningKey:
    """The key at `path`, a PEM file. ConfigError tells what is wrong with it and never what is in it."""
    algorithm, sign = _signing(_read_private(path), path)
    return SigningKey(domain, selector, algorithm, sign)


def public_text(path: Path) -> str:
    """The record that belongs to the key at `path`: what receivers verify its signatures with."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    load_key(path, "", "")  # which says what is wrong with it
    key = load_pem_private_key(_read_private(path), password=None)
    if isinstance(key, Ed25519PrivateKey):
        data, kind = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), "ed25519"
    else:
        public = key.public_key()
        data, kind = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "rsa"
    return f"v=DKIM1; k={kind}; p={b64encode(data).decode('ascii')}"


def _read_private(path: Path) -> bytes:
    hint = f"see docs/smtp.md for how to make one; it is private: chmod 600 {path}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError(f"the DKIM key {path} is not a file", hint=hint)
            if os.name == "posix" and mode & 0o077:
                raise ConfigError(f"the DKIM key {path} can be read by others", hint=f"chmod 600 {path}")
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise ConfigError(f"the DKIM key {path} cannot be read: {error.strerror}", hint=hint) from None


def _signing(pem: bytes, path: Path) -> tuple[str, Callable[[bytes], bytes]]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(f"the DKIM key {path} is not a PEM private key without a password") from None
    if isinstance(key, Ed25519PrivateKey):
        # RFC 8463: what is signed is the hash, not the text.
        return "ed25519-sha256", lambda data: key.sign(hashlib.sha256(data).digest())
    if isinstance(key, RSAPrivateKey):
        if key.key_size < SHORTEST_RSA:
            raise ConfigError(
                f"the DKIM key {path} has {key.key_size} bits, too few to be believed", hint="make one of 2048"
            )
        padding, kind = PKCS1v15(), SHA256()
        return "rsa-sha256", lambda data: key.sign(data, padding, kind)
    raise ConfigError(f"the DKIM key {path} is neither RSA nor Ed25519, which are what DKIM knows")
