"""What office documents (.docx, .pptx, .xlsx) share: properties, drawings, links."""

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from ingest.readers.archive import parsing_xml
from ingest.readers.document import Metadata, counted

_PART = "docProps/core.xml"
_MAX_BYTES = 65_536
# Placeholders that programs write as a description.
_FILE_NAME = re.compile(
    r"\S+\.(?:png|jpe?g|gif|bmp|tiff?|svg|emf|wmf|webp)|(?:picture|image|graphic) ?\d*",
    re.IGNORECASE,
)


def core_properties(data: bytes) -> Metadata:
    """The core properties by their local names, such as creator, keywords and modified.

    Empty if they are missing or damaged, since the text can still be read.
    """
    from lxml import etree

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if _PART not in archive.namelist() or archive.getinfo(_PART).file_size > _MAX_BYTES:
            return {}
        part = archive.read(_PART)
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        with parsing_xml():
            root = etree.fromstring(part, parser)
    except etree.XMLSyntaxError:
        return {}
    return {
        etree.QName(element).localname: (element.text or "",)
        for element in root.iterchildren(tag=etree.Element)
    }


def picture_text(properties: Any) -> str:
    """The description of a picture or shape in its non-visual properties; may be empty."""
    said = " ".join((properties.get("descr") or "").split())
    return f"[Image: {said}]" if said and not _FILE_NAME.fullmatch(said) else ""


# What may be left out of an office document, as it is counted: `left_out` says how many of each.
PICTURE = "picture"
CHART = "chart"
OBJECT = "embedded object"
RECORDING = "recording"


def undescribed(root: Any) -> int:
    """The number of pictures without a description below an element; decorations do not count."""
    found = 0
    for picture in root.iter("{*}pic"):
        place = next(picture.iterancestors("{*}inline", "{*}anchor"), picture)  # in a text
        properties = next(place.iter("{*}docPr", "{*}cNvPr"), None)
        if properties is None or not picture_text(properties):
            marks = () if properties is None else properties.iter("{*}decorative")
            found += all(mark.get("val") not in ("1", "true") for mark in marks)
    return found


def left_out(counts: Mapping[str, int], *others: str) -> list[str]:
    """The note about what is not read of a document: the number of each kind, and other texts."""
    said = [
        counted(number, kind) + (" without a description" if kind == PICTURE else "")
        for kind, number in counts.items()
        if number
    ]
    said += filter(None, others)
    return [f"not read: {', '.join(said)}"] if said else []


def link_text(text: str, target: str) -> str:
    """The text of a link with its address, unless the text has it already."""
    address = target.removeprefix("mailto:").strip()
    bare = address.partition("://")[2].rstrip("/") or address
    if not re.match(r"https?://|mailto:|ftp://", target) or bare in text:
        return text
    return f"{text} ({address})" if text.strip() else text


def drawing_texts(root: Any) -> list[str]:
    """The texts of shapes, and descriptions of pictures, in a drawing of a sheet or a diagram."""
    texts = []
    for element in root.iter("{*}p", "{*}cNvPr"):
        if "descr" in element.attrib or element.tag.endswith("cNvPr"):
            texts.append(picture_text(element))
        else:
            texts.append("".join(one.text or "" for one in element.iter("{*}t")))
    return [text for text in (" ".join(text.split()) for text in texts) if text]
