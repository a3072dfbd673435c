#!/usr/bin/env python3
"""Builds the image of `deploy/Containerfile`, and runs it with what production gives it and no more, in a region at work.

    python3 tests/machine/container.py [--rust IMAGE --debian IMAGE | --image IMAGE]

It is built from the images that the file names. Where no registry can be reached, it is built from images of the same contents that
are made here: a Debian by debootstrap, and this machine's own Rust in it. `--rust` and `--debian` name others; `--image` is one
that was built before. Needs root, buildah, crun, debootstrap where bases are made, and the nats-server that `hwc` fetched before.
STORAGE_DRIVER and BUILDAH_ISOLATION are buildah's own.
"""

import argparse
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "foreign"))

from region import PUPILS, ROOT, Failed, Process, Region, report, wait_for  # noqa: E402

TOOLS = ("buildah", "crun")
FILE = "deploy/Containerfile"
TAG = "localhost/hwc-tried"
SCHOOL, POLICE = "school-01AA00", "police-region"
MIRROR = "http://deb.debian.org/debian"
USER = 10001


class Missing(Exception):
    """A tool that is needed is not there."""


def check(is_so: object, what: object) -> None:
    if not is_so:
        raise Failed(what)


def ran(*command: str, **more) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout.strip()


def bases(folder: Path) -> tuple[str, str]:
    """Images like those of the registry: Rust in a Debian, and the Debian; made once."""
    rust, debian = "localhost/hwc-base-rust", "localhost/hwc-base-debian"
    known = ran("buildah", "images", "--format", "{{.Name}}").split()
    if debian not in known:
        if not shutil.which("debootstrap"):
            raise Missing("no registry answers, and debootstrap is not found")
        ran("debootstrap", "--variant=minbase", "bookworm", str(folder / "debian"), MIRROR)
        container = ran("buildah", "from", "scratch")
        ran("buildah", "add", "--quiet", container, str(folder / "debian"), "/")
        ran("buildah", "commit", "--quiet", "--rm", container, debian)
        shutil.rmtree(folder / "debian")
    if rust not in known:
        container = ran("buildah", "from", debian)
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev ca-certificates"
        ran("buildah", "run", container, "--", "sh", "-c", f"apt-get update && {install}")
        ran("buildah", "copy", "--quiet", container, ran("rustc", "--print", "sysroot"), "/usr/local/rust")
        ran("buildah", "config", "--env", "PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        ran("buildah", "commit", "--quiet", "--rm", container, rust)
    return rust, debian


def build(folder: Path, rust: str | None, debian: str | None) -> str:
    """Builds the image; says from what."""
    named = dict(re.findall(r"^ARG (RUST|DEBIAN)=(\S+)$", (ROOT / FILE).read_text(), re.MULTILINE))
    where = "named images"
    if not (rust and debian):
        rust, debian, where = named["RUST"], named["DEBIAN"], "the registry's images"
        pulled = [subprocess.run(["buildah", "pull", "--quiet", image], capture_output=True) for image in (debian, rust)]
        if any(one.returncode for one in pulled):
            rust, debian = bases(folder)
            where = "images made here"
    arguments = ["--build-arg", f"RUST={rust}", "--build-arg", f"DEBIAN={debian}", "--pull-never"]
    # Where the way out is guarded by an authority of its own, cargo is told of it; the image is not.
    if authority := os.environ.get("SSL_CERT_FILE"):
        (folder / "cargo").mkdir()
        shutil.copy(authority, folder / "cargo/authorities.pem")
        (folder / "cargo/config.toml").write_text('[http]\ncainfo = "/.cargo/authorities.pem"\n')
        arguments += ["--volume", f"{folder}/cargo:/.cargo:ro"]
    ran("buildah", "build", "--quiet", *arguments, "--file", FILE, "--tag", TAG, ".", cwd=ROOT)
    return where


class Image:
    """What was built: its files, and what it says of itself."""

    def __init__(self, name: str):
        self._container = ran("buildah", "from", "--pull-never", name)
        self.root = Path(ran("buildah", "mount", self._container))
        inspected = json.loads(ran("buildah", "inspect", "--type", "image", name))
        self.config = inspected["OCIv1"]["config"]

    def close(self) -> None:
        ran("buildah", "rm", self._container)

    def files(self) -> list[tuple[Path, os.stat_result]]:
        """Everything in it, as it is called there."""
        found = []
        for folder, folders, names in os.walk(self.root):
            for name in [*folders, *names]:
                path = Path(folder) / name
                found.append((Path("/") / path.relative_to(self.root), path.lstat()))
        return found


class Container:
    """A process of the image, as docs/deploy.md has it run: nothing of it can be written but its state."""

    def __init__(self, image: Image, folder: Path, name: str):
        self.folder, self.name = folder / f"container-{name}", f"hwc-tried-{os.getpid()}-{name}"
        self._image, self.settings = image, f"/etc/hwc/{name}/hwc.toml"
        for place in ("etc/keys", "state", "spool"):
            (self.folder / place).mkdir(parents=True, mode=0o700)
        self._mounts = [("etc", f"/etc/hwc/{name}", "ro"), ("state", f"/var/lib/hwc/{name}", "rw"), ("spool", "/var/spool/hwc", "rw")]

    def own(self) -> None:
        """Everything that it is given is its user's."""
        for folder, _, names in os.walk(self.folder):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                os.chown(path, USER, USER)

    def describe(self, *arguments: str) -> None:
        """What a container program makes of `--read-only --cap-drop=all --security-opt=no-new-privileges --ulimit core=0`."""
        kinds = ("bounding", "effective", "inheritable", "permitted", "ambient")
        own = [
            {"destination": to, "type": "bind", "source": str(self.folder / of), "options": ["bind", how, "nosuid", "nodev"]}
            for of, to, how in self._mounts
        ]
        small = ["nosuid", "nodev", "size=16m"]
        described = {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": USER, "gid": USER},
                "args": [*self._image.config["Entrypoint"], *arguments],
                "env": ["PATH=/usr/bin:/bin", "HWC_LOG=info"],
                "cwd": "/",
                "noNewPrivileges": True,
                "capabilities": {kind: [] for kind in kinds},
                "rlimits": [{"type": "RLIMIT_CORE", "hard": 0, "soft": 0}],
            },
            "root": {"path": str(self._image.root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=64k", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": small},
                *own,
            ],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]},
        }
        (self.folder / "config.json").write_text(json.dumps(described))

    def command(self) -> list[str]:
        return ["crun", "--cgroup-manager=disabled", "run", "--bundle", str(self.folder), self.name]

    def says(self, *arguments: str) -> str:
        """What it says to this, as a container of its own."""
        self.describe(*arguments)
        return ran(*self.command(), timeout=120)

    def start(self, region: Region, role: str) -> Process:
        self.describe(role, "--config", self.settings)
        return region.start(self.name, self.command())

    def person(self, *words: str) -> str:
        """What somebody hears who speaks to the process inside."""
        return ran("crun", "exec", "--user", f"{USER}:{USER}", self.name, *self._image.config["Entrypoint"], *words, "--config", self.settings)

    def pid(self) -> int:
        return json.loads(ran("crun", "state", self.name))["pid"]

    def stop(self) -> None:
        ran("crun", "kill", self.name, self._image.config["StopSignal"])

    def end(self) -> None:
        subprocess.run(["crun", "delete", "--force", self.name], capture_output=True)


class Morning:
    """The stories, on one image and one region."""

    def __init__(self, image: Image, region: Region):
        self.image, self.region = image, region
        self.containers = {name: Container(image, region.folder, name) for name in (POLICE, SCHOOL)}
        self.processes: dict[str, Process] = {}

    def it_holds_the_program_and_a_folder_for_its_state_and_nothing_it_was_built_from(self) -> None:
        config, files = self.image.config, self.image.files()
        said = (config.get("User"), config.get("Entrypoint"), config.get("StopSignal"))
        check(said == ("hwc", ["/usr/bin/hwc"], "SIGTERM"), said)
        users = (self.image.root / "etc/passwd").read_text()
        check(re.search(rf"^hwc:x:{USER}:{USER}:.*:/usr/sbin/nologin$", users, re.MULTILINE), "its user is another")
        # An empty folder stays where cargo was told of the authorities.
        things = [path for path, how in files if not stat.S_ISDIR(how.st_mode)]
        left = [str(path) for path in things if path.suffix in (".rs", ".rlib") or path.name in ("cargo", "rustc", "cc", "Cargo.toml")]
        check(not left, f"left in the image: {left[:10]}")
        own = [str(path) for path, how in files if how.st_uid == USER or how.st_gid == USER]
        check(own == ["/var/lib/hwc"], f"its user's: {own}")
        everybodys = {
            str(path) for path, how in files if how.st_mode & 0o002 and (how.st_mode & 0o170000) in (0o100000, 0o040000)
        }
        check(everybodys <= {"/tmp", "/var/tmp", "/run/lock"}, f"everybody may write to {everybodys}")
        check((self.image.root / "etc/ssl/certs/ca-certificates.crt").stat().st_size > 100_000, "it knows no authorities")
        size = sum(how.st_blocks * 512 for _, how in files)
        program = (self.image.root / "usr/bin/hwc").stat().st_size
        print(f"          {size / 1e6:.0f} MB, of which {program / 1e6:.0f} MB are the program", flush=True)

    def it_runs_read_only_as_its_user_without_any_privilege(self) -> None:
        version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        said = self.containers[SCHOOL].says("--version")
        check(said.startswith(f"hwc {version}"), said)
        for name, container in self.containers.items():
            self._furnish(name, container)
            self.processes[name] = container.start(self.region, name.rpartition("-")[0])
            self.processes[name].says("at work")
            lines = Path(f"/proc/{container.pid()}/status").read_text().splitlines()
            known = {key: value.split() for key, value in (line.split(":", 1) for line in lines)}
            check(known["Uid"] == [str(USER)] * 4 and known["Gid"] == [str(USER)] * 4, known["Uid"])
            check(known["NoNewPrivs"] == ["1"], "it may gain privileges")
            check(all(known[which] == ["0" * 16] for which in ("CapPrm", "CapEff", "CapBnd", "CapAmb")), "it has capabilities")
            mounts = Path(f"/proc/{container.pid()}/mounts").read_text().splitlines()
            check(any(line.split()[1] == "/" and line.split()[3].split(",")[0] == "ro" for line in mounts), "it may write to itself")

    def _furnish(self, name: str, container: Container) -> None:
        role, keys = name.rpartition("-")[0], container.folder / "etc/keys"
        for file in self.region.credentials(name).iterdir():
            shutil.copy(file, keys)
        relay = f'[relay]\nbroker = "{self.region.url}"\nkeys = "/etc/hwc/{name}/keys"\nstate_dir = "/var/lib/hwc/{name}"\n\n'
        own = f'[{role}]\norganisation = "{name}"\n'
        if name == POLICE:
            own += 'veilig_thuis = "veilig-thuis-region"\ninbox = "/var/spool/hwc/inbox"\n'
            (keys / "reference").touch(0o600)
            (keys / "reference").write_bytes(os.urandom(32))
        (container.folder / "etc/hwc.toml").write_text(relay + own)
        container.own()

    def it_carries_a_signal_from_the_polices_inbox_to_a_person_at_the_school(self) -> None:
        child, police, school = PUPILS[SCHOOL][0], self.containers[POLICE], self.containers[SCHOOL]
        beside = police.folder / "spool/report.part"
        beside.write_text(report("P-1", child) + "\n")
        os.chown(beside, USER, USER)
        beside.rename(police.folder / "spool/inbox/report.jsonl")
        waiting = lambda: json.loads(school.person("school", "inbox", "-o", "json"))["signals"]  # noqa: E731
        (one,) = wait_for(waiting, lambda: f"nothing waits at the school:\n{self.processes[POLICE].said()}")
        read = school.person("school", "open", one["code"], "--show")
        check(f"{child[0]} {child[1]}" in read, "another letter was opened")
        school.person("school", "acknowledge", one["code"])
        check(not waiting(), "it is not gone")

    def it_ends_politely_when_it_is_asked_to(self) -> None:
        for name, container in self.containers.items():
            container.stop()
            check(self.processes[name].stop() == 0, f"{name} ended otherwise:\n{self.processes[name].said()}")
            check("P-1" not in self.processes[name].said() and PUPILS[SCHOOL][0][1] not in self.processes[name].said(), "its log")


STORIES = [
    Morning.it_holds_the_program_and_a_folder_for_its_state_and_nothing_it_was_built_from,
    Morning.it_runs_read_only_as_its_user_without_any_privilege,
    Morning.it_carries_a_signal_from_the_polices_inbox_to_a_person_at_the_school,
    Morning.it_ends_politely_when_it_is_asked_to,
]


def tell(image: Image, folder: Path, began: float) -> bool:
    """Runs the stories; whether all went as they should."""
    # The rest of the region runs the image's own program, too.
    with Region(image.root / "usr/bin/hwc", folder) as region:
        region.begin()
        morning = Morning(image, region)
        try:
            for story in STORIES:
                name = story.__name__.replace("_", " ")
                try:
                    story(morning)
                except (Failed, subprocess.SubprocessError, OSError, ValueError, KeyError):
                    traceback.print_exc()
                    print(f"FAILED: {name}")
                    return False
                print(f"[{time.monotonic() - began:6.1f} s] {name}", flush=True)
        finally:
            for container in morning.containers.values():
                container.end()
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rust", help="what the program is built in")
    parser.add_argument("--debian", help="what it is put into")
    parser.add_argument("--image", help="an image that was built before")
    flags = parser.parse_args()
    began, told = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="container-") as folder:
        # The container's user passes through it.
        os.chmod(folder, 0o711)
        try:
            missing = [tool for tool in TOOLS if not shutil.which(tool)]
            if missing or os.geteuid() != 0:
                raise Missing(f"not found: {', '.join(missing)}" if missing else "images are built and run as root here")
            if not flags.image:
                where = build(Path(folder), flags.rust, flags.debian)
                print(f"[{time.monotonic() - began:6.1f} s] the image is built from {where}", flush=True)
                told += 1
            image = Image(flags.image or TAG)
        except Missing as missing:
            print(missing, file=sys.stderr)
            return 2
        try:
            if not tell(image, Path(folder), began):
                return 1
        finally:
            image.close()
    print(f"{told + len(STORIES)} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
