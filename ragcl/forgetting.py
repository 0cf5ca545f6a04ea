"""Forgetting a document: out of the catalog, the log, the study rows and the reports, at once.

The adapters that learned it no longer answer about it, since its text is not current any more; the
next round of consolidation makes them again without it. Knows no model.
"""

import os
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.consolidation import report
from ragcl.errors import UsageError
from ragcl.results import ForgetReport


def forget(path: str, folder: Path, catalog: Catalog) -> ForgetReport:
    """Remove one document, and every trace of it but that in the index file and the adapters.

    Args:
        path: where the file is or was, or its path as citations name it.
        folder: that of the knowledge base.
        catalog: its catalog.

    Raises:
        UsageError: no such document is known, or several are named so.
    """
    absolute = str(Path(path).resolve())
    found = catalog.documents.locate(absolute=absolute, source=path)
    if len(found) > 1:
        raise UsageError(f"{path} names {len(found)} documents: give the full path.")
    if found:
        root_id, root, source = found[0]
        hashes = catalog.documents.hashes_of(root_id, source)
        catalog.documents.remove(root_id, source)
    else:
        root, source, hashes = _gone(absolute, path, catalog)
    hashes += catalog.asks.hashes_cited(root, source)
    gone = sorted(set(hashes) - catalog.documents.current_hashes(hashes))
    catalog.forget_traces(gone)
    report.forget(folder, gone)
    held = {chunk.content_hash for a in catalog.learning.active()[1] for chunk in a.chunks}
    return ForgetReport(
        source=source,
        chunks_removed=len(gone),
        in_weights=len(held.intersection(gone)),
        on_disk=(Path(root) / source).exists(),
    )


def _gone(absolute: str, path: str, catalog: Catalog) -> tuple[str, str, list[str]]:
    """A document that is no longer ingested but may have left traces in the log."""
    for root in catalog.documents.roots():
        for name in {os.path.relpath(absolute, root), path}:
            if catalog.asks.hashes_cited(root, name):
                return root, name, []
    raise UsageError(
        f"{path} is not a document of this knowledge base: `ragcl search` shows the names."
    )
