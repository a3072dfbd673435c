"""A small region on this machine, as `docs/operator.md` sets one up: a broker with TLS, an engine, Veilig Thuis and a municipality,
each a process of its own. Whoever else takes part has a folder of credentials, and is somebody else's program."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHIN_SECONDS = 90
SCHOOLS = ("school-01AA00", "school-02BB00", "school-07GG00", "school-08HH00")
EVERYBODY = ("police-region", "veilig-thuis-region", "municipality-0855", *SCHOOLS)
# A Wednesday on which there is school, after the first lesson: what is routed is delivered at once.
A_SCHOOL_DAY = "2026-11-18T10:00:00+01:00"
MORE_SCHOOLS = "07GG,00,De Linde,po,0855,07GGHwC@delinde.example,2021-03-01\n08HH,00,De Eik,po,0855,08HHHwC@deeik.example,2021-03-01\n"
PUPILS = {
    "school-01AA00": [("Lotte", "Smit", "2018-12-11"), ("Eva", "Jansen", "2015-04-08")],
    "school-02BB00": [("Finn", "Visser", "2013-07-19"), ("Zoë", "Brouwer", "2014-02-21")],
    "school-07GG00": [("Fenna", "Hofstra", "2016-09-14")],
    "school-08HH00": [("Jelte", "Wiersma", "2015-11-30")],
}


class Failed(AssertionError):
    """Something is not as it should be."""


def wait_for(look, what: str, seconds: float = WITHIN_SECONDS):
    """Looks again and again until there is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise Failed(f"waited in vain: {what() if callable(what) else what}")


class Process:
    """A running process, and what it says."""

    def __init__(self, command: list[str], log: Path, more_environment: dict | None = None):
        self.log = log
        with log.open("wb") as said:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, **(more_environment or {})},
            )

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def says(self, words: str, times: int = 1) -> None:
        """Waits until it said this so often."""

        def look() -> bool:
            if self._child.poll() is not None and self.said().count(words) < times:
                raise Failed(f"{self.log.name} ended with {self._child.returncode}:\n{self.said()}")
            return self.said().count(words) >= times

        wait_for(look, lambda: f"{self.log.name} never said {words!r}:\n{self.said()}")

    def send(self, what: signal.Signals) -> None:
        self._child.send_signal(what)

    def kill(self) -> None:
        """As `kill -9` does; it hears nothing."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> int:
        """Politely; how it ended."""
        self._child.terminate()
        return self._child.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nats_server() -> str:
    """The pinned server that `hwc` fetched before, or the one that is named."""
    named = os.environ.get("HWC_NATS_SERVER")
    if named:
        return named
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    found = sorted(cache.glob("hwc/nats-server-*/*/nats-server"))
    if not found:
        raise Failed("no nats-server: run `hwc demo` once, which fetches it, or name one in HWC_NATS_SERVER")
    return str(found[-1])


class Region:
    """The region. It ends with the `with` that it was made in, and every process in it."""

    def __init__(self, hwc: Path, folder: Path):
        self._hwc, self.folder = str(hwc), folder
        self._processes: list[Process] = []
        self._lives = 0
        self._others: dict[str, Process] = {}

    def __enter__(self) -> "Region":
        return self

    def __exit__(self, *_) -> None:
        for process in reversed(self._processes):
            process.kill()

    def hwc(self, *arguments: str, fine: bool = True) -> str:
        """What `hwc` says to this."""
        done = subprocess.run(
            [self._hwc, *arguments], cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
        )
        if fine and done.returncode != 0:
            raise Failed(f"hwc {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def operator(self, *arguments: str) -> str:
        return self.hwc("operator", "--dir", "operator", *arguments)

    def start(self, name: str, command: list[str], more_environment: dict | None = None) -> Process:
        """Starts somebody's process; its words are kept with the number of its life."""
        self._lives += 1
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        process = Process(command, logs / f"{name}.{self._lives}.log", more_environment)
        self._processes.append(process)
        return process

    def begin(self) -> None:
        """From nothing to a region at work."""
        self._tables()
        self.operator("init", "--broker-name", "127.0.0.1")
        self.operator("add-engine", "one", "--make-keys")
        for name in EVERYBODY:
            self.operator("add-organisation", name, "--make-keys")
        port = free_port()
        configuration = self.folder / "operator/broker/nats-server.conf"
        written = configuration.read_text()
        configuration.write_text(written.replace('"0.0.0.0:4222"', f'"127.0.0.1:{port}"'))
        self.url = f"tls://127.0.0.1:{port}"
        self.start("broker", [nats_server(), "-c", str(configuration)])
        wait_for(lambda: self._listens(port), "the broker does not listen")
        self._settings()
        self.start_engine()
        for name in ("veilig-thuis-region", "municipality-0855"):
            self._others[name] = self.ours(name)
            self._others[name].says("at work")

    def start_engine(self) -> None:
        """Starts the engine, and waits until it leads."""
        self.engine = self.ours("engine")
        self.engine.says("leading")

    def new_keys(self, name: str) -> None:
        """Gives one of ours new keys, as before its certificate runs out, and starts it with them."""
        earlier = self.folder / f"{name}-earlier"
        self.credentials(name).rename(earlier)
        self.operator("rotate", name, "--make-keys")
        shutil.copy(earlier / "seal", self.credentials(name) / "seal-earlier-1")
        self._again(name)

    def _again(self, name: str) -> None:
        """Starts one of ours again."""
        ended = self._others[name].stop()
        if ended != 0:
            raise Failed(f"{name} ended with {ended}")
        self._others[name] = self.ours(name)
        self._others[name].says("at work")

    def fingerprint(self, name: str) -> str:
        """What somebody reads out by telephone."""
        signed = (self.folder / "operator/directory.json").read_text().partition("\n")[2]
        key = json.loads(signed)["organisations"][name]["key"]
        digits = hashlib.sha256(bytes.fromhex(key)).hexdigest()[:32]
        return " ".join(digits[at : at + 4] for at in range(0, 32, 4))

    def believes(self, name: str, whose: str, fingerprint: str) -> None:
        """One of ours compared a changed key, and believes it."""
        # It asks for the directory every minute; here it is given it, so that nobody waits.
        newest = self.folder / "operator/directory.json"
        shutil.copy(newest, self.folder / "state" / name / "directory.json")
        self.hwc("keys", "confirm", whose, "--fingerprint", fingerprint, "--config", str(self.settings(name)))

    def left(self) -> tuple[int, int]:
        """What the broker holds of any signal: ciphertexts and tasks. Asked as the engine may."""
        from hwc_relay.line import Line

        async def ask() -> tuple[int, int]:
            line = Line(self.url, "engine-one", self.credentials("engine-one"))
            await line.connect()
            streams = json.loads(await line._said_once("$JS.API.STREAM.LIST", b"{}"))["streams"]
            await line.close()
            held = {one["config"]["name"]: one["state"]["messages"] for one in streams}
            return sum(count for name, count in held.items() if name.startswith("PAY_")), held["TASKS"]

        return asyncio.run(ask())

    def ours(self, name: str) -> Process:
        """Starts one of the relay's own processes."""
        role = "engine" if name == "engine" else name.rpartition("-")[0]
        return self.start(name, [self._hwc, role, "--config", str(self.settings(name))], {"HWC_LOG": "info"})

    @staticmethod
    def _listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def credentials(self, name: str) -> Path:
        """What the operator hands over to somebody."""
        return self.folder / "operator/handover" / name

    def settings(self, name: str) -> Path:
        return self.folder / f"{name}.toml"

    def _tables(self) -> None:
        tables = self.folder / "tables"
        tables.mkdir(mode=0o700)
        for name in ("region.toml", "holidays.json", "residents.csv", "schools.csv", "enrolments.csv"):
            shutil.copy(ROOT / "simulations/handbook" / name, tables / name)
        with (tables / "schools.csv").open("a") as schools:
            schools.write(MORE_SCHOOLS)
        known = (tables / "enrolments.csv").read_text()
        with (tables / "enrolments.csv").open("a") as enrolments:
            for school, pupils in PUPILS.items():
                brin, location = school[7:11], school[11:]
                for given, surname, born in pupils:
                    row = f"0855,{given},,{surname},{born},{brin},{location},no,,\n"
                    if row not in known:
                        enrolments.write(row)

    def _settings(self) -> None:
        shift = int(datetime.fromisoformat(A_SCHOOL_DAY).timestamp() - time.time())
        chain = '[[engine.chains]]\npolice = "police-region"\nveilig_thuis = "veilig-thuis-region"\nmunicipalities = ["municipality-0855"]\n'
        tables = {
            "engine": f'[engine]\nname = "one"\nregion = "tables"\ndirectory = "operator/directory.json"\nreplicas = 1\n'
            f"clock_offset_seconds = {shift}\n{chain}",
            "veilig-thuis-region": '[veilig-thuis]\norganisation = "veilig-thuis-region"\nregion = "tables"\n'
            'residents = "tables/residents.csv"\n',
            "municipality-0855": '[municipality]\norganisation = "municipality-0855"\nregion = "tables"\n'
            'enrolments = "tables/enrolments.csv"\nschools = "tables/schools.csv"\n',
        }
        for name, table in tables.items():
            keys = self.credentials("engine-one" if name == "engine" else name)
            relay = f'[relay]\nbroker = "{self.url}"\nkeys = "{keys}"\nstate_dir = "state/{name}"\ndrain_seconds = 10\n\n'
            self.settings(name).write_text(relay + table)


def report(reference: str, *children: tuple[str, str, str]) -> str:
    """A report in the police's own form, of children at an address where nobody is registered."""
    return json.dumps(
        {
            "report_id": reference,
            "reported_at": "2026-11-18T06:40:00+01:00",
            "incident": {
                "occurred_at": "2026-11-17",
                "kind": "domestic_violence",
                "address": {"postcode": "5099ZZ", "house_number": 1, "municipality": "0855"},
            },
            "children": [
                {
                    "given_names": given,
                    "surname": surname,
                    "date_of_birth": born,
                    "presence": "present",
                    "relation": "resident",
                }
                for given, surname, born in children
            ],
        }
    )
