"""Keys that die: one for each signal to come, made here, left with the relay, destroyed when nothing needs it any more.

`docs/keys.md` says why; `schemas/README.md`, *Keys that die*, says how. One file a key, in a folder that must not be backed up.
"""

import os
import re
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from .files import NotPrivate, destroy, private_folder, read_private, write_private
from .left import public_of, signed
from .line import Line, NoAnswer, Refused
from .log import say

LABEL = "hwc-one-time-key-1"
KEYS_PER_QUESTION_MAX = 512
WEEKLY_DAYS = 7
PATIENCE_SECONDS = 20
# Two answers further apart say nothing of the time between them.
UNSEEN_SECONDS_MAX = 180
LINE = re.compile(LABEL + r" (one_time|weekly (\d{4}-\d{2}-\d{2})) ([0-9a-f]{64})\n")


class Stock:
    """The private halves that this organisation holds, and the rules by which they come and go."""

    def __init__(self, state: Path, organisation: str, long_term_secret: bytes, target: int, apart_seconds: float):
        self._folder = private_folder(state / "one-time-keys")
        self._organisation, self._long_term_secret = organisation, long_term_secret
        self._target, self._apart_seconds = target, apart_seconds
        # By id: the private half, and the day of a weekly key.
        self._held: dict[str, tuple[bytes, date | None]] = {}
        self._missing_since: dict[str, float] = {}
        self._looked_at = time.monotonic()
        self.handed_out = 0
        self._read_all()

    def _read_all(self) -> None:
        for path in self._folder.iterdir():
            try:
                found = LINE.fullmatch(read_private(path, 256).decode("ascii", "replace"))
            except NotPrivate as why:
                say("a key file is left alone", why=f'"{why}"')
                continue
            if found and re.fullmatch(r"[0-9a-f]{32}", path.name):
                made = date.fromisoformat(found[2]) if found[2] else None
                self._held[path.name] = (bytes.fromhex(found[3]), made)
            else:
                # Killed while it was written or destroyed: nobody seals to it.
                destroy(path)

    def __len__(self) -> int:
        return len(self._held)

    def secret(self, id: str) -> bytes | None:
        """The private half of a key; none if it was destroyed, or never here."""
        held = self._held.get(id)
        return held[0] if held else None

    async def look(self, line: Line) -> None:
        """What is to be done every minute: destroy, withdraw, fill up."""
        try:
            stock, living = await self._asked(line)
            self._forget(stock, living)
            strangers = [id for id in stock if id not in self._held]
            for at in range(0, len(strangers), KEYS_PER_QUESTION_MAX):
                question = {"ask": "withdraw_keys", "keys": strangers[at : at + KEYS_PER_QUESTION_MAX]}
                await line.say("ask", question, PATIENCE_SECONDS)
            await self._fill(line, stock)
        except (NoAnswer, Refused) as why:
            # A key whose answer was lost is in the stock or it is not; the next look shows which.
            say("the keys were not looked after", why=why)

    async def _asked(self, line: Line) -> tuple[set[str], set[str] | None]:
        mine, stock, living = list(self._held), set(), set()
        for at in range(0, max(len(mine), 1), KEYS_PER_QUESTION_MAX):
            question = {"ask": "keys", "mine": mine[at : at + KEYS_PER_QUESTION_MAX]}
            told = await line.say("ask", question, PATIENCE_SECONDS)
            if told["told"] != "keys":
                raise Refused("unknown")
            stock |= set(told["stock"])
            some = told.get("living")
            living = None if some is None or living is None else living | set(some)
        return stock, living

    def _forget(self, stock: set[str], living: set[str] | None) -> None:
        """Destroys what was in neither list for long enough, answer after answer, by a clock that nobody sets."""
        now = time.monotonic()
        if living is None or now - self._looked_at > UNSEEN_SECONDS_MAX:
            # What was not said for a while does not count as missing for that while.
            self._missing_since.clear()
        self._looked_at = now
        for id in list(self._held):
            if id in stock or (living is not None and id in living):
                self._missing_since.pop(id, None)
            elif living is not None and id not in self._missing_since:
                self._missing_since[id] = now
            elif living is not None and now - self._missing_since[id] >= self._apart_seconds:
                destroy(self._folder / id)
                del self._held[id], self._missing_since[id]
                say("a key was destroyed")

    async def _fill(self, line: Line, stock: set[str]) -> None:
        left = [made for id, (_, made) in self._held.items() if id in stock]
        today = datetime.now(timezone.utc).date()
        young = any(made and today - timedelta(days=WEEKLY_DAYS) < made <= today + timedelta(days=1) for made in left)
        room = KEYS_PER_QUESTION_MAX - len(self._held)
        new = [self._made(None) for _ in range(min(self._target - left.count(None), room))]
        if not young and room > 0:
            new.append(self._made(today))
        if new:
            # Once and never again: the answer may be lost, and the key in use already.
            await line.say("ask", {"ask": "leave_keys", "keys": new}, PATIENCE_SECONDS)
        self.handed_out = len(stock & set(self._held)) + len(new)

    def _made(self, day: date | None) -> dict:
        """A new pair, its private half on the disk before anybody hears of the other."""
        id, secret = os.urandom(16).hex(), os.urandom(32)
        kind = f"weekly {day}" if day else "one_time"
        write_private(self._folder / id, f"{LABEL} {kind} {secret.hex()}\n".encode("ascii"))
        self._held[id] = (secret, day)
        key = {"kind": "weekly", "made": str(day)} if day else {"kind": "one_time"}
        key |= {"id": id, "key": public_of(secret).hex()}
        return signed(self._organisation, key, self._long_term_secret)
