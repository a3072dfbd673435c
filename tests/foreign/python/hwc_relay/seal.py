"""The seal, as SEAL.md has it: HPKE (RFC 9180) in mode Auth, from one organisation to one organisation."""

import hashlib
import os
from dataclasses import dataclass

from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pyhpke.exceptions import PyHPKEError

SUITE = CipherSuite.new(
    KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305
)
SUITE_NAME = bytes.fromhex("02002000010003")
INFO = {1: b"hwc-seal-1", 2: b"hwc-seal-2"}
BUCKETS = [kib * 1024 for kib in (2, 4, 8, 16, 32, 64, 128)]
MARKER_BYTES, KEY_ID_BYTES, ENCAPSULATED_BYTES, TAG_BYTES = 16, 16, 32, 16


class DoesNotOpen(Exception):
    """One answer for every reason, as the page demands."""


@dataclass(frozen=True)
class Binding:
    """What a seal is bound to. Whoever opens takes it from the task and from its own name, never from the payload."""

    incident: str
    number: int | None
    hop: str
    sender: str
    receiver: str


def _fields(fields: list[bytes]) -> bytes:
    return b"".join(len(field).to_bytes(2, "big") + field for field in fields)


def _associated_data(version: int, marker: bytes, key_id: bytes, binding: Binding) -> bytes:
    return _fields(
        [
            bytes([version]),
            SUITE_NAME,
            marker,
            *([key_id] if version == 2 else []),
            bytes.fromhex(binding.incident),
            b"" if binding.number is None else binding.number.to_bytes(2, "big"),
            binding.hop.encode("ascii"),
            binding.sender.encode("ascii"),
            binding.receiver.encode("ascii"),
        ]
    )


def _bucket(content_bytes: int) -> int:
    for bucket in BUCKETS:
        if bucket >= 4 + content_bytes:
            return bucket
    raise ValueError("more than a seal can hold")


def _padded(content: bytes) -> bytes:
    return (len(content).to_bytes(4, "big") + content).ljust(_bucket(len(content)), b"\0")


def _unpadded(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:4], "big")
    content, zeros = padded[4 : 4 + length], padded[4 + length :]
    if len(content) != length or _bucket(length) != len(padded) or any(zeros):
        raise ValueError("padding")
    return content


def seal(
    content: bytes,
    binding: Binding,
    sender_secret: bytes,
    receiver_public: bytes,
    key_id: bytes | None = None,
    marker: bytes | None = None,
    ephemeral_ikm: bytes | None = None,
) -> bytes:
    """Seals to a key that the receiver left (with its `key_id`), or to its long-term key (without).

    `marker` and `ephemeral_ikm` are for the worked examples only; by themselves they are drawn.
    """
    version = 1 if key_id is None else 2
    marker = os.urandom(MARKER_BYTES) if marker is None else marker
    encapsulated, context = SUITE.create_sender_context(
        SUITE.kem.deserialize_public_key(receiver_public),
        INFO[version],
        sks=SUITE.kem.deserialize_private_key(sender_secret),
        eks=None if ephemeral_ikm is None else SUITE.kem.derive_key_pair(ephemeral_ikm),
    )
    head = bytes([version]) + marker + (key_id or b"")
    text = context.seal(_padded(content), _associated_data(version, marker, key_id or b"", binding))
    return head + encapsulated + text


def key_id_of(sealed: bytes) -> bytes | None:
    """Which of the receiver's keys it is sealed to; none if to its long-term key."""
    return sealed[17:33] if sealed[:1] == b"\x02" else None


def open_seal(sealed: bytes, binding: Binding, receiver_secret: bytes, sender_publics: list[bytes]) -> bytes:
    """Opens a seal that any of the sender's keys made for this key of ours."""
    version = sealed[0] if sealed else 0
    if version not in INFO:
        raise DoesNotOpen
    key_id = key_id_of(sealed) or b""
    marker, rest = sealed[1 : 1 + MARKER_BYTES], sealed[1 + MARKER_BYTES + len(key_id) :]
    encapsulated, text = rest[:ENCAPSULATED_BYTES], rest[ENCAPSULATED_BYTES:]
    if len(text) - TAG_BYTES not in BUCKETS:
        raise DoesNotOpen
    for sender_public in sender_publics:
        try:
            context = SUITE.create_recipient_context(
                encapsulated,
                SUITE.kem.deserialize_private_key(receiver_secret),
                INFO[version],
                pks=SUITE.kem.deserialize_public_key(sender_public),
            )
            return _unpadded(context.open(text, _associated_data(version, marker, key_id, binding)))
        except (PyHPKEError, ValueError):
            continue
    raise DoesNotOpen


def fingerprint(public: bytes) -> str:
    """What people compare by telephone: the first 16 bytes of the key's SHA-256, in groups of four digits."""
    digits = hashlib.sha256(public).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))
