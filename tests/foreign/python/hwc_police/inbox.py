"""The folder of reports: each file is sent whole, and goes when Veilig Thuis has screened everything in it (R21)."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from hwc_relay.directory import NotBelieved
from hwc_relay.files import destroy, private_folder, write_private
from hwc_relay.line import NoAnswer, Refused
from hwc_relay.log import say
from hwc_relay.process import Place
from hwc_relay.seal import Binding
from hwc_relay.sealing import submit_sealed

from .reports import BadField, Report, read

FILE_BYTES_MAX = 8 * 1024 * 1024
REPORTS_PER_QUESTION_MAX = 1000
PATIENCE_SECONDS = 20


@dataclass
class Sent:
    """A file that was sent, and the reports in it that Veilig Thuis has not screened yet."""

    file: tuple[int, int, int]
    waiting: set[str]


def _which(path: Path) -> tuple[int, int, int]:
    """What tells a file from another one that was moved in under its name."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


class Inbox:
    """Looks at the folder again and again. Killed anywhere, it begins the file again, and hears *already recorded*."""

    def __init__(self, place: Place, folder: Path, veilig_thuis: str, reference_key: bytes):
        self._place, self._folder = place, folder
        self._veilig_thuis, self._reference_key = veilig_thuis, reference_key
        self._sent: dict[Path, Sent] = {}
        self._files = 0

    async def look(self) -> None:
        """Sends what is new, and lets go of what was screened."""
        for path in sorted(self._folder.glob("*.jsonl")):
            known = self._sent.get(path)
            if path.is_file() and (known is None or known.file != _which(path)):
                try:
                    await self._send(path)
                except NotBelieved as why:
                    # It stays, and is begun again, until somebody confirmed the key.
                    say("a file waits", file=self._files, why=f'"{why}"')
                except FileNotFoundError:
                    say("a file was taken away", file=self._files)
        for path, sent in list(self._sent.items()):
            if not path.exists():
                del self._sent[path]
            elif await self._is_screened(sent):
                del self._sent[path]
                self._let_go(path, sent.file)
                say("a file was screened, and is gone")

    def _let_go(self, path: Path, file: tuple[int, int, int]) -> None:
        """Destroys the file, and never one that was moved in under its name at this very moment."""
        going = private_folder(self._folder / ".going") / path.name
        path.rename(going)
        if _which(going) == file:
            destroy(going)
        else:
            self._put_back(going)

    def _put_back(self, going: Path) -> None:
        for number in itertools.count():
            try:
                os.link(going, self._folder / (going.name if number == 0 else f"{number}-{going.name}"))
                break
            except FileExistsError:
                continue
        going.unlink()

    def begin(self) -> None:
        """Puts back what was on its way out when the process was killed: it is sent again, and is *already recorded*."""
        for going in list((self._folder / ".going").glob("*.jsonl")):
            if any(going.read_bytes()):
                self._put_back(going)
            else:
                destroy(going)

    async def _send(self, path: Path) -> None:
        self._files += 1
        if path.stat().st_size > FILE_BYTES_MAX:
            name = self._free_name(path.name, None)
            write_private(self._aside() / f"{name}.reason", b"file: is too large\n")
            path.rename(self._aside() / name)
            say("a file was not sent", file=self._files)
            return
        sent, bad = Sent(_which(path), set()), []
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if not line.strip():
                continue
            try:
                report = read(line, self._reference_key)
                answer = await self._submit(report)
                sent.waiting.add(report.incident)
                say("a report", file=self._files, line=number, answer=answer)
                continue
            except (BadField, Refused) as why:
                problem = f"line {number}  {why}"
            say("a report was not sent", file=self._files, line=number)
            bad.append((line, problem))
        if bad:
            self._set_aside(path.name, bad)
        self._sent[path] = sent

    async def _submit(self, report: Report) -> str:
        binding = Binding(report.incident, None, "report", self._place.line.organisation, self._veilig_thuis)

        def record(sealed: str) -> dict:
            return {"command": "record", "incident": report.incident, "day": str(report.day), "report": sealed}

        # Sealed anew after a crash it is another text, and still the same report: its id is what counts.
        secret = self._place.secrets[0]
        return await submit_sealed(self._place.line, self._place.book, secret, report.content, binding, record)

    def _aside(self) -> Path:
        aside = self._folder / "set-aside"
        aside.mkdir(mode=0o700, exist_ok=True)
        return aside

    def _free_name(self, name: str, content: bytes | None) -> str:
        """A name that nothing else was set aside under; after a crash the same again has the same."""
        for number in itertools.count():
            free = name if number == 0 else f"{number}-{name}"
            there = self._aside() / free
            if not there.exists() or (content is not None and there.stat().st_size == len(content) and there.read_bytes() == content):
                return free
        raise AssertionError("numbers do not end")

    def _set_aside(self, name: str, bad: list[tuple[bytes, str]]) -> None:
        content = b"".join(line + b"\n" for line, _ in bad)
        name = self._free_name(name, content)
        reasons = "".join(f"{problem}\n" for _, problem in bad)
        write_private(self._aside() / f"{name}.reason", reasons.encode("utf-8"))
        write_private(self._aside() / name, content)

    async def _is_screened(self, sent: Sent) -> bool:
        waiting = sorted(sent.waiting)
        try:
            for at in range(0, len(waiting), REPORTS_PER_QUESTION_MAX):
                some = waiting[at : at + REPORTS_PER_QUESTION_MAX]
                told = await self._place.line.say("ask", {"ask": "reports", "incidents": some}, PATIENCE_SECONDS)
                # What was recorded and is unknown now has ended.
                over = [one for one, how in zip(some, told["reports"]) if how in ("screened", "unknown")]
                sent.waiting.difference_update(over)
        except (NoAnswer, Refused, KeyError) as why:
            say("nobody says how far the reports are", why=type(why).__name__)
        return not sent.waiting
