// Files that nobody else reads: durable when written, overwritten before they go.
import fs from "node:fs";
import path from "node:path";

const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = fs.constants;

/** Others may read it, or it is no plain file of ours. The path is in the words, never the content. */
export class NotPrivate extends Error {}

const isClosed = (found) => found.uid === process.geteuid() && (found.mode & 0o077) === 0;

/** Makes the folder with mode 700, or refuses one that others may look into. */
export function privateFolder(folder) {
  fs.mkdirSync(folder, { mode: 0o700, recursive: true });
  if (!isClosed(fs.statSync(folder))) {
    throw new NotPrivate(`${folder}: others may look into it; chmod 700, and it must be yours`);
  }
  return folder;
}

/** Reads a file of mode 600. A link is refused. */
export function readPrivate(file, bytesMax) {
  const opened = fs.openSync(file, O_RDONLY | O_NOFOLLOW);
  try {
    const found = fs.fstatSync(opened);
    if (!found.isFile() || !isClosed(found)) {
      throw new NotPrivate(`${file}: others may read it; chmod 600, and it must be yours`);
    }
    if (found.size > bytesMax) throw new NotPrivate(`${file}: larger than it may be`);
    return fs.readFileSync(opened);
  } finally {
    fs.closeSync(opened);
  }
}

function syncFolder(folder) {
  const opened = fs.openSync(folder, O_RDONLY);
  try {
    fs.fsyncSync(opened);
  } finally {
    fs.closeSync(opened);
  }
}

/** Writes the whole file or nothing of it; when it returns, it is on the disk. */
export function writePrivate(file, content) {
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.new`);
  const opened = fs.openSync(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    fs.writeFileSync(opened, content);
    fs.fsyncSync(opened);
  } finally {
    fs.closeSync(opened);
  }
  fs.renameSync(beside, file);
  syncFolder(path.dirname(file));
}

/** Overwrites the file in its place, makes that durable, and takes it away. Killed in between, it is done again. */
export function destroy(file) {
  let opened;
  try {
    opened = fs.openSync(file, O_WRONLY | O_NOFOLLOW);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  try {
    const zeros = Buffer.alloc(fs.fstatSync(opened).size);
    fs.writeSync(opened, zeros, 0, zeros.length, 0);
    fs.fsyncSync(opened);
  } finally {
    fs.closeSync(opened);
  }
  fs.rmSync(file, { force: true });
  syncFolder(path.dirname(file));
}
