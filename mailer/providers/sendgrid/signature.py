"""Whether SendGrid signed what came: ECDSA over the time it names and the very bytes. Pure.

The SDK has this too, for texts only: bytes that are no UTF-8, and signatures that are no base64, would be faults there.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
# A signature of this curve has some 70 octets; what is longer is none.
LONGEST: Final = 200


def is_signed(keys: Iterable[str], signature: str, timestamp: str, body: bytes) -> bool:
    """Whether one of these keys, base64 of DER as the settings have them, made the signature.

    How old it is does not matter: what was not taken is posted again for a day, and nobody promises a new signature for
    that. What is posted twice changes nothing.
    """
    if not signature or len(signature) > LONGEST or len(timestamp) > LONGEST:
        return False
    try:
        given, signed = b64decode(signature, validate=True), timestamp.encode("ascii") + body
    except ValueError:
        return False
    return any(_made(_loaded(key), given, signed) for key in keys)


def _made(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=16)
def _loaded(key: str) -> EllipticCurvePublicKey:
    loaded = load_der_public_key(b64decode(key))
    assert isinstance(loaded, EllipticCurvePublicKey), "the settings take no others"
    return loaded
