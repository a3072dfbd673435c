#!/usr/bin/env python3
"""A reference model of `hwc replay DATASET --diary FILE`: what becomes of every child.

Written from the rules alone (R1..R30) and the dataset contract, to be compared with the program.
In a replay the organisations act at once, so screening and routing happen at `reported_at`, and
only the calendar, the school's contact and the deadlines make anything take time.
"""
import argparse
import csv
import json
import sys
import tomllib
import unicodedata
from collections import namedtuple
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

UTC = timezone.utc
DAY = timedelta(days=1)

POLICY = {
    "deliver_from": "07:00",
    "deliver_until": "17:00",
    "max_hold_days": 17,
    "expire_after_school_days": 2,
    "payload_ceiling_days": 28,
}
# The contact's day in a replay, whatever the policy.
CONTACT_FROM, CONTACT_UNTIL = time(8), time(17)

Child = namedtuple("Child", "given_names prefix surname date_of_birth")
Resident = namedtuple("Resident", "address municipality child")
Enrolment = namedtuple("Enrolment", "municipality child school secret host")
School = namedtuple("School", "municipality mailbox covenant_signed_on")
Report = namedtuple("Report", "id reported_at day qualifies address municipality mentions")
Mention = namedtuple("Mention", "child presence relation")

# The order of the table "How a signal ends": where several reasons apply, the first counts.
REASONS_SCREENED = ["not_of_age", "visitor", "registered_elsewhere_absent"]


# --- Local time: Europe/Amsterdam, by the European rule of the last Sundays ----------------------

def last_sunday(year, month):
    """Of a month of 31 days."""
    last = date(year, month, 31)
    return last - DAY * ((last.weekday() + 1) % 7)


def local(instant):
    """The same instant with the offset that Amsterdam has then."""
    utc = instant.astimezone(UTC)
    summer_from, summer_until = (
        datetime.combine(last_sunday(utc.year, month), time(1), UTC) for month in (3, 10))
    hours = 2 if summer_from <= utc < summer_until else 1
    return utc.astimezone(timezone(timedelta(hours=hours)))


def at(day, clock):
    """The instant at which clocks in Amsterdam show `clock` on `day` (not in a changing hour)."""
    for hours in (1, 2):
        moment = datetime.combine(day, clock, timezone(timedelta(hours=hours)))
        if local(moment).utcoffset() == moment.utcoffset():
            return moment
    raise ValueError("no such local time")


def days(first, last):
    """All days from first to last, both included."""
    return (first + DAY * n for n in range((last - first).days + 1))


# --- Names (R16) ---------------------------------------------------------------------------------

SPECIAL = dict(zip("øłßæœđðþı", ["o", "l", "ss", "ae", "oe", "d", "d", "th", "i"]))


def normalised(text):
    """R16: lower case, Latin letters without diacritics, letters and digits only; marks belong to
    the letter before them and stay in every other script."""
    result, base_is_latin = [], True
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category[0] == "M":
            if not base_is_latin:
                result.append(char)
        elif category[0] == "L" or category == "Nd":
            base_is_latin = category == "Nd" or unicodedata.name(char, "").startswith("LATIN")
            result.append(SPECIAL.get(char, char))
        else:
            base_is_latin = True
    return "".join(result)


def first_name(child):
    """R16: given names are split at whitespace and the first is taken; empty for somebody who has
    only one name, which then is the surname."""
    return normalised((child.given_names.split() or [""])[0])


def full_surname(child):
    """R16: the surname with its prefix, in whichever field."""
    return normalised((child.prefix or "") + " " + child.surname)


def identity(child):
    """R16: two children match when these are equal."""
    return child.date_of_birth, full_surname(child), first_name(child)


def matches(one, other):
    """R16."""
    return identity(one) == identity(other)


def nearly_matches(one, other):
    """R16: same date of birth, and the same first given name or the same surname, with or without
    what stands in the prefix field."""
    def surnames(child):
        return {full_surname(child), normalised(child.surname)}
    name = first_name(one)
    return one.date_of_birth == other.date_of_birth and (
        bool(name) and name == first_name(other) or bool(surnames(one) & surnames(other)))


# --- Reading a dataset ---------------------------------------------------------------------------

def address_of(fields):
    """dataset.md: compared without spaces and case, null as empty."""
    names = ("postcode", "house_number", "house_letter", "addition")
    return tuple("".join(str(fields.get(name) or "").split()).lower() for name in names)


def child_of(fields):
    return Child(fields["given_names"], fields["prefix"] or None, fields["surname"],
                 date.fromisoformat(fields["date_of_birth"]))


def moment(text):
    """A time with an offset."""
    result = datetime.fromisoformat(text)
    if "T" not in text or result.tzinfo is None:
        raise ValueError("no time with an offset")
    return result


def report_of(line):
    """One line of reports.jsonl; raises when it breaks the format."""
    fields = json.loads(line)
    incident = fields["incident"]
    occurred_at = incident["occurred_at"]
    # R2: the day of the incident is Amsterdam's; a bare date is that day.
    day = (local(moment(occurred_at)).date() if "T" in occurred_at
           else date.fromisoformat(occurred_at))
    if incident["kind"] not in ("domestic_violence", "child_abuse", "other"):
        raise ValueError("kind")
    mentions = [Mention(child_of(child), child["presence"], child["relation"])
                for child in fields["children"]]
    for mention in mentions:
        if mention.presence not in ("present", "absent"):
            raise ValueError("presence")
        if mention.relation not in ("resident", "family", "visitor"):
            raise ValueError("relation")
    return Report(fields["report_id"], moment(fields["reported_at"]), day,
                  incident["kind"] != "other", address_of(incident["address"]),
                  incident["address"].get("municipality"), mentions)


def table(path):
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Dataset:
    def __init__(self, folder):
        folder = Path(folder)
        self.region = tomllib.loads((folder / "region.toml").read_text(encoding="utf-8"))
        self.policy = POLICY | self.region.get("policy", {})
        self.reports, self.refused = [], []
        lines = (folder / "reports.jsonl").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                self.reports.append(report_of(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.refused.append(number)
        # Taken in order of reported_at; the sort is stable, so ties keep the order of the lines.
        self.reports.sort(key=lambda report: report.reported_at)
        self.residents = [
            Resident(address_of(row), row["municipality"], child_of(row))
            for row in table(folder / "residents.csv")]
        self.enrolments = [
            Enrolment(row["municipality"], child_of(row),
                      row["brin"] and row["brin"] + row["location"], row["secret"] == "yes",
                      row["host_brin"] and row["host_brin"] + row["host_location"])
            for row in table(folder / "enrolments.csv")]
        self.schools = {
            row["brin"] + row["location"]: School(
                row["municipality"], row["mailbox"],
                row["covenant_signed_on"] and date.fromisoformat(row["covenant_signed_on"]))
            for row in table(folder / "schools.csv")}
        self.closed = {(row["brin"] + row["location"], date.fromisoformat(row["date"]))
                       for row in table(folder / "closed-days.csv")}
        self.calendar = Calendar(self.region, folder / "holidays.json", self.closed)


# --- The calendar (R17..R19) ---------------------------------------------------------------------

def easter(year):
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * l) // 433
    month = (h + l - 7 * m + 90) // 25
    return date(year, month, (h + l - 7 * m + 33 * month + 19) % 32)


def national_holidays(year):
    """R19."""
    sunday = easter(year)
    kings_day = date(year, 4, 27)
    if kings_day.weekday() == 6:
        kings_day -= DAY
    fixed = {date(year, 1, 1), date(year, 12, 25), date(year, 12, 26), kings_day}
    moving = {sunday + DAY * n for n in (0, 1, 39, 49, 50)}
    return fixed | moving | ({date(year, 5, 5)} if year % 5 == 0 else set())


class Calendar:
    def __init__(self, region, holidays, closed):
        self.closed = closed
        self.extra = {date.fromisoformat(str(day)) for day in region.get("extra_closed_days", [])}
        self.holidays, self.summer, self.years = [], [], []
        for feed in json.loads(holidays.read_text(encoding="utf-8")):
            for year in feed["content"]:
                self.add_year(year, region["holiday_region"])

    def add_year(self, year, region):
        """dataset.md: UTC instants become Amsterdam dates, end included, strings may be padded.
        R19: a listed school year runs from 1 August to 31 July, or to its summer holiday's end."""
        first_year = int(year["schoolyear"].strip()[:4])
        end = date(first_year + 1, 7, 31)
        for vacation in year["vacations"]:
            for where in vacation["regions"]:
                if where["region"].strip() not in (region, "heel Nederland"):
                    continue
                span = tuple(local(moment(where[key].strip())).date()
                             for key in ("startdate", "enddate"))
                self.holidays.append(span)
                if vacation["type"].strip() == "Zomervakantie":
                    self.summer.append(span)
                    end = max(end, span[1])
        self.years.append((date(first_year, 8, 1), end))

    def summer_weekday(self, day):
        """R18."""
        return day.weekday() < 5 and any(first <= day <= last for first, last in self.summer)

    def school_day(self, school, day):
        """R19: True or False, or None for a day in no listed school year."""
        if not any(first <= day <= last for first, last in self.years):
            return None
        return not (day.weekday() >= 5
                    or day in national_holidays(day.year)
                    or any(first <= day <= last for first, last in self.holidays)
                    or day in self.extra
                    or (school, day) in self.closed)


# --- Which children (R2..R9) ---------------------------------------------------------------------

def of_age(child, day):
    """R2: from the 4th birthday up to, not including, the 18th; 29 February falls on 1 March."""
    born = child.date_of_birth
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return 4 <= age < 18


def reason_to_screen_out(mention, day, registered):
    """R5, R6, R7: why this mention does not make the child count, or None."""
    if not of_age(mention.child, day):
        return "not_of_age"
    if registered or mention.relation == "resident":
        return None
    if mention.relation == "visitor":
        return "visitor"
    return None if mention.presence == "present" else "registered_elsewhere_absent"


def screen(report, household):
    """R3, R7, R9: every child of the incident as (child, sibling, reason or None)."""
    named = {}  # R9: a child named twice counts once, spelt as first named
    for mention in report.mentions:
        named.setdefault(identity(mention.child), []).append(mention)
    if not report.qualifies:
        return [(mentions[0].child, False, "not_domestic_violence") for mentions in named.values()]
    siblings = {}  # R9: whoever is of age and registered at the address, and was not named
    for child in household:
        if identity(child) not in named and of_age(child, report.day):
            siblings.setdefault(identity(child), child)
    if not siblings and not any(of_age(m.child, report.day) for m in report.mentions):
        return [(mentions[0].child, False, "no_child_of_age") for mentions in named.values()]
    result = []
    at_address = {identity(child) for child in household}
    for key, mentions in named.items():
        reasons = [reason_to_screen_out(m, report.day, key in at_address) for m in mentions]
        # R9: by the mention that makes it count; if none does, the first reason of the table.
        reason = None if None in reasons else min(reasons, key=REASONS_SCREENED.index)
        result.append((mentions[0].child, False, reason))
    return result + [(child, True, None) for child in siblings.values()]


# --- Where to (R10..R16) -------------------------------------------------------------------------

def the_only(values):
    values = set(values)
    return values.pop() if len(values) == 1 else None


def home_municipality(dataset, child, at_address, incident_municipality):
    """R15, dataset.md: by its own registration at the address, else anywhere, else the incident's;
    matches in more than one municipality count as none."""
    for residents in (at_address, dataset.residents):
        home = the_only(r.municipality for r in residents if matches(r.child, child))
        if home:
            return home
    return incident_municipality


def participates(dataset, school, day):
    """R11: in the directory, with a mailbox, the covenant signed on the day at the latest."""
    entry = dataset.schools.get(school)
    return bool(entry and entry.mailbox and entry.covenant_signed_on
                and entry.covenant_signed_on <= day)


def route(dataset, child, home, day):
    """R11..R16: (school, None) or (None, reason). An ambiguous case is withheld by the person."""
    if home not in dataset.region["participating_municipalities"]:
        return None, "municipality_not_participating"
    register = [e for e in dataset.enrolments if e.municipality == home]
    exact = [e for e in register if matches(e.child, child)]
    places = {(e.school, e.host) for e in exact}
    if len(places) > 1 or not exact and any(nearly_matches(e.child, child) for e in register):
        return None, "enrolment_ambiguous"
    if not exact or not exact[0].school:
        return None, "enrolment_unknown"
    if any(e.secret for e in exact):
        return None, "enrolment_secret"
    school, host = places.pop()
    target = host or school  # R14
    if not participates(dataset, target, day):
        return None, "host_school_not_participating" if host else "school_not_participating"
    if dataset.schools[target].municipality not in dataset.region["region_municipalities"]:
        return None, "school_outside_region"
    return target, None


# --- When (R17..R20, R23) ------------------------------------------------------------------------

def delivery(dataset, school, ready):
    """R18, R19: (moment of delivery, None, None) or (None, reason, moment of withholding)."""
    calendar, policy = dataset.calendar, dataset.policy
    opens, closes = (time.fromisoformat(policy[k]) for k in ("deliver_from", "deliver_until"))
    today = local(ready).date()
    last = today + DAY * policy["max_hold_days"]
    ceiling = ready + DAY * policy["payload_ceiling_days"]
    for day in days(today, date(today.year + 100, 1, 1)):
        if calendar.summer_weekday(day):
            return None, "summer_holiday", ready
        is_school_day = calendar.school_day(school, day)
        if is_school_day is None:
            break
        slot = max(ready, at(day, opens))
        if is_school_day and slot < at(day, closes):
            if day > last or slot > ceiling:
                return None, "held_too_long", ready
            return slot, None, None
    # R19: `day` is in no listed school year. What lies behind it is unknown, so the signal waits,
    # unless it is too far away already.
    if day > last:
        return None, "held_too_long", ready
    for day in days(day, last):
        if calendar.school_day(school, day):
            return at(day, opens), None, None
    return None, "held_too_long", at(last, closes)


def at_school(dataset, school, unattended, delivered, recorded):
    """R20, R23: (acknowledged_at or None, moment of the end)."""
    calendar, policy = dataset.calendar, dataset.policy
    today = local(delivered).date()
    ceiling = recorded + DAY * policy["payload_ceiling_days"]
    school_days = [today] + [day for day in days(today + DAY, local(ceiling).date())
                             if calendar.school_day(school, day)]
    expires = ceiling
    if len(school_days) > policy["expire_after_school_days"]:
        last = school_days[policy["expire_after_school_days"]]
        expires = min(ceiling, at(last, time.fromisoformat(policy["deliver_until"])))
    visits = [at(day, CONTACT_FROM) for day in school_days]
    if CONTACT_FROM <= local(delivered).time() < CONTACT_UNTIL:
        visits.append(delivered)
    seen = min((visit for visit in visits if delivered <= visit < expires), default=None)
    if seen is None or school in unattended:
        return None, expires
    return seen, seen


# --- The diary -----------------------------------------------------------------------------------

def entry(report, child, sibling, outcome, reason=None, school=None, delivered=None, seen=None,
          purged=None):
    def stamp(instant):
        return instant and local(instant).isoformat(timespec="seconds")
    return {
        "report_id": report.id,
        "child": child._asdict() | {"date_of_birth": child.date_of_birth.isoformat()},
        "sibling": sibling, "outcome": outcome, "reason": reason, "school": school,
        "recorded_at": stamp(report.reported_at), "delivered_at": stamp(delivered),
        "acknowledged_at": stamp(seen), "purged_at": stamp(purged),
    }


def become(dataset, unattended, report, child, sibling, at_address, municipality):
    """The whole way of one signal (R10..R23)."""
    recorded = report.reported_at
    home = home_municipality(dataset, child, at_address, municipality)
    # R12: looking up afresh after 24 hours changes nothing here: the registers stand still, and a
    # covenant can only be signed, which undoes no reason found at the first routing.
    school, reason = route(dataset, child, home, local(recorded).date())
    if reason:
        return entry(report, child, sibling, "withheld", reason, purged=recorded)
    delivered, reason, withheld = delivery(dataset, school, recorded)
    if reason:
        return entry(report, child, sibling, "withheld", reason, purged=withheld)
    seen, purged = at_school(dataset, school, unattended, delivered, recorded)
    if seen:
        return entry(report, child, sibling, "acknowledged", None, school, delivered, seen, purged)
    return entry(report, child, sibling, "expired", "not_acknowledged", school, delivered, None,
                 purged)


def replay(folder, unattended=()):
    """The diary as a list of dicts, and the numbers of the refused lines of reports.jsonl."""
    dataset = Dataset(folder)
    diary, seen = [], set()
    for report in dataset.reports:
        if report.id in seen:  # R9: already recorded, and not looked at
            continue
        seen.add(report.id)
        at_address = [r for r in dataset.residents if r.address == report.address]
        household = [r.child for r in at_address]
        municipality = report.municipality or the_only(r.municipality for r in at_address)
        for child, sibling, reason in screen(report, household):
            if reason:
                diary.append(entry(report, child, sibling, "screened_out", reason,
                                   purged=report.reported_at))
            else:
                diary.append(become(dataset, unattended, report, child, sibling, at_address,
                                    municipality))
    return diary, dataset.refused


def main():
    parser = argparse.ArgumentParser(description="Print the diary that a replay must write.")
    parser.add_argument("dataset")
    parser.add_argument("--unattended-schools", default="", metavar="LIST")
    options = parser.parse_args()
    diary, refused = replay(options.dataset, set(options.unattended_schools.split(",")) - {""})
    for line in diary:
        print(json.dumps(line, ensure_ascii=False))
    if refused:
        print("refused lines:", *refused, file=sys.stderr)


if __name__ == "__main__":
    main()
