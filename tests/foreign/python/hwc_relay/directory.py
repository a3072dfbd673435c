"""The signed directory, and whose key is believed, as DIRECTORY.md has them."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from .files import write_private
from .log import say
from .seal import fingerprint

LABEL = b"hwc-directory-1"
BYTES_MAX, EARLIER_MAX = 960 * 1024, 3
ORGANISATION = re.compile(r"(police|veilig-thuis|municipality|school)-[A-Za-z0-9]{1,32}")
PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


class NotTaken(Exception):
    """A directory that is not believed. Says why, never what stands in it."""


class NotBelieved(Exception):
    """No key of this organisation is believed."""


@dataclass(frozen=True)
class Directory:
    """Public keys by organisation: the present one first, then earlier ones."""

    serial: int
    organisations: dict[str, list[str]]
    signed: bytes

    @property
    def digest(self) -> str:
        """What two directories of one serial must have in common."""
        return hashlib.sha256(self.signed.partition(b"\n")[2]).hexdigest()


def _once(pairs: list[tuple[str, object]]) -> dict:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("named twice")
    return dict(pairs)


def read(signed: bytes, operator: VerifyKey) -> Directory:
    """Reads a directory: first whether the operator signed these very bytes, then what they say."""
    head, line_end, body = signed.partition(b"\n")
    label, _, signature = head.partition(b" ")
    if len(signed) > BYTES_MAX or label != LABEL or not line_end:
        raise NotTaken("this is no directory")
    try:
        operator.verify(LABEL + b"\n" + body, bytes.fromhex(signature.decode("ascii")))
    except (BadSignatureError, ValueError):
        raise NotTaken("the operator in operator.pub did not sign it") from None
    try:
        said = json.loads(body, object_pairs_hook=_once)
        if said["version"] != 2:
            raise NotTaken("a version that this program does not know")
        organisations = {name: [one["key"], *one.get("earlier", [])] for name, one in said["organisations"].items()}
        serial = said["serial"]
        strange = set(said) - {"version", "serial", "organisations"}
        strange.update(field for one in said["organisations"].values() for field in set(one) - {"key", "earlier"})
        if strange or any(len(keys) > 1 + EARLIER_MAX for keys in organisations.values()):
            raise NotTaken("it does not have the form of a directory")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotTaken("it does not have the form of a directory") from None
    names_fit = all(ORGANISATION.fullmatch(name) for name in organisations)
    if not names_fit or not all(PUBLIC_KEY.fullmatch(str(key)) for keys in organisations.values() for key in keys):
        raise NotTaken("it does not have the form of a directory")
    if not isinstance(serial, int) or serial < 0:
        raise NotTaken("it does not have the form of a directory")
    return Directory(serial, organisations, signed)


class Book:
    """The newest directory, and the key of each organisation that was believed before. Both survive a restart."""

    def __init__(self, state: Path, operator: VerifyKey):
        self._state, self._operator = state, operator
        self._directory = Directory(0, {}, b"")
        self._seen: tuple[int, str] | None = None
        self._known: dict[str, list[str]] = {}
        known = state / "known.json"
        if known.exists():
            said = json.loads(known.read_bytes())
            self._seen, self._known = (said["serial"], said["directory"]), said["organisations"]

    @property
    def serial(self) -> int:
        """Of the directory in use; 0 before there is one."""
        return self._directory.serial

    def load(self, handed_over: Path) -> None:
        """Begins with the newest directory at hand: the operator's file, or the one that came from the relay later."""
        found = []
        for path in (handed_over, self._state / "directory.json"):
            if path.exists():
                try:
                    found.append(read(path.read_bytes(), self._operator))
                except NotTaken as why:
                    say("a directory on the disk is not taken", why=f'"{why}"')
        if found:
            try:
                self._take(max(found, key=lambda one: one.serial))
            except NotTaken as why:
                # The relay has a newer one.
                say("the directory on the disk is not taken", why=f'"{why}"')

    def offer(self, signed: bytes) -> None:
        """Takes a newer directory from the relay, if it is one."""
        directory = read(signed, self._operator)
        self._take(directory)
        write_private(self._state / "directory.json", signed)

    def _take(self, directory: Directory) -> None:
        if self._seen is not None:
            serial, digest = self._seen
            if directory.serial < serial:
                raise NotTaken(f"serial {directory.serial} is older than {serial}, which was seen before")
            if directory.serial == serial and directory.digest != digest:
                raise NotTaken(f"two directories have the serial {serial}; ask the operator which is right")
        self._seen = (directory.serial, directory.digest)
        for name, keys in directory.organisations.items():
            # Who is new is believed; after that, a changed key waits until somebody compared it.
            believed = self._known.setdefault(name, list(keys))
            self._known[name] = believed[:1] + [key for key in believed[1:] if key in keys]
        self._directory = directory
        self._keep()
        for name in self.unconfirmed():
            say("a key changed and nobody confirmed the new one", organisation=name)

    def _keep(self) -> None:
        serial, digest = self._seen or (0, "")
        said = {"serial": serial, "directory": digest, "organisations": self._known}
        write_private(self._state / "known.json", json.dumps(said, indent=1).encode("ascii"))

    def unconfirmed(self) -> list[str]:
        """Whose key changed and is not confirmed."""
        return [name for name, keys in self._directory.organisations.items() if self._known[name][0] != keys[0]]

    def key_to_seal_to(self, organisation: str) -> bytes:
        """The long-term key of a receiver, to seal to and to check what it left."""
        listed = self._directory.organisations.get(organisation)
        if not listed:
            raise NotBelieved(f"{organisation} is not in the directory")
        if self._known[organisation][0] != listed[0]:
            raise NotBelieved(f"the key of {organisation} changed and nobody confirmed the new one")
        return bytes.fromhex(listed[0])

    def keys_to_open_from(self, organisation: str) -> list[bytes]:
        """The keys that a sender may have sealed with, or signed with: listed, and believed."""
        listed = self._directory.organisations.get(organisation, [])
        believed = [key for key in listed if key in self._known.get(organisation, [])]
        if not believed:
            raise NotBelieved(f"no key of {organisation} is believed")
        return [bytes.fromhex(key) for key in believed]

    def confirm(self, organisation: str, compared: str) -> None:
        """Believes the key that the directory gives, if this is the fingerprint that they read out."""
        listed = self._directory.organisations.get(organisation)
        digits = "".join(compared.split()).lower()
        if not listed or fingerprint(bytes.fromhex(listed[0])).replace(" ", "") != digits:
            raise NotBelieved("the key in the directory has another fingerprint: seal nothing to it, and call the operator")
        before = self._known[organisation]
        self._known[organisation] = [listed[0]] + [key for key in before if key in listed[1:]]
        self._keep()
