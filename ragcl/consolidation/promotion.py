"""Promotion: a verified candidate becomes the active set, and what is superseded goes.

After every round nothing on the disk was trained on text that is gone. Knows no model: adapters
are folders and rows here.
"""

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ragcl.catalog import Catalog
from ragcl.generation.language_model import DIGEST, WEIGHTS, weights_digest

ADAPTERS = "adapters"
MANIFEST = "manifest.json"
CONFIGURATION = "adapter_config.json"
LOCK = "consolidate.lock"  # held by the process that runs a round


def adapter_folder(folder: Path, adapter: str) -> Path:
    """Where an adapter lies in the knowledge base at `folder`."""
    return folder / ADAPTERS / adapter


def write_manifest(folder: Path, values: dict[str, Any]) -> None:
    """Write an adapter's manifest whole: once it is there, the training was complete."""
    with (folder / WEIGHTS).open("rb") as weights:
        os.fsync(weights.fileno())  # else a power cut might leave the manifest without them
    values = {**values, DIGEST: weights_digest(folder)}
    temporary = folder / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """An adapter's manifest; None unless its training was completed and its files are whole."""
    try:
        values: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
        return values if values[DIGEST] == weights_digest(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def scale_adapter(folder: Path, factor: float) -> None:
    """Make an adapter on the disk weigh `factor` times what it was trained to."""
    path = folder / CONFIGURATION
    values = json.loads(path.read_text(encoding="utf-8"))
    values["lora_alpha"] *= factor
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(values, indent=2), encoding="utf-8")
    os.replace(temporary, path)


def clean_up(
    folder: Path, catalog: Catalog, round_id: int | None = None, unfinished: Collection[str] = ()
) -> None:
    """Remove the adapters from before a round (None: all) that are of no use; every stray folder.

    Not stray are those of the candidates `unfinished`, which the next round goes on with.

    Of no use are those that were trained on text which is gone or may not be learned any more, even
    if they are active (the index answers in their place), and those that a rollback can no longer
    reach.
    """
    before = len(catalog.learning.rounds()) + 1 if round_id is None else round_id
    catalog.learning.drop_adapters(catalog.learning.stale_adapters(before_round=before))
    catalog.learning.drop_adapters(catalog.learning.unreachable_adapters())
    remove_strays(folder, catalog, unfinished=unfinished)


def remove_strays(
    folder: Path,
    catalog: Catalog,
    among: Collection[str] | None = None,
    unfinished: Collection[str] = (),
) -> None:
    """Remove the files of adapters that have no entry and are not `unfinished`.

    Args:
        folder: that of the knowledge base.
        catalog: its catalog.
        among: the only ones to look at; None: all.
        unfinished: candidates that the next round goes on with.
    """
    kept = {*catalog.learning.adapter_ids(), *unfinished}
    for path in (folder / ADAPTERS).glob("*"):
        if path.name in kept or not path.is_dir() or not (among is None or path.name in among):
            continue
        if path.is_symlink():  # to another disk, say, where its files are somebody's
            path.unlink()
        else:
            shutil.rmtree(path)


def adapter_problems(folder: Path, catalog: Catalog, *, repair: bool) -> list[str]:
    """Adapters whose files are missing or damaged; with `repair` they are taken out."""
    broken = [
        adapter
        for adapter in catalog.learning.adapter_ids()
        if read_manifest(adapter_folder(folder, adapter)) is None
    ]
    if broken and repair:
        catalog.learning.drop_adapters(broken)
        for adapter in broken:
            shutil.rmtree(adapter_folder(folder, adapter), ignore_errors=True)
    return [
        f"the files of adapter {adapter} are missing or damaged: the index answers in its place, "
        "and the next round makes it again"
        for adapter in broken
    ]
