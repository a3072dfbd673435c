"""The counter: how people on the same machine speak to the running process. One question and one answer a connection."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from .log import say

BYTES_MAX = 256 * 1024
WITHIN_SECONDS = 60


class NobodyThere(Exception):
    """No process runs with this state folder."""


class Counter:
    """A Unix socket of mode 600. Also the lock: a second process with the same folder finds somebody at the counter."""

    def __init__(self, state: Path, answer: Callable[[dict], Awaitable[dict]]):
        self._path, self._answer = state / "counter", answer

    async def open(self) -> asyncio.Server:
        """Opens it, unless somebody is there."""
        try:
            asked(self._path.parent, {"do": "nothing"})
        except NobodyThere:
            self._path.unlink(missing_ok=True)
        else:
            raise FileExistsError(f"{self._path.parent}: another process works with it")
        before = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._serve, self._path, limit=BYTES_MAX)
        finally:
            os.umask(before)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), WITHIN_SECONDS)
            question = json.loads(line)
            answer = await self._answer(question if isinstance(question, dict) else {})
            writer.write(json.dumps(answer).encode("ascii") + b"\n")
            await asyncio.wait_for(writer.drain(), WITHIN_SECONDS)
        except Exception as error:
            # Its words could hold what was sealed. Whoever hung up, or asked nothing, wants to hear nothing.
            say("the counter could not answer", why=type(error).__name__)
        finally:
            writer.close()


def asked(state: Path, question: dict) -> dict:
    """Asks the running process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(WITHIN_SECONDS)
        try:
            line.connect(str(state / "counter"))
        except OSError:
            raise NobodyThere(f"no process runs with {state}") from None
        with line.makefile("rwb") as both:
            both.write(json.dumps(question).encode("ascii") + b"\n")
            both.flush()
            answer = both.readline(BYTES_MAX)
    try:
        return json.loads(answer)
    except ValueError:
        raise NobodyThere("it ended before it answered") from None
