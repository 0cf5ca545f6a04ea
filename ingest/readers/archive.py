"""Checks zip containers (office documents, e-books) before anything is unpacked.

Knows which members a container must have and how large it may become; knows no format's content.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from ingest.errors import ReadError
from ingest.readers.encoding import looks_like

MAX_UNPACKED = 256 * 1024 * 1024
_KINDS = (
    ("word/", "a Word document"),
    ("xl/", "an Excel workbook"),
    ("ppt/", "a presentation"),
    ("META-INF/container.xml", "an e-book"),
)


def check_archive(data: bytes, what: str) -> None:
    """Raise if a container is not `what`, or would unpack to too much.

    Args:
        data: The bytes of the file.
        what: One of "a Word document", "an Excel workbook", "a presentation", "an e-book".

    Raises:
        ReadError: It is damaged, something else, encrypted, or unpacks to over `MAX_UNPACKED`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        seen = looks_like(data)
        seen = "it is damaged" if seen.startswith("a zip") else f"it looks like {seen}"
        raise ReadError(f"not {what}: {seen}") from None
    names = [member.filename for member in members]
    found = next(
        (kind for start, kind in _KINDS if any(name.startswith(start) for name in names)),
        "a zip archive",
    )
    if found != what or (found != "an e-book" and "[Content_Types].xml" not in names):
        found = found if found != what else "a zip archive"
        raise ReadError(f"not {what}: it looks like {found}")
    if any(member.flag_bits & 1 for member in members):
        raise ReadError("protected with a password")
    # zipfile never unpacks more than a member declares, so the declared sizes can be relied on.
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise ReadError(
            f"unpacks to {unpacked // 2**20:,} MB, the limit is {MAX_UNPACKED // 2**20} MB: "
            "probably an archive bomb"
        )


@contextmanager
def parsing_xml() -> Iterator[None]:
    """Tell an lxml parser that ran out of memory from a damaged text.

    Raises:
        MemoryError: The parser ended with an error at no place of the text.
    """
    from lxml import etree

    try:
        yield
    except etree.XMLSyntaxError as error:
        if not error.lineno:
            raise MemoryError from error
        raise
