"""The command line of a school: the process, and what its people say to it."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from hwc_relay.counter import Counter, NobodyThere, asked
from hwc_relay.directory import NotBelieved
from hwc_relay.line import NoAnswer, Refused
from hwc_relay.log import say
from hwc_relay.process import FAILED, FINE, REFUSED, Place, add_confirm, add_flags, run
from hwc_relay.stock import Stock

from .letter import as_text
from .tray import Tray, Trouble, holdings


class School:
    """A school's process."""

    def __init__(self, flags: argparse.Namespace):
        self._flags = flags

    async def work(self) -> None:
        """Until it is cancelled."""
        flags = self._flags
        self._place = place = Place(flags)
        self._stock = Stock(place.state, flags.organisation, place.secrets[0], flags.stock, flags.keys_apart)
        self._tray = Tray(place, self._stock)
        counter = await Counter(place.state, self._answer).open()
        await place.line.connect()
        await place.look_up_directory()
        await self._stock.look(place.line)
        say("at work", organisation=flags.organisation, keys=self._stock.handed_out)
        doing = [self._pull(), self._tray.keep(), place.keep(flags.look_every, lambda: self._stock.look(place.line))]
        if flags.contact:
            doing.append(self._tray.contact(flags.contact))
        try:
            await asyncio.gather(*doing)
        finally:
            counter.close()
            await self._tray.hand_back()
            await place.line.close()

    async def _pull(self) -> None:
        async for task in self._place.line.tasks():
            await self._tray.take(task)

    async def _answer(self, question: dict) -> dict:
        """What somebody at the counter hears."""
        do, name = question.get("do"), question.get("name")
        try:
            if do == "inbox":
                return {"waiting": self._tray.list()}
            if do == "open":
                return {"letter": await self._tray.open(name)}
            if do == "acknowledge":
                await self._tray.acknowledge(name)
                return {"said": "Ontvangen. Het signaal is nergens meer te vinden. Wis uw scherm."}
            if do == "not-our-pupil":
                await self._tray.not_our_pupil(name)
                return {"said": "Teruggegeven aan de gemeente. Wis uw scherm."}
            if do == "holdings":
                return {"held": await holdings(self._place.line)}
            if do == "keys":
                return {"handed_out": self._stock.handed_out, "held": len(self._stock)}
            if do == "confirm":
                self._place.book.confirm(str(name), str(question.get("fingerprint")))
                return {"said": f"{name} wordt geloofd."}
            return {"trouble": "Die vraag is niet bekend."}
        except (Trouble, NotBelieved) as trouble:
            return {"trouble": str(trouble)}
        except (NoAnswer, Refused):
            return {"trouble": "Het lukt nu niet. Probeer het over een ogenblik nog eens."}


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hwc_school", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    runs = verbs.add_parser("run", help="the process")
    add_flags(runs)
    runs.add_argument("--contact", choices=["acknowledges", "returns"], help="for try-outs with invented people")
    runs.add_argument("--stock", type=int, default=32, metavar="N", help="one-time keys to leave")
    runs.add_argument("--keys-apart", type=float, default=600, metavar="SECONDS")
    for verb, words in [
        ("inbox", "what waits"),
        ("open", "opens a signal, and shows its letter"),
        ("acknowledge", "confirms that it was received"),
        ("not-our-pupil", "gives it back"),
        ("holdings", "what the relay holds for this school"),
        ("keys", "how many keys are handed out"),
    ]:
        one = verbs.add_parser(verb, help=words)
        one.add_argument("--state", required=True, type=Path, metavar="DIR")
        if verb in ("open", "acknowledge", "not-our-pupil"):
            one.add_argument("name", metavar="CODE")
        if verb == "open":
            one.add_argument("--show", action="store_true", help="also where no screen is")
    add_confirm(verbs)
    return parser.parse_args()


def main() -> int:
    told = flags()
    if told.verb == "run":
        return run(School(told).work)
    if told.verb == "open" and not told.show and not sys.stdout.isatty():
        # To open is an act that is recorded: not where nobody would see it.
        print("Dit is geen scherm. Met --show gaat de brief toch open.", file=sys.stderr)
        return REFUSED
    question = {"do": told.verb, "name": getattr(told, "name", None), "fingerprint": getattr(told, "fingerprint", None)}
    try:
        answer = asked(told.state, question)
    except NobodyThere as nobody:
        print(nobody, file=sys.stderr)
        return FAILED
    if "trouble" in answer:
        print(answer["trouble"], file=sys.stderr)
        return REFUSED
    if "letter" in answer:
        print(as_text(answer["letter"]))
    elif "said" in answer:
        print(answer["said"])
    else:
        for one in answer.get("waiting", answer.get("held") if told.verb == "holdings" else [answer]):
            print(json.dumps(one))
    return FINE


if __name__ == "__main__":
    sys.exit(main())
