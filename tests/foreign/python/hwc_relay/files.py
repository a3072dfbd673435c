"""Files that nobody else reads: durable when written, overwritten before they go."""

import os
import stat
from pathlib import Path


class NotPrivate(Exception):
    """Others may read it, or it is no plain file of ours. The path is in the words, never the content."""


def private_folder(path: Path) -> Path:
    """Makes the folder with mode 700, or refuses one that others may look into."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NotPrivate(f"{path}: others may look into it; chmod 700, and it must be yours")
    return path


def read_private(path: Path, bytes_max: int) -> bytes:
    """Reads a file of mode 600. A link is refused."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise NotPrivate(f"{path}: others may read it; chmod 600, and it must be yours")
        content = opened.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise NotPrivate(f"{path}: larger than it may be")
    return content


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_private(path: Path, content: bytes) -> None:
    """Writes the whole file or nothing of it; when it returns, it is on the disk."""
    beside = path.with_name(f".{path.name}.new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(beside, path)
    _sync_folder(path.parent)


def destroy(path: Path) -> None:
    """Overwrites the file in its place, makes that durable, and takes it away. Killed in between, it is done again."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(file, "wb") as opened:
        opened.write(b"\0" * os.fstat(opened.fileno()).st_size)
        opened.flush()
        os.fsync(opened.fileno())
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)
