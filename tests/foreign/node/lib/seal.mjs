// The seal, as SEAL.md has it: HPKE (RFC 9180) in mode Auth. A school only opens.
import { createHash } from "node:crypto";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { CipherSuite, HkdfSha256 } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { x25519 } from "@noble/curves/ed25519.js";

const SUITE = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Chacha20Poly1305(),
});
const SUITE_NAME = Buffer.from("02002000010003", "hex");
const INFO = { 1: Buffer.from("hwc-seal-1"), 2: Buffer.from("hwc-seal-2") };
const BUCKETS = [2, 4, 8, 16, 32, 64, 128].map((kib) => kib * 1024);
const TAG_BYTES = 16;

/** One answer for every reason, as the page demands. */
export class DoesNotOpen extends Error {}

/** Each field after its length in two bytes. */
export function fields(all) {
  return Buffer.concat(
    all.flatMap((field) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(field.length);
      return [length, field];
    }),
  );
}

function associatedData(version, marker, keyId, binding) {
  const number = Buffer.alloc(2);
  number.writeUInt16BE(binding.number);
  return fields([
    Buffer.from([version]),
    SUITE_NAME,
    marker,
    ...(version === 2 ? [keyId] : []),
    Buffer.from(binding.incident, "hex"),
    number,
    Buffer.from(binding.hop, "ascii"),
    Buffer.from(binding.sender, "ascii"),
    Buffer.from(binding.receiver, "ascii"),
  ]);
}

function unpadded(padded) {
  const length = padded.readUInt32BE(0);
  const content = padded.subarray(4, 4 + length);
  const bucket = BUCKETS.find((bytes) => bytes >= 4 + length);
  if (content.length !== length || bucket !== padded.length) throw new DoesNotOpen();
  if (padded.subarray(4 + length).some((byte) => byte !== 0)) throw new DoesNotOpen();
  return content;
}

/** Which of the receiver's keys it is sealed to; null if to its long-term key. */
export function keyIdOf(sealed) {
  return sealed[0] === 2 ? sealed.subarray(17, 33) : null;
}

/** Opens a seal that any of the sender's keys made for this key of ours. All keys are 32 bytes. */
export async function openSeal(sealed, binding, receiverSecret, senderPublics) {
  const version = sealed[0];
  if (!(version in INFO)) throw new DoesNotOpen();
  const keyId = keyIdOf(sealed) ?? Buffer.alloc(0);
  const marker = sealed.subarray(1, 17);
  const enc = sealed.subarray(17 + keyId.length, 49 + keyId.length);
  const text = sealed.subarray(49 + keyId.length);
  if (!BUCKETS.includes(text.length - TAG_BYTES)) throw new DoesNotOpen();
  const receiverPublic = x25519.getPublicKey(receiverSecret);
  const recipientKey = {
    privateKey: await SUITE.kem.deserializePrivateKey(receiverSecret),
    publicKey: await SUITE.kem.deserializePublicKey(receiverPublic),
  };
  for (const senderPublic of senderPublics) {
    try {
      const senderPublicKey = await SUITE.kem.deserializePublicKey(senderPublic);
      const context = await SUITE.createRecipientContext({ recipientKey, enc, senderPublicKey, info: INFO[version] });
      const padded = await context.open(text, associatedData(version, marker, keyId, binding));
      return unpadded(Buffer.from(padded));
    } catch {
      // Another key of the same sender may have made it.
    }
  }
  throw new DoesNotOpen();
}

/** What people compare by telephone: the first 16 bytes of the key's SHA-256, in groups of four digits. */
export function fingerprint(publicKey) {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, 32).match(/.{4}/g).join(" ");
}
