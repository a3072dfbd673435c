// Keys that are left, as SEAL.md has them: a public key, signed with the long-term key of whoever made it (XEdDSA).
import { createHash } from "node:crypto";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { fields } from "./seal.mjs";

const { Point } = ed25519;
const L = Point.Fn.ORDER;

/** The public half of an X25519 key. */
export const publicOf = (secret) => Buffer.from(x25519.getPublicKey(secret));

function littleEndian(bytes) {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}

function hashed(...parts) {
  return littleEndian(createHash("sha512").update(Buffer.concat(parts)).digest()) % L;
}

function textOf(organisation, key) {
  return fields([
    Buffer.from("hwc-key-1"),
    Buffer.from(organisation, "ascii"),
    Buffer.from(key.kind, "ascii"),
    Buffer.from(key.kind === "weekly" ? key.made : "", "ascii"),
    Buffer.from(key.id, "hex"),
    Buffer.from(key.key, "hex"),
  ]);
}

/** The key with its organisation's signature, as it is left with the relay. */
export function signed(organisation, key, secret) {
  const text = textOf(organisation, key);
  const clamped = Buffer.from(secret);
  clamped[0] &= 248;
  clamped[31] = (clamped[31] & 127) | 64;
  let scalar = littleEndian(clamped) % L;
  let publicKey = Point.BASE.multiply(scalar).toBytes();
  if (publicKey[31] & 0x80) {
    scalar = L - scalar;
    publicKey = Point.BASE.multiply(scalar).toBytes();
  }
  const secretOfNonce = createHash("sha256").update("hwc-key-signature-nonce-1").update(secret).digest();
  const nonce = hashed(secretOfNonce, text);
  const commitment = Buffer.from(Point.BASE.multiply(nonce).toBytes());
  const challenge = hashed(commitment, Buffer.from(publicKey), text);
  const answer = Buffer.from(((nonce + challenge * scalar) % L).toString(16).padStart(64, "0"), "hex").reverse();
  return { ...key, signature: Buffer.concat([commitment, answer]).toString("hex") };
}
