"""The clients without a relay: the golden examples, the worked seals, and what they do when things go wrong."""

import asyncio
import base64
import contextlib
import io
import json
import tempfile
import unittest
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from nacl.signing import SigningKey

from hwc_police import reports
from hwc_police.inbox import Inbox, _which
from hwc_relay import directory, left, nkey, seal, sealing
from hwc_relay.line import Line, NoAnswer, Refused, Task, read_answer
from hwc_relay.stock import Stock
from hwc_school import letter
from hwc_school.tray import Tray, Trouble

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "schemas/examples"
FIXTURES = ROOT / "engine/vault/tests/fixtures"
US, THEM = "school-01AA00", "municipality-0855"


def examples(of: str) -> dict:
    found = {path.stem: json.loads(path.read_bytes()) for path in (EXAMPLES / of).glob("*.json")}
    assert found, f"no examples of {of}"
    return found


def with_more(said):
    """The same with a field that nobody knows in every object."""
    if isinstance(said, dict):
        return {**{name: with_more(value) for name, value in said.items()}, "of_a_later_version": {"anything": [1]}}
    return [with_more(one) for one in said] if isinstance(said, list) else said


def quietly(coroutine):
    """Runs it; what it logs."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        result = asyncio.run(coroutine)
    return result, said.getvalue()


class FakeLine:
    """A line that answers from a list and remembers what it was told."""

    organisation = US

    def __init__(self, answers=()):
        self.answers, self.said, self.acknowledged = list(answers), [], []

    async def say(self, door, said, patience_seconds=None):
        self.said.append((door, said))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit(self, command, patience_seconds=None):
        return (await self.say("submit", command))["answer"]

    async def acknowledge(self, task):
        self.acknowledged.append(task.id)


class Examples(unittest.TestCase):
    def test_every_answer_in_the_examples_is_understood_also_with_fields_of_a_later_version(self):
        for of, name in (("answer", "answer"), ("fetched", "fetched"), ("told", "told")):
            for plain in examples(of).values():
                for said in (plain, with_more(plain)):
                    raw = json.dumps(said).encode()
                    if plain[name] == "refused":
                        with self.assertRaises(Refused) as refused:
                            read_answer(raw, name)
                        self.assertEqual(refused.exception.code, plain["refusal"])
                    else:
                        self.assertEqual(read_answer(raw, name)[name], plain[name])

    def test_every_refusal_that_has_a_page_ends_the_task_if_its_page_says_so(self):
        for page in (ROOT / "schemas/refusals").glob("*.md"):
            if page.stem in ("README", "try_later"):
                continue
            says = "The task may be let go" in page.read_text()
            self.assertEqual(Refused(page.stem).ends_the_task, says, page.stem)

    def test_what_is_no_answer_is_a_refusal_that_keeps_the_task(self):
        for raw in (b"", b"null", b"[]", b"{}", b'{"answer":7}', b'{"answer":"refused"}', b"[" * 100_000):
            with self.assertRaises(Refused) as refused:
                read_answer(raw, "answer")
            self.assertEqual((refused.exception.code, refused.exception.ends_the_task), ("unknown", False))

    def test_every_task_in_the_examples_is_read_and_only_a_schools_own_are_taken(self):
        for name, plain in {**examples("task"), "later": {"task": "sing", "signal": "x"}}.items():
            for said in (plain, with_more(plain)):
                headers = {"ce-id": "t-1", "ce-of-a-later-version": "1"}
                task = Line._task_of(SimpleNamespace(data=json.dumps(said).encode(), headers=headers, reply="r"))
                line = FakeLine()
                tray = Tray(SimpleNamespace(line=line), None)
                _, log = quietly(tray.take(task))
                self.assertEqual(len(tray.list()), 1 if name == "read" else 0)
                self.assertEqual(line.acknowledged, ["t-1"] if name == "notice" else [], name)
                self.assertNotIn("0192f1c2", log)

    def test_a_letter_is_read_and_what_is_none_is_not_repeated(self):
        (plain,) = examples("letter").values()
        for said in (plain, with_more(plain)):
            read = letter.read(json.dumps(said).encode())
            self.assertEqual(read, plain["child"])
            self.assertIn("Noor van der Voorbeeld\n  Geboren     3 februari 2016", letter.as_text(read))
        for bad in ({}, {**plain, "codeword": "canary"}, {**plain, "child": {**plain["child"], "date_of_birth": "canary"}}):
            with self.assertRaises(letter.NotALetter) as error:
                letter.read(json.dumps(bad).encode())
            self.assertNotIn("canary", repr(error.exception))

    def test_a_report_of_our_own_becomes_the_one_in_the_examples(self):
        (golden,) = examples("report").values()
        own = {
            "report_id": "P-1",
            "reported_at": "2026-11-22T07:00:00+01:00",
            "incident": {
                "occurred_at": "2026-11-22T05:30:00+01:00",
                "kind": "domestic_violence",
                "address": {"postcode": "5038 aa", "house_number": 12, "house_letter": None, "municipality": "0855"},
                "narrative": "canary",
            },
            "children": [{**golden["children"][0]["child"], "presence": "present", "relation": "resident"}],
        }
        read = reports.read(json.dumps(own).encode(), b"k" * 32)
        self.assertEqual(json.loads(read.content), golden)
        self.assertEqual((read.day, len(read.incident)), (date(2026, 11, 22), 32))
        self.assertEqual(read.incident, reports.read(json.dumps(own).encode(), b"k" * 32).incident)
        self.assertNotEqual(read.incident, reports.read(json.dumps(own).encode(), b"l" * 32).incident)

        def refused(**change) -> str:
            with self.assertRaises(reports.BadField) as error:
                reports.read(json.dumps({**own, **change}).encode(), b"k" * 32)
            return str(error.exception)

        child = own["children"][0]
        self.assertIn("reported_at:", refused(reported_at="2026-11-22T07:00:00"))
        self.assertIn("kind:", refused(incident={**own["incident"], "kind": "canary"}))
        self.assertIn("surname: holds a citizen", refused(children=[{**child, "surname": "canary 111222333"}]))
        self.assertNotIn("canary", refused(children=[{**child, "date_of_birth": "canary"}]))
        self.assertIn("children:", refused(children=[child] * 65))


class Seals(unittest.TestCase):
    def setUp(self):
        self.first = json.loads((FIXTURES / "worked-example.json").read_bytes())
        self.second = json.loads((FIXTURES / "worked-example-2.json").read_bytes())
        self.binding = seal.Binding(**self.first["binding"])
        self.content = bytes.fromhex(self.first["content"])
        self.sender = bytes.fromhex(self.first["sender_public"])
        self.receiver = bytes.fromhex(self.first["receiver_secret"])

    def test_the_worked_examples_are_made_byte_for_byte_and_opened(self):
        for one, public, secret, key_id in (
            (self.first, self.first["receiver_public"], self.first["receiver_secret"], None),
            (self.second, self.second["key_public"], self.second["key_secret"], bytes.fromhex(self.second["key_id"])),
        ):
            made = seal.seal(
                self.content,
                self.binding,
                bytes.fromhex(self.first["sender_secret"]),
                bytes.fromhex(public),
                key_id,
                bytes.fromhex(one["marker"]),
                bytes.fromhex(one["ikm"]),
            )
            self.assertEqual(made.hex(), one["seal"])
            self.assertEqual(seal.key_id_of(made), key_id)
            opened = seal.open_seal(made, self.binding, bytes.fromhex(secret), [b"\x09" * 32, self.sender])
            self.assertEqual(opened, self.content)

    def test_nothing_else_opens(self):
        made = bytes.fromhex(self.first["seal"])
        other = seal.Binding(**{**self.first["binding"], "number": 3})
        spoilt = [made[:-1], b"", b"\x03" + made[1:], made[:40] + bytes([made[40] ^ 1]) + made[41:], made + b"\0"]
        for sealed, binding in [(made, other), *((one, self.binding) for one in spoilt)]:
            with self.assertRaises(seal.DoesNotOpen):
                seal.open_seal(sealed, binding, self.receiver, [self.sender])

    def test_a_key_that_is_left_is_signed_as_the_page_says_and_one_of_somebody_else_is_not_theirs(self):
        public = bytes.fromhex(self.first["receiver_public"])
        one_time = {"kind": "one_time", "id": self.second["key_id"], "key": self.second["key_public"]}
        for key, signature in ((one_time, self.second["signature"]), (self.second["weekly"], self.second["weekly"]["signature"])):
            plain = {name: value for name, value in key.items() if name != "signature"}
            plain.setdefault("kind", "weekly")
            signed = left.signed(US, plain, self.receiver)
            self.assertEqual(signed["signature"], signature)
            self.assertTrue(left.is_theirs(US, signed, public))
            self.assertFalse(left.is_theirs("school-02BB00", signed, public))
            self.assertFalse(left.is_theirs(US, signed, self.sender))
            self.assertFalse(left.is_theirs(US, {**signed, "key": "00" * 32}, public))
        today = date(2026, 11, 22)
        for days, fresh in ((0, True), (56, True), (57, False), (-1, True), (-2, False)):
            self.assertEqual(left.is_fresh({"kind": "weekly", "made": str(today - timedelta(days))}, today), fresh)

    def test_a_key_that_is_used_gives_way_to_the_weekly_one_and_that_to_the_one_in_the_directory(self):
        receiver = bytes.fromhex(self.first["receiver_secret"])
        key = {"id": "aa" * 16, "key": self.second["key_public"]}
        one_time = left.signed(US, {"kind": "one_time", **key}, receiver)
        weekly = {"kind": "weekly", "made": str(datetime.now(timezone.utc).date()), **key, "id": "bb" * 16}
        told = {"told": "key_of", "one_time": one_time, "weekly": left.signed(US, weekly, receiver)}
        line = FakeLine(4 * [told, Refused("key_used")] + [{"answer": "recorded"}])
        book = SimpleNamespace(
            key_to_seal_to=lambda _: left.public_of(receiver), keys_to_open_from=lambda _: [left.public_of(receiver)]
        )
        answer, _ = quietly(sealing.submit_sealed(line, book, b"\x07" * 32, b"{}", self.binding, lambda sealed: {"sealed": sealed}))
        used = [base64.b64decode(said["sealed"]) for door, said in line.said if door == "submit"]
        ids = [one and one.hex() for one in map(seal.key_id_of, used)]
        self.assertEqual((answer, ids), ("recorded", 3 * ["aa" * 16] + ["bb" * 16, None]))

        # What the relay hands out as theirs and they did not sign is not sealed to; nor is anything if nobody answers.
        forged = left.signed(US, {"kind": "one_time", **key}, b"\x07" * 32)
        for answers in ([{"told": "key_of", "one_time": forged}], [NoAnswer("TimeoutError")], [Refused("not_yours")]):
            line = FakeLine([*answers, {"answer": "already_recorded"}])
            answer, _ = quietly(sealing.submit_sealed(line, book, b"\x07" * 32, b"{}", self.binding, lambda sealed: {"sealed": sealed}))
            self.assertEqual((answer, base64.b64decode(line.said[-1][1]["sealed"])[0]), ("already_recorded", 1))


class Answers(unittest.TestCase):
    def test_the_very_same_is_said_again_until_there_is_an_answer(self):
        line, said = Line.__new__(Line), []
        heard = [NoAnswer("TimeoutError"), b'{"answer":"try_later"}', b'{"answer":"already_recorded"}']

        async def once(door, body):
            said.append(body)
            if isinstance(heard[0], Exception):
                raise heard.pop(0)
            return heard.pop(0)

        line._said_once = once
        answer, _ = quietly(line.submit({"command": "acknowledge", "signal": "s", "round": 1}))
        self.assertEqual((answer, len(said), len(set(said))), ("already_recorded", 3, 1))

    def test_a_refusal_of_a_later_version_keeps_the_task_and_gone_ends_it(self):
        read = {"task": "read", "signal": "0192f1c2d3e4475865a6b7c8d9e0f102-1", "round": 1}
        line = FakeLine([Refused("of_a_later_version"), Refused("not_opened"), NoAnswer("TimeoutError"), Refused("gone")])
        tray = Tray(SimpleNamespace(line=line), None)

        async def tell():
            await tray.take(Task("t-1", read, "r"))
            await tray.take(Task("t-1", read, "r2"))
            (one,) = tray.list()
            for waiting in (1, 1, 1, 0):
                with self.assertRaises(Trouble):
                    await tray.acknowledge(one["code"])
                self.assertEqual(len(tray.list()), waiting)
            # The broker did not hear that it is done, and offers it again: nobody is bothered.
            await tray.take(Task("t-1", read, "r3"))
            self.assertEqual((tray.list(), line.acknowledged), ([], ["t-1", "t-1"]))

        quietly(tell())


class Inboxes(unittest.TestCase):
    def test_a_file_that_is_moved_in_under_the_name_of_one_that_goes_is_not_lost(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            inbox = Inbox(None, folder, "veilig-thuis-region", b"k" * 32)
            path, other = folder / "one.jsonl", folder / "other"
            path.write_text("first")
            first = _which(path)
            other.write_text("second")
            other.rename(path)
            inbox._let_go(path, first)
            self.assertEqual(path.read_text(), "second")
            inbox._let_go(path, _which(path))
            self.assertFalse(path.exists())
            # Killed on the way, and another one has the name by now.
            (folder / ".going/one.jsonl").write_text("third")
            (folder / ".going/half.jsonl").write_bytes(b"\0" * 7)
            path.write_text("fourth")
            inbox.begin()
            texts = {each.name: each.read_text() for each in folder.glob("*.jsonl")}
            self.assertEqual(texts, {"one.jsonl": "fourth", "1-one.jsonl": "third"})


class Directories(unittest.TestCase):
    def setUp(self):
        self.operator = SigningKey(b"\x05" * 32)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name)

    def signed(self, serial: int, key: str, *earlier: str) -> bytes:
        listed = {"key": key, "earlier": list(earlier)} if earlier else {"key": key}
        body = json.dumps({"version": 2, "serial": serial, "organisations": {THEM: listed}}).encode()
        signature = self.operator.sign(b"hwc-directory-1\n" + body).signature.hex()
        return b"hwc-directory-1 " + signature.encode() + b"\n" + body

    def book(self) -> directory.Book:
        return directory.Book(self.state, self.operator.verify_key)

    def test_the_worked_directory_is_read_and_its_changed_bytes_are_not(self):
        blocks = (ROOT / "engine/vault/DIRECTORY.md").read_text().split("```text\n")[1:]
        operator, signed = (block.split("```")[0] for block in blocks)
        known = nkey.operator_key(operator)
        read = directory.read(signed.encode(), known)
        self.assertEqual((read.serial, [len(keys) for keys in read.organisations.values()]), (7, [1, 2]))
        for bad in (signed.replace("7", "8", 1), signed + "\n", signed[:-1], signed.replace("\n", "\r\n")):
            with self.assertRaises(directory.NotTaken):
                directory.read(bad.encode(), known)
        with self.assertRaises(nkey.NotAKey):
            nkey.operator_key(operator.replace("O", "P", 1))

    def test_what_is_signed_and_is_no_directory_is_not_taken(self):
        listed = {US: {"key": "aa" * 32}}
        good = {"version": 2, "serial": 1, "organisations": listed}
        for bad in (
            {**good, "version": 3},
            {**good, "serial": -1},
            {**good, "later": 1},
            {**good, "organisations": {US: {"key": "aa"}}},
            {**good, "organisations": {"somebody": listed[US]}},
            {**good, "organisations": {US: {**listed[US], "later": 1}}},
            {**good, "organisations": {US: {**listed[US], "earlier": 4 * ["bb" * 32]}}},
            [],
        ):
            body = json.dumps(bad).encode()
            signature = self.operator.sign(b"hwc-directory-1\n" + body).signature.hex().encode()
            with self.assertRaises(directory.NotTaken, msg=bad):
                directory.read(b"hwc-directory-1 " + signature + b"\n" + body, self.operator.verify_key)
        twice = json.dumps(good).replace('{"school', '{"school-01AA00": {"key": "%s"}, "school' % ("bb" * 32)).encode()
        signature = self.operator.sign(b"hwc-directory-1\n" + twice).signature.hex().encode()
        with self.assertRaises(directory.NotTaken):
            directory.read(b"hwc-directory-1 " + signature + b"\n" + twice, self.operator.verify_key)

    def test_an_altered_an_older_and_a_second_directory_of_one_serial_are_not_taken(self):
        good = self.signed(7, "aa" * 32)
        book = self.book()
        book.offer(good)
        for bad in (good[:-1], good + b"\n", good.replace(b"aa", b"ab"), b"", b"\n", self.signed(6, "aa" * 32), self.signed(7, "bb" * 32)):
            with self.assertRaises(directory.NotTaken):
                book.offer(bad)
        # Nor after a restart, when the operator's file is an older one.
        again = self.book()
        (self.state / "old").write_bytes(self.signed(3, "aa" * 32))
        quietly(asyncio.to_thread(again.load, self.state / "old"))
        self.assertEqual((again.serial, again.keys_to_open_from(THEM)), (7, [b"\xaa" * 32]))

    def test_a_changed_key_is_not_believed_until_somebody_compared_it(self):
        book = self.book()
        book.offer(self.signed(1, "aa" * 32))
        quietly(asyncio.to_thread(book.offer, self.signed(2, "bb" * 32, "aa" * 32)))
        with self.assertRaises(directory.NotBelieved):
            book.key_to_seal_to(THEM)
        self.assertEqual(book.keys_to_open_from(THEM), [b"\xaa" * 32])
        with self.assertRaises(directory.NotBelieved):
            book.confirm(THEM, seal.fingerprint(b"\xcc" * 32))
        book.confirm(THEM, seal.fingerprint(b"\xbb" * 32).upper())
        self.assertEqual(book.key_to_seal_to(THEM), b"\xbb" * 32)
        again = self.book()
        again.load(self.state / "nothing")
        self.assertEqual(again.keys_to_open_from(THEM), [b"\xbb" * 32, b"\xaa" * 32])
        # It was lost, and is not listed any more.
        again.offer(self.signed(3, "bb" * 32))
        self.assertEqual(again.keys_to_open_from(THEM), [b"\xbb" * 32])


class Stocks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = Path(folder.name)
        self.files = self.state / "one-time-keys"

    def stock(self, apart_seconds: float = 0) -> Stock:
        return Stock(self.state, US, b"\x06" * 32, 2, apart_seconds)

    def look(self, of: Stock, in_stock, living) -> list[dict]:
        """One look; what was asked after the first question."""
        line = FakeLine([{"told": "keys", "stock": sorted(in_stock), "living": living}, *6 * [{"told": "done"}]])
        quietly(of.look(line))
        return [said for _, said in line.said[1:]]

    def held(self) -> set[str]:
        return {path.name for path in self.files.iterdir()}

    def test_keys_are_on_the_disk_before_they_are_left_and_die_only_when_two_answers_miss_them(self):
        of = self.stock()
        (asked,) = self.look(of, [], [])
        self.assertEqual([key["kind"] for key in asked["keys"]], ["one_time", "one_time", "weekly"])
        ids = {key["id"] for key in asked["keys"]}
        self.assertEqual(self.held(), ids)
        self.assertEqual({path.stat().st_mode & 0o777 for path in self.files.iterdir()}, {0o600})

        used = asked["keys"][0]["id"]
        rest = ids - {used}
        of = self.stock()
        self.look(of, rest, [used])
        self.look(of, rest, None)
        self.assertIn(used, self.held(), "something is sealed to it, or nobody knows")
        self.look(of, rest, [])
        self.assertIn(used, self.held(), "one answer is not enough")
        self.look(of, rest, [used])
        self.look(of, rest, [])
        self.assertIn(used, self.held(), "it was seen in between")
        self.look(of, rest, [])
        self.assertTrue(used not in self.held() and of.secret(used) is None and rest <= self.held())

    def test_who_was_not_told_for_a_while_counts_anew(self):
        of, clock = self.stock(apart_seconds=600), SimpleNamespace(monotonic=lambda: 60.0 * minute)
        (asked,) = self.look(of, [], [])
        ids = {key["id"] for key in asked["keys"]}
        used = asked["keys"][0]["id"]
        with patch("hwc_relay.stock.time", clock):
            # Twice the relay was out of reach for longer than it takes, and once it did not know.
            for minute, living in ((0, []), (11, []), (30, []), *((at, []) for at in range(31, 40)), (40, None), (41, [])):
                self.look(of, ids - {used}, living)
                self.assertIn(used, self.held(), minute)
            for minute in range(42, 52):
                self.look(of, ids - {used}, [])
        self.assertTrue(used not in self.held() and ids - {used} <= self.held())

    def test_nothing_dies_before_its_time_and_what_is_not_ours_is_withdrawn(self):
        of = self.stock(apart_seconds=600)
        (asked,) = self.look(of, [], [])
        for _ in range(3):
            withdrawn, _ = self.look(of, ["cc" * 16], [])
            self.assertEqual(withdrawn, {"ask": "withdraw_keys", "keys": ["cc" * 16]})
        self.assertTrue({key["id"] for key in asked["keys"]} <= self.held())

    def write(self, name: str, text: str) -> str:
        self.files.mkdir(mode=0o700, exist_ok=True)
        path = self.files / name
        path.write_text(text)
        path.chmod(0o600)
        return name

    def test_a_weekly_key_is_replaced_after_a_week(self):
        today = datetime.now(timezone.utc).date()
        for days, new in ((6, []), (7, ["weekly"]), (-1, []), (-2, ["weekly"])):
            made = today - timedelta(days)
            weekly = self.write("ee" * 16, f"hwc-one-time-key-1 weekly {made} {'11' * 32}\n")
            of = Stock(self.state, US, b"\x06" * 32, 0, 0)
            asked = self.look(of, [weekly], [])
            self.assertEqual([key["kind"] for one in asked for key in one["keys"]], new, days)
            self.assertIn(weekly, self.held(), "it is still handed out")

    def test_what_was_half_written_or_half_destroyed_goes_at_the_next_start(self):
        whole = self.write("ee" * 16, f"hwc-one-time-key-1 one_time {'11' * 32}\n")
        self.write("dd" * 16, "\0" * 40)
        self.write(f".{'cc' * 16}.new", "hwc-one-time-key-1 one_t")
        self.assertEqual(self.stock().secret(whole), b"\x11" * 32)
        self.assertEqual(self.held(), {whole})


if __name__ == "__main__":
    unittest.main()
