#!/usr/bin/env python3
"""Write a small random dataset that meets every rule often. The same seed, the same files.

Beside the dataset's files it writes `args`: the flags that the replay is to be given. All names
are invented. What the rules leave open (AMBIGUITIES.md) is kept out, as far as that is possible.
"""
import argparse
import csv
import json
import random
import sys
import unicodedata
from collections import namedtuple
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

sys.dont_write_bytecode = True
import oracle
from oracle import DAY, UTC, Child, at, local

HOMES = ["0855", "0867", "0785"]     # participating
NEIGHBOUR = "0797"                   # schools may lie there, children do not take part
OUTSIDE = ["0758", "1723"]

GIVEN = ["Noor", "Sem", "Zoë", "Anaïs", "José", "Jürgen", "Søren", "Łukasz", "Anne-Marie", "Anne",
         "D'Angelo", "Çağla", "İlker", "Işıl", "Þór", "Đorđe", "Ægir", "Œdipe", "Renée", "Mees",
         "Сергей", "Сергеи", "Ελένη", "Ελενη", "ليلى", "小明", "かおり", "がおり", "Ǿrjan"]
# Marks of other scripts count: these only nearly match.
OTHER_SCRIPT_PAIRS = {"Сергей": "Сергеи", "Сергеи": "Сергей", "Ελένη": "Ελενη", "Ελενη": "Ελένη",
                      "かおり": "がおり", "がおり": "かおり"}
SURNAMES = [(None, "Jansen-Smit"), ("van der", "Berg"), ("van den", "Berg"), ("de", "Wit"),
            ("'t", "Hart"), (None, "Müller"), (None, "Weiß"), (None, "Østergård"),
            ("el", "Amrani"), (None, "Nowak Kowalska"), (None, "Иванов"), (None, "Ιωάννου"),
            (None, "王"), (None, "Yılmaz"), (None, "Őrsi"), ("in ’t", "Veld"), (None, "O'Brien"),
            ("von", "Großmann"), (None, "Đurić"), (None, "Guðrúnarson")]

# Stands in every line that is to be refused; no message may show it.
MARK = "Geheimpje"

SCHOOL_CLOCKS = ["00:10:00", "02:30:00", "05:55:00", "06:40:00", "06:59:59", "07:00:00",
                 "07:20:00", "07:59:59", "08:00:00", "08:10:00", "08:30:00", "10:20:00",
                 "15:29:59", "15:30:00", "16:59:59", "17:00:00", "17:30:00", "19:59:59",
                 "20:00:00", "23:59:59"]

Family = namedtuple("Family", "address municipality children registered")


class Generator:
    def __init__(self, seed, reports):
        self.random = random.Random(f"handle with care {seed}")
        self.reports_wanted = reports
        self.residents, self.enrolments, self.families, self.lines = [], [], [], []
        self.used_addresses = set()

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, *weighted):
        """One of the values of (weight, value)."""
        return self.random.choices([v for _, v in weighted], [w for w, _ in weighted])[0]

    # --- the region, its calendar and its schools ---

    def settings(self):
        """Which years are listed, and the policy."""
        r = self.random
        first = r.choice([2024, 2025, 2026, 2027])
        self.years = r.choice([[first], [first], [first, first + 1], [first, first + 1],
                               [first, first + 1, first + 2], [first, first + 2]])
        self.holiday_region = r.choice(["noord", "midden", "zuid"])
        self.summer_ends_on_sunday, self.summer_is_listed = self.chance(80), self.chance(95)
        self.has_listed_summers = self.summer_ends_on_sunday and self.summer_is_listed
        self.written_policy = policy = {}
        if self.chance(45):
            holds = [5, 10, 14, 16, 17, 20] + [1, 2, 3] * self.has_listed_summers
            drawn = {"deliver_from": r.choice(["06:00", "06:45", "07:00", "07:30", "08:10"]),
                     "deliver_until": r.choice(["12:00", "15:30", "17:00", "18:00", "20:00"]),
                     "max_hold_days": r.choice(holds),
                     "expire_after_school_days": r.choice([1, 2, 3])}
            policy.update((key, value) for key, value in drawn.items() if self.chance(70))
            full = oracle.POLICY | policy
            least = full["max_hold_days"] + full["expire_after_school_days"] + 7
            if least > 28 or self.chance(60):
                policy["payload_ceiling_days"] = least + r.choice([0, 0, 1, 4, 10])
        self.policy = oracle.POLICY | policy

    def region(self):
        r = self.random
        extra = sorted({r.choice(self.days) + DAY * r.choice([0, 0, 1])
                        for _ in range(r.choice([0, 0, 1, 3]))})
        rows = ["synthetic = true", 'name = "A region that does not exist"',
                f'holiday_region = "{self.holiday_region}"',
                f"participating_municipalities = {json.dumps(HOMES)}",
                f"region_municipalities = {json.dumps(HOMES + [NEIGHBOUR])}"]
        if extra or self.chance(50):
            rows.append(f"extra_closed_days = {json.dumps([str(day) for day in extra])}")
        if self.written_policy or self.chance(20):
            rows += ["", "[policy]"]
            rows += [f"{key} = {json.dumps(value)}" for key, value in self.written_policy.items()]
        return "\n".join(rows) + "\n"

    def vacations(self, year):
        """(type, region, first day, last day) of a school year."""
        def from_saturday(first, length):
            start = first + DAY * ((5 - first.weekday()) % 7)
            return start, start + DAY * (length - 1)
        everybody = "heel Nederland"
        yield "Kerstvakantie", everybody, *from_saturday(date(year, 12, 19), 16)
        may = 16 if year % 2 else 9
        yield "Meivakantie", everybody, *from_saturday(date(year + 1, 4, 20), may)
        for shift, region in enumerate(["zuid", "midden", "noord"]):
            week = DAY * 7 * ((shift + year) % 3)
            yield "Herfstvakantie", region, *from_saturday(date(year, 10, 11) + week, 9)
            yield "Voorjaarsvakantie", region, *from_saturday(date(year + 1, 2, 8) + week, 9)
            if self.summer_is_listed:
                length = 44 if self.summer_ends_on_sunday else 42
                yield "Zomervakantie", region, *from_saturday(date(year + 1, 7, 4) + week, length)

    def holidays(self):
        pad = self.random.choice(["", " ", " \n\t"])
        feed = []
        for year in self.years:
            vacations = []
            for kind, region, first, last in self.vacations(year):
                start, end = (at(day, clock).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                              for day, clock in ((first, time(0)), (last, time(23, 59))))
                vacations.append({
                    "type": pad + kind + pad, "compulsorydates": str(kind[0] in "KZ").lower(),
                    "regions": [{"region": region + pad, "startdate": start, "enddate": end}]})
            title = f"{year}-{year + 1}"
            feed.append({"content": [{"title": f"Schoolvakanties {title}{pad}",
                                      "schoolyear": pad + title + pad, "vacations": vacations}]})
        return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"

    def special_day(self):
        """A day on which the calendar is worth a test."""
        r = self.random
        year = r.choice(self.years)
        spans = [(kind, first, last) for kind, region, first, last in self.vacations(year)
                 if region in (self.holiday_region, "heel Nederland")]
        choices = [
            date(year, 12, 31), date(year + 1, 1, 1), date(year + 1, 4, 26),
            date(year + 1, 4, 27), date(year + 1, 5, 4), date(year + 1, 5, 5),
            oracle.last_sunday(year, 10), oracle.last_sunday(year + 1, 3),
            date(year + 1, 3, 1), date(year + 1, 3, 1), date(year + 1, 3, 2),
            oracle.easter(year + 1) + DAY * r.choice([-2, -1, 0, 1, 37, 38, 39, 40, 47, 49, 50])]
        for kind, first, last in spans:
            weight = 4 if kind == "Zomervakantie" else 3 if kind == "Kerstvakantie" else 1
            for _ in range(weight):
                choices += [first - DAY * r.choice([1, 1, 2, 3]), first + DAY * r.randrange(3),
                            last - DAY * r.randrange(4), last + DAY * r.choice([1, 2, 3])]
        day = r.choice(choices)
        return day + DAY * r.choice([0, 0, 0, -1, 1]) if self.chance(30) else day

    def routing_day(self):
        """The day of a report: not one whose hold reaches from an unlisted year into a listed one,
        or may end within a weekend of an unlisted year; there the rules are silent."""
        while True:
            if self.chance(62):
                day = self.special_day()
            else:
                day = date(self.random.choice(self.years), 8, 1) + DAY * self.random.randrange(420)
            hold = [self.calendar.school_day(None, each) is not None
                    for each in oracle.days(day, day + DAY * self.policy["max_hold_days"])]
            if all(hold) or len(hold) > 5 and (False, True) not in zip(hold, hold[1:]):
                return day

    def schools(self):
        r = self.random
        old = str(date(self.years[0] - 3, 3, 1))
        on_the_day = str(r.choice(self.days))
        plan = [("ok", r.choice(HOMES), True, old) for _ in range(4)]
        plan += [("ok", NEIGHBOUR, True, old), ("covenant", r.choice(HOMES), True, on_the_day),
                 ("covenant", r.choice(HOMES), True, str(r.choice(self.days) + DAY)),
                 ("closed", r.choice(HOMES), False, old), ("closed", r.choice(HOMES), True, ""),
                 ("closed", r.choice(HOMES), True, "2099-01-01"),
                 ("outside", r.choice(OUTSIDE), True, old),
                 ("closed", r.choice(OUTSIDE), False, "")]
        self.by_role, rows = {"absent": [("99ZZ", "00")]}, []
        for number, (role, municipality, mailbox, covenant) in enumerate(plan):
            # The second school is another location of the first.
            brin = "01AA" if number < 2 else f"{number:02}{chr(65 + number)}{r.choice('XYZ')}"
            location = "01" if number == 1 else "00"
            self.by_role.setdefault(role, []).append((brin, location))
            rows.append([brin, location, f"School {number}", r.choice(["po", "so", "vo", "mbo"]),
                         municipality, f"{brin}HwC@school{number}.example" if mailbox else "",
                         covenant])
        r.shuffle(rows)
        return rows

    def closed_days(self):
        everyone = [place for role in ("ok", "covenant") for place in self.by_role[role]]
        return [[*self.random.choice(everyone),
                 self.random.choice(self.days) + DAY * self.random.choice([0, 1, 2, 3])]
                for _ in range(self.random.choice([3, 8, 15]))]

    # --- names ---

    def same(self, child):
        """The same child in another spelling: a match."""
        given, prefix, surname = child.given_names, child.prefix, child.surname
        how = self.random.randrange(10)
        if how == 0 and prefix:
            prefix, surname = None, f"{prefix} {surname}"
        elif how == 1:
            given, surname = given.upper(), surname.upper()
        elif how == 2:
            given, surname = oracle.normalised(given.split()[0]), oracle.normalised(surname)
        elif how == 3:
            given, surname = (unicodedata.normalize("NFD", text) for text in (given, surname))
        elif how == 4:
            given += " " + self.random.choice(["Maria", "Johannes", "J."])
        elif how == 5:
            surname = surname.replace("-", " ").replace("'", "’")
        elif how == 6 and prefix:
            prefix = prefix.title()
        elif how == 7:
            surname = surname.replace(" ", "-")
        return Child(given, prefix, surname, child.date_of_birth)

    def near(self, child):
        """A child that nearly matches: one of the two names is right."""
        given, prefix, surname, born = child
        how = self.random.randrange(4)
        first = given.split()[0]
        if first in OTHER_SCRIPT_PAIRS:
            return Child(OTHER_SCRIPT_PAIRS[first], prefix, surname, born)
        if how == 0:
            return Child(given + "ke", prefix, surname, born)
        if how == 1:
            return Child(given, prefix, surname + "s", born)
        if how == 2:
            return Child("Xander", None if prefix else "ten", surname, born)
        return Child("Xandra", "ter" if prefix else None, surname, born)

    def birthday(self, day):
        """A date of birth: often with a border of R2 on or beside the incident's day."""
        r = self.random

        def years_before(years):
            try:
                return day.replace(year=day.year - years)
            except ValueError:
                return date(day.year - years, 3, 1)
        leap_day = years_before(18).replace(month=2, day=1) + DAY * 28
        if (day.month, day.day) in ((2, 28), (3, 1)) and leap_day.month == 2 and self.chance(60):
            return leap_day
        how = r.random()
        if how < 0.18:
            return years_before(r.choice([4, 18])) + DAY * r.choice([-1, 0, 1])
        if how < 0.25:
            leap = [y for y in range(day.year - 19, day.year - 2) if y % 4 == 0]
            return date(r.choice(leap), 2, 29)
        if how < 0.31:
            return years_before(r.choice([0, 1, 2, 3])) - DAY * r.randrange(300)
        if how < 0.35:
            return years_before(r.choice([18, 19, 20])) - DAY * r.randrange(1, 300)
        return years_before(r.randrange(5, 17)) - DAY * r.randrange(360)

    # --- people ---

    def address(self):
        r = self.random
        while True:
            address = (f"{r.randrange(5000, 5200)}{r.choice('ABCD')}{r.choice('EFGH')}",
                       r.randrange(1, 90), r.choice(["", "", "B", "c"]),
                       r.choice(["", "", "", "bis", "2 hg"]))
            key = tuple(str(part).replace(" ", "").lower() for part in address)
            if key not in self.used_addresses:
                self.used_addresses.add(key)
                return address

    def spelled(self, address):
        """The address again, perhaps in other case and with other spaces."""
        def other(text):
            return self.random.choice([text, text, text.lower(), text.upper()])
        postcode, number, letter, addition = address
        if self.chance(30):
            postcode = postcode[:4] + " " + postcode[4:]
        if self.chance(20):
            addition = addition.replace(" ", "")
        return other(postcode), number, other(letter), other(addition)

    def register(self, child, address, municipality):
        self.residents.append([*self.spelled(address), municipality, child.given_names,
                               child.prefix or "", child.surname, child.date_of_birth])

    def place(self, *weighted):
        return self.random.choice(self.by_role[self.pick(*weighted)])

    def enrol(self, child, municipality):
        usual = (66, "ok"), (12, "covenant"), (8, "closed"), (6, "outside"), (2, "absent")
        none = ("", "")
        def row(who, where=None, secret=False, host=none, register=municipality):
            where = where or self.place(*usual)
            self.enrolments.append([register, who.given_names, who.prefix or "", who.surname,
                                    who.date_of_birth, *where, "yes" if secret else "no", *host])
        kind = self.pick((56, "one"), (4, "none"), (4, "empty"), (6, "secret"), (10, "host"),
                         (5, "near"), (3, "exact and near"), (7, "agreeing"), (3, "one is secret"),
                         (6, "two"), (2, "one is empty"), (2, "elsewhere"), (3, "namesake"))
        here = self.place(*usual)
        if kind in ("one", "exact and near", "namesake"):
            row(self.same(child), here)
        if kind == "empty":
            row(self.same(child), none, secret=self.chance(20))
        if kind == "secret":
            row(self.same(child), here, secret=True)
        if kind == "host":
            host = self.place((55, "ok"), (10, "covenant"), (20, "closed"), (15, "outside"),
                              (5, "absent"))
            row(self.same(child), here, host=host, secret=self.chance(8))
        if kind in ("near", "exact and near"):
            row(self.near(child))
        if kind in ("agreeing", "one is secret"):
            host = self.place((1, "ok"), (1, "closed")) if self.chance(25) else none
            row(self.same(child), here, host=host)
            row(self.same(child), here, host=host, secret=kind == "one is secret")
        if kind == "two":
            row(self.same(child), self.by_role["ok"][0], secret=self.chance(20))
            if self.chance(50):
                row(self.same(child), self.by_role["ok"][1])
            else:
                row(self.same(child), self.by_role["ok"][0], host=self.by_role["ok"][2])
        if kind == "one is empty":
            row(self.same(child), here)
            row(self.same(child), none)
        if kind in ("elsewhere", "namesake"):
            other = self.random.choice([home for home in HOMES if home != municipality])
            row(self.same(child), register=other)

    def family(self, day):
        """A new address with children, adults and enrolments; not all of them registered there."""
        r = self.random
        address = self.address()
        municipality = self.pick((90, r.choice(HOMES)), (5, NEIGHBOUR), (5, r.choice(OUTSIDE)))
        prefix, surname = r.choice(SURNAMES)
        young = self.chance(6)
        children, registered = [], []
        for _ in range(r.choice([1, 1, 2, 2, 3])):
            given, born = r.choice(GIVEN), self.birthday(day)
            if young:
                born = day - DAY * r.randrange(20, 1400)
            if children and self.chance(25):
                born = children[-1].date_of_birth  # a twin
            if self.chance(15):
                given += " " + r.choice(["Elisabeth", "Jan"])
            names = r.choice(SURNAMES) if self.chance(10) else (prefix, surname)
            child = Child(given, *names, born)
            if any(oracle.matches(child, known) for known in children):
                continue
            home = municipality
            where = self.pick((72, "here"), (8, "elsewhere"), (5, "other"), (3, "two"),
                              (3, "here and elsewhere"), (9, "nowhere"))
            if where in ("here", "here and elsewhere"):
                self.register(self.same(child), address, municipality)
                registered.append(child)
            if where in ("elsewhere", "two"):
                self.register(self.same(child), self.address(), municipality)
            if where in ("other", "two", "here and elsewhere"):
                home = r.choice([m for m in HOMES + OUTSIDE if m != municipality])
                self.register(self.same(child), self.address(), home)
            self.enrol(child, r.choice([home, municipality]))
            children.append(child)
        if registered or self.chance(60):
            adult = Child(r.choice(GIVEN), None, "Ouder", day - DAY * r.randrange(9000, 16000))
            self.register(adult, address, municipality)
        family = Family(address, municipality, children, registered)
        self.families.append(family)
        return family

    # --- reports ---

    def instant(self, moment):
        """Written with some offset."""
        how = self.pick((70, None), (8, 0), (5, 60), (5, 120), (3, -300), (3, 330), (6, "Z"))
        if how == "Z":
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        zone = local(moment).tzinfo if how is None else timezone(timedelta(minutes=how))
        return moment.astimezone(zone).isoformat(timespec="seconds")

    def mention(self, child, registered):
        relation = self.pick((80, "resident"), (10, "family"), (10, "visitor")) if registered else \
            self.pick((30, "resident"), (45, "family"), (25, "visitor"))
        return {"given_names": child.given_names, "prefix": child.prefix, "surname": child.surname,
                "date_of_birth": str(child.date_of_birth),
                "presence": self.pick((70, "present"), (30, "absent")), "relation": relation}

    def report(self, number, day):
        r = self.random
        clock = r.choice(SCHOOL_CLOCKS)
        if self.chance(30):
            clock = f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
        hours, minutes, seconds = map(int, clock.split(":"))
        # Counted from midnight in UTC and moved: every moment exists, twofold hours come up too.
        midnight = at(day, time(0)).astimezone(UTC)
        reported = midnight + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if local(reported).utcoffset() != local(midnight).utcoffset() and hours >= 4:
            reported += local(midnight).utcoffset() - local(reported).utcoffset()
        occurred = reported - timedelta(minutes=r.choice([30, 200, 600, 1440, 2000, 4000, 14000]))
        if self.chance(35):  # around midnight, where the day is another in other zones
            occurred = at(local(occurred).date(), time(0)) + timedelta(
                minutes=r.choice([-121, -60, -1, 0, 1, 59, 119]))
            occurred = min(occurred, reported)
        occurred_day = local(occurred).date()
        family = (r.choice(self.families) if self.families and self.chance(15)
                  else self.family(occurred_day))
        bare = self.chance(12)
        postcode, house, letter, addition = self.spelled(family.address)
        address = {"postcode": postcode, "house_number": house, "house_letter": letter or None,
                   "addition": addition or None}
        if self.chance(65):
            address["municipality"] = family.municipality
        mentions = [self.mention(self.same(child), child in family.registered)
                    for child in family.children if self.chance(70)]
        if self.families and self.chance(20):
            guest = r.choice(self.families)
            for child in guest.children[:1]:
                mentions.append(self.mention(self.same(child), guest is family))
        if family.children and self.chance(5):
            mentions.append(self.mention(self.near(family.children[0]), False))
        if mentions and self.chance(12):
            named = mentions[0]
            again = self.same(Child(*(named[key] for key in Child._fields)))
            mentions.insert(r.randrange(len(mentions) + 1), self.mention(again, False))
        if not mentions and not self.chance(8):
            mentions = [self.mention(self.same(child), child in family.registered)
                        for child in family.children]
        return {"report_id": f"P-{number:04}", "reported_at": self.instant(reported), "incident": {
                    "occurred_at": str(occurred_day) if bare else self.instant(occurred),
                    "kind": self.pick((55, "domestic_violence"), (38, "child_abuse"), (7, "other")),
                    "address": address},
                "children": mentions}

    def again(self, report):
        """The same reference once more with other content, at the same moment, before or after."""
        other = json.loads(json.dumps(report))
        reported = datetime.fromisoformat(report["reported_at"])
        if len(other["children"]) > 1 and self.chance(80):
            other["children"].pop()
        other["incident"]["kind"] = self.random.choice(["other", "child_abuse"])
        shift = timedelta(minutes=self.random.choice([0, 0, -20, 20, 60 * 24]))
        other["reported_at"] = self.instant(reported + shift)
        return other

    def broken(self, report):
        """The same reference in a line that breaks the format."""
        other = json.loads(json.dumps(report))
        other["children"] = [{"given_names": MARK, "prefix": None, "surname": MARK,
                              "date_of_birth": "2015-02-03", "presence": "present",
                              "relation": "resident"}]
        child, incident = other["children"][0], other["incident"]
        how = self.random.randrange(9)
        if how == 0:
            return json.dumps(other, ensure_ascii=False)[:-20]
        if how == 1:
            del other["reported_at"]
        elif how == 2:
            incident["kind"] = MARK
        elif how == 3:
            child["presence"] = MARK
        elif how == 4:
            child["relation"] = MARK
        elif how == 5:
            child["date_of_birth"] = "2015-02-30"
        elif how == 6:
            other["reported_at"] = other["reported_at"][:19]
        elif how == 7:
            incident["occurred_at"] = "2026-11-17T22:40:00"
        else:
            other["children"] = MARK
        return json.dumps(other, ensure_ascii=False)

    def reports(self):
        r = self.random
        breaking = self.chance(20)
        reports = []
        for number, day in enumerate(self.days):
            report = self.report(number, day)
            reports.append((report["reported_at"], json.dumps(report, ensure_ascii=False)))
            if self.chance(10):
                other = self.again(report)
                reports.append((other["reported_at"], json.dumps(other, ensure_ascii=False)))
            if breaking and self.chance(15):
                line = self.broken(report)
                reports.insert(r.randrange(len(reports) + 1), (report["reported_at"], line))
        reports.sort(key=lambda pair: datetime.fromisoformat(pair[0]))
        lines = [line for _, line in reports]
        if self.chance(40):
            r.shuffle(lines)
        return "".join(line + "\n" for line in lines)

    def write(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        def write(name, text):
            (folder / name).write_text(text, encoding="utf-8")
        def write_table(name, header, rows):
            columns = header.split(",")
            order = list(range(len(columns)))
            if self.chance(15):
                self.random.shuffle(order)
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([row[n] for n in order] for row in [columns, *rows])
        self.settings()
        write("holidays.json", self.holidays())
        self.calendar = oracle.Calendar(
            {"holiday_region": self.holiday_region}, folder / "holidays.json", set())
        self.days = [self.routing_day() for _ in range(self.reports_wanted)]
        write("region.toml", self.region())
        write_table("schools.csv", "brin,location,name,sector,municipality,mailbox,"
                    "covenant_signed_on", self.schools())
        write("reports.jsonl", self.reports())
        self.random.shuffle(self.residents)
        self.random.shuffle(self.enrolments)
        write_table("residents.csv", "postcode,house_number,house_letter,addition,municipality,"
                    "given_names,prefix,surname,date_of_birth", self.residents)
        write_table("enrolments.csv", "municipality,given_names,prefix,surname,date_of_birth,brin,"
                    "location,secret,host_brin,host_location", self.enrolments)
        closed = self.closed_days()
        if self.chance(70):
            write_table("closed-days.csv", "brin,location,date", closed)
        unattended = self.random.sample(self.by_role["ok"] + self.by_role["covenant"], 3)
        flags = "--unattended-schools " + ",".join(brin + location for brin, location in unattended)
        write("args", flags + "\n" if self.chance(50) else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--reports", type=int, default=25)
    options = parser.parse_args()
    Generator(options.seed, options.reports).write(options.out)


if __name__ == "__main__":
    main()
