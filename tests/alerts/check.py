#!/usr/bin/env python3
"""Lets a real Prometheus look at a real region with the rules of `deploy/prometheus`, and breaks one thing after the other.

    python3 tests/alerts/check.py --hwc target/release/hwc --prometheus PROGRAM

`promtool` tries the rules on series that were thought up. This tries what those cannot: that the processes show those very series,
that the dashboard has something to draw, that what breaks is seen and what is mended is quiet again, and that no label says whose
signal it is. What alerts wait for (`for: 2m`) is a second here; all else in the rules is as it is.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "foreign"))

from region import ROOT, Failed, Region, free_port, report, wait_for  # noqa: E402

RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/region.json"
POLICE = "police-region"
MUNICIPALITY = "municipality-0855"
SHOWN_BY = ("engine", "veilig-thuis-region", MUNICIPALITY, POLICE)
# One engine runs here, and nobody stands by.
ALWAYS = {"HwcNobodyStandsBy"}
# No label may say more than this.
LABELS = set(
    "__name__ instance job le state moment outcome reason what role key request answer task settled fate version quantile"
    " service_name service_version".split()
)
SOMEBODY = re.compile(r"Dubbel|Sam\b|2015-05-05|01AA|02BB|0855|[0-9a-f]{16}", re.IGNORECASE)
IN_TWO_SCHOOLS = ("Sam", "Dubbel", "2015-05-05")


class Watched(Region):
    """The region, with the police, and with an address for each process where Prometheus may look."""

    def __init__(self, hwc: Path, folder: Path):
        super().__init__(hwc, folder)
        self.shown_at = {name: f"127.0.0.1:{free_port()}" for name in SHOWN_BY}

    def _tables(self) -> None:
        super()._tables()
        (self.folder / "inbox").mkdir(mode=0o700)
        given, surname, born = IN_TWO_SCHOOLS
        with (self.folder / "tables/enrolments.csv").open("a") as enrolments:
            for school in ("01AA", "02BB"):
                enrolments.write(f"0855,{given},,{surname},{born},{school},00,no,,\n")

    def _settings(self) -> None:
        super()._settings()
        said = self.settings("engine").read_text()
        self.shift = int(re.search(r"clock_offset_seconds = (-?\d+)", said)[1])
        relay = f'[relay]\nbroker = "{self.url}"\nkeys = "{self.credentials(POLICE)}"\nstate_dir = "state/{POLICE}"\n\n'
        police = f'[police]\norganisation = "{POLICE}"\nveilig_thuis = "veilig-thuis-region"\ninbox = "inbox"\n'
        self.settings(POLICE).write_text(relay + police)
        key = self.credentials(POLICE) / "reference"
        key.touch(mode=0o600)
        key.write_bytes(bytes(range(32)))
        for name, address in self.shown_at.items():
            written = self.settings(name).read_text()
            self.settings(name).write_text(written.replace("[relay]\n", f'[relay]\nlisten = "{address}"\n', 1))

    def kills(self, name: str) -> None:
        """As `kill -9` does."""
        self._others[name].kill()

    def starts(self, name: str) -> None:
        """Again, as its service manager would."""
        self._others[name] = self.ours(name)
        self._others[name].says("at work")

    def reports(self, name: str, *lines: str) -> None:
        """A file that the police move into their inbox."""
        beside = self.folder / f"inbox/{name}.part"
        beside.write_text("".join(line + "\n" for line in lines))
        beside.rename(self.folder / f"inbox/{name}.jsonl")


class Prometheus:
    """A Prometheus that looks twice a second."""

    def __init__(self, program: Path, region: Watched):
        folder = region.folder / "prometheus"
        folder.mkdir()
        # The region's clock says another day than Prometheus's.
        rules = re.sub(r"for: (\d+[mh]|30s)", "for: 1s", RULES.read_text()).replace("time()", f"(time() + {region.shift})")
        (folder / "alerts.yml").write_text(rules)
        targets = json.dumps(list(region.shown_at.values()))
        (folder / "prometheus.yml").write_text(
            "global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }\n"
            "rule_files: [alerts.yml]\n"
            f"scrape_configs: [{{ job_name: hwc, static_configs: [{{ targets: {targets} }}] }}]\n"
        )
        address = f"127.0.0.1:{free_port()}"
        self._url = f"http://{address}/api/v1/"
        flags = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/store"]
        region.start("prometheus", [str(program), *flags, f"--web.listen-address={address}"])
        wait_for(self._ready, "Prometheus does not answer")

    def _ready(self) -> bool:
        try:
            return bool(self.asks("status/buildinfo"))
        except OSError:
            return False

    def asks(self, what: str, **fields: str):
        query = f"?{urllib.parse.urlencode(fields)}" if fields else ""
        with urllib.request.urlopen(self._url + what + query, timeout=10) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set:
        return {one["labels"]["alertname"] for one in self.asks("alerts")["alerts"] if one["state"] == "firing"}

    def comes_to(self, alerts: set, when: str) -> None:
        """Waits until these alerts are there, and no other."""
        wait_for(lambda: self.firing() - ALWAYS == alerts, lambda: f"{when}: {sorted(alerts)}, but {sorted(self.firing())}")
        print(f"  {when}: {', '.join(sorted(alerts)) or 'quiet'}")

    def comes(self, alert: str, when: str) -> None:
        """Waits until this alert is there, whatever else is."""
        wait_for(lambda: alert in self.firing(), lambda: f"{when}: no {alert}, but {sorted(self.firing())}")
        print(f"  {when}: {alert}")


def expressions() -> list:
    """What the dashboard draws."""
    found = []

    def walk(panels: list) -> None:
        for panel in panels:
            found.extend(target["expr"] for target in panel.get("targets", []))
            walk(panel.get("panels", []))

    walk(json.loads(DASHBOARD.read_text())["panels"])
    return found


def metrics(texts: list) -> set:
    """The names of metrics in expressions."""
    return {name for text in texts for name in re.findall(r"\bhwc_[a-z_]+", text)}


def check(is_so: bool, what: object) -> None:
    if not is_so:
        raise Failed(what)


def well(region: Watched, prometheus: Prometheus) -> None:
    """A region that is well: every process is looked at, and every rule works."""
    up = lambda: len(prometheus.asks("query", query='up{job="hwc"} == 1')["result"]) == len(SHOWN_BY)  # noqa: E731
    wait_for(up, "not every process is looked at")
    region.reports("first", report("P-1", ("Lotte", "Smit", "2018-12-11")))
    delivered = lambda: prometheus.asks("query", query="sum(hwc_deliveries_total) > 0")["result"]  # noqa: E731
    wait_for(delivered, "the first signal was not delivered")
    rules = [rule for group in prometheus.asks("rules")["groups"] for rule in group["rules"]]
    check(len(rules) > 15, f"{len(rules)} rules")
    ill = [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"]
    check(not ill, f"rules that cannot be evaluated: {ill}")


def all_is_shown(prometheus: Prometheus) -> None:
    """Whatever the rules and the dashboard speak of has been seen, and can be drawn."""
    rules = [rule["query"] for group in prometheus.asks("rules")["groups"] for rule in group["rules"]]
    spoken = metrics(rules + expressions())
    unseen = lambda: spoken - set(prometheus.asks("label/__name__/values"))  # noqa: E731
    wait_for(lambda: not unseen(), lambda: f"spoken of and never shown: {sorted(unseen())}")
    for expression in expressions():
        prometheus.asks("query", query=expression)
    print(f"  {len(rules)} rules and {len(expressions())} panels speak of {len(spoken)} metrics, and all are shown")


def nobody_is_in_it(prometheus: Prometheus) -> None:
    """No label and no value says whose signal it is."""
    labels = set(prometheus.asks("labels"))
    check(labels <= LABELS | {"alertname", "alertstate", "severity"}, f"more labels: {sorted(labels - LABELS)}")
    values = {value for label in labels - {"instance"} for value in prometheus.asks(f"label/{label}/values")}
    named = sorted(value for value in values if SOMEBODY.search(value))
    check(len(values) > 50 and not named, f"labels that identify: {named}")
    print(f"  {len(values)} values of {len(labels)} labels, and none says whose signal it is")


def one_thing_after_the_other(region: Watched, prometheus: Prometheus) -> None:
    """Each trouble is seen, and is quiet again when it is mended."""
    prometheus.comes_to({"HwcSealedToLongTermKey"}, "before a school has left keys")

    region.reports("broken", '{"report_id": "P-2"}')
    prometheus.comes("HwcFilesSetAside", "a report that cannot be read")
    aside = json.loads(region.hwc("dead-letters", "list", "-o", "json", "--config", str(region.settings(POLICE)), fine=False))
    code = aside["letters"][0]["code"] if isinstance(aside, dict) else aside[0]["code"]
    drop = ["dead-letters", "drop", code, "--reason", "sent_otherwise", "--config", str(region.settings(POLICE))]
    region.hwc(*drop)

    region.reports("twice", report("P-3", IN_TWO_SCHOOLS))
    prometheus.comes("HwcDoubtfulCases", "a child at two schools")
    pending = region.hwc("municipality", "--config", str(region.settings(MUNICIPALITY)), "pending", "--show", "-o", "json")
    region.hwc("municipality", "--config", str(region.settings(MUNICIPALITY)), "withhold", json.loads(pending)["cases"][0]["code"])

    region.kills("veilig-thuis-region")
    region.reports("third", report("P-4", ("Eva", "Jansen", "2015-04-08")))
    prometheus.comes("HwcProcessGone", "Veilig Thuis is killed")
    prometheus.comes("HwcReportsUnscreened", "and a report waits for it")
    region.starts("veilig-thuis-region")

    region.engine.kill()
    prometheus.comes("HwcNobodyLeads", "the engine is killed")
    region.start_engine()
    prometheus.comes_to({"HwcSealedToLongTermKey"}, "everything is mended")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--hwc", type=Path, required=True)
    arguments.add_argument("--prometheus", type=Path, required=True)
    told = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o700)
        with Watched(told.hwc.resolve(), Path(folder)) as region:
            region.begin()
            region.starts(POLICE)
            prometheus = Prometheus(told.prometheus.resolve(), region)
            try:
                well(region, prometheus)
                one_thing_after_the_other(region, prometheus)
                all_is_shown(prometheus)
                nobody_is_in_it(prometheus)
            except Failed as failed:
                print(f"FAILED: {failed}", file=sys.stderr)
                return 1
    print("a real Prometheus saw every trouble, and nobody")
    return 0


if __name__ == "__main__":
    sys.exit(main())
