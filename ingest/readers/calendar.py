"""Calendars (iCalendar, RFC 5545): a section for each event or task, under its title.

Times are not converted to another time zone, and repetitions not expanded.
"""

import re
from collections.abc import Iterable, Iterator

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.content_lines import content_lines, unescaped
from ingest.readers.document import Section
from ingest.readers.encoding import decode

_FACTS = {
    "DTSTART": "Starts",
    "DTEND": "Ends",
    "DUE": "Due",
    "DURATION": "Lasts",
    "RRULE": "Repeats",
    "LOCATION": "Where",
    "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendees",
    "STATUS": "Status",
    "URL": "Link",
}
_ENTRIES = ("VEVENT", "VTODO", "VJOURNAL")
_MAIL = re.compile("^mailto:", re.IGNORECASE)


def read_calendar(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One section an entry, below its summary."""
    text = decode(data)
    if "BEGIN:VCALENDAR" not in text[:1024].upper():
        raise ReadError("not a calendar: it does not begin as one")
    return name, calendar_sections(text)


def calendar_sections(text: str) -> list[Section]:
    """The entries of the text of a calendar."""
    return [Section(heading, text) for heading, text in _entries(text)]


def _entries(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The heading and the text of every entry."""
    open_parts: list[str] = []
    facts: dict[str, list[str]] = {}
    for name, options, value in content_lines(text):
        if name == "BEGIN":
            open_parts.append(value.upper())
            if value.upper() in _ENTRIES:
                facts = {}
        elif name == "END":
            if value.upper() in _ENTRIES and facts:
                yield _entry(facts)
            open_parts = open_parts[:-1]
        elif open_parts and open_parts[-1] in _ENTRIES:  # and not in an alarm within it
            facts.setdefault(name, []).append(_value(name, options, value))


def _entry(facts: dict[str, list[str]]) -> tuple[tuple[str, ...], str]:
    """The heading and the text of one entry."""
    lines = [
        f"{word}: {', '.join(value for value in facts[name] if value)}"
        for name, word in _FACTS.items()
        if any(facts.get(name, ()))
    ]
    heading = tuple(" ".join(value.split()) for value in facts.get("SUMMARY", ())[:1] if value)
    described = "\n\n".join(facts.get("DESCRIPTION", ()))
    text = "\n\n".join(part for part in ("\n".join(lines), described) if part.strip())
    return (heading, normalise(text)) if text else ((), "".join(heading))


def _value(name: str, options: str, value: str) -> str:
    """A value in readable form."""
    if name in ("DTSTART", "DTEND", "DUE"):
        return _moment(value, options)
    if name in ("ORGANIZER", "ATTENDEE"):
        called = re.search(r";CN=(\"[^\"]*\"|[^;]*)", options, re.IGNORECASE)
        address = _MAIL.sub("", value)
        return f"{called[1].strip(chr(34))} <{address}>" if called else address
    return unescaped(value)


def _moment(value: str, options: str) -> str:
    """`20310318T100000Z` as `2031-03-18 10:00 UTC`."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?", value)
    if not found:
        return value
    year, month, day, hour, minute, utc = found.groups()
    zone = re.search(r";TZID=\"?([^;\"]+)", options, re.IGNORECASE)
    words: Iterable[str | None] = (
        f"{year}-{month}-{day}",
        f"{hour}:{minute}" if hour else None,
        "UTC" if utc else zone and zone[1],
    )
    return " ".join(word for word in words if word)
