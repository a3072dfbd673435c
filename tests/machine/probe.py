"""What a process could try that it should not: each is tried, and said to be refused or not, as JSON.

    probe.py PID [ADDRESS]      a process of another member, and where something listens on port 8088

Nothing here does harm where it is let through: calls that would are made with arguments that make no sense, and fail
otherwise than by a refusal.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
from pathlib import Path

REFUSALS = {errno.EPERM, errno.EACCES, errno.EROFS, errno.EAFNOSUPPORT, errno.ENOENT, errno.ENXIO}
NOT_THERE = -1
C = ctypes.CDLL(None, use_errno=True)
# By their numbers on x86-64.
CALLS = {
    "ptrace": 101,
    "syslog": 103,
    "personality": 135,
    "chroot": 161,
    "mount": 165,
    "swapon": 167,
    "reboot": 169,
    "sethostname": 170,
    "init_module": 175,
    "clock_settime": 227,
    "kexec_load": 246,
    "unshare": 272,
    "perf_event_open": 298,
    "process_vm_readv": 310,
    "bpf": 321,
    "setuid": 105,
    "setpriority": 141,
    "sched_setscheduler": 144,
}


def call(name: str, *arguments: object) -> None:
    """Makes a system call; what is no refusal counts as let through."""
    ctypes.set_errno(0)
    C.syscall(CALLS[name], *arguments)
    number = ctypes.get_errno()
    # Without the filter these calls find nothing at the addresses that they are given.
    if number in (errno.EPERM, errno.EACCES):
        raise OSError(number, name)


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def write(path: str) -> None:
    Path(path).write_bytes(b"x")
    os.unlink(path)


def as_another(path: str) -> None:
    Path(path).write_bytes(b"x")
    try:
        os.chmod(path, 0o4755)
    finally:
        os.unlink(path)


def device(path: str) -> None:
    os.mknod(path, 0o20600, os.makedev(1, 3))
    os.unlink(path)


def execute_what_was_written() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def signal(to: int) -> None:
    os.kill(to, 0)


def sees_others() -> None:
    """More than its own user's processes."""
    processes = [entry for entry in os.listdir("/proc") if entry.isdigit()]
    if all(os.stat(f"/proc/{entry}").st_uid == os.getuid() for entry in processes):
        raise OSError(errno.ENOENT, "alone")


def speak(to: str) -> None:
    socket.create_connection((to, 8088), timeout=5).close()


def attempts(victim: int) -> dict:
    """Each by its name."""
    own = os.environ["STATE_DIRECTORY"]
    tries = {
        "read another's keys": lambda: read("/etc/hwc/police-region/keys/seal"),
        "read its own keys as they lie": lambda: read("/etc/hwc/school-01AA00/keys/seal"),
        "read what another was lent": lambda: read("/run/credentials/hwc-police@region.service/seal"),
        "see another's state": lambda: os.listdir("/var/lib/hwc/police-region"),
        "see the police's inbox": lambda: os.listdir("/var/spool/hwc/police-region/inbox"),
        "see the broker's store": lambda: os.listdir("/var/lib/hwc/broker/store"),
        "see the operator's desk": lambda: os.listdir("/srv/desk/operator"),
        "see people's folders": lambda: os.listdir("/home"),
        "see root's folder": lambda: os.listdir("/root"),
        "see others' temporary files": lambda: os.stat("/tmp/somebody-elses"),
        "read passwords": lambda: read("/etc/shadow"),
        "write to the program": lambda: write("/usr/bin/probe"),
        "write to the settings": lambda: write("/etc/hwc/probe"),
        "write beside its state": lambda: write("/var/lib/probe"),
        "make a program that runs as another": lambda: as_another(f"{own}/probe"),
        "make a device": lambda: device(f"{own}/probe"),
        "open the disk": lambda: read("/dev/vda"),
        "open the kernel's log": lambda: os.close(os.open("/dev/kmsg", os.O_WRONLY)),
        "set the kernel's switches": lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
        "make a control group": lambda: (os.mkdir("/sys/fs/cgroup/probe"), os.rmdir("/sys/fs/cgroup/probe")),
        "see others' processes": sees_others,
        "look into another's memory": lambda: os.close(os.open(f"/proc/{victim}/mem", os.O_RDONLY)),
        "see what another sees": lambda: os.listdir(f"/proc/{victim}/root"),
        "send another a signal": lambda: signal(victim),
        "run what it wrote": execute_what_was_written,
        "speak past the network's rules": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
        "speak to the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
        "follow another": lambda: call("ptrace", NOT_THERE, victim, 0, 0),
        "copy another's memory": lambda: call("process_vm_readv", victim, NOT_THERE, 1, NOT_THERE, 1, 0),
        "read the kernel's messages": lambda: call("syslog", 10, 0, 0),
        "be another kind of process": lambda: call("personality", 0x0008),
        "change its root": lambda: call("chroot", NOT_THERE),
        "mount": lambda: call("mount", NOT_THERE, NOT_THERE, NOT_THERE, 0, 0),
        "swap": lambda: call("swapon", NOT_THERE, 0),
        "start the machine anew": lambda: call("reboot", 1, 2, 3, 0),
        "rename the machine": lambda: call("sethostname", NOT_THERE, 4),
        "load a module": lambda: call("init_module", NOT_THERE, 8, NOT_THERE),
        "set the clock": lambda: call("clock_settime", 0, NOT_THERE),
        "load another kernel": lambda: call("kexec_load", 0, 99, 0, 0),
        "watch the processor": lambda: call("perf_event_open", NOT_THERE, 0, 0, 0, 0),
        "put a program into the kernel": lambda: call("bpf", 0x7FFF, 0, 0),
        "go before others": lambda: call("setpriority", 0, 0, -5),
        "never be interrupted": lambda: call("sched_setscheduler", 0, 1, NOT_THERE),
        "have users of its own": lambda: call("unshare", 0x10000000),
        "be root": lambda: call("setuid", 0),
    }
    if len(sys.argv) > 2:
        tries[f"speak to {sys.argv[2]}"] = lambda: speak(sys.argv[2])
    return tries


def is_refused(attempt) -> bool:
    try:
        attempt()
    except TimeoutError:
        return True
    except OSError as error:
        if error.errno in REFUSALS:
            return True
    return False


if __name__ == "__main__":
    tried = attempts(int(sys.argv[1]))
    print(json.dumps({what: is_refused(attempt) for what, attempt in tried.items()}))
