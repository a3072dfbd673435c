// Keys that die: one for each signal to come, made here, left with the relay, destroyed when nothing needs it any more.
// `docs/keys.md` says why; `schemas/README.md`, *Keys that die*, says how. The folder must not be backed up.
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { NotPrivate, destroy, privateFolder, readPrivate, writePrivate } from "./files.mjs";
import { publicOf, signed } from "./left.mjs";
import { NoAnswer, Refused } from "./line.mjs";
import { say } from "./log.mjs";

const LABEL = "hwc-one-time-key-1";
const LINE = new RegExp(`^${LABEL} (one_time|weekly (\\d{4}-\\d{2}-\\d{2})) ([0-9a-f]{64})\\n$`);
const KEYS_PER_QUESTION_MAX = 512;
const WEEKLY_DAYS = 7;
const PATIENCE_SECONDS = 20;
/** Two answers further apart say nothing of the time between them. */
const UNSEEN_MILLISECONDS_MAX = 180_000;
const DAY_MILLISECONDS = 86_400_000;

function* portions(all) {
  for (let at = 0; at < all.length; at += KEYS_PER_QUESTION_MAX) yield all.slice(at, at + KEYS_PER_QUESTION_MAX);
}

/** The private halves that this organisation holds, and the rules by which they come and go. */
export class Stock {
  #folder;
  #organisation;
  #longTermSecret;
  #target;
  #apartMilliseconds;
  /** By id: the private half, and the day of a weekly key. */
  #held = new Map();
  #missingSince = new Map();
  #lookedAt = performance.now();
  handedOut = 0;

  constructor(state, organisation, longTermSecret, target, apartSeconds) {
    this.#folder = privateFolder(path.join(state, "one-time-keys"));
    this.#organisation = organisation;
    this.#longTermSecret = longTermSecret;
    this.#target = target;
    this.#apartMilliseconds = apartSeconds * 1000;
    for (const name of fs.readdirSync(this.#folder)) this.#readOne(name);
  }

  #readOne(name) {
    const file = path.join(this.#folder, name);
    let found;
    try {
      found = LINE.exec(readPrivate(file, 256).toString("latin1"));
    } catch (error) {
      if (!(error instanceof NotPrivate)) throw error;
      say("a key file is left alone", { why: `"${error.message}"` });
      return;
    }
    if (found && /^[0-9a-f]{32}$/.test(name)) {
      this.#held.set(name, { secret: Buffer.from(found[3], "hex"), made: found[2] ?? null });
    } else {
      // Killed while it was written or destroyed: nobody seals to it.
      destroy(file);
    }
  }

  /** How many it holds. */
  get size() {
    return this.#held.size;
  }

  /** The private half of a key; none if it was destroyed, or never here. */
  secret(id) {
    return this.#held.get(id)?.secret;
  }

  /** What is to be done every minute: destroy, withdraw, fill up. */
  async look(line) {
    try {
      const { stock, living } = await this.#asked(line);
      this.#forget(stock, living);
      for (const keys of portions([...stock].filter((id) => !this.#held.has(id)))) {
        await line.say("ask", { ask: "withdraw_keys", keys }, PATIENCE_SECONDS);
      }
      await this.#fill(line, stock);
    } catch (error) {
      if (!(error instanceof NoAnswer || error instanceof Refused)) throw error;
      // A key whose answer was lost is in the stock or it is not; the next look shows which.
      say("the keys were not looked after", { why: error.message });
    }
  }

  async #asked(line) {
    const stock = new Set();
    let living = new Set();
    const questions = [...portions([...this.#held.keys()])];
    for (const mine of questions.length ? questions : [[]]) {
      const told = await line.say("ask", { ask: "keys", mine }, PATIENCE_SECONDS);
      if (told.told !== "keys") throw new Refused("unknown");
      for (const id of told.stock) stock.add(id);
      if (told.living == null) living = null;
      for (const id of told.living ?? []) living?.add(id);
    }
    return { stock, living };
  }

  /** Destroys what was in neither list for long enough, answer after answer, by a clock that nobody sets. */
  #forget(stock, living) {
    const now = performance.now();
    // What was not said for a while does not count as missing for that while.
    if (!living || now - this.#lookedAt > UNSEEN_MILLISECONDS_MAX) this.#missingSince.clear();
    this.#lookedAt = now;
    for (const id of [...this.#held.keys()]) {
      if (stock.has(id) || living?.has(id)) {
        this.#missingSince.delete(id);
      } else if (living && !this.#missingSince.has(id)) {
        this.#missingSince.set(id, now);
      } else if (living && now - this.#missingSince.get(id) >= this.#apartMilliseconds) {
        destroy(path.join(this.#folder, id));
        this.#held.get(id).secret.fill(0);
        this.#held.delete(id);
        this.#missingSince.delete(id);
        say("a key was destroyed");
      }
    }
  }

  async #fill(line, stock) {
    const left = [...this.#held].filter(([id]) => stock.has(id)).map(([, one]) => one.made);
    const today = new Date().toISOString().slice(0, 10);
    const age = (made) => (Date.parse(today) - Date.parse(made)) / DAY_MILLISECONDS;
    const young = left.some((made) => made && age(made) < WEEKLY_DAYS && age(made) >= -1);
    const room = KEYS_PER_QUESTION_MAX - this.#held.size;
    const missing = Math.min(this.#target - left.filter((made) => !made).length, room);
    const keys = Array.from({ length: Math.max(missing, 0) }, () => this.#made(null));
    if (!young && room > 0) keys.push(this.#made(today));
    // Once and never again: the answer may be lost, and the key in use already.
    if (keys.length) await line.say("ask", { ask: "leave_keys", keys }, PATIENCE_SECONDS);
    this.handedOut = left.length + keys.length;
  }

  /** A new pair, its private half on the disk before anybody hears of the other. */
  #made(day) {
    const id = randomBytes(16).toString("hex");
    const secret = randomBytes(32);
    const kind = day ? `weekly ${day}` : "one_time";
    writePrivate(path.join(this.#folder, id), `${LABEL} ${kind} ${secret.toString("hex")}\n`);
    this.#held.set(id, { secret, made: day });
    const key = { ...(day ? { kind: "weekly", made: day } : { kind: "one_time" }), id, key: publicOf(secret).toString("hex") };
    return signed(this.#organisation, key, this.#longTermSecret);
  }
}
