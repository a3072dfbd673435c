// The signed directory, and whose key is believed, as DIRECTORY.md has them.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fromPublic } from "@nats-io/nkeys";
import { writePrivate } from "./files.mjs";
import { say } from "./log.mjs";
import { fingerprint } from "./seal.mjs";

const LABEL = "hwc-directory-1";
const BYTES_MAX = 960 * 1024;
export const ORGANISATION = /^(police|veilig-thuis|municipality|school)-[A-Za-z0-9]{1,32}$/;
/** The present one and three earlier ones. */
const KEYS_MAX = 4;
const PUBLIC_KEY = /^[0-9a-f]{64}$/;
const HEAD = new RegExp(`^${LABEL} ([0-9a-f]{128})$`);

const isOnly = (object, ...fields) => Object.keys(object).every((field) => fields.includes(field));

/** A directory that is not believed. Says why, never what stands in it. */
export class NotTaken extends Error {}
/** No key of this organisation is believed. */
export class NotBelieved extends Error {}

/** The operator's public NKEY (`O…`), with which directories are checked. */
export function operatorKey(text) {
  if (!text.trim().startsWith("O")) throw new Error("operator.pub: not the public NKEY of an operator (O…)");
  return fromPublic(text.trim());
}

/** Reads a directory: first whether the operator signed these very bytes, then what they say. */
export function read(signed, operator) {
  const end = signed.indexOf(0x0a);
  const head = HEAD.exec(signed.subarray(0, Math.max(end, 0)).toString("latin1"));
  if (signed.length > BYTES_MAX || !head) throw new NotTaken("this is no directory");
  const body = signed.subarray(end + 1);
  const text = Buffer.concat([Buffer.from(`${LABEL}\n`), body]);
  if (!operator.verify(text, Buffer.from(head[1], "hex"))) {
    throw new NotTaken("the operator in operator.pub did not sign it");
  }
  const organisations = new Map();
  let said;
  try {
    said = JSON.parse(body.toString("utf8"));
    for (const [name, one] of Object.entries(said.organisations)) {
      organisations.set(name, [one.key, ...(one.earlier ?? [])]);
    }
  } catch {
    throw new NotTaken("it does not have the form of a directory");
  }
  if (said.version !== 2) throw new NotTaken("a version that this program does not know");
  const fits =
    Number.isSafeInteger(said.serial) &&
    said.serial >= 0 &&
    isOnly(said, "version", "serial", "organisations") &&
    Object.values(said.organisations).every((one) => isOnly(one, "key", "earlier")) &&
    [...organisations].every(
      ([name, keys]) => ORGANISATION.test(name) && keys.length <= KEYS_MAX && keys.every((key) => PUBLIC_KEY.test(key)),
    );
  if (!fits) throw new NotTaken("it does not have the form of a directory");
  const digest = createHash("sha256").update(body).digest("hex");
  return { serial: said.serial, organisations, digest };
}

/** The newest directory, and the key of each organisation that was believed before. Both survive a restart. */
export class Book {
  #state;
  #operator;
  #directory = { serial: 0, organisations: new Map() };
  #seen = null;
  #known = new Map();

  constructor(state, operator) {
    this.#state = state;
    this.#operator = operator;
    const known = path.join(state, "known.json");
    if (fs.existsSync(known)) {
      const said = JSON.parse(fs.readFileSync(known, "utf8"));
      this.#seen = { serial: said.serial, digest: said.directory };
      this.#known = new Map(Object.entries(said.organisations));
    }
  }

  /** Of the directory in use; 0 before there is one. */
  get serial() {
    return this.#directory.serial;
  }

  /** Begins with the newest directory at hand: the operator's file, or the one that came from the relay later. */
  load(handedOver) {
    const found = [];
    for (const file of [handedOver, path.join(this.#state, "directory.json")]) {
      if (!fs.existsSync(file)) continue;
      try {
        found.push(read(fs.readFileSync(file), this.#operator));
      } catch (error) {
        if (!(error instanceof NotTaken)) throw error;
        say("a directory on the disk is not taken", { why: `"${error.message}"` });
      }
    }
    found.sort((one, other) => other.serial - one.serial);
    try {
      if (found.length) this.#take(found[0]);
    } catch (error) {
      if (!(error instanceof NotTaken)) throw error;
      // The relay has a newer one.
      say("the directory on the disk is not taken", { why: `"${error.message}"` });
    }
  }

  /** Takes a newer directory from the relay, if it is one. */
  offer(signed) {
    this.#take(read(signed, this.#operator));
    writePrivate(path.join(this.#state, "directory.json"), signed);
  }

  #take(directory) {
    if (this.#seen) {
      const { serial, digest } = this.#seen;
      if (directory.serial < serial) {
        throw new NotTaken(`serial ${directory.serial} is older than ${serial}, which was seen before`);
      }
      if (directory.serial === serial && directory.digest !== digest) {
        throw new NotTaken(`two directories have the serial ${serial}; ask the operator which is right`);
      }
    }
    this.#seen = { serial: directory.serial, digest: directory.digest };
    for (const [name, keys] of directory.organisations) {
      // Who is new is believed; after that, a changed key waits until somebody compared it.
      const [present, ...earlier] = this.#known.get(name) ?? keys;
      this.#known.set(name, [present, ...earlier.filter((key) => keys.includes(key))]);
    }
    this.#directory = directory;
    this.#keep();
    for (const [name, keys] of directory.organisations) {
      if (this.#known.get(name)[0] !== keys[0]) {
        say("a key changed and nobody confirmed the new one", { organisation: name });
      }
    }
  }

  #keep() {
    const said = {
      serial: this.#seen.serial,
      directory: this.#seen.digest,
      organisations: Object.fromEntries(this.#known),
    };
    writePrivate(path.join(this.#state, "known.json"), JSON.stringify(said, null, 1));
  }

  /** The keys that a sender may have sealed with: listed, and believed. */
  keysToOpenFrom(organisation) {
    const listed = this.#directory.organisations.get(organisation) ?? [];
    const believed = listed.filter((key) => this.#known.get(organisation)?.includes(key));
    if (!believed.length) throw new NotBelieved(`no key of ${organisation} is believed`);
    return believed.map((key) => Buffer.from(key, "hex"));
  }

  /** Believes the key that the directory gives, if this is the fingerprint that they read out. */
  confirm(organisation, compared) {
    const listed = this.#directory.organisations.get(organisation);
    const digits = compared.replace(/\s/g, "").toLowerCase();
    if (!listed || fingerprint(Buffer.from(listed[0], "hex")).replace(/ /g, "") !== digits) {
      throw new NotBelieved("the key in the directory has another fingerprint: seal nothing to it, and call the operator");
    }
    const before = this.#known.get(organisation);
    this.#known.set(organisation, [listed[0], ...before.filter((key) => listed.slice(1).includes(key))]);
    this.#keep();
  }
}
