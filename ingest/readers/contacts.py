"""Contacts (vCard, RFC 6350, and versions 2.1 and 3.0): a section for each, under its name."""

import re
from collections.abc import Iterator

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.content_lines import content_lines, unescaped
from ingest.readers.document import Section
from ingest.readers.encoding import decode

_FACTS = {
    "ORG": "Organisation",
    "TITLE": "Title",
    "ROLE": "Role",
    "TEL": "Phone",
    "EMAIL": "E-mail",
    "ADR": "Address",
    "URL": "Link",
    "BDAY": "Birthday",
    "NICKNAME": "Nickname",
    "CATEGORIES": "Groups",
}
_STRUCTURED = ("ORG", "ADR", "N")  # whose parts are between semicolons
_KINDS = ("home", "work", "cell", "fax", "pager", "main")
_SCHEME = re.compile("^(?:mailto|tel):", re.IGNORECASE)


def read_contacts(data: bytes, name: str) -> tuple[str, list[Section]]:
    """One section a contact; pictures and keys are left out."""
    text = decode(data)
    if "BEGIN:VCARD" not in text[:1024].upper():
        raise ReadError("not a file of contacts: it does not begin as one")
    return name, list(_contacts(text))


def _contacts(text: str) -> Iterator[Section]:
    facts: dict[str, list[str]] = {}
    for name, options, value in content_lines(text):
        if name == "BEGIN":
            facts = {}
        elif name == "END":
            if section := _contact(facts):
                yield section
        elif name in _FACTS or name in ("FN", "N", "NOTE"):
            facts.setdefault(name, []).append(_value(name, options, value))


def _contact(facts: dict[str, list[str]]) -> Section | None:
    """The section of one contact; None if it says nothing."""
    names = [name for name in (*facts.get("FN", ()), *facts.get("N", ())) if name]
    heading = tuple(" ".join(name.split()) for name in names[:1])
    lines = [
        f"{word}: {', '.join(value for value in facts[name] if value)}"
        for name, word in _FACTS.items()
        if any(facts.get(name, ()))
    ]
    parts = ["\n".join([*(f"Name: {name}" for name in heading), *lines]), *facts.get("NOTE", ())]
    text = normalise("\n\n".join(part for part in parts if part.strip()))
    return Section(heading, text) if text.strip() else None


def _value(name: str, options: str, value: str) -> str:
    """A value in readable form, a number or address with its kind."""
    parts = re.split(r"(?<!\\);", value) if name in _STRUCTURED else [value]
    if name == "N":  # family name; given names; more; prefixes; suffixes
        parts = [*parts[3:4], *parts[1:3], *parts[:1], *parts[4:]]
    between = " " if name == "N" else ", "
    said = between.join(part for one in parts if (part := unescaped(_SCHEME.sub("", one)).strip()))
    words = set(re.findall(r"[a-z]+", options.lower())) if name in ("TEL", "EMAIL", "ADR") else ()
    kinds = [kind for kind in _KINDS if kind in words]
    return f"{said} ({', '.join(kinds)})" if said and kinds else said
