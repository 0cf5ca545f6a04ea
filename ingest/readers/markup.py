"""Parses XML safely. Knows no format."""

from typing import TYPE_CHECKING

from ingest.cleaning import normalise
from ingest.errors import ReadError
from ingest.readers.encoding import declared_in_xml, decode

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MAX_DEPTH = 200


def parse_xml(data: bytes) -> "Element":
    """The root element, names without their namespaces.

    A document type is ignored; entities that it declares, and external ones, are refused.

    Raises:
        ReadError: It is not well-formed, declares entities, or is nested too deeply.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    text = decode(data, declared=declared_in_xml(data))
    parser = DefusedXMLParser(forbid_dtd=False, forbid_entities=True, forbid_external=True)
    try:
        # Decoded here, since expat knows few encodings.
        parser.feed(text.lstrip())
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise ReadError(f"its XML is refused: {type(error).__name__}") from None
    except ParseError as error:
        raise ReadError(f"not valid XML: {error}") from None
    level = [root]
    depth = 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise ReadError(f"its XML is nested deeper than {_MAX_DEPTH} levels")
        for element in level:
            if isinstance(element.tag, str):
                element.tag = element.tag.rpartition("}")[2]
        level = [child for element in level for child in element]
    return root


def words(element: "Element | None") -> str:
    """All text in an element on one line; empty without an element."""
    return " ".join(normalise("".join(element.itertext())).split()) if element is not None else ""
