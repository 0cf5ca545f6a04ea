"""E-books (.epub): their chapters in reading order, read as HTML."""

import io
import posixpath
import zipfile
from dataclasses import replace
from urllib.parse import unquote

from ingest.errors import ReadError
from ingest.readers.archive import check_archive
from ingest.readers.document import Section
from ingest.readers.markup import parse_xml, words
from ingest.readers.web import read_html


def read_book(data: bytes, name: str) -> tuple[str, list[Section]]:
    """The sections of every chapter; the title is that of the package, else the file's name."""
    check_archive(data, "an e-book")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "META-INF/rights.xml" in archive.namelist():
            raise ReadError("protected by digital rights management")
        container = parse_xml(archive.read("META-INF/container.xml"))
        root = next((one.get("full-path", "") for one in container.iter("rootfile")), "")
        package = parse_xml(archive.read(root))
        files = {
            item.get("id"): unquote(item.get("href", ""))
            for item in package.iter("item")
            if item.get("media-type") in ("application/xhtml+xml", "text/html")
        }
        title = words(next(package.iter("title"), None))
        members = set(archive.namelist())
        sections: list[Section] = []
        for reference in package.iter("itemref"):
            # A chapter that is twice in the spine is read once.
            file = files.pop(reference.get("idref"), "")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(root), file))
            if file and path in members:
                found = read_html(archive.read(path), "")[1]
                sections += [replace(section, shared=False) for section in found]
    return title or name, sections
