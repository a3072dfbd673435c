#!/usr/bin/env python3
"""What happens on the machine: the package installed, a region laid out, every unit at work, and then everything that goes wrong.

It runs as root on a machine of its own (`check.py` makes one), and says a line for each story: `PASSED` or `FAILED`. Some
stories end with the machine starting anew, by order or by a power cut; the next begins where that one ended.
"""

import grp
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The operator's, on the one machine that there is.
DESK = Path("/srv/desk")
STATE = Path("/var/lib/stories")
# Long enough for a machine whose processor is only imitated.
WITHIN_SECONDS = 240
MEMBERS = {
    "engine-one": "hwc-engine@one",
    "police-region": "hwc-police@region",
    "veilig-thuis-region": "hwc-veilig-thuis@region",
    "municipality-0855": "hwc-municipality@0855",
    "school-01AA00": "hwc-school@01AA00",
}
HOSTED = "school-02BB00"
PORTAL = "hwc-portal"
BROKER = "hwc-broker"
PROCESSES = [*MEMBERS.values(), PORTAL]
SCHOOL = "hwc-school@01AA00"
# Unit files that are the machine's own: whoever purges the package keeps them.
KEPT = ("/etc/hwc/school-01AA00/keys/seal", "/etc/hwc/engine-one/hwc.toml", "/var/lib/hwc/engine-one", "/var/lib/hwc/broker/store")


class Failed(AssertionError):
    """Something is not as it should be."""


def check(is_so: object, what: object) -> None:
    if not is_so:
        raise Failed(what)


def ran(*command: str, may_fail: bool = False) -> str:
    """What a command says."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    if done.returncode and not may_fail:
        raise Failed(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def refused(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    check(done.returncode != 0, f"{' '.join(command)} was let through")


def wait_for(look, what: object, seconds: float = WITHIN_SECONDS):
    """Looks again and again until there is something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.5)
    raise Failed(f"waited in vain: {what() if callable(what) else what}")


def shown(unit: str) -> dict[str, str]:
    """What systemd knows of a unit."""
    lines = ran("systemctl", "show", unit).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def is_active(unit: str) -> bool:
    return shown(unit)["ActiveState"] == "active"


def all_active(*units: str) -> None:
    for unit in units:
        wait_for(lambda: is_active(unit), lambda: f"{unit} is not active:\n{ran('systemctl', 'status', unit, may_fail=True)}")


def pid(unit: str) -> int:
    return int(shown(unit)["MainPID"])


# A region on one machine.


def operator(*words: str) -> str:
    return ran("hwc", "operator", "--dir", str(DESK / "operator"), *words)


def member(name: str, *words: str) -> str:
    """What one of a member's people hears: they speak to the process as its user."""
    role = name.rpartition("-")[0]
    config = f"/etc/hwc/{name}/hwc.toml"
    return ran("sudo", "-u", f"hwc-{role}", "hwc", role, *words, "--config", config)


def waiting() -> list[dict]:
    return json.loads(member("school-01AA00", "inbox", "-o", "json"))["signals"]


def sends(reference: str) -> None:
    """Moves a file with one report into the police's inbox, as its user."""
    where = {"postcode": "5099ZZ", "house_number": 1, "municipality": "0855"}
    report = {
        "report_id": reference,
        "reported_at": "2026-11-18T06:40:00+01:00",
        "incident": {"occurred_at": "2026-11-17", "kind": "domestic_violence", "address": where},
        "children": [
            {"given_names": "Lotte", "surname": "Smit", "date_of_birth": "2018-12-11", "presence": "present", "relation": "resident"}
        ],
    }
    spool = Path("/var/spool/hwc/police-region")
    beside = spool / f"{reference}.jsonl"
    beside.write_text(json.dumps(report) + "\n", encoding="utf-8")
    shutil.chown(beside, "hwc-police", "hwc-police")
    beside.rename(spool / "inbox" / beside.name)


def comes() -> str:
    """The code of the one signal that waits at the school."""

    def look() -> str | None:
        signals = waiting()
        return signals[0]["code"] if len(signals) == 1 else None

    return wait_for(look, lambda: f"not one signal waits at the school: {len(waiting())}")


def reads_and_confirms(code: str) -> None:
    read = member("school-01AA00", "open", code, "--show")
    check("Lotte Smit" in read and "Handle with Care" in read, "another letter was opened")
    member("school-01AA00", "acknowledge", code)
    check(not waiting(), "it is not gone")


def carries(reference: str) -> None:
    sends(reference)
    reads_and_confirms(comes())


# The stories.


def the_package_installs_and_nothing_starts_by_itself() -> None:
    ran("apt-get", "install", "-y", "-q", str(HERE / "hwc.deb"))
    check(ran("hwc", "--version").startswith("hwc "), "it does not run")
    for role in ("broker", "engine", "police", "veilig-thuis", "municipality", "school", "portal", "board"):
        user = pwd.getpwnam(f"hwc-{role}")
        check(user.pw_shell.endswith("nologin") and grp.getgrgid(user.pw_gid).gr_name == user.pw_name, user)
    running = ran("systemctl", "list-units", "--all", "--no-legend", "hwc-*.service").strip()
    check(not running, f"started by itself: {running}")
    for unit in (BROKER, *PROCESSES):
        said = ran("systemd-analyze", "verify", "--man=no", f"{unit}.service")
        check(not said.strip(), said)


def a_region_is_laid_out_on_the_machine_and_a_start_waits_for_the_broker_as_long_as_it_takes() -> None:
    DESK.mkdir(mode=0o700)
    operator("init", "--broker-name", "127.0.0.1", "--nats-server", "/usr/lib/hwc/nats-server")
    operator("add-engine", "one", "--make-keys")
    for name in (*list(MEMBERS)[1:], HOSTED):
        operator("add-organisation", name, "--make-keys")
    hosted = ["--hosted", f"{HOSTED}=02BBHwC@school.example", "--page", "http://localhost:8443"]
    laid = operator("layout", str(DESK / "trees"), "--region", str(HERE / "handbook"), "--broker", "127.0.0.1", *hosted, "-o", "json")
    machines = json.loads(laid)["machines"]
    check({one["unit"] for one in machines} >= {BROKER, *PROCESSES}, machines)
    for place, machine in enumerate(machines):
        # As docs/deploy.md says it: folders that are there keep their owner and mode.
        tree = f"tar -C {DESK}/trees/{machine['name']} -cf - . | tar -C / -xpf - --no-same-owner --no-overwrite-dir"
        ran("sh", "-c", tree)
        settings = Path(f"/etc/hwc/{machine['name']}/hwc.toml")
        if settings.exists():
            settings.write_text(settings.read_text().replace("127.0.0.1:9464", f"127.0.0.1:{9464 + place}"))
    furnish()
    ran("systemctl", "daemon-reload")
    for unit in (BROKER, *PROCESSES):
        ran("systemctl", "enable", unit)
    for unit in PROCESSES:
        ran("systemctl", "start", "--no-block", unit)
    # Longer than TimeoutStartSec: they ask for more time themselves.
    time.sleep(100)
    for unit in PROCESSES:
        known = shown(unit)
        check(known["ActiveState"] == "activating" and known["NRestarts"] == "0", (unit, known["ActiveState"], known["Result"]))
        check(known["StatusText"], f"{unit} does not say what it waits for")
    ran("systemctl", "start", BROKER)
    all_active(BROKER, *PROCESSES)
    for unit in PROCESSES:
        known = shown(unit)
        check(known["StatusText"] == "ready" and known["NRestarts"] == "0", (unit, known["StatusText"], known["NRestarts"]))


def furnish() -> None:
    """What people bring to a layout: tables, the police's own secret, the hosted page's keys and mail."""
    for name, tables in (("veilig-thuis-region", ["residents"]), ("municipality-0855", ["enrolments", "schools"])):
        user = f"hwc-{name.rpartition('-')[0]}"
        place = Path("/srv/hwc") / name
        ran("install", "-d", "-o", user, "-g", user, "-m", "700", str(place))
        for table in tables:
            ran("install", "-o", user, "-g", user, "-m", "600", str(HERE / f"handbook/{table}.csv"), str(place))
    ran("install", "-d", "-o", "hwc-police", "-g", "hwc-police", "-m", "700", "/var/spool/hwc/police-region")
    secret = Path("/etc/hwc/police-region/keys/reference")
    secret.touch(0o600)
    secret.write_bytes(os.urandom(32))
    # Behind a proxy on this machine; nobody is mailed.
    page = Path("/etc/hwc/portal/hwc.toml")
    lines = page.read_text().replace("0.0.0.0:8443", "127.0.0.1:8443").splitlines()
    page.write_text("\n".join(line for line in lines if not line.startswith(("certificate =", "key ="))) + "\n")
    ran("chown", "-R", "hwc-portal:hwc-portal", "/etc/hwc/portal/keys")
    enrol = ["sudo", "-u", "hwc-portal", "hwc", "portal", "enrol", HOSTED, "--config", str(page)]
    who = "Anne de Vries\nanne@school-twee.example\neen lange zin die niemand anders kent\n"
    done = subprocess.run(enrol, input=who, capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, done.stdout + done.stderr)


def a_signal_goes_from_the_polices_inbox_to_the_school_and_is_confirmed_by_its_user() -> None:
    carries("P-1")


def keys_are_roots_and_each_process_is_lent_its_own_in_memory() -> None:
    for name, unit in MEMBERS.items():
        user = f"hwc-{name.rpartition('-')[0]}"
        keys, lent = Path(f"/etc/hwc/{name}/keys"), Path(f"/run/credentials/{unit}.service")
        check(stat.S_IMODE(keys.stat().st_mode) == 0o700 and keys.stat().st_uid == 0, keys)
        refused("sudo", "-u", user, "cat", str(keys / "nkey"))
        check((lent / "nkey").read_bytes() == (keys / "nkey").read_bytes(), f"{unit} was lent another key")
        where = ran("findmnt", "-n", "-o", "FSTYPE", "-T", str(lent)).strip()
        check(where == "ramfs", f"{lent} is in {where}, which is swapped out")
        for other in MEMBERS:
            stranger = f"hwc-{other.rpartition('-')[0]}"
            if stranger != user:
                refused("sudo", "-u", stranger, "cat", str(lent / "nkey"))
    refused("sudo", "-u", "hwc-school", "cat", f"/run/credentials/{BROKER}.service/tls.key")


def status(of: int) -> dict[str, str]:
    lines = Path(f"/proc/{of}/status").read_text().splitlines()
    return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}


def no_process_has_a_privilege_and_what_it_does_not_need_it_may_not_do() -> None:
    for unit in (BROKER, *PROCESSES):
        running = pid(unit)
        known = status(running)
        check((known["Seccomp"], known["NoNewPrivs"]) == ("2", "1"), (unit, known["Seccomp"], known["NoNewPrivs"]))
        capabilities = {known[which] for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        check(capabilities == {"0" * 16}, (unit, capabilities))
        limits = Path(f"/proc/{running}/limits").read_text()
        check(re.search(r"Max core file size +0 +0 ", limits), f"{unit} may write a core dump")
        group = Path("/sys/fs/cgroup" + shown(unit)["ControlGroup"])
        check((group / "memory.swap.max").read_text().strip() == "0", f"{unit} may be swapped out")
        own = os.readlink(f"/proc/{running}/ns/user")
        check(own != os.readlink("/proc/1/ns/user"), f"{unit} shares the machine's users")
    # What any of them could try, tried by one of them; and by root outside of the sandbox, to whom nothing is refused.
    free = probe("probe")
    check(len(free) > 30 and not any(free.values()), f"refused to root, so this shows nothing: {free}")
    kept = probe("hwc-probe")
    let_in = [what for what, was_refused in kept.items() if not was_refused]
    check(kept.keys() == free.keys() and not let_in, f"let through by the sandbox: {let_in}")


def probe(name: str, *more: str, to: str = "") -> dict[str, bool]:
    """What is refused to a unit; one whose name begins with `hwc-` has our sandbox, and is the school's user."""
    user = "hwc-school" if name.startswith("hwc-") else "root"
    victim = str(pid("hwc-police@region"))
    Path("/tmp/somebody-elses").touch()
    said = Path(f"/run/{name}.said")
    said.unlink(missing_ok=True)
    lines = ["[Service]", "Type=oneshot", f"User={user}", f"StateDirectory=hwc/{name}", f"StandardOutput=file:{said}", *more]
    lines.append(f"ExecStart=/usr/bin/python3 /usr/local/lib/probe.py {victim} {to}")
    shutil.copy(HERE / "probe.py", "/usr/local/lib/probe.py")
    Path(f"/run/systemd/system/{name}.service").write_text("\n".join(lines) + "\n")
    ran("systemctl", "daemon-reload")
    ran("systemctl", "start", name)
    return json.loads(said.read_text())


def who_is_not_on_the_access_list_is_not_spoken_to() -> None:
    address = "192.0.2.9"
    ran("ip", "address", "replace", f"{address}/32", "dev", "lo")
    listener = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", address, "8088"], stderr=subprocess.DEVNULL)
    try:
        what = f"speak to {address}"
        wait_for(lambda: not probe("hwc-probe", to=address)[what], "nobody listens there")
        check(probe("hwc-probe", "IPAddressDeny=any", "IPAddressAllow=localhost", to=address)[what], "it was spoken to")
    finally:
        listener.kill()
    # As people would: a line in the machine's own addition.
    addition = Path(f"/etc/systemd/system/{SCHOOL}.service.d/10-site.conf")
    addition.write_text(addition.read_text().replace("#IPAddressDeny", "IPAddressDeny") + "IPAddressAllow=localhost\n")
    ran("systemctl", "daemon-reload")
    ran("systemctl", "restart", SCHOOL)
    all_active(SCHOOL)
    carries("P-access")


def what_is_killed_is_started_anew_and_goes_on_where_it_was() -> None:
    sends("P-killed")
    comes()
    before = {unit: (pid(unit), int(shown(unit)["NRestarts"])) for unit in (*PROCESSES, BROKER)}
    for unit, (running, _) in before.items():
        os.kill(running, 9)
    for unit, (running, restarts) in before.items():
        wait_for(lambda: is_active(unit) and pid(unit) not in (0, running), f"{unit} was not started anew")
        check(int(shown(unit)["NRestarts"]) > restarts, unit)
    reads_and_confirms(comes())
    carries("P-after-killed")


def what_stands_still_is_killed_by_the_watchdog_and_started_anew() -> None:
    sends("P-still")
    comes()
    for unit in (SCHOOL, "hwc-engine@one"):
        running = pid(unit)
        os.kill(running, 19)
        wait_for(lambda: is_active(unit) and pid(unit) not in (0, running), f"{unit} stands still, and nobody minds")
        said = ran("journalctl", "--no-pager", "-u", unit, "-o", "cat")
        check("Watchdog timeout" in said and "result 'watchdog'" in said, f"{unit} was started anew for another reason:\n{said[-2000:]}")
    reads_and_confirms(comes())


def nothing_of_a_process_that_breaks_is_written_down() -> None:
    dumps = Path("/var/lib/systemd/coredump")
    ran("sh", "-c", "ulimit -c unlimited && kill -ABRT $$", may_fail=True)
    wait_for(lambda: list(dumps.glob("core.sh.*")), "this machine writes no core dumps, so this shows nothing")
    for unit in (SCHOOL, BROKER):
        running = pid(unit)
        os.kill(running, 6)
        wait_for(lambda: is_active(unit) and pid(unit) not in (0, running), f"{unit} was not started anew")
    time.sleep(20)
    written = [dump.name for dump in dumps.iterdir() if not dump.name.lstrip(".#").startswith("core.sh.")]
    check(not written, f"core dumps were written: {written}")
    all_active(BROKER, *PROCESSES)


def a_reload_lets_a_newcomer_in_and_keeps_everybody_else() -> None:
    before = {unit: pid(unit) for unit in (*PROCESSES, BROKER)}
    operator("add-organisation", "school-03CC00", "--make-keys")
    hosted = ["--hosted", f"{HOSTED}=02BBHwC@school.example", "--page", "http://localhost:8443"]
    operator("layout", str(DESK / "trees"), "--region", str(HERE / "handbook"), "--broker", "127.0.0.1", *hosted)
    tree = f"tar -C {DESK}/trees/school-03CC00 -cf - . | tar -C / -xpf - --no-same-owner --no-overwrite-dir"
    ran("sh", "-c", tree)
    settings = Path("/etc/hwc/school-03CC00/hwc.toml")
    settings.write_text(settings.read_text().replace("127.0.0.1:9464", "127.0.0.1:9480"))
    shutil.copyfile(f"{DESK}/trees/broker-1/etc/hwc/broker/accounts.conf", "/etc/hwc/broker/accounts.conf")
    shutil.copyfile(f"{DESK}/trees/engine-one/etc/hwc/engine-one/directory.json", "/etc/hwc/engine-one/directory.json")
    for _ in range(2):
        ran("systemctl", "reload", BROKER)
        time.sleep(2)
    ran("systemctl", "enable", "--now", "hwc-school@03CC00")
    check(is_active("hwc-school@03CC00"), "the newcomer does not get in")
    check({unit: pid(unit) for unit in before} == before, "somebody was started anew")
    ran("systemctl", "disable", "--now", "hwc-school@03CC00")


def a_newer_package_starts_everything_anew_but_the_broker() -> None:
    sends("P-upgrade")
    comes()
    before = {unit: pid(unit) for unit in PROCESSES}
    broker = pid(BROKER)
    ran("apt-get", "install", "-y", "-q", str(HERE / "newer.deb"))
    for unit, running in before.items():
        wait_for(lambda: is_active(unit) and pid(unit) not in (0, running), f"{unit} goes on with the older program")
    check(pid(BROKER) == broker, "the broker was started anew, too")
    reads_and_confirms(comes())
    # For the start of the machine.
    sends("P-reboot")
    comes()


def after_a_start_of_the_machine_everything_is_back_by_itself_and_what_waited_waits() -> None:
    all_active(BROKER, *PROCESSES)
    reads_and_confirms(comes())
    carries("P-after-reboot")
    # For the power cut.
    sends("P-cut")
    comes()


def after_a_power_cut_everything_is_back_by_itself_and_what_waited_waits() -> None:
    all_active(BROKER, *PROCESSES)
    reads_and_confirms(comes())
    carries("P-after-cut")


def what_is_stopped_ends_politely() -> None:
    for unit in (*PROCESSES, BROKER):
        ran("systemctl", "stop", unit)
        known = shown(unit)
        ended = (known["ActiveState"], known["Result"], known["ExecMainCode"], known["ExecMainStatus"])
        # Ended by itself, with 0.
        check(ended == ("inactive", "success", "1", "0"), (unit, ended))
    ran("systemctl", "start", BROKER, *PROCESSES)
    all_active(BROKER, *PROCESSES)


def who_purges_the_package_keeps_settings_keys_and_state_and_goes_on_with_the_next() -> None:
    sends("P-purged")
    comes()
    ran("apt-get", "purge", "-y", "-q", "hwc")
    for unit in (BROKER, *PROCESSES):
        check(shown(unit)["MainPID"] == "0", f"{unit} runs without its program")
    check(not Path("/usr/bin/hwc").exists() and not Path(f"/usr/lib/systemd/system/{BROKER}.service").exists(), "it is not gone")
    for path in KEPT:
        check(Path(path).exists(), f"{path} is gone")
    ran("apt-get", "install", "-y", "-q", str(HERE / "hwc.deb"))
    ran("systemctl", "start", BROKER, *PROCESSES)
    all_active(BROKER, *PROCESSES)
    reads_and_confirms(comes())


def nothing_was_refused_that_a_process_wanted() -> None:
    """Nobody ended in all this by the filter, by want of memory or by a fault of its own."""
    said = ran("journalctl", "--no-pager", "-o", "cat", "--merge")
    for words in ("status=31/SYS", "oom-kill", "panicked at", "start request repeated too quickly"):
        check(words not in said, f"{words!r} is in the journal")
    for words in ("Lotte", "2018-12-11"):
        check(words not in said, "the journal holds a name")


def the_machine_is_started_anew() -> None:
    """The machine starts anew, by order."""
    ran("systemctl", "reboot")


def the_power_is_cut() -> None:
    """The machine starts anew in the middle of everything: nothing is ended, and nothing is written to its disk any more."""
    refused("systemd-detect-virt", "--container")
    Path("/proc/sysrq-trigger").write_text("b")


STORIES = [
    the_package_installs_and_nothing_starts_by_itself,
    a_region_is_laid_out_on_the_machine_and_a_start_waits_for_the_broker_as_long_as_it_takes,
    a_signal_goes_from_the_polices_inbox_to_the_school_and_is_confirmed_by_its_user,
    keys_are_roots_and_each_process_is_lent_its_own_in_memory,
    no_process_has_a_privilege_and_what_it_does_not_need_it_may_not_do,
    who_is_not_on_the_access_list_is_not_spoken_to,
    what_is_killed_is_started_anew_and_goes_on_where_it_was,
    what_stands_still_is_killed_by_the_watchdog_and_started_anew,
    nothing_of_a_process_that_breaks_is_written_down,
    a_reload_lets_a_newcomer_in_and_keeps_everybody_else,
    a_newer_package_starts_everything_anew_but_the_broker,
    the_machine_is_started_anew,
    after_a_start_of_the_machine_everything_is_back_by_itself_and_what_waited_waits,
    the_power_is_cut,
    after_a_power_cut_everything_is_back_by_itself_and_what_waited_waits,
    what_is_stopped_ends_politely,
    who_purges_the_package_keeps_settings_keys_and_state_and_goes_on_with_the_next,
    nothing_was_refused_that_a_process_wanted,
]


def write_through(file: Path, text: str) -> None:
    """Onto the disk itself, and nothing else with it: a power cut takes what is not there."""
    with file.open("w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def main() -> int:
    if not Path("/etc/systemd/system/stories.service").exists():
        print("this installs, kills and purges: run check.py, which makes a machine for it", file=sys.stderr)
        return 2
    STATE.mkdir(exist_ok=True)
    mark = STATE / "next"
    at = int(mark.read_text()) if mark.exists() else 0
    for place, story in enumerate(STORIES[at:], at):
        name = story.__name__.replace("_", " ")
        try:
            if story in (the_machine_is_started_anew, the_power_is_cut):
                write_through(mark, str(place + 1))
                story()
                time.sleep(600)
                raise Failed("the machine did not start anew")
            story()
        except Exception:  # Whatever it is: it is told, and what can still be told is.
            print(traceback.format_exc())
            print(ran("systemctl", "list-units", "--all", "--no-legend", "hwc-*.service", may_fail=True))
            print(ran("journalctl", "--no-pager", "-n", "80", "-u", "hwc-*", may_fail=True))
            print(f"FAILED: {name}", flush=True)
            continue
        print(f"PASSED: {name}", flush=True)
    print("THE END", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
