// The signals that wait for a contact. In memory only: every task comes again to whoever starts next.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { NotBelieved } from "./directory.mjs";
import { NotALetter, read } from "./letter.mjs";
import { NoAnswer, Refused } from "./line.mjs";
import { say } from "./log.mjs";
import { DoesNotOpen, keyIdOf, openSeal } from "./seal.mjs";

const WAITING_MAX = 1000;
const SETTLED_MAX = 1000;
const PERSON_PATIENCE_SECONDS = 20;
const STILL_AT_WORK_MILLISECONDS = 10_000;
const CONTACT_AGAIN_MILLISECONDS = 5_000;
const SIGNAL = /^[0-9a-f]{32}-[1-9][0-9]{0,4}$/;

/** What a contact is told, in Dutch. */
export class Trouble extends Error {}

/** What people call it by: it follows from the signal and the round, and says nothing of either. */
const codeOf = (signal, round) => createHash("sha256").update(`${signal} ${round}`).digest("hex").slice(0, 6);

/** Takes tasks in, and does what the contact says about them. */
export class Tray {
  #place;
  #stock;
  #line;
  #waiting = new Map();
  /** Tasks that are done, should the broker not have heard it. */
  #settled = new Set();

  constructor(place, stock) {
    this.#place = place;
    this.#stock = stock;
    this.#line = place.line;
  }

  /** Takes one offer of a task. The same work may come any number of times. */
  async take(task) {
    if (this.#settled.has(task.id)) {
      await this.#line.acknowledge(task);
      return;
    }
    const { task: kind, signal, round } = task.said;
    if (kind !== "read" && kind !== "notice") {
      say("a task of a kind that is not known is left alone");
    } else if (!SIGNAL.test(signal) || !Number.isInteger(round)) {
      say("a task that is not understood is left alone");
    } else if (kind === "notice") {
      // Nobody is named in it, so it may be mailed as it is; here the log is the mailbox.
      for (const one of this.#waiting.values()) {
        if (one.signal === signal && one.round === round) one.reminded += 1;
      }
      say("a signal still waits for its contact");
      await this.#settle(task);
    } else if (this.#waiting.has(task.id)) {
      const one = this.#waiting.get(task.id);
      one.task = task;
      say("a task came again", { code: one.code });
    } else if (this.#waiting.size < WAITING_MAX) {
      const code = codeOf(signal, round);
      this.#waiting.set(task.id, { task, signal, round, code, since: Math.floor(Date.now() / 1000), reminded: 0 });
      say("a signal waits", { code });
    }
  }

  async #settle(task) {
    this.#waiting.delete(task.id);
    this.#settled.add(task.id);
    if (this.#settled.size > SETTLED_MAX) this.#settled.delete(this.#settled.values().next().value);
    await this.#line.acknowledge(task);
  }

  /** What waits, without names. */
  list() {
    return [...this.#waiting.values()].map(({ task, ...shown }) => shown);
  }

  #named(name) {
    for (const one of this.#waiting.values()) {
      if (name === one.code || name === one.signal) return one;
    }
    throw new Trouble("Er is niets dat zo heet.");
  }

  /** Fetches the letter, which is opening it, and opens its seal. Again and again, until it is confirmed. */
  async open(name) {
    const one = this.#named(name);
    const fetched = await this.#asked(one, "fetch", { fetch: "letter", signal: one.signal, round: one.round });
    try {
      return read(await this.#opened(one, fetched.from, Buffer.from(fetched.sealed, "base64")));
    } catch (error) {
      if (!(error instanceof DoesNotOpen || error instanceof NotBelieved || error instanceof NotALetter)) throw error;
      say("a letter does not open", { code: one.code, why: error.constructor.name });
      throw new Trouble("De brief gaat niet open. Bel de gemeente: zij kan het signaal opnieuw sturen.");
    }
  }

  async #opened(one, sender, sealed) {
    if (!sender.startsWith("municipality-")) throw new DoesNotOpen();
    const [incident, number] = one.signal.split("-");
    const receiver = this.#line.organisation;
    const binding = { incident, number: Number(number), hop: "letter", sender, receiver };
    const senders = this.#place.book.keysToOpenFrom(sender);
    const keyId = keyIdOf(sealed);
    const ours = keyId ? [this.#stock.secret(keyId.toString("hex"))] : this.#place.secrets;
    for (const secret of ours.filter(Boolean)) {
      try {
        return await openSeal(sealed, binding, secret, senders);
      } catch (error) {
        if (!(error instanceof DoesNotOpen)) throw error;
      }
    }
    throw new DoesNotOpen();
  }

  /** The contact received it. From now on the signal is nowhere. */
  acknowledge(name) {
    return this.#said(name, "acknowledge");
  }

  /** The contact opened it, and it is no pupil of ours. It goes back. */
  notOurPupil(name) {
    return this.#said(name, "return");
  }

  async #said(name, command) {
    const one = this.#named(name);
    await this.#asked(one, "submit", { command, signal: one.signal, round: one.round });
    await this.#settle(one.task);
  }

  /** Says it, and lets the task go where the answer ends it. */
  async #asked(one, door, said) {
    try {
      const answer = await this.#line.say(door, said, PERSON_PATIENCE_SECONDS);
      const fine = ["recorded", "already_recorded"].includes(answer.answer) || answer.fetched === "payload";
      if (!fine) throw new Refused("unknown");
      return answer;
    } catch (error) {
      if (error instanceof NoAnswer) throw new Trouble("Het lukt nu niet. Probeer het over een ogenblik nog eens.");
      if (!(error instanceof Refused)) throw error;
      if (error.endsTheTask) {
        await this.#settle(one.task);
        throw new Trouble("Dit signaal is er niet meer: het is teruggeroepen, verlopen of al bevestigd.");
      }
      say("refused", { code: one.code, refusal: error.code });
      if (error.code === "not_opened") throw new Trouble("Open het signaal eerst.");
      throw new Trouble(`Dat mag niet: ${error.code}.`);
    }
  }

  /** Tells the broker, for ever, that what waits for a person is still worked at. */
  async keep() {
    for (;;) {
      await sleep(STILL_AT_WORK_MILLISECONDS);
      for (const one of this.#waiting.values()) this.#line.stillAtWork(one.task);
    }
  }

  /** A contact that is always there, for try-outs: opens each signal at once and confirms it, or gives it back. */
  async contact(answer) {
    const tried = new Map();
    for (;;) {
      for (const one of [...this.#waiting.values()]) {
        if (performance.now() < (tried.get(one.code) ?? 0)) continue;
        tried.set(one.code, performance.now() + CONTACT_AGAIN_MILLISECONDS);
        try {
          await this.open(one.code);
          await (answer === "acknowledges" ? this.acknowledge(one.code) : this.notOurPupil(one.code));
          tried.delete(one.code);
          say("the contact answered", { code: one.code });
        } catch (error) {
          if (!(error instanceof Trouble)) throw error;
          say("the contact could not answer", { code: one.code });
        }
      }
      await sleep(100);
    }
  }

  /** What still waits goes back to the broker, which offers it to whoever starts next. */
  handBack() {
    this.#line.pullNoMore();
    for (const one of this.#waiting.values()) this.#line.handBack(one.task);
  }
}

/** What the relay holds that is sealed to us (R28), page by page. */
export async function holdings(line) {
  const held = [];
  for (;;) {
    const after = held.at(-1)?.payload;
    const told = await line.say("ask", { ask: "holdings", ...(after && { after }) }, PERSON_PATIENCE_SECONDS);
    held.push(...told.held);
    if (!told.more || !told.held.length) return held;
  }
}
