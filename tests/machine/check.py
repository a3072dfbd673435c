#!/usr/bin/env python3
"""Installs the package on a machine of its own, with systemd, and says what does not go as it should.

    python3 tests/machine/check.py --hwc target/release/hwc [--suite bookworm] [--kept target/machine]

The machine is a virtual one: a Debian, its own kernel, no network. It is made once and kept; each run begins with it as it was
made. Needs root (to make it), debootstrap, mkfs.ext4, qemu-system-x86_64, dpkg-deb, and the nats-server that `hwc` fetched before.
Without --accelerated its processor is imitated by a program, which works everywhere and takes some ten minutes.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TOOLS = {
    "debootstrap": "debootstrap",
    "mkfs.ext4": "e2fsprogs",
    "qemu-system-x86_64": "qemu-system-x86",
    "dpkg-deb": "dpkg",
}
# What a server has, and python3 for the stories; then what hwc's own package asks for.
PACKAGES = "systemd-sysv,systemd-coredump,dbus,sudo,python3,linux-image-cloud-amd64,initramfs-tools,iproute2,zstd,ca-certificates"
MIRROR = "http://deb.debian.org/debian"
# A Wednesday on which there is school, after the first lesson: what is routed is delivered at once. The whole machine has this time.
BEGINS_AT = "2026-11-18T09:00:00"
WITHIN_SECONDS = 3600
# The stories are read from the second disk, told on the second serial line, and begun anew at each start of the machine.
UNIT = """[Unit]
Description=What is tried on this machine

[Service]
ExecStart=/bin/sh -c 'mkdir -p /run/stories && tar -C /run/stories --touch -xf /dev/vdb && exec python3 /run/stories/stories.py'
ExecStopPost=/bin/sh -c 'if [ "$$EXIT_CODE" = exited ]; then sleep 1; systemctl --no-block poweroff; fi'
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""


class Missing(Exception):
    """Something that is needed is not there."""


def nats_server() -> Path:
    """The pinned server that `hwc` fetched before, or the one that is named."""
    if named := os.environ.get("HWC_NATS_SERVER"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    found = sorted(cache.glob("hwc/nats-server-*/*/nats-server"))
    if not found:
        raise Missing("no nats-server: run `hwc demo` once, which fetches it, or name one in HWC_NATS_SERVER")
    return found[-1]


class Machine:
    """A Debian that was never used: its disk, and what it is started with."""

    def __init__(self, kept: Path, suite: str):
        for tool, package in TOOLS.items():
            if not shutil.which(tool):
                raise Missing(f"{tool} is not found; Debian's package {package} has it")
        self._folder, self._suite = kept / suite, suite
        self.disk, self.kernel, self.first = (self._folder / name for name in ("disk.ext4", "kernel", "initrd"))
        digest = hashlib.sha256("\n".join((suite, PACKAGES, UNIT)).encode()).hexdigest()
        mark = self._folder / "made-from"
        if not mark.exists() or mark.read_text() != digest:
            if os.geteuid() != 0:
                raise Missing("the machine is not made yet; that takes root")
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._make()
            mark.write_text(digest)

    def _make(self) -> None:
        with tempfile.TemporaryDirectory(prefix="machine-", dir=self._folder) as folder:
            # Others look at what their machine's root is.
            root = Path(folder) / "root"
            with (self._folder / "made.log").open("wb") as log:
                wanted = ["--variant=minbase", f"--include={PACKAGES}", self._suite, str(root), MIRROR]
                subprocess.run(["debootstrap", *wanted], check=True, stdout=log, stderr=log)
            (root / "etc/hostname").write_text("machine\n")
            (root / "etc/hosts").write_text("127.0.0.1 localhost machine\n")
            (root / "etc/systemd/system/stories.service").write_text(UNIT)
            (root / "etc/systemd/system/multi-user.target.wants").mkdir(parents=True, exist_ok=True)
            (root / "etc/systemd/system/multi-user.target.wants/stories.service").symlink_to("../stories.service")
            # The journal outlives a start of the machine.
            (root / "var/log/journal").mkdir(exist_ok=True)
            shutil.copy(next((root / "boot").glob("vmlinuz-*")), self.kernel)
            shutil.copy(next((root / "boot").glob("initrd.img-*")), self.first)
            shutil.rmtree(root / "var/cache/apt/archives")
            (root / "var/cache/apt/archives/partial").mkdir(parents=True)
            with self.disk.open("wb") as disk:
                disk.truncate(3 << 30)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(root), str(self.disk)], check=True, stderr=subprocess.DEVNULL)

    def start(self, brought: Path, log: Path, accelerated: bool) -> subprocess.Popen:
        """Starts it; what is said of the stories comes on its standard output."""
        command = ["qemu-system-x86_64", "-accel", "kvm" if accelerated else "tcg", "-cpu", "max", "-m", "2048", "-smp", "2"]
        command += ["-display", "none", "-monitor", "none", "-nic", "none", "-rtc", f"base={BEGINS_AT}"]
        command += ["-kernel", str(self.kernel), "-initrd", str(self.first)]
        command += ["-append", "root=/dev/vda rw console=ttyS0 panic=10"]
        # What is written is gone with the process.
        command += ["-drive", f"file={self.disk},format=raw,if=virtio,snapshot=on"]
        command += ["-drive", f"file={brought},format=raw,if=virtio,readonly=on"]
        command += ["-serial", f"file:{log}", "-serial", "stdio"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace")


def package(hwc: Path, folder: Path, *more: str) -> Path:
    """The Debian package, as anybody builds it."""
    folder.mkdir()
    command = [str(ROOT / "deploy/debian/build"), "--hwc", str(hwc), "--nats-server", str(nats_server()), "--compress", "none"]
    done = subprocess.run([*command, "--out", str(folder), *more], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def bring(hwc: Path, folder: Path) -> Path:
    """The second disk: both packages, the handbook's region, and the stories."""
    disk = folder / "brought"
    with tarfile.open(disk, "w") as tar:
        tar.add(package(hwc, folder / "one"), "hwc.deb")
        tar.add(package(hwc, folder / "two", "--version", "99.0.0"), "newer.deb")
        tar.add(ROOT / "simulations/handbook", "handbook")
        for name in ("stories.py", "probe.py"):
            tar.add(HERE / name, name)
    # Whole sectors.
    with disk.open("ab") as file:
        file.write(b"\0" * (-disk.stat().st_size % 4096))
    return disk


def listen(machine: subprocess.Popen) -> tuple[int, int]:
    """Says what happens on the machine; how many stories passed, and how many did not or were never told."""
    began, passed, failed, ended = time.monotonic(), 0, 0, False
    stop = threading.Timer(WITHIN_SECONDS, machine.kill)
    stop.start()
    try:
        for line in machine.stdout:
            line = line.rstrip()
            if line.startswith("PASSED: "):
                passed += 1
                print(f"[{time.monotonic() - began:6.1f} s] {line.removeprefix('PASSED: ')}", flush=True)
            elif line == "THE END":
                ended = True
            elif line:
                failed += line.startswith("FAILED: ")
                print(line, flush=True)
    finally:
        stop.cancel()
        machine.kill()
        machine.wait()
    return passed, failed + (not ended)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hwc", required=True, type=Path, help="the program, for a machine like this one")
    parser.add_argument("--suite", default="bookworm", help="which Debian: bookworm has systemd 252, trixie 257")
    parser.add_argument("--kept", type=Path, default=ROOT / "target/machine", help="where the machine is kept")
    parser.add_argument("--accelerated", action="store_true", help="with the processor's own virtual machines (/dev/kvm)")
    flags = parser.parse_args()
    try:
        machine = Machine(flags.kept.resolve(), flags.suite)
        with tempfile.TemporaryDirectory(prefix="machine-") as folder:
            console = flags.kept.resolve() / f"{flags.suite}.console"
            passed, failed = listen(machine.start(bring(flags.hwc.resolve(), Path(folder)), console, flags.accelerated))
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    if failed:
        print(f"the machine's own words: {console}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
