#!/usr/bin/env node
// The command line of a school: the process, and what its people say to it. `tests/foreign/README.md` has its flags.
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { NobodyThere, SomebodyThere, asked, openCounter } from "./lib/counter.mjs";
import { Book, NotBelieved, NotTaken, ORGANISATION, operatorKey } from "./lib/directory.mjs";
import { NotPrivate, privateFolder, readPrivate } from "./lib/files.mjs";
import { asText } from "./lib/letter.mjs";
import { BadSettings, Line, NoAnswer, Refused } from "./lib/line.mjs";
import { say } from "./lib/log.mjs";
import { Stock } from "./lib/stock.mjs";
import { Tray, Trouble, holdings } from "./lib/tray.mjs";

const [FINE, FAILED, USAGE, SETTINGS, REFUSED] = [0, 1, 2, 3, 5];
const VERBS = ["run", "inbox", "open", "acknowledge", "not-our-pupil", "holdings", "keys", "confirm"];
const NAMES_ONE = ["open", "acknowledge", "not-our-pupil", "confirm"];
const NEEDED_TO_RUN = ["broker", "organisation", "credentials", "state"];
const SEALING_KEY = /^hwc-sealing-key-1 ([0-9a-f]{64})\n?$/;

/** The command line is not what it should be. */
class Usage extends Error {}

function flags() {
  const text = { type: "string" };
  let said;
  try {
    said = parseArgs({
      allowPositionals: true,
      options: {
        broker: text,
        organisation: text,
        credentials: text,
        state: text,
        contact: text,
        stock: { ...text, default: "32" },
        "look-every": { ...text, default: "60" },
        "keys-apart": { ...text, default: "600" },
        fingerprint: text,
        show: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new Usage(error.message);
  }
  const [verb, name, ...more] = said.positionals;
  const told = { ...said.values, verb, name };
  if (!VERBS.includes(verb) || more.length || NAMES_ONE.includes(verb) !== (name !== undefined)) {
    throw new Usage(`one of these is wanted: ${VERBS.join(", ")}; ${NAMES_ONE.join(", ")} with a name behind it`);
  }
  const missing = (verb === "run" ? NEEDED_TO_RUN : ["state"]).filter((flag) => !told[flag]);
  if (verb === "confirm" && !told.fingerprint) missing.push("fingerprint");
  if (missing.length) throw new Usage(`missing: ${missing.map((flag) => `--${flag}`).join(", ")}`);
  if (verb === "run" && !ORGANISATION.test(told.organisation)) throw new Usage("--organisation: as in school-01AA00");
  if (told.contact && !["acknowledges", "returns"].includes(told.contact)) {
    throw new Usage("--contact acknowledges or returns");
  }
  for (const flag of ["stock", "look-every", "keys-apart"]) {
    told[flag] = Number(told[flag]);
    if (!(told[flag] >= 0)) throw new Usage(`--${flag}: is no number`);
  }
  return told;
}

/** The private keys of `seal`, `seal-earlier-1`, …: the present one first. */
function sealingKeys(credentials) {
  return ["seal", "seal-earlier-1", "seal-earlier-2", "seal-earlier-3"]
    .map((name) => path.join(credentials, name))
    .filter((file, place) => place === 0 || fs.existsSync(file))
    .map((file) => {
      const line = SEALING_KEY.exec(readPrivate(file, 256).toString("latin1"));
      if (!line) throw new BadSettings(`${file}: is not a sealing key`);
      return Buffer.from(line[1], "hex");
    });
}

/** A school's process. */
class School {
  constructor(told) {
    this.told = told;
    const { state, credentials } = told;
    privateFolder(state);
    this.secrets = sealingKeys(credentials);
    this.line = new Line(told.broker, told.organisation, credentials);
    this.book = new Book(state, operatorKey(fs.readFileSync(path.join(credentials, "operator.pub"), "ascii")));
    this.book.load(path.join(credentials, "directory.json"));
    this.stock = new Stock(state, told.organisation, this.secrets[0], told.stock, told["keys-apart"]);
    this.tray = new Tray(this, this.stock);
  }

  /** Until it is told to stop. */
  async work() {
    const counter = await openCounter(this.told.state, (question) => this.answer(question));
    const stopping = new Promise((resolve) => {
      for (const told of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(told, resolve);
    });
    try {
      await Promise.race([stopping, this.#atWork()]);
    } finally {
      counter.close();
      this.tray.handBack();
      await this.line.close();
      say("stopped");
    }
  }

  async #atWork() {
    await this.line.connect();
    await this.#lookUpDirectory();
    await this.stock.look(this.line);
    say("at work", { organisation: this.told.organisation, keys: this.stock.handedOut });
    const doing = [this.#pull(), this.tray.keep(), this.#look(), this.line.closed()];
    if (this.told.contact) doing.push(this.tray.contact(this.told.contact));
    await Promise.race(doing);
  }

  async #pull() {
    for await (const task of this.line.tasks()) await this.tray.take(task);
  }

  async #look() {
    for (;;) {
      await sleep(this.told["look-every"] * 1000);
      await this.#lookUpDirectory();
      await this.stock.look(this.line);
    }
  }

  async #lookUpDirectory() {
    try {
      const newer = await this.line.newerDirectory(this.book.serial);
      if (!newer.length) return;
      this.book.offer(newer);
      say("a newer directory", { serial: this.book.serial });
    } catch (error) {
      if (error instanceof NoAnswer) say("the directory was not asked for", { why: error.message });
      else if (error instanceof NotTaken) say("a directory is not taken", { why: `"${error.message}"` });
      else throw error;
    }
  }

  /** What somebody at the counter hears. */
  async answer({ do: what, name, fingerprint }) {
    try {
      switch (what) {
        case "inbox":
          return { lines: this.tray.list() };
        case "open":
          return { letter: await this.tray.open(name) };
        case "acknowledge":
          await this.tray.acknowledge(name);
          return { said: "Ontvangen. Het signaal is nergens meer te vinden. Wis uw scherm." };
        case "not-our-pupil":
          await this.tray.notOurPupil(name);
          return { said: "Teruggegeven aan de gemeente. Wis uw scherm." };
        case "holdings":
          return { lines: await holdings(this.line) };
        case "keys":
          return { lines: [{ handed_out: this.stock.handedOut, held: this.stock.size }] };
        case "confirm":
          this.book.confirm(name, fingerprint);
          return { said: `${name} wordt geloofd.` };
        default:
          return { trouble: "Die vraag is niet bekend." };
      }
    } catch (error) {
      if (error instanceof Trouble || error instanceof NotBelieved) return { trouble: error.message };
      if (error instanceof NoAnswer || error instanceof Refused) {
        return { trouble: "Het lukt nu niet. Probeer het over een ogenblik nog eens." };
      }
      throw error;
    }
  }
}

async function people({ verb, name, fingerprint, state, show }) {
  if (verb === "open" && !show && !process.stdout.isTTY) {
    // To open is an act that is recorded: not where nobody would see it.
    process.stderr.write("Dit is geen scherm. Met --show gaat de brief toch open.\n");
    return REFUSED;
  }
  const answer = await asked(state, { do: verb, name, fingerprint });
  if (answer.trouble) {
    process.stderr.write(`${answer.trouble}\n`);
    return REFUSED;
  }
  const lines = answer.lines?.map((one) => JSON.stringify(one)) ?? [answer.letter ? asText(answer.letter) : answer.said];
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
  return FINE;
}

async function main() {
  try {
    const told = flags();
    if (told.verb !== "run") return await people(told);
    await new School(told).work();
    return FINE;
  } catch (error) {
    const known = [
      [Usage, USAGE],
      [NobodyThere, FAILED],
      [NotPrivate, SETTINGS],
      [BadSettings, SETTINGS],
      [SomebodyThere, SETTINGS],
    ].find(([kind]) => error instanceof kind);
    const missing = error.code === "ENOENT";
    // The words of any other error could hold a piece of a message; its kind cannot.
    process.stderr.write(`${known || missing ? error.message : `ended by ${error.name}`}\n`);
    return known?.[1] ?? (missing ? SETTINGS : FAILED);
  }
}

process.on("unhandledRejection", (error) => {
  process.stderr.write(`ended by ${error?.name}\n`);
  process.exit(FAILED);
});
process.exit(await main());
