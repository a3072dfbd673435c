"""The signals that wait for a contact. In memory only: every task comes again to whoever starts next."""

import asyncio
import base64
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from hwc_relay.directory import NotBelieved
from hwc_relay.line import Line, NoAnswer, Refused, Task
from hwc_relay.log import say
from hwc_relay.process import Place
from hwc_relay.seal import Binding, DoesNotOpen, key_id_of, open_seal
from hwc_relay.stock import Stock

from . import letter

WAITING_MAX = 1000
SETTLED_MAX = 1000
PERSON_PATIENCE_SECONDS = 20
STILL_AT_WORK_SECONDS = 10
CONTACT_AGAIN_SECONDS = 5


class Trouble(Exception):
    """What a contact is told, in Dutch, and whether it is a no for good."""

    def __init__(self, words: str, over: bool = False):
        super().__init__(words)
        self.over = over


@dataclass
class Waiting:
    """One signal that waits."""

    task: Task
    signal: str
    round: int
    since: float
    reminded: int = 0

    @property
    def code(self) -> str:
        """What people call it by: it follows from the signal and the round, and says nothing of either."""
        return hashlib.sha256(f"{self.signal} {self.round}".encode("ascii")).hexdigest()[:6]


class Tray:
    """Takes tasks in, and does what the contact says about them."""

    def __init__(self, place: Place, stock: Stock):
        self._place, self._stock, self._line = place, stock, place.line
        self._waiting: dict[str, Waiting] = {}
        # Tasks that are done, should the broker not have heard it.
        self._settled: OrderedDict[str, None] = OrderedDict()
        self.news = asyncio.Event()

    async def take(self, task: Task) -> None:
        """Takes one offer of a task. The same work may come any number of times."""
        if task.id in self._settled:
            await self._line.acknowledge(task)
            return
        kind, signal, round = task.said["task"], task.said.get("signal"), task.said.get("round")
        if not isinstance(signal, str) or type(round) is not int or not signal.isascii():
            say("a task that is not understood is left alone")
        elif kind == "read":
            known = self._waiting.get(task.id)
            if known:
                known.task = task
                say("a task came again", code=known.code)
            elif len(self._waiting) < WAITING_MAX:
                waiting = Waiting(task, signal, round, time.time())
                self._waiting[task.id] = waiting
                say("a signal waits", code=waiting.code)
                self.news.set()
        elif kind == "notice":
            # Nobody is named in it, so it may be mailed as it is; here the log is the mailbox.
            for waiting in self._waiting.values():
                if (waiting.signal, waiting.round) == (signal, round):
                    waiting.reminded += 1
            say("a signal still waits for its contact", notice=str(task.said.get("notice")).encode("ascii", "replace")[:32])
            await self._settle(task)
        else:
            say("a task of a kind that is not known is left alone")

    async def _settle(self, task: Task) -> None:
        self._waiting.pop(task.id, None)
        self._settled[task.id] = None
        while len(self._settled) > SETTLED_MAX:
            self._settled.popitem(last=False)
        await self._line.acknowledge(task)

    def list(self) -> list[dict]:
        """What waits, without names."""
        return [
            {"code": one.code, "signal": one.signal, "round": one.round, "since": int(one.since), "reminded": one.reminded}
            for one in self._waiting.values()
        ]

    def _named(self, name: object) -> Waiting:
        for one in self._waiting.values():
            if name in (one.code, one.signal):
                return one
        raise Trouble("Er is niets dat zo heet.", over=True)

    async def open(self, name: object) -> dict:
        """Fetches the letter, which is opening it, and opens its seal. Again and again, until it is confirmed."""
        one = self._named(name)
        fetch = {"fetch": "letter", "signal": one.signal, "round": one.round}
        fetched = await self._asked(one, "fetch", fetch)
        try:
            sealed = base64.b64decode(fetched["sealed"], validate=True)
            return letter.read(self._opened(one, fetched["from"], sealed))
        except (DoesNotOpen, NotBelieved, letter.NotALetter, ValueError, KeyError, TypeError) as why:
            say("a letter does not open", code=one.code, why=type(why).__name__)
            raise Trouble("De brief gaat niet open. Bel de gemeente: zij kan het signaal opnieuw sturen.") from None

    def _opened(self, one: Waiting, sender: str, sealed: bytes) -> bytes:
        if not sender.startswith("municipality-"):
            raise DoesNotOpen
        incident, _, number = one.signal.partition("-")
        binding = Binding(incident, int(number), "letter", sender, self._line.organisation)
        senders = self._place.book.keys_to_open_from(sender)
        key_id = key_id_of(sealed)
        if key_id is None:
            ours = self._place.secrets
        else:
            secret = self._stock.secret(key_id.hex())
            ours = [secret] if secret else []
        for secret in ours:
            try:
                return open_seal(sealed, binding, secret, senders)
            except DoesNotOpen:
                continue
        raise DoesNotOpen

    async def acknowledge(self, name: object) -> None:
        """The contact received it. From now on the signal is nowhere."""
        await self._said(name, "acknowledge")

    async def not_our_pupil(self, name: object) -> None:
        """The contact opened it, and it is no pupil of ours. It goes back."""
        await self._said(name, "return")

    async def _said(self, name: object, command: str) -> None:
        one = self._named(name)
        await self._asked(one, "submit", {"command": command, "signal": one.signal, "round": one.round})
        await self._settle(one.task)

    async def _asked(self, one: Waiting, door: str, said: dict) -> dict:
        """Says it, and lets the task go where the answer ends it."""
        try:
            answer = await self._line.say(door, said, PERSON_PATIENCE_SECONDS)
            if answer.get("answer") in ("recorded", "already_recorded") or answer.get("fetched") == "payload":
                return answer
            raise Refused("unknown")
        except NoAnswer:
            raise Trouble("Het lukt nu niet. Probeer het over een ogenblik nog eens.") from None
        except Refused as refused:
            if refused.ends_the_task:
                await self._settle(one.task)
                raise Trouble("Dit signaal is er niet meer: het is teruggeroepen, verlopen of al bevestigd.", over=True) from None
            say("refused", code=one.code, refusal=refused.code)
            if refused.code == "not_opened":
                raise Trouble("Open het signaal eerst.", over=True) from None
            raise Trouble(f"Dat mag niet: {refused.code}.", over=True) from None

    async def keep(self) -> None:
        """Tells the broker, for ever, that what waits for a person is still worked at."""
        while True:
            await asyncio.sleep(STILL_AT_WORK_SECONDS)
            for one in list(self._waiting.values()):
                await self._line.still_at_work(one.task)

    async def contact(self, answer: str) -> None:
        """A contact that is always there, for try-outs: opens each signal at once and confirms it, or gives it back."""
        while True:
            self.news.clear()
            for one in list(self._waiting.values()):
                try:
                    await self.open(one.code)
                    await (self.acknowledge if answer == "acknowledges" else self.not_our_pupil)(one.code)
                    say("the contact answered", code=one.code)
                except Trouble as trouble:
                    say("the contact could not answer", code=one.code, over=trouble.over)
            try:
                await asyncio.wait_for(self.news.wait(), CONTACT_AGAIN_SECONDS)
            except asyncio.TimeoutError:
                pass

    async def hand_back(self) -> None:
        """What still waits goes back to the broker, which offers it to whoever starts next."""
        await self._line.pull_no_more()
        for one in self._waiting.values():
            await self._line.hand_back(one.task)


async def holdings(line: Line) -> list[dict]:
    """What the relay holds that is sealed to us (R28), page by page."""
    held, after = [], None
    while True:
        question = {"ask": "holdings"} | ({"after": after} if after else {})
        told = await line.say("ask", question, PERSON_PATIENCE_SECONDS)
        held += told["held"]
        if not told["more"] or not told["held"]:
            return held
        after = told["held"][-1]["payload"]
