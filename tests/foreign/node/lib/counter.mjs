// The counter: how people on the same machine speak to the running process. One question and one answer a connection.
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { say } from "./log.mjs";

const BYTES_MAX = 256 * 1024;
const WITHIN_MILLISECONDS = 60_000;

/** No process runs with this state folder. */
export class NobodyThere extends Error {}
/** Another process works with this state folder. */
export class SomebodyThere extends Error {}

/** The first line that comes. */
function lineOf(socket) {
  return new Promise((resolve, reject) => {
    let said = "";
    socket.setEncoding("utf8").setTimeout(WITHIN_MILLISECONDS, () => socket.destroy());
    socket.on("data", (piece) => {
      said += piece;
      if (said.includes("\n")) resolve(said.slice(0, said.indexOf("\n")));
      else if (said.length > BYTES_MAX) socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new NobodyThere("it ended before it answered")));
  });
}

/** Opens a Unix socket of mode 600. Also the lock: a second process with the same folder finds somebody at it. */
export async function openCounter(state, answer) {
  const file = path.join(state, "counter");
  try {
    await asked(state, { do: "nothing" });
  } catch (error) {
    if (!(error instanceof NobodyThere)) throw error;
    fs.rmSync(file, { force: true });
    const server = net.createServer(async (socket) => {
      try {
        const question = JSON.parse(await lineOf(socket));
        socket.end(`${JSON.stringify(await answer(question))}\n`);
      } catch (error) {
        // Its words could hold what was sealed. Whoever hung up, or asked nothing, wants to hear nothing.
        say("the counter could not answer", { why: error.name });
        socket.destroy();
      }
    });
    const before = process.umask(0o177);
    await new Promise((resolve, reject) => server.once("error", reject).listen(file, resolve));
    process.umask(before);
    return server;
  }
  throw new SomebodyThere(`${state}: another process works with it`);
}

/** Asks the running process. */
export async function asked(state, question) {
  const socket = net.connect(path.join(state, "counter"));
  try {
    const answer = lineOf(socket);
    socket.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await answer);
  } catch {
    throw new NobodyThere(`no process runs with ${state}`);
  } finally {
    socket.destroy();
  }
}
