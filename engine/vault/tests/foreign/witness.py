"""A foreign implementation of SEAL.md, written from that page and the PyPI package pyhpke alone.

Standard input holds a JSON list of requests, standard output gets a JSON list of answers, one each:

  {"do": "seal", "sender_secret", "receiver_public", "binding", "content", ["marker", "ikm"]}  ->  {"seal"}
  {"do": "open", "receiver_secret", "sender_public", "binding", "seal"}  ->  {"content"} or {"refused": true}

Bytes are hexadecimal. A binding is {"incident", "number" (or null), "hop", "sender", "receiver"}. With `marker` and
`ikm` (key material for the ephemeral pair) given, sealing is repeatable; without, both are drawn afresh.
"""

import json
import os
import struct
import sys

from pyhpke import AEADId, CipherSuite, KDFId, KEMId
from pyhpke.exceptions import PyHPKEError

VERSION = b"\x01"
SUITE_NAME = bytes.fromhex("02002000010003")
INFO = b"hwc-seal-1"
BUCKETS = [1024 * kib for kib in (2, 4, 8, 16, 32, 64, 128)]

SUITE = CipherSuite.new(
    KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305
)


def associated_data(binding, marker):
    number = binding["number"]
    fields = [
        VERSION,
        SUITE_NAME,
        marker,
        bytes.fromhex(binding["incident"]),
        b"" if number is None else struct.pack(">H", number),
        binding["hop"].encode("ascii"),
        binding["sender"].encode("ascii"),
        binding["receiver"].encode("ascii"),
    ]
    return b"".join(struct.pack(">H", len(field)) + field for field in fields)


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
    marker = bytes.fromhex(request["marker"]) if "marker" in request else os.urandom(16)
    ephemeral = SUITE.kem.derive_key_pair(bytes.fromhex(request["ikm"])) if "ikm" in request else None
    encapsulated, context = SUITE.create_sender_context(
        SUITE.kem.deserialize_public_key(bytes.fromhex(request["receiver_public"])),
        INFO,
        sks=SUITE.kem.deserialize_private_key(bytes.fromhex(request["sender_secret"])),
        eks=ephemeral,
    )
    text = context.seal(
        pad(bytes.fromhex(request["content"])), associated_data(request["binding"], marker)
    )
    return {"seal": (VERSION + marker + encapsulated + text).hex()}


def open_(request):
    sealed = bytes.fromhex(request["seal"])
    version, marker, encapsulated, text = sealed[:1], sealed[1:17], sealed[17:49], sealed[49:]
    try:
        if version != VERSION or len(text) - 16 not in BUCKETS:
            raise ValueError("shape")
        context = SUITE.create_recipient_context(
            encapsulated,
            SUITE.kem.deserialize_private_key(bytes.fromhex(request["receiver_secret"])),
            INFO,
            pks=SUITE.kem.deserialize_public_key(bytes.fromhex(request["sender_public"])),
        )
        padded = context.open(text, associated_data(request["binding"], marker))
        return {"content": unpad(padded).hex()}
    except (PyHPKEError, ValueError):
        return {"refused": True}


if __name__ == "__main__":
    doings = {"seal": seal, "open": open_}
    json.dump([doings[request["do"]](request) for request in json.load(sys.stdin)], sys.stdout)
