"""The log: fixed words and, beside them, what may be said of anybody: counts, codes, organisations, refusals. Never a name."""

import sys
from datetime import datetime, timezone


def say(words: str, **beside: object) -> None:
    """One line on standard error. `words` is written in the program, `beside` is never anything that was sealed."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    pairs = "".join(f" {name}={value}" for name, value in beside.items())
    print(f"{moment} {words}{pairs}", file=sys.stderr, flush=True)
