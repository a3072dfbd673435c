"""What is inside a letter's seal, and how a contact reads it."""

import json
from datetime import date

CODEWORD = "Handle with Care"
MONTHS = "januari februari maart april mei juni juli augustus september oktober november december".split()


class NotALetter(ValueError):
    """It opened, and is no letter. Says nothing of what it holds."""


def read(content: bytes) -> dict:
    """A letter's four fields about the child, and nothing else that may stand there."""
    try:
        said = json.loads(content)
        child = said["child"]
        born = date.fromisoformat(child["date_of_birth"])
        fields = {
            "given_names": child["given_names"],
            "prefix": child.get("prefix") or "",
            "surname": child["surname"],
            "date_of_birth": born.isoformat(),
        }
        if said["codeword"] != CODEWORD or not all(isinstance(text, str) for text in fields.values()):
            raise NotALetter("no letter")
        return fields
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotALetter("what was sealed is no letter") from None


def as_text(letter: dict) -> str:
    """The letter for a screen, in Dutch."""
    born = date.fromisoformat(letter["date_of_birth"])
    name = " ".join(part for part in (letter["given_names"], letter["prefix"], letter["surname"]) if part)
    return (
        f"  Naam        {name}\n"
        f"  Geboren     {born.day} {MONTHS[born.month - 1]} {born.year}\n"
        f"  Codewoord   {CODEWORD}\n\n"
        "Vertel het mondeling aan de groepsleerkracht, en aan niemand anders; in het voortgezet onderwijs en mbo aan de\n"
        "leerling zelf. Niets noteren, doorsturen, kopiëren of afdrukken."
    )
