"""The command line of the police: one process that looks at a folder."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from hwc_relay.counter import Counter, NobodyThere, asked
from hwc_relay.directory import NotBelieved
from hwc_relay.files import read_private, write_private
from hwc_relay.line import BadSettings
from hwc_relay.log import say
from hwc_relay.process import FAILED, FINE, REFUSED, Place, add_confirm, add_flags, organisation, run

from .inbox import Inbox

REFERENCE_KEY_BYTES = 32
LOOK_EVERY_SECONDS = 1


def reference_key(credentials: Path) -> bytes:
    """What incident ids are derived with: made once, and kept. With another one the same report would be another incident."""
    path = credentials / "reference"
    if not path.exists():
        write_private(path, os.urandom(REFERENCE_KEY_BYTES))
    key = read_private(path, REFERENCE_KEY_BYTES)
    if len(key) != REFERENCE_KEY_BYTES:
        raise BadSettings(f"{path}: is not {REFERENCE_KEY_BYTES} bytes")
    return key


class Police:
    """The police's process."""

    def __init__(self, flags: argparse.Namespace):
        self._flags = flags

    async def work(self) -> None:
        """Until it is cancelled."""
        flags = self._flags
        place = self._place = Place(flags)
        flags.inbox.mkdir(mode=0o700, exist_ok=True)
        inbox = Inbox(place, flags.inbox, flags.veilig_thuis, reference_key(flags.credentials))
        counter = await Counter(place.state, self._answer).open()
        inbox.begin()
        await place.line.connect()
        await place.look_up_directory()
        say("at work", organisation=flags.organisation)
        try:
            await asyncio.gather(place.keep(flags.look_every), self._look(inbox))
        finally:
            counter.close()
            await place.line.close()

    async def _answer(self, question: dict) -> dict:
        if question.get("do") != "confirm":
            return {"trouble": "there is no such question"}
        try:
            self._place.book.confirm(str(question.get("name")), str(question.get("fingerprint")))
            return {"said": f"{question['name']} is believed"}
        except NotBelieved as why:
            return {"trouble": str(why)}

    @staticmethod
    async def _look(inbox: Inbox) -> None:
        while True:
            await inbox.look()
            await asyncio.sleep(LOOK_EVERY_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="hwc_police", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    runs = verbs.add_parser("run", help="the process")
    add_flags(runs)
    runs.add_argument("--veilig-thuis", required=True, type=organisation, metavar="NAME", help="whom it seals to")
    runs.add_argument("--inbox", required=True, type=Path, metavar="DIR", help="*.jsonl, moved in whole")
    add_confirm(verbs)
    told = parser.parse_args()
    if told.verb == "run":
        return run(Police(told).work)
    try:
        answer = asked(told.state, {"do": "confirm", "name": told.name, "fingerprint": told.fingerprint})
    except NobodyThere as nobody:
        print(nobody, file=sys.stderr)
        return FAILED
    print(answer.get("trouble") or answer.get("said"))
    return REFUSED if "trouble" in answer else FINE


if __name__ == "__main__":
    sys.exit(main())
