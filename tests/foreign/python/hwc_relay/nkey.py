"""NKEYs: an Ed25519 key as base32 text: what kind it is, the 32 bytes, and a checksum.

`nats-py[nkeys]` brings a package for this; these few lines show what is in one, and also read the operator's public key.
"""

import base64
import binascii

from nacl.signing import SigningKey, VerifyKey

USER, OPERATOR, SEED = 20 << 3, 14 << 3, 18 << 3


class NotAKey(ValueError):
    """Not an NKEY of the kind that is wanted. Nothing of it is in the error."""


def _bytes_of(text: str) -> bytes:
    text = text.strip()
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise NotAKey("not an NKEY") from None
    if len(raw) < 3 or binascii.crc_hqx(raw[:-2], 0) != int.from_bytes(raw[-2:], "little"):
        raise NotAKey("not an NKEY, or mistyped")
    return raw[:-2]


def user_key(seed: str) -> SigningKey:
    """The private key in a user's seed (`SU…`)."""
    raw = _bytes_of(seed)
    if len(raw) != 34 or raw[0] & 0xF8 != SEED or (raw[0] & 7) << 5 | raw[1] >> 3 != USER:
        raise NotAKey("not the seed of a user's NKEY (SU…)")
    return SigningKey(raw[2:])


def public_text(key: SigningKey) -> str:
    """The public half of a user's key, as the broker knows it (`U…`)."""
    raw = bytes([USER]) + bytes(key.verify_key)
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode("ascii").rstrip("=")


def operator_key(text: str) -> VerifyKey:
    """The operator's public key (`O…`)."""
    raw = _bytes_of(text)
    if len(raw) != 33 or raw[0] != OPERATOR:
        raise NotAKey("not the public NKEY of an operator (O…)")
    return VerifyKey(raw[1:])
