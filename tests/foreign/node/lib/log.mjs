/** The log: fixed words and, beside them, what may be said of anybody. Never a name. */
export function say(words, beside = {}) {
  const moment = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const pairs = Object.entries(beside).map(([name, value]) => ` ${name}=${value}`);
  process.stderr.write(`${moment} ${words}${pairs.join("")}\n`);
}
