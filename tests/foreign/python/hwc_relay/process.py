"""What the processes of all roles have in common: their flags, their keys, the directory, and how they end."""

import argparse
import asyncio
import logging
import re
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

from . import nkey
from .directory import Book, NotTaken, ORGANISATION
from .files import NotPrivate, private_folder, read_private
from .line import BadSettings, Line, NoAnswer
from .log import say

FINE, FAILED, SETTINGS, REFUSED = 0, 1, 3, 5
SEALING_KEY = re.compile(r"hwc-sealing-key-1 ([0-9a-f]{64})\n?")


def organisation(text: str) -> str:
    """A name of somebody who can take part."""
    if not ORGANISATION.fullmatch(text):
        raise argparse.ArgumentTypeError("is no organisation, as in school-01AA00")
    return text


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that every role has."""
    parser.add_argument("--broker", required=True, metavar="URL", help="tls://HOST:PORT")
    parser.add_argument("--organisation", required=True, type=organisation, metavar="NAME")
    parser.add_argument("--credentials", required=True, type=Path, metavar="DIR", help="what the operator handed over")
    parser.add_argument("--state", required=True, type=Path, metavar="DIR", help="its own; made if it is not there")
    parser.add_argument("--look-every", type=float, default=60, metavar="SECONDS", help="at the directory, and at the keys")


def sealing_keys(credentials: Path) -> list[bytes]:
    """The private keys of `seal`, `seal-earlier-1`, …: the present one first."""
    found = []
    for name in ("seal", "seal-earlier-1", "seal-earlier-2", "seal-earlier-3"):
        if not found or (credentials / name).exists():
            line = SEALING_KEY.fullmatch(read_private(credentials / name, 256).decode("ascii", "replace"))
            if not line:
                raise BadSettings(f"{credentials / name}: is not a sealing key")
            found.append(bytes.fromhex(line[1]))
    return found


class Place:
    """An organisation's place in the relay: its line, its keys, and the book of everybody's public keys."""

    def __init__(self, flags: argparse.Namespace):
        self.state = private_folder(flags.state)
        self.line = Line(flags.broker, flags.organisation, flags.credentials)
        self.secrets = sealing_keys(flags.credentials)
        self.book = Book(self.state, nkey.operator_key((flags.credentials / "operator.pub").read_text("ascii")))
        self.book.load(flags.credentials / "directory.json")

    async def look_up_directory(self) -> None:
        """Asks for a newer directory, once."""
        try:
            newer = await self.line.newer_directory(self.book.serial)
            if newer:
                self.book.offer(newer)
                say("a newer directory", serial=self.book.serial)
        except NoAnswer as why:
            say("the directory was not asked for", why=why)
        except NotTaken as why:
            say("a directory is not taken", why=f'"{why}"')

    async def keep(self, every_seconds: float, *more: Callable[[], Awaitable[None]]) -> None:
        """Looks at the directory for ever, and after whatever else wants it as often."""
        while True:
            await asyncio.sleep(every_seconds)
            for look in (self.look_up_directory, *more):
                await look()


def add_confirm(verbs) -> None:
    """The command with which people believe a changed key."""
    parser = verbs.add_parser("confirm", help="believes a changed key, once its fingerprint was compared")
    parser.add_argument("--state", required=True, type=Path, metavar="DIR")
    parser.add_argument("name", type=organisation, metavar="NAME")
    parser.add_argument("--fingerprint", required=True)


def run(work: Callable[[], Awaitable[None]]) -> int:
    """Runs until told to stop; `work` takes being cancelled as the word to finish."""

    async def until_told() -> None:
        doing = asyncio.ensure_future(work())
        for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(told, doing.cancel)
        try:
            await doing
        except asyncio.CancelledError:
            say("stopped")

    # What a library says could hold a piece of a message: it is not said.
    logging.disable()
    try:
        asyncio.run(until_told())
        return FINE
    except (NotPrivate, BadSettings, nkey.NotAKey, FileNotFoundError, FileExistsError) as error:
        print(error, file=sys.stderr)
        return SETTINGS
    except Exception as error:
        # Where it was and of what kind; not its words, for the same reason.
        where = " ".join(f"{Path(at.filename).name}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)[-4:])
        say("ended by a fault of this program", kind=type(error).__name__, at=f'"{where}"')
        return FAILED
