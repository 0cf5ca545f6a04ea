"""Inspection: the content of a knowledge base, what is wrong with it, and the repair.

Repaired is what is derived: indexes are built again, damaged adapters removed. Answers nothing and
learns nothing.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.consolidation.promotion import adapter_problems, base_revision
from ragcl.errors import CatalogError, ModelMismatchError, ModelNotFoundError
from ragcl.forgetting import unfinished
from ragcl.generation.language_model import LanguageModel
from ragcl.models import hardware, listing, model_files
from ragcl.results import ActiveAdapter, DoctorReport, Failure, Migration, Status
from ragcl.search.embedders import Embedders
from ragcl.search.retriever import Retriever, stored_calibration
from ragcl.settings import ModelSettings


def missing_root(root: str) -> str:
    """The message about an ingested folder that is missing now."""
    return (
        f"{root} is gone, and its documents are still used: mount the drive and ingest it, or run "
        f"`ragcl forget {root}`"
    )


def status(folder: Path, catalog: Catalog, models: ModelSettings, embedders: Embedders) -> Status:
    """The content of the knowledge base in a folder; loads no model."""
    base = None
    with contextlib.suppress(ModelNotFoundError):
        base = LanguageModel.of(models).files.revision
    with catalog.database.reading() as connection:
        calibration = stored_calibration(connection)
    documents, chunks = catalog.documents.count()
    under_way = catalog.vectors.headway()
    _, adapters = catalog.learning.active()
    rounds = catalog.learning.rounds()
    current = catalog.documents.learnable_hashes(
        chunk.content_hash for adapter in adapters for chunk in adapter.chunks
    )
    finished = [one for one in rounds if one.report is not None]
    return Status(
        path=str(folder),
        roots=catalog.documents.roots(),
        untrusted=catalog.roots.untrusted(),
        missing=_missing_roots(catalog),
        documents=documents,
        chunks=chunks,
        asks=catalog.asks.count(),
        failed=[
            Failure(f"{root}/{path}", reason) for root, path, reason in catalog.documents.failed()
        ],
        left_out=[
            Failure(f"{root}/{path}", note) for root, path, note in catalog.documents.noted()
        ],
        embedder=embedders.choice().embedder,
        language_model=models.language_model,
        adapters=[
            ActiveAdapter(
                id=adapter.id,
                created_at=adapter.created_at,
                chunks=len(adapter.chunks),
                proved=len({q.content_hash for q in adapter.questions if q.proved}),
                stale=sum(c.content_hash not in current for c in adapter.chunks),
                answers=base_revision(folder, adapter.id) == base,
            )
            for adapter in adapters
        ],
        rounds=len(rounds),
        last_round=finished[-1].report if finished else None,
        flagged=catalog.documents.flagged(),
        calibration=None if calibration is None else calibration.cosines(),
        migration=None
        if under_way is None
        else Migration(under_way.embedder["model"], under_way.embedded, under_way.chunks),
    )


def examine(
    folder: Path,
    catalog: Catalog,
    models: ModelSettings,
    embedders: Embedders,
    retriever: Callable[[], Retriever],
    *,
    repair: bool,
) -> tuple[list[str], list[str]]:
    """Check catalog, indexes, adapters and models; the caller holds the lock of writers.

    Args:
        folder: of the knowledge base.
        catalog: its catalog.
        models: its settings.
        embedders: the one in use among them.
        retriever: opens the indexes; may find that a model is missing.
        repair: whether to repair what is derived.

    Returns:
        The problems, and those that remain.

    Raises:
        CatalogError: the catalog itself is damaged, which cannot be repaired.
    """
    damage = catalog.database.check()
    if damage:
        raise CatalogError(
            f"the catalog is damaged: {'; '.join(damage)}. Restore catalog.sqlite from a copy, or "
            "ingest the documents into a new knowledge base."
        )

    def problems(*, repair: bool) -> list[str]:
        found = [*unfinished(catalog), *adapter_problems(folder, catalog, repair=repair)]
        found += [f"the folder {missing_root(root)}" for root in _missing_roots(catalog)]
        try:
            found += retriever().problems(repair=repair)
            embedders.now()
        except (ModelMismatchError, ModelNotFoundError) as error:
            found.append(str(error))
        try:
            model_files.resolve(models.language_model, "language_model")
        except ModelNotFoundError as error:
            found.append(str(error))
        return found

    found = problems(repair=repair)
    # Checked again, since a repair may fail, as on a full disk.
    remaining = problems(repair=False) if repair and found else found
    if repair:
        catalog.database.checkpoint()
    return found, remaining


def doctor_report(
    found: list[str], remaining: list[str], models: ModelSettings, embedder: str
) -> DoctorReport:
    """The problems, beside what the models need of the memory of this machine.

    Args:
        found: the problems.
        remaining: those that are not repaired.
        models: the settings.
        embedder: the setting of the one in use.
    """
    whole, free = (one >> 20 for one in hardware.memory())
    needs, needed = listing.needs_here(models, embedder, free)
    return DoctorReport(
        found,
        bool(found) and not remaining,
        remaining,
        memory_mb=whole,
        free_mb=free,
        needed_mb=needed,
        fits=needs,
    )


def _missing_roots(catalog: Catalog) -> list[str]:
    return [root for root in catalog.documents.roots() if not os.path.isdir(root)]
