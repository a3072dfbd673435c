"""Sealing to somebody: to the key they made for it, if there is one that is theirs."""

import base64
import re
from datetime import date, datetime, timezone

from .directory import Book, NotBelieved
from .left import is_fresh, is_theirs
from .line import Line, NoAnswer, Refused
from .log import say
from .seal import Binding, seal

ROUNDS_ONE_TIME, ROUNDS_WEEKLY = 3, 1
KEY_OF_PATIENCE_SECONDS = 5


def _usable(key: object, organisation: str, signers: list[bytes], today: date) -> bool:
    fits = (
        isinstance(key, dict)
        and key.get("kind") in ("one_time", "weekly")
        and re.fullmatch(r"[0-9a-f]{32}", str(key.get("id")))
        and re.fullmatch(r"[0-9a-f]{64}", str(key.get("key")))
        and is_fresh(key, today)
    )
    if fits and any(is_theirs(organisation, key, signer) for signer in signers):
        return True
    if key is not None:
        say("a key that was handed out as theirs is not; it is not sealed to", organisation=organisation)
    return False


async def choices(line: Line, book: Book, organisation: str) -> list[dict]:
    """The keys to seal to, the best first. The one in the directory needs nobody's answer and is not among them."""
    question = {"ask": "key_of", "organisation": organisation}
    try:
        told = await line.say("ask", question, KEY_OF_PATIENCE_SECONDS)
    except (NoAnswer, Refused):
        return []
    today = datetime.now(timezone.utc).date()
    signers = book.keys_to_open_from(organisation)
    return [key for key in (told.get("one_time"), told.get("weekly")) if _usable(key, organisation, signers, today)]


async def submit_sealed(line: Line, book: Book, secret: bytes, content: bytes, binding: Binding, command) -> str:
    """Seals the content and submits `command(sealed)`, anew with another key as long as one turns out to be used.

    First one-time keys, then the weekly one, then the one in the directory, which is never used up.
    """
    long_term = book.key_to_seal_to(binding.receiver)
    for round in range(ROUNDS_ONE_TIME + ROUNDS_WEEKLY + 1):
        found = await choices(line, book, binding.receiver) if round < ROUNDS_ONE_TIME + ROUNDS_WEEKLY else []
        if round >= ROUNDS_ONE_TIME:
            found = [key for key in found if key["kind"] == "weekly"]
        if found:
            sealed = seal(content, binding, secret, bytes.fromhex(found[0]["key"]), bytes.fromhex(found[0]["id"]))
        else:
            sealed = seal(content, binding, secret, long_term)
        try:
            return await line.submit(command(base64.b64encode(sealed).decode("ascii")))
        except Refused as refused:
            if refused.code != "key_used" or not found:
                raise
    raise NotBelieved(f"no key of {binding.receiver} was taken")
