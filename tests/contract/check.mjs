// Reads an AsyncAPI document (`node check.mjs FILE`) with the AsyncAPI project's own parser. Ends with 1 at any error or warning, and if what it read is
// not what an integrator needs: every door, and examples of every message.
import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const severe = diagnostics.filter(({ severity }) => severity <= 1);
for (const { severity, message, path } of severe) console.error(severity, path.join("."), message);
if (severe.length > 0 || !document) process.exit(1);

const doors = document.operations().all().map((operation) => operation.id()).sort();
const wanted = ["acknowledge", "ask", "directory", "fetch", "next", "submit"];
if (JSON.stringify(doors) !== JSON.stringify(wanted)) {
  console.error(`the doors are ${doors}, wanted ${wanted}`);
  process.exit(1);
}
const bare = document.components().messages().all().filter((message) => message.examples().all().length === 0);
const allowed = new Set(["acknowledgement", "directory"]);
const missing = bare.map((message) => message.id()).filter((id) => !allowed.has(id));
if (missing.length > 0) {
  console.error(`no example of ${missing}`);
  process.exit(1);
}
console.log(`asyncapi ${document.version()}: ${doors.length} doors, ${document.components().messages().all().length} messages`);
