#!/usr/bin/env python3
"""Compare the program's diary with the oracle's, line by line, in any order.

First the fixed checks: the handbook's cases and `cases/`, whose expected diaries were derived by
hand. Then random datasets, one a seed, and villages that the program invents itself (`hwc simulate
population`). Without --hwc only the oracle itself is checked.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
import generate
import oracle

HERE = Path(__file__).resolve().parent
SECONDS_AT_MOST = 600


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def difference(wanted, found):
    """The lines that one of two diaries has and the other has not."""
    def multiset(lines):
        return Counter(json.dumps(line, ensure_ascii=False, sort_keys=True) for line in lines)
    wanted, found = multiset(wanted), multiset(found)
    return ([f"- wanted {line}" for line in (wanted - found).elements()]
            + [f"+ found  {line}" for line in (found - wanted).elements()])


def flags(dataset):
    """The replay's flags: the words of the file `args` beside the data, if there is one."""
    path = dataset / "args"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def by_oracle(dataset):
    words = flags(dataset)
    unattended = words[words.index("--unattended-schools") + 1].split(",") if words else []
    return oracle.replay(dataset, set(unattended))


def by_hwc(hwc, dataset, diary):
    """What the program wrote to `diary`, and what is wrong with how it ran."""
    diary.unlink(missing_ok=True)
    command = [hwc, "replay", str(dataset), "--diary", str(diary), *flags(dataset)]
    try:
        run = subprocess.run(command, capture_output=True, timeout=SECONDS_AT_MOST)
    except subprocess.TimeoutExpired:
        return [], [f"not ready after {SECONDS_AT_MOST} s"]
    said = (run.stdout + run.stderr).decode(errors="replace")
    refused = by_oracle(dataset)[1]
    problems = []
    if (run.returncode != 0) != bool(refused):
        problems.append(f"exit code {run.returncode}, lines to refuse: {refused or 'none'}")
    if generate.MARK in said:
        problems.append("a message shows the content of a refused line")
    if not diary.exists():
        return [], problems + ["no diary was written", said[-2000:]]
    try:
        return read_lines(diary), problems
    except ValueError:
        return [], problems + ["the diary is not one JSON object a line"]


def check_hwc(hwc, dataset, wanted):
    with tempfile.TemporaryDirectory() as folder:
        found, problems = by_hwc(hwc, dataset, Path(folder) / "diary.jsonl")
    return problems + difference(wanted, found)


def flat(line):
    """The projection of a diary line in the handbook's expected.jsonl."""
    named = {key: line["child"][key] for key in ("given_names", "surname", "date_of_birth")}
    return named | {key: line[key] for key in (
        "report_id", "sibling", "outcome", "reason", "school", "delivered_at", "acknowledged_at")}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, what, differences, kept=None):
        if not differences:
            self.passed += 1
            return
        self.failed += 1
        print(f"{what}: {len(differences)} differences, the first:")
        for text in differences[:1] + [d for d in differences[1:] if d[0] == "+"][:1]:
            print(f"  {text}")
        if kept:
            print(f"  dataset kept in {kept}")


def check_fixed(options, tally):
    if options.handbook:
        handbook = Path(options.handbook)
        diary = by_oracle(handbook)[0]
        tally.note("oracle, handbook",
                   difference(read_lines(handbook / "expected.jsonl"), map(flat, diary)))
        if options.hwc:
            tally.note("hwc, handbook", check_hwc(options.hwc, handbook, diary))
    for case in sorted((HERE / "cases").iterdir()):
        wanted = read_lines(case / "expected.jsonl")
        tally.note(f"oracle, {case.name}", difference(wanted, by_oracle(case)[0]))
        if options.hwc:
            tally.note(f"hwc, {case.name}", check_hwc(options.hwc, case, wanted))


def check_random(options, tally):
    for seed in range(options.seed, options.seed + options.datasets):
        dataset = Path(tempfile.mkdtemp(prefix=f"hwc-oracle-{seed}-"))
        generate.Generator(seed, options.reports).write(dataset)
        differences = check_hwc(options.hwc, dataset, by_oracle(dataset)[0])
        tally.note(f"hwc, seed {seed}", differences, kept=dataset)
        if not differences:
            shutil.rmtree(dataset)


def check_villages(options, tally):
    """Villages of the program's own: other names, more people, everyday calendars."""
    for seed in range(options.seed, options.seed + options.villages):
        dataset = Path(tempfile.mkdtemp(prefix=f"hwc-village-{seed}-"))
        command = [options.hwc, "simulate", "population", "--seed", str(seed), "--size", "2500",
                   "--reports", "40", "--days", "120", "--out", str(dataset)]
        run = subprocess.run(command, capture_output=True, timeout=SECONDS_AT_MOST)
        if run.returncode:
            tally.note(f"village {seed}", ["- " + run.stderr.decode(errors="replace")])
            continue
        differences = check_hwc(options.hwc, dataset, by_oracle(dataset)[0])
        tally.note(f"village {seed}", differences, kept=dataset)
        if not differences:
            shutil.rmtree(dataset)


def count(options):
    """How often each ending occurs in the random datasets."""
    endings = Counter()
    for seed in range(options.seed, options.seed + options.datasets):
        with tempfile.TemporaryDirectory() as folder:
            generate.Generator(seed, options.reports).write(folder)
            endings.update((line["outcome"], line["reason"] or "")
                           for line in by_oracle(Path(folder))[0])
    for (outcome, reason), times in sorted(endings.items()):
        print(f"{times:6} {outcome} {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hwc", help="the program; without it only the oracle is checked")
    parser.add_argument("--handbook", help="the folder with the manual's own cases")
    parser.add_argument("--datasets", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--reports", type=int, default=25, help="reports a dataset")
    parser.add_argument("--villages", type=int, default=3, help="villages that the program invents")
    parser.add_argument("--count", action="store_true", help="only count the endings")
    options = parser.parse_args()
    if options.count:
        return count(options)
    tally = Tally()
    check_fixed(options, tally)
    if options.hwc:
        check_random(options, tally)
        check_villages(options, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
