"""The police's own reports: one JSON object a line, as `docs/dataset.md` has them; and what of them goes into the seal."""

import hmac
import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timezone

LINE_BYTES_MAX = 256 * 1024
CHILDREN_MAX = 64
KINDS = ("domestic_violence", "child_abuse", "other")
PRESENCES, RELATIONS = ("present", "absent"), ("resident", "family", "visitor")


class BadField(ValueError):
    """A line that is no report: which field, and what is wrong with it. Never what it said."""

    def __init__(self, field: str, problem: str):
        super().__init__(f"{field}: {problem}")


@dataclass(frozen=True)
class Report:
    """One report, ready to be sealed."""

    incident: str
    day: date
    content: bytes


def _holds_citizen_service_number(text: str) -> bool:
    """Nine digits in a row that pass the eleven-test: never carried."""
    for run in re.findall(r"(?<!\d)\d{9}(?!\d)", text, re.ASCII):
        total = sum(int(digit) * weight for digit, weight in zip(run, (9, 8, 7, 6, 5, 4, 3, 2, -1)))
        if total % 11 == 0 and run != "000000000":
            return True
    return False


def _text(of: dict, field: str, chars_max: int, needed: bool = False) -> str:
    text = of.get(field)
    if text is None and not needed:
        return ""
    if not isinstance(text, str):
        raise BadField(field, "is no text")
    text = text.strip()
    if len(text) > chars_max:
        raise BadField(field, "is too long")
    if not text.isprintable():
        raise BadField(field, "holds a control character")
    if _holds_citizen_service_number(text):
        raise BadField(field, "holds a citizen service number, which is never carried")
    return text


def _word(of: dict, field: str, words: tuple[str, ...]) -> str:
    if of.get(field) not in words:
        raise BadField(field, "is none of the words that the format knows")
    return of[field]


def _object(of: dict, field: str) -> dict:
    if not isinstance(of.get(field), dict):
        raise BadField(field, "is missing")
    return of[field]


def _day(text: object, field: str) -> date:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise BadField(field, "is not a date written YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadField(field, "is not a date written YYYY-MM-DD") from None


def _moment(text: object, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise BadField(field, "is not a moment with an offset") from None
    if moment.tzinfo is None:
        raise BadField(field, "is not a moment with an offset")
    return moment.astimezone(timezone.utc)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _address(of: dict) -> dict:
    postcode = _text(of, "postcode", 8, needed=True).replace(" ", "").upper()
    if not re.fullmatch(r"\d{4}[A-Z]{2}", postcode, re.ASCII):
        raise BadField("postcode", "is not four digits and two letters")
    number = of.get("house_number")
    if type(number) is not int or not 1 <= number <= 99_999:
        raise BadField("house_number", "is not a whole number from 1 to 99999")
    municipality = _text(of, "municipality", 4)
    if municipality and not re.fullmatch(r"\d{4}", municipality, re.ASCII):
        raise BadField("municipality", "is not a CBS code of four digits")
    return {
        "postcode": postcode,
        "house_number": number,
        "house_letter": _text(of, "house_letter", 8),
        "addition": _text(of, "addition", 16),
        "municipality": municipality or None,
    }


def _mention(of: object) -> dict:
    if not isinstance(of, dict):
        raise BadField("children", "is not a list of children")
    surname = _text(of, "surname", 200, needed=True)
    if not any(char.isalnum() for char in surname):
        raise BadField("surname", "holds no letter or digit")
    return {
        "child": {
            "given_names": _text(of, "given_names", 200),
            "prefix": _text(of, "prefix", 40) or None,
            "surname": surname,
            "date_of_birth": str(_day(of.get("date_of_birth"), "date_of_birth")),
        },
        "presence": _word(of, "presence", PRESENCES),
        "relation": _word(of, "relation", RELATIONS),
    }


def incident_id(reference_key: bytes, reference: str) -> str:
    """The id of an incident: it follows from our own reference, and nobody without our key can tell which."""
    return hmac.new(reference_key, reference.encode("utf-8"), "sha256").hexdigest()[:32]


def read(line: bytes, reference_key: bytes) -> Report:
    """Reads one line; what is in none of the fields goes no further."""
    if len(line) > LINE_BYTES_MAX:
        raise BadField("line", "is too long")
    try:
        of = json.loads(line)
    except (ValueError, RecursionError):
        raise BadField("line", "is no JSON") from None
    if not isinstance(of, dict):
        raise BadField("line", "is no report")
    reference = of.get("report_id")
    if not isinstance(reference, str) or not 1 <= len(reference) <= 200:
        raise BadField("report_id", "is missing or too long")
    reported = _moment(of.get("reported_at"), "reported_at")
    incident = _object(of, "incident")
    children = of.get("children")
    if not isinstance(children, list) or len(children) > CHILDREN_MAX:
        raise BadField("children", f"is not a list of at most {CHILDREN_MAX} children")
    occurred = incident.get("occurred_at")
    only_a_day = isinstance(occurred, str) and len(occurred) == 10
    content = {
        "reported_at": _written(reported),
        **(
            {"occurred_on": str(_day(occurred, "occurred_at"))}
            if only_a_day
            else {"occurred_at": _written(_moment(occurred, "occurred_at"))}
        ),
        "kind": _word(incident, "kind", KINDS),
        "address": _address(_object(incident, "address")),
        "children": [_mention(child) for child in children],
    }
    sealed = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return Report(incident_id(reference_key, reference), reported.date(), sealed)
