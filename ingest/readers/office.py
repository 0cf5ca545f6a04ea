"""What office documents (.docx, .pptx, .xlsx) say of themselves: the OPC core properties."""

import io
import zipfile

from ingest.readers.archive import parsing_xml
from ingest.readers.document import Metadata

_PART = "docProps/core.xml"
_MAX_BYTES = 65_536


def core_properties(data: bytes) -> Metadata:
    """The core properties by their local names: creator, keywords, category, modified and so on.

    Where they are missing or damaged there are none: the text is what counts.
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
