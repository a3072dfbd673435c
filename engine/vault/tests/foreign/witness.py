"""A foreign implementation of SEAL.md, written from that page and the PyPI package pyhpke alone.

Standard input holds a JSON list of requests, standard output gets a JSON list of answers, one each:

  {"do": "seal", "sender_secret", "receiver_public", "binding", "content", ["key_id"], ["marker", "ikm"]}  ->  {"seal"}
  {"do": "open", "receiver_secret", "sender_public", "binding", "seal"}  ->  {"content"} or {"refused": true}
  {"do": "sign", "secret", "organisation", "key"}  ->  {"signature"}
  {"do": "check", "public", "organisation", "key", "signature"}  ->  {"signed"}

Bytes are hexadecimal. With a `key_id` it is version 2, to that key; when opening, the private half of the key that it is sealed to
is given. A key is {"id", "kind", ["made"], "key"}. A binding is {"incident", "number" (or null), "hop", "sender", "receiver"}. With `marker` and
`ikm` (key material for the ephemeral pair) given, sealing is repeatable; without, both are drawn afresh.
"""

import hashlib
import json
import os
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pyhpke.exceptions import PyHPKEError

SUITE_NAME = bytes.fromhex("02002000010003")
INFO = {1: b"hwc-seal-1", 2: b"hwc-seal-2"}
KEY_ID_BYTES = {1: 0, 2: 16}
BUCKETS = [1024 * kib for kib in (2, 4, 8, 16, 32, 64, 128)]

SUITE = CipherSuite.new(
    KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305
)


def after_their_lengths(fields):
    return b"".join(struct.pack(">H", len(field)) + field for field in fields)


def associated_data(version, binding, marker, key_id):
    number = binding["number"]
    fields = [
        bytes([version]),
        SUITE_NAME,
        marker,
        *([key_id] if version == 2 else []),
        bytes.fromhex(binding["incident"]),
        b"" if number is None else struct.pack(">H", number),
        binding["hop"].encode("ascii"),
        binding["sender"].encode("ascii"),
        binding["receiver"].encode("ascii"),
    ]
    return after_their_lengths(fields)


def bucket_for(content_bytes):
    return next(bucket for bucket in BUCKETS if bucket >= 4 + content_bytes)


def pad(content):
    return (struct.pack(">I", len(content)) + content).ljust(bucket_for(len(content)), b"\0")


def unpad(padded):
    (length,) = struct.unpack(">I", padded[:4])
    content, zeros = padded[4 : 4 + length], padded[4 + length :]
    if len(content) != length or bucket_for(length) != len(padded) or any(zeros):
        raise ValueError("padding")
    return content


def seal(request):
    version = 2 if "key_id" in request else 1
    key_id = bytes.fromhex(request.get("key_id", ""))
    marker = bytes.fromhex(request["marker"]) if "marker" in request else os.urandom(16)
    ephemeral = SUITE.kem.derive_key_pair(bytes.fromhex(request["ikm"])) if "ikm" in request else None
    encapsulated, context = SUITE.create_sender_context(
        SUITE.kem.deserialize_public_key(bytes.fromhex(request["receiver_public"])),
        INFO[version],
        sks=SUITE.kem.deserialize_private_key(bytes.fromhex(request["sender_secret"])),
        eks=ephemeral,
    )
    text = context.seal(
        pad(bytes.fromhex(request["content"])),
        associated_data(version, request["binding"], marker, key_id),
    )
    return {"seal": (bytes([version]) + marker + key_id + encapsulated + text).hex()}


def open_(request):
    sealed = bytes.fromhex(request["seal"])
    version, marker, rest = sealed[0], sealed[1:17], sealed[17:]
    try:
        if version not in INFO:
            raise ValueError("version")
        key_id, rest = rest[: KEY_ID_BYTES[version]], rest[KEY_ID_BYTES[version] :]
        encapsulated, text = rest[:32], rest[32:]
        if len(text) - 16 not in BUCKETS:
            raise ValueError("shape")
        context = SUITE.create_recipient_context(
            encapsulated,
            SUITE.kem.deserialize_private_key(bytes.fromhex(request["receiver_secret"])),
            INFO[version],
            pks=SUITE.kem.deserialize_public_key(bytes.fromhex(request["sender_public"])),
        )
        padded = context.open(text, associated_data(version, request["binding"], marker, key_id))
        return {"content": unpad(padded).hex()}
    except (PyHPKEError, ValueError):
        return {"refused": True}


# The curve, as RFC 8032 has it, slow and plain.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
B = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def times(scalar, point):
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def encoded(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def hashed(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def to_sign(request):
    key = request["key"]
    return after_their_lengths(
        [
            b"hwc-key-1",
            request["organisation"].encode("ascii"),
            key["kind"].encode("ascii"),
            key.get("made", "").encode("ascii"),
            bytes.fromhex(key["id"]),
            bytes.fromhex(key["key"]),
        ]
    )


def sign(request):
    secret, text = bytes.fromhex(request["secret"]), to_sign(request)
    clamped = bytearray(secret)
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    k = int.from_bytes(clamped, "little")
    if encoded(times(k, B))[31] & 0x80:
        k = -k % L
    public = encoded(times(k % L, B))
    r = hashed(hashlib.sha256(b"hwc-key-signature-nonce-1" + secret).digest(), text)
    commitment = encoded(times(r, B))
    s = (r + hashed(commitment, public, text) * k) % L
    return {"signature": (commitment + s.to_bytes(32, "little")).hex()}


def check(request):
    u = int.from_bytes(bytes.fromhex(request["public"]), "little") % 2**255
    y = (u - 1) * pow(u + 1, -1, P) % P
    try:
        public = Ed25519PublicKey.from_public_bytes(y.to_bytes(32, "little"))
        public.verify(bytes.fromhex(request["signature"]), to_sign(request))
        return {"signed": True}
    except InvalidSignature:
        return {"signed": False}


if __name__ == "__main__":
    doings = {"seal": seal, "open": open_, "sign": sign, "check": check}
    json.dump([doings[request["do"]](request) for request in json.load(sys.stdin)], sys.stdout)
