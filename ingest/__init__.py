"""From a folder of files to chunks of text.

Knows files and text; knows no model, no vector and no storage.
"""

from ingest.chunking import Chunk, chunk, content_hash, embedding_text
from ingest.cleaning import flags, normalise
from ingest.errors import ReadError
from ingest.readers import SUFFIXES, Document, Section, read
from ingest.sources import KnownFile, Plan, Scan, Skipped, SourceFile, plan, scan, sha256, together
from ingest.worker import FileReader

__all__ = [
    "SUFFIXES",
    "Chunk",
    "Document",
    "FileReader",
    "KnownFile",
    "Plan",
    "ReadError",
    "Scan",
    "Section",
    "Skipped",
    "SourceFile",
    "chunk",
    "content_hash",
    "embedding_text",
    "flags",
    "normalise",
    "plan",
    "read",
    "scan",
    "sha256",
    "together",
]
