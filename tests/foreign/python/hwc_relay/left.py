"""Keys that are left, as SEAL.md has them: a public key, signed with the long-term key of whoever made it (XEdDSA)."""

import hashlib
from datetime import date, timedelta

from nacl import bindings as curve
from nacl.exceptions import BadSignatureError
from nacl.public import PrivateKey
from nacl.signing import VerifyKey

from .seal import _fields

PRIME = 2**255 - 19
WEEKLY_DAYS_MAX = 56
WEEKLY_DAYS_AHEAD_MAX = 1


def public_of(secret: bytes) -> bytes:
    """The public half of an X25519 key."""
    return bytes(PrivateKey(secret).public_key)


def _text(organisation: str, key: dict) -> bytes:
    made = key["made"] if key["kind"] == "weekly" else ""
    return _fields(
        [
            b"hwc-key-1",
            organisation.encode("ascii"),
            key["kind"].encode("ascii"),
            made.encode("ascii"),
            bytes.fromhex(key["id"]),
            bytes.fromhex(key["key"]),
        ]
    )


def _hashed(*parts: bytes) -> bytes:
    return curve.crypto_core_ed25519_scalar_reduce(hashlib.sha512(b"".join(parts)).digest())


def signed(organisation: str, key: dict, secret: bytes) -> dict:
    """The key with its organisation's signature, as it is left with the relay."""
    text = _text(organisation, key)
    clamped = bytearray(secret)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    scalar = bytes(clamped)
    public = curve.crypto_scalarmult_ed25519_base_noclamp(scalar)
    if public[31] & 0x80:
        scalar = curve.crypto_core_ed25519_scalar_negate(scalar)
        public = curve.crypto_scalarmult_ed25519_base_noclamp(scalar)
    nonce = _hashed(hashlib.sha256(b"hwc-key-signature-nonce-1" + secret).digest(), text)
    commitment = curve.crypto_scalarmult_ed25519_base_noclamp(nonce)
    challenge = _hashed(commitment, public, text)
    answer = curve.crypto_core_ed25519_scalar_add(nonce, curve.crypto_core_ed25519_scalar_mul(challenge, scalar))
    return {**key, "signature": (commitment + answer).hex()}


def is_theirs(organisation: str, key: dict, long_term_public: bytes) -> bool:
    """Whether this long-term key of the organisation signed the key that the relay handed us as theirs."""
    u = int.from_bytes(long_term_public, "little") % 2**255
    if u == PRIME - 1:
        return False
    y = (u - 1) * pow(u + 1, -1, PRIME) % PRIME
    try:
        VerifyKey(y.to_bytes(32, "little")).verify(_text(organisation, key), bytes.fromhex(key["signature"]))
    except (BadSignatureError, ValueError, KeyError, AttributeError, TypeError):
        return False
    return True


def is_fresh(key: dict, today: date) -> bool:
    """A one-time key always; a weekly key until 56 days after the day that its maker signed."""
    if key["kind"] == "one_time":
        return True
    try:
        made = date.fromisoformat(key["made"])
    except (KeyError, ValueError, TypeError):
        return False
    return today - timedelta(days=WEEKLY_DAYS_MAX) <= made <= today + timedelta(days=WEEKLY_DAYS_AHEAD_MAX)
