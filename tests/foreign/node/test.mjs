// The client without a relay: the golden examples, the worked seals, and what it does when things go wrong.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { Book, NotBelieved, NotTaken, operatorKey, read as readDirectory } from "./lib/directory.mjs";
import { signed } from "./lib/left.mjs";
import { NotALetter, asText, read as readLetter } from "./lib/letter.mjs";
import { NoAnswer, Refused, readAnswer, readTask } from "./lib/line.mjs";
import { DoesNotOpen, fingerprint, keyIdOf, openSeal } from "./lib/seal.mjs";
import { Stock } from "./lib/stock.mjs";
import { Tray, Trouble } from "./lib/tray.mjs";

const ROOT = process.env.HWC_TREE ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const [US, THEM] = ["school-01AA00", "municipality-0855"];
const hex = (text) => Buffer.from(text, "hex");
const fixture = (name) => JSON.parse(fs.readFileSync(path.join(ROOT, "engine/vault/tests/fixtures", name)));

function examples(of) {
  const folder = path.join(ROOT, "schemas/examples", of);
  const found = fs.readdirSync(folder).map((name) => [name, JSON.parse(fs.readFileSync(path.join(folder, name)))]);
  assert.ok(found.length, `no examples of ${of}`);
  return found;
}

/** The same with a field that nobody knows in every object. */
function withMore(said) {
  if (Array.isArray(said)) return said.map(withMore);
  if (said === null || typeof said !== "object") return said;
  const all = Object.entries(said).map(([name, value]) => [name, withMore(value)]);
  return { ...Object.fromEntries(all), of_a_later_version: { anything: [1] } };
}

const folder = (context) => {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "foreign-"));
  context.after(() => fs.rmSync(made, { recursive: true }));
  return made;
};

/** A line that answers from a list and remembers what it was told. */
class FakeLine {
  organisation = US;
  said = [];
  acknowledged = [];
  constructor(answers = []) {
    this.answers = answers;
  }
  async say(door, said) {
    this.said.push(said);
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  }
  async acknowledge(task) {
    this.acknowledged.push(task.id);
  }
}

test("every answer in the examples is understood, also with fields of a later version", () => {
  for (const [of, name] of [["answer", "answer"], ["fetched", "fetched"], ["told", "told"]]) {
    for (const [, plain] of examples(of)) {
      for (const said of [plain, withMore(plain)]) {
        const raw = Buffer.from(JSON.stringify(said));
        if (plain[name] === "refused") assert.throws(() => readAnswer(raw, name), { code: plain.refusal });
        else assert.equal(readAnswer(raw, name)[name], plain[name]);
      }
    }
  }
});

test("every refusal that has a page ends the task if its page says so", () => {
  const pages = path.join(ROOT, "schemas/refusals");
  for (const name of fs.readdirSync(pages).filter((one) => !["README.md", "try_later.md"].includes(one))) {
    const says = fs.readFileSync(path.join(pages, name), "utf8").includes("The task may be let go");
    assert.equal(new Refused(name.replace(".md", "")).endsTheTask, says, name);
  }
});

test("what is no answer is a refusal that keeps the task", () => {
  for (const raw of ["", "null", "[]", "{}", '{"answer":7}', '{"answer":"refused"}', "[".repeat(100_000)]) {
    assert.throws(() => readAnswer(Buffer.from(raw), "answer"), { code: "unknown", endsTheTask: false });
  }
});

test("every task in the examples is read, and only a school's own are taken", async () => {
  for (const [name, plain] of [...examples("task"), ["later", { task: "sing", signal: "x" }]]) {
    for (const said of [plain, withMore(plain)]) {
      const headers = new Map([["ce-id", "t-1"], ["ce-of-a-later-version", "1"]]);
      const task = readTask({ data: Buffer.from(JSON.stringify(said)), headers, reply: "r" });
      const line = new FakeLine();
      const tray = new Tray({ line }, null);
      await tray.take(task);
      assert.equal(tray.list().length, name === "read.json" ? 1 : 0, name);
      assert.deepEqual(line.acknowledged, name === "notice.json" ? ["t-1"] : [], name);
    }
  }
});

test("a letter is read, and what is none is not repeated", () => {
  const [[, plain]] = examples("letter");
  for (const said of [plain, withMore(plain)]) {
    const letter = readLetter(Buffer.from(JSON.stringify(said)));
    assert.deepEqual(letter, plain.child);
    assert.match(asText(letter), /Noor van der Voorbeeld\n {2}Geboren {5}3 februari 2016/);
  }
  const bad = [{}, null, { ...plain, codeword: "canary" }, { ...plain, child: { ...plain.child, date_of_birth: "canary" } }];
  for (const one of bad) {
    assert.throws(
      () => readLetter(Buffer.from(JSON.stringify(one))),
      (error) => error instanceof NotALetter && !error.message.includes("canary"),
    );
  }
});

test("the worked seals open, and nothing else does", async () => {
  const [first, second] = [fixture("worked-example.json"), fixture("worked-example-2.json")];
  const sender = hex(first.sender_public);
  const content = hex(first.content);
  const one = hex(first.seal);
  assert.deepEqual(await openSeal(one, first.binding, hex(first.receiver_secret), [Buffer.alloc(32, 9), sender]), content);
  const two = hex(second.seal);
  assert.equal(keyIdOf(two).toString("hex"), second.key_id);
  assert.deepEqual(await openSeal(two, first.binding, hex(second.key_secret), [sender]), content);

  const spoilt = Buffer.from(one);
  spoilt[40] ^= 1;
  const later = Buffer.from(one);
  later[0] = 3;
  const bad = [spoilt, later, one.subarray(1), Buffer.alloc(0), Buffer.concat([one, Buffer.alloc(1)])];
  for (const [sealed, binding] of [[one, { ...first.binding, number: 3 }], ...bad.map((text) => [text, first.binding])]) {
    await assert.rejects(openSeal(sealed, binding, hex(first.receiver_secret), [sender]), DoesNotOpen);
  }
});

test("a key that is left is signed as the page says", () => {
  const [first, second] = [fixture("worked-example.json"), fixture("worked-example-2.json")];
  const oneTime = { kind: "one_time", id: second.key_id, key: second.key_public };
  assert.equal(signed(US, oneTime, hex(first.receiver_secret)).signature, second.signature);
  const { signature, ...weekly } = second.weekly;
  assert.equal(signed(US, { kind: "weekly", ...weekly }, hex(first.receiver_secret)).signature, signature);
});

test("a refusal of a later version keeps the task, and gone ends it", async () => {
  const said = { task: "read", signal: "0192f1c2d3e4475865a6b7c8d9e0f102-1", round: 1 };
  const line = new FakeLine([new Refused("of_a_later_version"), new Refused("not_opened"), new NoAnswer("x"), new Refused("gone")]);
  const tray = new Tray({ line }, null);
  await tray.take({ id: "t-1", said, reply: "r" });
  await tray.take({ id: "t-1", said, reply: "r2" });
  const [{ code }] = tray.list();
  for (const waiting of [1, 1, 1, 0]) {
    await assert.rejects(tray.acknowledge(code), Trouble);
    assert.equal(tray.list().length, waiting);
  }
  // The broker did not hear that it is done, and offers it again: nobody is bothered.
  await tray.take({ id: "t-1", said, reply: "r3" });
  assert.deepEqual([tray.list(), line.acknowledged], [[], ["t-1", "t-1"]]);
});

test("the worked directory is read, and its changed bytes are not", () => {
  const blocks = fs.readFileSync(path.join(ROOT, "engine/vault/DIRECTORY.md"), "utf8").split("```text\n").slice(1);
  const [operator, signed] = blocks.map((block) => block.split("```")[0]);
  const known = operatorKey(operator);
  const directory = readDirectory(Buffer.from(signed), known);
  assert.deepEqual([directory.serial, [...directory.organisations.values()].map((keys) => keys.length)], [7, [1, 2]]);
  for (const bad of [signed.replace("7", "8"), `${signed}\n`, signed.slice(0, -1), signed.replaceAll("\n", "\r\n")]) {
    assert.throws(() => readDirectory(Buffer.from(bad), known), NotTaken);
  }
});

test("an altered, an older and a second directory of one serial are not taken; a changed key is compared first", (context) => {
  const state = folder(context);
  const secret = Buffer.alloc(32, 5);
  const operator = { verify: (text, signature) => ed25519.verify(signature, text, ed25519.getPublicKey(secret)) };
  const made = (serial, key, earlier = []) => {
    const body = JSON.stringify({ version: 2, serial, organisations: { [THEM]: { key, earlier } } });
    const signature = Buffer.from(ed25519.sign(Buffer.from(`hwc-directory-1\n${body}`), secret)).toString("hex");
    return Buffer.from(`hwc-directory-1 ${signature}\n${body}`);
  };
  const [a, b] = ["aa".repeat(32), "bb".repeat(32)];
  const book = new Book(state, operator);
  const good = made(7, a);
  book.offer(good);
  const altered = Buffer.from(good.toString().replace("aa", "ab"));
  for (const bad of [good.subarray(0, -1), altered, Buffer.alloc(0), made(6, a), made(7, b)]) {
    assert.throws(() => book.offer(bad), NotTaken);
  }
  book.offer(made(8, b, [a]));
  assert.deepEqual(book.keysToOpenFrom(THEM), [hex(a)]);
  assert.throws(() => book.confirm(THEM, fingerprint(hex("cc".repeat(32)))), NotBelieved);
  book.confirm(THEM, fingerprint(hex(b)).toUpperCase());
  const again = new Book(state, operator);
  again.load(path.join(state, "nothing"));
  assert.deepEqual([again.serial, again.keysToOpenFrom(THEM)], [8, [hex(b), hex(a)]]);
});

test("keys are on the disk before they are left, and die only when two answers miss them", async (context) => {
  const state = folder(context);
  const stock = new Stock(state, US, Buffer.alloc(32, 6), 2, 0);
  const held = () => new Set(fs.readdirSync(path.join(state, "one-time-keys")));
  const look = async (inStock, living) => {
    const line = new FakeLine([{ told: "keys", stock: inStock, living }, ...Array(6).fill({ told: "done" })]);
    await stock.look(line);
    return line.said.slice(1);
  };
  const [{ keys }] = await look([], []);
  assert.deepEqual(keys.map((key) => key.kind), ["one_time", "one_time", "weekly"]);
  assert.deepEqual(held(), new Set(keys.map((key) => key.id)));
  assert.deepEqual((await look(["cc".repeat(16), ...held()], null))[0], { ask: "withdraw_keys", keys: ["cc".repeat(16)] });

  const used = keys[0].id;
  const rest = keys.slice(1).map((key) => key.id);
  for (const [living, why] of [[[used], "something is sealed to it"], [null, "nobody knows"], [[], "one answer"], [[used], "seen"], [[], "one"]]) {
    await look(rest, living);
    assert.ok(held().has(used), why);
  }
  await look(rest, []);
  assert.ok(!held().has(used) && !stock.secret(used) && rest.every((id) => held().has(id)));

  const [young] = rest;
  const folderOfKeys = path.join(state, "one-time-keys");
  fs.writeFileSync(path.join(folderOfKeys, "dd".repeat(16)), Buffer.alloc(40), { mode: 0o600 });
  assert.ok(new Stock(state, US, Buffer.alloc(32, 6), 2, 0).secret(young));
  assert.ok(!held().has("dd".repeat(16)), "half destroyed, it goes at the next start");
});

test("who was not told for a while counts anew", async (context) => {
  const state = folder(context);
  const stock = new Stock(state, US, Buffer.alloc(32, 6), 2, 600);
  const held = () => fs.readdirSync(path.join(state, "one-time-keys"));
  const look = async (inStock, living) => {
    const line = new FakeLine([{ told: "keys", stock: inStock, living }, ...Array(6).fill({ told: "done" })]);
    await stock.look(line);
    return line.said.slice(1);
  };
  const [{ keys }] = await look([], []);
  const [used, ...rest] = keys.map((key) => key.id);
  let minute = 0;
  context.mock.method(performance, "now", () => minute * 60_000);
  // Twice the relay was out of reach for longer than it takes, and once it did not know.
  for (const [at, living] of [[0, []], [11, []], [30, []], [32, []], [34, []], [36, []], [38, []], [40, null], [41, []]]) {
    minute = at;
    await look(rest, living);
    assert.ok(held().includes(used), `minute ${at}`);
  }
  for (minute = 42; minute <= 51; minute += 1) await look(rest, []);
  assert.ok(!held().includes(used) && rest.every((id) => held().includes(id)));
});
