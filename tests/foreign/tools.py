"""What the clients are run with: their packages, pinned by hash, in a folder of their own. Nothing is installed elsewhere.

    python3 tests/foreign/tools.py --tools target/foreign

fetches what is not there yet, and says how each client is begun, as JSON: the first words of its command line, and the environment.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Missing(Exception):
    """A tool that is needed is not there."""


def _once(folder: Path, locks: list[Path], fetch) -> None:
    """Fetches into the folder, unless it was filled from the same lock files before."""
    made_for = sys.version.encode() + b"".join(lock.read_bytes() for lock in locks)
    digest = hashlib.sha256(made_for).hexdigest()
    mark = folder / ".made-from"
    if mark.exists() and mark.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    fetch()
    mark.write_text(digest)


class Tools:
    """Both languages, ready to run."""

    def __init__(self, folder: Path):
        for tool, why in (("node", "the school in JavaScript"), ("npm", "what it is made of")):
            if not shutil.which(tool):
                raise Missing(f"{tool} is not found; it is needed for {why}")
        self._packages, self._node = (folder / "python").resolve(), (folder / "node").resolve()
        _once(self._packages, [HERE / "python/requirements.txt"], self._fetch_packages)
        _once(self._node, [HERE / "node/package-lock.json", HERE / "node/package.json"], self._fetch_modules)
        for name in ("school.mjs", "test.mjs"):
            shutil.copy(HERE / "node" / name, self._node / name)
        shutil.copytree(HERE / "node/lib", self._node / "lib", dirs_exist_ok=True)
        self.environment = {
            "PYTHONPATH": os.pathsep.join([str(HERE / "python"), str(self._packages)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HWC_TREE": str(ROOT),
        }
        self.python = [sys.executable, "-m"]
        self.node = ["node", str(self._node / "school.mjs")]

    def _fetch_packages(self) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]
        wanted = ["--require-hashes", "--target", str(self._packages), "--requirement", str(HERE / "python/requirements.txt")]
        subprocess.run([*pip, *wanted], check=True, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})

    def _fetch_modules(self) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, self._node / name)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*npm, "--prefix", str(self._node)], check=True)

    def import_packages(self) -> None:
        """Lets this very process speak to the relay as the clients do."""
        sys.dont_write_bytecode = True
        sys.path[:0] = [str(HERE / "python"), str(self._packages)]

    def own_tests(self) -> None:
        """What each client is tested with in its own language."""
        environment = {**os.environ, **self.environment}
        subprocess.run([*self.python, "unittest", "-q", "test_clients"], check=True, cwd=HERE / "python", env=environment)
        shown = ["--test-reporter", "dot"]
        subprocess.run(["node", "--test", *shown, str(self._node / "test.mjs")], check=True, env=environment, stdout=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, default=ROOT / "target/foreign", help="where the packages are fetched to")
    try:
        tools = Tools(parser.parse_args().tools)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    begun = {
        "police-python": [*tools.python, "hwc_police"],
        "school-python": [*tools.python, "hwc_school"],
        "school-node": tools.node,
    }
    print(json.dumps({"commands": begun, "environment": tools.environment}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
