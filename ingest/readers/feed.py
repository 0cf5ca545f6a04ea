"""XML: the entries of a feed (RSS, Atom), a page (XHTML), or the values of any other file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.readers.document import Section
from ingest.readers.markup import parse_xml, words
from ingest.readers.web import read_html

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_FEEDS = {"rss": "item", "RDF": "item", "feed": "entry"}
# In the order of what says most: the whole text of an entry, else what is said about it.
_CONTENTS = ("encoded", "content", "description", "summary")
_FACTS = {
    "pubDate": "Published",
    "published": "Published",
    "date": "Published",
    "updated": "Updated",
    "creator": "Author",
    "author": "Author",
    "link": "Link",
    "category": "Category",
}


def read_xml(data: bytes, name: str) -> tuple[str, list[Section]]:
    """A section for each entry of a feed; in other files a paragraph for each record."""
    root = parse_xml(data)
    if root.tag == "html":
        return read_html(data, name)
    entries = list(root.iter(_FEEDS[root.tag])) if root.tag in _FEEDS else []
    if entries:
        channel = root.find("channel")
        about = channel if channel is not None else root
        intro = words(about.find("description")) or words(about.find("subtitle"))
        sections = [Section((), normalise(intro))] if intro else []
        sections += [section for entry in entries for section in _entry(entry)]
        return words(about.find("title")) or name, sections
    records = ("\n".join(_leaves(record)) for record in (list(root) or [root]))
    own = " ".join((root.text or "").split()) if len(root) else ""
    texts = [normalise(text) for text in (*_attributes(root, ""), own, *records)]
    text = "\n\n".join(one for one in texts if one.strip())
    return name, [Section((), text)] if text else []


def _entry(entry: "Element") -> Iterator[Section]:
    """The sections of one entry of a feed: date, author and link, then its text."""
    title = words(entry.find("title"))
    heading = (title,) if title else ()
    facts: dict[str, list[str]] = {}
    for child in entry:
        value = words(child) or child.get("href", "") or child.get("term", "")
        if child.tag in _FACTS and value:
            facts.setdefault(_FACTS[child.tag], []).append(value)
    lines = [f"{fact}: {', '.join(dict.fromkeys(values))}" for fact, values in facts.items()]
    if lines:
        yield Section(heading, normalise("\n".join(lines)))
    for tag in _CONTENTS:
        content = entry.find(tag)
        text = "".join(content.itertext()) if content is not None else ""
        if text.strip():
            # HTML that is quoted in the feed: read as the page that it would be.
            _, sections = read_html(text.encode("utf-8", "replace"), "")
            for section in sections:
                yield replace(section, heading=(*heading, *section.heading))
            return


def _leaves(record: "Element") -> Iterator[str]:
    """`path: value` for every element that has only text; mixed content is one line."""
    pending = [(record, str(record.tag))]
    while pending:
        element, path = pending.pop()
        yield from _attributes(element, path)
        mixed = any((child.tail or "").strip() for child in element)
        if mixed:
            yield words(element)
        elif not len(element):
            if value := words(element):
                yield f"{path}: {value}"
        else:
            if own := " ".join((element.text or "").split()):
                yield f"{path}: {own}"
            pending += [(child, f"{path}.{child.tag}") for child in reversed(element)]


def _attributes(element: "Element", path: str) -> Iterator[str]:
    """`path.attribute: value` for the attributes of an element."""
    for key, value in element.attrib.items():
        if value.strip() and not key.startswith("{"):  # other namespaces are technical
            yield f"{path}.{key}: {' '.join(value.split())}".lstrip(".")
