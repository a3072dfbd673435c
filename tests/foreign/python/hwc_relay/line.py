"""The line to the broker: six doors, and what to do when no answer comes."""

import asyncio
import base64
import json
import random
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client

from . import nkey
from .files import read_private
from .log import say

ANSWER_SECONDS = 10
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.2, 15
PULL = {"batch": 16, "expires": 5_000_000_000}
ENDS_THE_TASK = ("gone", "already_decided")


class Refused(Exception):
    """The law says no, in one word. `code` is that word, as `schemas/refusals` has it."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code

    @property
    def ends_the_task(self) -> bool:
        """Whether nothing is owed any more for the task that it was about."""
        return self.code in ENDS_THE_TASK


class NoAnswer(Exception):
    """Nobody knows whether it was done; it is to be said again, word for word."""


class BadSettings(Exception):
    """What the line needs is not there, or is not what it should be."""


@dataclass(frozen=True)
class Task:
    """One offer of a task: its id, which is the same for the same work, what it says, and where it is acknowledged."""

    id: str
    said: dict
    reply: str


def read_answer(raw: bytes, name: str) -> dict:
    """An answer as an object that says in `name` what it is. Fields that nobody knows are left alone."""
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get(name), str):
        raise Refused("unknown")
    if said[name] == "refused":
        code = said.get("refusal")
        raise Refused(code if isinstance(code, str) and code.isidentifier() else "unknown")
    return said


class Pause:
    """Longer each time, with some chance in it, so that not everybody comes back at once."""

    def __init__(self) -> None:
        self._seconds = PAUSE_SECONDS

    async def wait(self) -> None:
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1.5))
        self._seconds = min(self._seconds * 2, PAUSE_SECONDS_MAX)


class Line:
    """A connection as one organisation. Connects again by itself for as long as it takes."""

    def __init__(self, broker: str, organisation: str, credentials: Path):
        self.organisation = organisation
        self._broker, self._client, self._hanging_up = broker, Client(), False
        self._key = nkey.user_key(read_private(credentials / "nkey", 256).decode("ascii"))
        self._tls, self._pulls = self._encryption(credentials), None

    def _encryption(self, credentials: Path) -> ssl.SSLContext | None:
        where = urlsplit(self._broker)
        if where.scheme == "nats" and where.hostname in ("127.0.0.1", "localhost", "::1"):
            return None
        if where.scheme != "tls":
            raise BadSettings("--broker is not tls://HOST:PORT; nats:// is for the loopback only")
        for name in ("nkey", "tls.key"):
            read_private(credentials / name, 8192)
        encryption = ssl.create_default_context(cafile=str(credentials / "ca.pem"))
        encryption.minimum_version = ssl.TLSVersion.TLSv1_3
        encryption.load_cert_chain(credentials / "tls.pem", credentials / "tls.key")
        return encryption

    async def connect(self) -> None:
        """Connects, and tries until it succeeds."""
        secured = {"tls": self._tls, "tls_handshake_first": True} if self._tls else {}
        # With the package `nkeys` installed, `nkeys_seed_str=` does the same as these two lines.
        self._client._public_nkey = nkey.public_text(self._key)  # noqa: SLF001
        secured["signature_cb"] = self._sign
        pause = Pause()
        while True:
            try:
                await self._client.connect(
                    self._broker,
                    name=self.organisation,
                    inbox_prefix=f"_INBOX_{self.organisation}",
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    error_cb=self._told_of_trouble,
                    disconnected_cb=self._told_of_loss,
                    allow_reconnect=True,
                    **secured,
                )
                return
            except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
                say("no connection yet", why=type(error).__name__)
                await pause.wait()

    def _sign(self, nonce: str) -> bytes:
        return base64.b64encode(self._key.sign(nonce.encode("ascii")).signature)

    async def _told_of_trouble(self, error: Exception) -> None:
        # Its words could hold a piece of a message; its kind cannot.
        say("trouble on the line", why=type(error).__name__)

    async def _told_of_loss(self) -> None:
        if not self._hanging_up:
            say("the line is down; connecting again")

    async def close(self) -> None:
        """Says what is still to be said, and hangs up."""
        self._hanging_up = True
        try:
            await asyncio.wait_for(self._client.drain(), 5)
        except (nats.errors.Error, OSError, asyncio.TimeoutError):
            await self._client.close()

    async def _said_once(self, door: str, body: bytes) -> bytes:
        try:
            return (await self._client.request(door, body, timeout=ANSWER_SECONDS)).data
        except (nats.errors.Error, OSError, asyncio.TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from None

    async def say(self, door: str, said: dict, patience_seconds: float | None = None) -> dict:
        """Says the very same until there is an answer. `recorded`, `payload`, …: whatever is neither no nor not now."""
        # Made into bytes once: what is said again must be the same, byte for byte.
        body = json.dumps(said, separators=(",", ":")).encode("ascii")
        name = {"submit": "answer", "fetch": "fetched", "ask": "told"}[door]
        until = None if patience_seconds is None else asyncio.get_running_loop().time() + patience_seconds
        pause = Pause()
        while True:
            try:
                answer = read_answer(await self._said_once(door, body), name)
                if answer[name] != "try_later":
                    return answer
                why = "try_later"
            except NoAnswer as error:
                why = str(error)
            if until is not None and asyncio.get_running_loop().time() > until:
                raise NoAnswer(why)
            await pause.wait()

    async def submit(self, command: dict, patience_seconds: float | None = None) -> str:
        """`recorded`, or `already_recorded` if it was said before; the caller may treat them alike."""
        answer = (await self.say("submit", command, patience_seconds))["answer"]
        if answer not in ("recorded", "already_recorded"):
            raise Refused("unknown")
        return answer

    async def newer_directory(self, than: int) -> bytes:
        """The signed directory, or nothing if there is no newer one."""
        return await self._said_once("directory", json.dumps({"than": than}).encode("ascii"))

    async def tasks(self) -> AsyncIterator[Task]:
        """The tasks as they come, for ever. Each comes again until it is acknowledged."""
        inbox = self._client.new_inbox()
        self._pulls = await self._client.subscribe(inbox)
        pause = Pause()
        while True:
            try:
                await self._client.publish("next", json.dumps(PULL).encode("ascii"), reply=inbox)
            except nats.errors.Error as error:
                say("the tasks were not asked for", why=type(error).__name__)
                await pause.wait()
                continue
            for _ in range(PULL["batch"]):
                try:
                    message = await self._pulls.next_msg(timeout=PULL["expires"] / 1e9 + 2)
                except (nats.errors.TimeoutError, asyncio.TimeoutError):
                    break
                status = (message.headers or {}).get("Status")
                if status:
                    # 404 and 408: nothing more waits, ask again. 503: nobody is there; anything else: not now.
                    if status in ("404", "408"):
                        pause = Pause()
                    else:
                        await pause.wait()
                    break
                task = self._task_of(message)
                if task:
                    yield task

    async def pull_no_more(self) -> None:
        """Before anything is handed back: the broker would give it to the pull of ours that is still open."""
        if self._pulls:
            try:
                await self._pulls.unsubscribe()
            except nats.errors.Error as error:
                say("the pull was not taken back", why=type(error).__name__)

    @staticmethod
    def _task_of(message) -> Task | None:
        try:
            said = json.loads(message.data)
        except (ValueError, RecursionError):
            said = None
        id = (message.headers or {}).get("ce-id")
        if not isinstance(said, dict) or not isinstance(said.get("task"), str) or not id or not message.reply:
            say("a task that cannot be read is left alone")
            return None
        return Task(id, said, message.reply)

    async def acknowledge(self, task: Task) -> bool:
        """Acknowledges the task, and waits until the broker heard it. If it did not, the task comes once more."""
        try:
            await self._client.request(task.reply, b"+ACK", timeout=ANSWER_SECONDS)
            return True
        except (nats.errors.Error, OSError, asyncio.TimeoutError):
            return False

    async def still_at_work(self, task: Task) -> None:
        """Has the broker wait another 30 seconds before it offers the task again."""
        await self._tell(task, b"+WPI")

    async def hand_back(self, task: Task) -> None:
        """Has the broker offer the task again at once, to whoever asks next."""
        await self._tell(task, b"-NAK")

    async def _tell(self, task: Task, what: bytes) -> None:
        try:
            await self._client.publish(task.reply, what)
        except (nats.errors.Error, OSError) as error:
            say("a word about a task was not heard", why=type(error).__name__)
