// The line to the broker: six doors, and what to do when no answer comes.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, createInbox, nkeyAuthenticator } from "@nats-io/transport-node";
import { readPrivate } from "./files.mjs";
import { say } from "./log.mjs";

const ANSWER_MILLISECONDS = 10_000;
const PAUSE_MILLISECONDS = 200;
const PAUSE_MILLISECONDS_MAX = 15_000;
const PULL = { batch: 16, expires: 5_000_000_000 };
const SAYS_WHAT_IT_IS = { submit: "answer", fetch: "fetched", ask: "told" };

/** The law says no, in one word. `code` is that word, as `schemas/refusals` has it. */
export class Refused extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }

  /** Whether nothing is owed any more for the task that it was about. */
  get endsTheTask() {
    return this.code === "gone" || this.code === "already_decided";
  }
}
/** Nobody knows whether it was done; it is to be said again, word for word. */
export class NoAnswer extends Error {}
/** What the line needs is not there, or is not what it should be. */
export class BadSettings extends Error {}

/** An answer as an object that says in `name` what it is. Fields that nobody knows are left alone. */
export function readAnswer(raw, name) {
  let said;
  try {
    said = JSON.parse(Buffer.from(raw).toString("utf8"));
  } catch {
    said = null;
  }
  if (typeof said?.[name] !== "string") throw new Refused("unknown");
  if (said[name] === "refused") {
    const code = said.refusal;
    throw new Refused(typeof code === "string" && /^[a-z_]{1,64}$/.test(code) ? code : "unknown");
  }
  return said;
}

/** One offer of a task: its id, which is the same for the same work, what it says, and where it is acknowledged. */
export function readTask(message) {
  let said;
  try {
    said = JSON.parse(Buffer.from(message.data).toString("utf8"));
  } catch {
    said = null;
  }
  const id = message.headers?.get("ce-id");
  return typeof said?.task === "string" && id && message.reply ? { id, said, reply: message.reply } : null;
}

/** Longer each time, with some chance in it, so that not everybody comes back at once. */
class Pause {
  #milliseconds = PAUSE_MILLISECONDS;
  async wait() {
    await sleep(this.#milliseconds * (0.5 + Math.random()));
    this.#milliseconds = Math.min(this.#milliseconds * 2, PAUSE_MILLISECONDS_MAX);
  }
}

/** A connection as one organisation. Connects again by itself for as long as it takes. */
export class Line {
  #options;
  #client;
  #pulls;

  constructor(broker, organisation, credentials) {
    this.organisation = organisation;
    const where = new URL(broker);
    const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(where.hostname);
    if (where.protocol !== "tls:" && !(where.protocol === "nats:" && loopback)) {
      throw new BadSettings("--broker is not tls://HOST:PORT; nats:// is for the loopback only");
    }
    const file = (name) => path.join(credentials, name);
    const seed = readPrivate(file("nkey"), 256).toString("ascii").trim();
    this.#options = {
      servers: where.host,
      name: organisation,
      inboxPrefix: `_INBOX_${organisation}`,
      authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 1000,
      waitOnFirstConnect: true,
      ignoreAuthErrorAbort: true,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
    };
    if (where.protocol === "tls:") {
      readPrivate(file("tls.key"), 8192);
      this.#options.tls = {
        handshakeFirst: true,
        caFile: file("ca.pem"),
        certFile: file("tls.pem"),
        keyFile: file("tls.key"),
      };
    }
  }

  /** Connects, and tries until it succeeds. */
  async connect() {
    this.#client = await connect(this.#options);
    this.#watch();
  }

  async #watch() {
    for await (const status of this.#client.status()) {
      if (status.type === "disconnect") say("the line is down; connecting again");
      // Its words could hold a piece of a message; its kind cannot.
      if (status.type === "error") say("trouble on the line", { why: status.error?.name });
    }
  }

  /** Says what is still to be said, and hangs up. */
  async close() {
    await this.#client?.drain().catch(() => {});
  }

  /** Ends when the connection is closed for good. */
  async closed() {
    await this.#client.closed();
  }

  async #saidOnce(door, body) {
    try {
      return (await this.#client.request(door, body, { timeout: ANSWER_MILLISECONDS })).data;
    } catch (error) {
      throw new NoAnswer(error.name);
    }
  }

  /** Says the very same until there is an answer that is neither no nor not now. */
  async say(door, said, patienceSeconds = Infinity) {
    // Made into bytes once: what is said again must be the same, byte for byte.
    const body = JSON.stringify(said);
    const name = SAYS_WHAT_IT_IS[door];
    const until = performance.now() + patienceSeconds * 1000;
    const pause = new Pause();
    for (;;) {
      let why = "try_later";
      try {
        const answer = readAnswer(await this.#saidOnce(door, body), name);
        if (answer[name] !== "try_later") return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        why = error.message;
      }
      if (performance.now() > until) throw new NoAnswer(why);
      await pause.wait();
    }
  }

  /** The signed directory, or nothing if there is no newer one. */
  async newerDirectory(than) {
    return Buffer.from(await this.#saidOnce("directory", JSON.stringify({ than })));
  }

  /** The tasks as they come, until the line is closed. Each comes again until it is acknowledged. */
  async *tasks() {
    const inbox = createInbox(this.#options.inboxPrefix);
    const messages = [];
    let wake = () => {};
    this.#pulls = this.#client.subscribe(inbox, {
      callback: (error, message) => {
        if (!error) messages.push(message);
        wake();
      },
    });
    const next = async () => {
      const until = performance.now() + PULL.expires / 1e6 + 2000;
      while (!messages.length && performance.now() < until) {
        const ended = new AbortController();
        const news = new Promise((resolve) => (wake = resolve));
        await Promise.race([news, sleep(until - performance.now(), null, { signal: ended.signal }).catch(() => {})]);
        ended.abort();
      }
      return messages.shift();
    };
    let pause = new Pause();
    while (!this.#client.isClosed()) {
      this.#client.publish("next", JSON.stringify(PULL), { reply: inbox });
      for (let left = PULL.batch; left > 0; left -= 1) {
        const message = await next();
        if (!message) break;
        const status = message.headers?.code ?? 0;
        if (status) {
          // 404 and 408: nothing more waits, ask again. 503: nobody is there; anything else: not now.
          if (status === 404 || status === 408) pause = new Pause();
          else await pause.wait();
          break;
        }
        const task = readTask(message);
        if (task) yield task;
        else say("a task that cannot be read is left alone");
      }
    }
  }

  /** Acknowledges the task, and waits until the broker heard it. If it did not, the task comes once more. */
  async acknowledge(task) {
    await this.#client.request(task.reply, "+ACK", { timeout: ANSWER_MILLISECONDS }).catch(() => {});
  }

  /** Before anything is handed back: the broker would give it to the pull of ours that is still open. */
  pullNoMore() {
    this.#pulls?.unsubscribe();
  }

  /** Has the broker wait another 30 seconds before it offers the task again. */
  stillAtWork(task) {
    this.#client.publish(task.reply, "+WPI");
  }

  /** Has the broker offer the task again at once, to whoever asks next. */
  handBack(task) {
    this.#client.publish(task.reply, "-NAK");
  }
}
