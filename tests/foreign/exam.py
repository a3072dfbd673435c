#!/usr/bin/env python3
"""Puts the clients in other languages through `hwc exam`, each with a contact who presses and without. Ends with 0 only if all pass.

    python3 tests/foreign/exam.py --hwc target/release/hwc
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import ROOT, Missing, Tools

FLAGS = "--broker {broker} --organisation {organisation} --credentials {keys} --state {state}"
# Longer than a client waits for an answer before it says the same again.
PATIENCE_SECONDS = 90
# With the times above a key lives three seconds longer than its signal; this leaves room for a busy machine.
KEYS_WITHIN_SECONDS = 20


def papers(tools: Tools) -> dict[str, list[str]]:
    """What each client is examined with."""
    police = shlex.join([*tools.python, "hwc_police"])
    schools = {"python": shlex.join([*tools.python, "hwc_school"]), "node": shlex.join(tools.node)}
    sent = "cp {file} {inbox}/.part && mv {inbox}/.part {inbox}/$(basename {file})"
    run = f"exec {police} run {FLAGS} --veilig-thuis {{veilig_thuis}} --inbox {{inbox}}"
    wanted = {"police, Python": ["--as", "police", "--adapter", run, "--do", f"send={sent}"]}
    for language, school in schools.items():
        received = " && ".join(
            [f"{school} open {{signal}} --show --state {{state}}", f"{school} acknowledge {{signal}} --state {{state}}"]
        )
        run = f"exec {school} run {FLAGS} --look-every 1 --keys-apart 3"
        paper = ["--as", "school", "--adapter", run, "--do", f"receive={received}"]
        wanted[f"school, {language}"] = [*paper, "--keys-within", str(KEYS_WITHIN_SECONDS)]
    return wanted


def hold(hwc: Path, name: str, paper: list[str], tools: Tools) -> tuple[bool, str]:
    """One exam: whether it was passed, and what there is to say."""
    with tempfile.TemporaryDirectory(prefix="hwc-exam-") as folder:
        where = ["--credentials", str(Path(folder) / "exam.toml"), "--patience", str(PATIENCE_SECONDS), "-o", "json"]
        held = subprocess.run(
            [str(hwc), "exam", *paper, *where],
            env={**os.environ, **tools.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    try:
        cases = json.loads(held.stdout)["cases"]
    except (ValueError, KeyError):
        return False, f"{name}: no exam was held\n{held.stderr}"
    bad = [case for case in cases if case["verdict"] != "passed"]
    lines = [f"{name}: {len(cases) - len(bad)} of {len(cases)} cases passed"]
    for case in bad:
        lines.append(f"  {case['number']} {case['case']}: {case['verdict']}: {case.get('why', '')} ({case['rule']})")
    return held.returncode == 0 and not bad, "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hwc", type=Path, required=True)
    parser.add_argument("--tools", type=Path, default=ROOT / "target/foreign", help="where the packages are fetched to")
    told = parser.parse_args()
    try:
        tools = Tools(told.tools)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    wanted, passed = papers(tools), True
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        exams = [pool.submit(hold, told.hwc.resolve(), name, paper, tools) for name, paper in wanted.items()]
        for exam in exams:
            fine, words = exam.result()
            print(words, flush=True)
            passed = passed and fine
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
