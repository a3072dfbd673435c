#!/usr/bin/env python3
"""Runs the clients in other languages against a real region, and says what does not go as it should.

    python3 tests/foreign/check.py --hwc target/release/hwc

Needs `hwc`, Python 3.10 with pip, Node 20 with npm, and the nats-server that `hwc` fetched before.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from region import PUPILS, SCHOOLS, Failed, Process, Region, report, wait_for
from tools import ROOT, Missing, Tools

# Longer than the broker waits for a task that nobody works at.
TASK_COMES_AGAIN_SECONDS = 33


def check(is_so: bool, what: object) -> None:
    if not is_so:
        raise Failed(what)


class Client:
    """One of the clients: a process, and what people say to it."""

    def __init__(self, region: Region, tools: Tools, name: str, command: list[str], *more: str):
        self.name, self.region = name, region
        self.state = region.folder / "clients" / name
        self.state.parent.mkdir(exist_ok=True)
        self._tools, self.command, self.more = tools, command, more
        self.process: Process | None = None

    def start(self) -> "Client":
        flags = ["--broker", self.region.url, "--organisation", self.name, "--look-every", "1"]
        places = ["--credentials", str(self.region.credentials(self.name)), "--state", str(self.state)]
        command = [*self.command, "run", *flags, *places, *self.more]
        self.process = self.region.start(self.name, command, self._tools.environment)
        self.process.says("at work")
        return self

    def does(self, *words: str) -> tuple[int, str]:
        """What one of its people hears, and the exit code."""
        done = subprocess.run(
            [*self.command, *words, "--state", str(self.state)],
            env={**os.environ, **self._tools.environment},
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout + done.stderr

    def fine(self, *words: str) -> str:
        code, said = self.does(*words)
        check(code == 0, f"{self.name} {words}: {code} {said}")
        return said

    def refused(self, words: str, *command: str) -> None:
        code, said = self.does(*command)
        check(code == 5 and words in said, f"{self.name} {command}: {code} {said}")

    def lines(self, *words: str) -> list[dict]:
        return [json.loads(line) for line in self.fine(*words).splitlines()]

    def waits(self, round: int = 1) -> dict:
        """The one signal that waits here."""

        def look() -> dict | None:
            waiting = [one for one in self.lines("inbox") if one["round"] == round]
            return waiting[0] if len(waiting) == 1 else None

        return wait_for(look, f"nothing waits at {self.name}:\n{self.process.said()}")


class Morning:
    """The stories, on one region; each leaves it as it found it."""

    def __init__(self, region: Region, tools: Tools):
        self.region, self.tools = region, tools
        self.inbox = region.folder / "inbox"
        police = ["--veilig-thuis", "veilig-thuis-region", "--inbox", str(self.inbox)]
        self.police = Client(region, tools, "police-region", [*tools.python, "hwc_police"], *police)
        languages = ([*tools.python, "hwc_school"], tools.node)
        self.schools = [
            Client(region, tools, name, languages[place % 2], "--keys-apart", "2") for place, name in enumerate(SCHOOLS)
        ]
        self._reports = 0

    def begin(self) -> None:
        for client in (self.police, *self.schools):
            client.start()

    def send(self, *children: tuple[str, str, str], name: str | None = None, reference: str | None = None) -> Path:
        """Moves a file with one report into the police's inbox."""
        self._reports += 1
        reference = reference or f"P-{self._reports}"
        return self.move_in(name or f"{reference}.jsonl", report(reference, *children))

    def move_in(self, name: str, text: str) -> Path:
        beside = self.region.folder / name
        beside.write_text(text + "\n", encoding="utf-8")
        return beside.rename(self.inbox / name)

    def reads_and_confirms(self, school: Client, child: tuple[str, str, str]) -> None:
        code = school.waits()["code"]
        self.reads(school, code, child)
        check("Ontvangen" in school.fine("acknowledge", code), "it was not confirmed")

    @staticmethod
    def reads(school: Client, code: str, child: tuple[str, str, str]) -> None:
        read = school.fine("open", code, "--show")
        given, surname, born = child
        check(f"{given} {surname}" in read and born[:4] in read and "Handle with Care" in read, "another letter")

    def a_report_of_two_children_goes_to_two_schools_and_is_acknowledged_by_both(self) -> None:
        pairs = [(school, PUPILS[school.name][0]) for school in self.schools[:2]]
        file = self.send(*(child for _, child in pairs))
        for school, _ in pairs:
            waiting = school.waits()
            school.refused("Open het signaal eerst", "acknowledge", waiting["code"])
            school.refused("Dit is geen scherm", "open", waiting["code"])
            (held,) = school.lines("holdings")
            check(held["due"] and f"{held['incident']}-{held['number']}" == waiting["signal"], held)
        for school, child in pairs:
            self.reads_and_confirms(school, child)
            check(not school.lines("inbox") and not school.lines("holdings"), "it is not gone")
            school.refused("niets dat zo heet", "open", "abcdef", "--show")
        wait_for(lambda: not file.exists(), "the police keep a file that was screened")
        for school, _ in pairs:
            school.process.says("a key was destroyed")
            wait_for(lambda: school.lines("keys")[0]["handed_out"] == 33, "the stock was not filled up")

    def what_is_no_report_is_set_aside_and_the_same_again_is_already_recorded(self) -> None:
        child = PUPILS["school-01AA00"][0]
        broken = json.loads(report("P-broken", child))
        broken["children"][0]["relation"] = "Wiersma"
        self.move_in("mixed.jsonl", "\n".join([report("P-same", child), json.dumps(broken), "{"]))
        aside = self.inbox / "set-aside"
        wait_for(lambda: (aside / "mixed.jsonl").exists(), "nothing was set aside")
        reasons = (aside / "mixed.jsonl.reason").read_text().splitlines()
        check(len(reasons) == 2 and reasons[0].startswith("line 2  relation: ") and "line 3" in reasons[1], reasons)
        check("Wiersma" not in "".join(reasons), "a reason repeats what stood there")
        # Another file of the same name: the first is not lost.
        self.move_in("mixed.jsonl", "[]")
        wait_for(lambda: (aside / "1-mixed.jsonl").exists(), "nothing was set aside beside the first")
        check((aside / "mixed.jsonl").read_text().count("\n") == 2, "what was set aside was replaced")
        for times in (1, 2):
            self.send(child, name="again.jsonl", reference="P-same")
            self.police.process.says("answer=already_recorded", times)
        self.reads_and_confirms(self.schools[0], child)
        # What is set aside is for a person of the police, who takes it away.
        for path in aside.iterdir():
            path.unlink()

    def what_is_not_their_pupil_goes_back_and_what_is_called_back_is_gone(self) -> None:
        for school in self.schools[:2]:
            child = PUPILS[school.name][1]
            self.send(child)
            first = school.waits()
            school.refused("Open het signaal eerst", "not-our-pupil", first["code"])
            self.reads(school, first["code"], child)
            check("Teruggegeven" in school.fine("not-our-pupil", first["code"]), "it was not given back")
            # The register still says that it is their pupil, so it comes round again.
            second = school.waits(round=2)
            check(second["signal"] == first["signal"] and second["code"] != first["code"], second)
            self.recall(second["signal"])
            school.refused("Dit signaal is er niet meer", "open", second["code"], "--show")
            check(not school.lines("inbox") and not school.lines("holdings"), "it is not gone")

    def recall(self, name: str) -> None:
        vt = str(self.region.settings("veilig-thuis-region"))
        self.region.hwc("veilig-thuis", "--config", vt, "recall", name, "--reason", "sent_in_error")

    def the_engine_says_no_in_one_word_and_passes_over_fields_that_it_does_not_know(self) -> None:
        from hwc_relay.line import Line, Refused

        nobodys = {"signal": "0192f1c2d3e4475865a6b7c8d9e0f102-1", "round": 1}
        sealed = {"incident": "0192f1c2d3e4475865a6b7c8d9e0f102", "day": "2026-11-18", "report": "AAAA"}
        said = [
            ("school-01AA00", "submit", {"command": "acknowledge"}, "malformed"),
            ("school-01AA00", "submit", {"command": "sing"}, "malformed"),
            ("school-01AA00", "submit", {"command": "acknowledge", **nobodys}, "gone"),
            ("school-01AA00", "submit", {"command": "acknowledge", **nobodys, "later": {"x": [1]}}, "gone"),
            ("school-01AA00", "submit", {"command": "recall", "signal": nobodys["signal"], "reason": "wrong_school"}, "not_yours"),
            ("school-01AA00", "fetch", {"fetch": "letter", **nobodys}, "gone"),
            ("school-01AA00", "ask", {"ask": "sing"}, "malformed"),
            ("police-region", "submit", {"command": "record", **sealed}, "malformed"),
            ("police-region", "submit", {"command": "acknowledge", **nobodys}, "not_yours"),
        ]

        async def hear(name: str) -> list[str]:
            line = Line(self.region.url, name, self.region.credentials(name))
            await line.connect()
            heard = []
            for who, door, what, _ in said:
                if who == name:
                    try:
                        heard.append(json.dumps(await line.say(door, what, 10)))
                    except Refused as refused:
                        heard.append(refused.code)
            await line.close()
            return heard

        heard = [word for name in ("school-01AA00", "police-region") for word in asyncio.run(hear(name))]
        wanted = [word for _, _, _, word in said]
        check(heard == wanted, f"heard {heard}\nwanted {wanted}")

    def an_engine_that_is_away_is_asked_again_until_it_answers(self) -> None:
        school, child = self.schools[1], PUPILS["school-02BB00"][0]
        self.send(child)
        self.reads(school, school.waits()["code"], child)
        recorded = self.police.process.said().count("answer=recorded")
        self.region.engine.kill()
        other = PUPILS["school-01AA00"][1]
        self.send(other)
        acknowledging = subprocess.Popen(
            [*self.tools.node, "acknowledge", school.waits()["code"], "--state", str(school.state)],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(2)
        check(acknowledging.poll() is None, "it did not wait for an answer")
        self.region.start_engine()
        check("Ontvangen" in acknowledging.communicate(timeout=60)[0], "it was not confirmed")
        self.police.process.says("answer=recorded", recorded + 1)
        self.reads_and_confirms(self.schools[0], other)

    def who_is_killed_goes_on_where_it_was_and_a_task_that_comes_twice_is_one(self) -> None:
        killed, stopped = self.schools[:2], self.schools[2:]
        self.send(*(PUPILS[school.name][0] for school in self.schools))
        for school in self.schools:
            school.waits()
        for school in killed:
            self.reads(school, school.waits()["code"], PUPILS[school.name][0])
            school.process.kill()
        for school in stopped:
            school.process.send(signal.SIGSTOP)
        since = time.monotonic()

        # The police: killed between two reports of one file.
        more = [report(f"P-killed-{number}", PUPILS["school-02BB00"][1]) for number in range(2)]
        before = self.police.process.said().count("answer=recorded")
        file = self.move_in("killed.jsonl", "\n".join(more))
        self.police.process.says("answer=recorded", before + 1)
        self.police.process.kill()
        check(file.exists(), "it was let go before it was screened")
        self.police.start().process.says("line=1 answer=already_recorded")
        self.police.process.says("line=2 answer=")
        wait_for(lambda: not file.exists(), "the police keep a file that was screened")

        for school in killed:
            school.start()
        time.sleep(max(0.0, TASK_COMES_AGAIN_SECONDS - (time.monotonic() - since)))
        for school in stopped:
            school.process.send(signal.SIGCONT)
        for school in stopped:
            school.process.says("a task came again")
            check(len(school.lines("inbox")) == 1, "one signal waits twice")
            self.reads_and_confirms(school, PUPILS[school.name][0])
        first, second = killed
        self.reads_and_confirms(first, PUPILS[first.name][0])
        # The other has three: its own, opened before, and the two reports of which one was sent twice.
        waiting = wait_for(lambda: (lambda all: all if len(all) == 3 else None)(second.lines("inbox")), "not three signals wait")
        for one in waiting:
            second.fine("open", one["code"], "--show")
            second.fine("acknowledge", one["code"])

    def a_changed_key_is_believed_only_when_somebody_compared_it(self) -> None:
        self.region.new_keys("municipality-0855")
        shown = self.region.hwc("keys", "show", "--config", str(self.region.settings("municipality-0855")))
        fingerprint = self.region.fingerprint("municipality-0855")
        check(fingerprint in shown, shown)
        self.region.believes("veilig-thuis-region", "municipality-0855", fingerprint)
        for school in self.schools[2:]:
            school.process.says("a key changed and nobody confirmed the new one")
            school.fine("confirm", "municipality-0855", "--fingerprint", fingerprint)
        for school in self.schools[:2]:
            school.process.says("a key changed and nobody confirmed the new one")
            child = PUPILS[school.name][0]
            self.send(child)
            code = school.waits()["code"]
            school.refused("De brief gaat niet open", "open", code, "--show")
            wrong = fingerprint[:-1] + ("0" if fingerprint[-1] != "0" else "1")
            school.refused("another fingerprint", "confirm", "municipality-0855", "--fingerprint", wrong)
            school.fine("confirm", "municipality-0855", "--fingerprint", fingerprint)
            self.reads_and_confirms(school, child)

    def keys_that_others_may_read_and_a_folder_that_is_in_use_are_refused(self) -> None:
        for school in self.schools[:2]:
            second = Client(self.region, self.tools, school.name, school.command)
            try:
                second.start()
                raise Failed("two processes work with one state folder")
            except Failed as failed:
                check("ended with 3" in str(failed) and "another process" in str(failed), failed)
            second.state = self.region.folder / "clients/other"
            seal = self.region.credentials(school.name) / "seal"
            seal.chmod(0o644)
            try:
                second.start()
                raise Failed("a key was read that others may read")
            except Failed as failed:
                check("ended with 3" in str(failed) and "others may read it" in str(failed), failed)
            finally:
                seal.chmod(0o600)

    def everybody_ends_politely_and_nothing_is_left(self) -> None:
        # What waits is handed back, and a contact that is always there answers it, as in an exam.
        for school in self.schools[2:]:
            self.send(PUPILS[school.name][0])
            school.waits()
            check(school.process.stop() == 0, "it did not end politely")
            school.more += ("--contact", "acknowledges")
            school.start().process.says("the contact answered")
        wait_for(lambda: not list(self.inbox.glob("*.jsonl")), "the police keep a file that was screened")
        for client in (self.police, *self.schools):
            wait_for(lambda: client is self.police or not client.lines("holdings"), f"something is held for {client.name}")
            check(client.process.stop() == 0, f"{client.name} did not end politely")
        for role in ("veilig-thuis-region", "municipality-0855"):
            held = self.region.hwc(role.rpartition("-")[0], "--config", str(self.region.settings(role)), "holdings", "-o", "json")
            check(json.loads(held)["held"] == [], held)
        wait_for(lambda: self.region.left() == (0, 0), lambda: f"left at the broker: {self.region.left()}")
        words = {word for pupils in PUPILS.values() for _, surname, born in pupils for word in (surname, born) if len(word) > 4}
        searched = 0
        for path in self.region.folder.rglob("*"):
            if path.is_file() and self.region.folder / "tables" not in path.parents:
                searched += 1
                found = [word for word in words if word.encode() in path.read_bytes()]
                check(not found, f"{path} holds {len(found)} of the words")
        check(searched > 50, f"only {searched} files were searched")
        logs = "".join(path.read_text("utf-8", "replace") for path in (self.region.folder / "logs").iterdir())
        check("a signal waits" in logs, "there are no logs")
        check("ended by" not in logs and "Traceback" not in logs, "a client ended by a fault of its own")


STORIES = [
    Morning.a_report_of_two_children_goes_to_two_schools_and_is_acknowledged_by_both,
    Morning.what_is_no_report_is_set_aside_and_the_same_again_is_already_recorded,
    Morning.what_is_not_their_pupil_goes_back_and_what_is_called_back_is_gone,
    Morning.the_engine_says_no_in_one_word_and_passes_over_fields_that_it_does_not_know,
    Morning.an_engine_that_is_away_is_asked_again_until_it_answers,
    Morning.who_is_killed_goes_on_where_it_was_and_a_task_that_comes_twice_is_one,
    Morning.a_changed_key_is_believed_only_when_somebody_compared_it,
    Morning.keys_that_others_may_read_and_a_folder_that_is_in_use_are_refused,
    Morning.everybody_ends_politely_and_nothing_is_left,
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hwc", required=True, type=Path, help="the program")
    parser.add_argument("--tools", type=Path, default=ROOT / "target/foreign", help="where the packages are fetched to")
    flags = parser.parse_args()
    # Libraries tell of the ends of connections that end as they should.
    logging.disable()
    try:
        tools = Tools(flags.tools)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    began = time.monotonic()

    def done(what: str) -> None:
        print(f"[{time.monotonic() - began:5.1f} s] {what}", flush=True)

    tools.own_tests()
    tools.import_packages()
    done("each client passes its own tests")
    with tempfile.TemporaryDirectory(prefix="foreign-") as folder, Region(flags.hwc.resolve(), Path(folder)) as region:
        region.begin()
        morning = Morning(region, tools)
        morning.begin()
        done("a region is at work, with clients in two languages")
        for story in STORIES:
            try:
                story(morning)
            except (Failed, subprocess.SubprocessError, OSError, ValueError, KeyError):
                traceback.print_exc()
                for log in sorted((region.folder / "logs").iterdir()):
                    print(f"== {log.name}\n{log.read_text('utf-8', 'replace')[-4000:]}", file=sys.stderr)
                print(f"FAILED: {story.__name__.replace('_', ' ')}")
                return 1
            done(story.__name__.replace("_", " "))
    print(f"{len(STORIES) + 1} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
