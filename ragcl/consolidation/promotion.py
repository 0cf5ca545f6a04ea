"""Promotion: a verified candidate becomes the active set, and what is superseded goes.

After every round nothing on the disk was trained on text that is gone. Knows no model: adapters
are folders and rows here.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ragcl.catalog import Catalog

ADAPTERS = "adapters"
MANIFEST = "manifest.json"
WEIGHTS = "adapter_model.safetensors"


def adapter_folder(folder: Path, adapter: str) -> Path:
    """Where an adapter lies in the knowledge base at `folder`."""
    return folder / ADAPTERS / adapter


def write_manifest(folder: Path, values: dict[str, Any]) -> None:
    """Write an adapter's manifest whole: once it is there, the training was complete."""
    temporary = folder / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """An adapter's manifest; None while its training has not been completed."""
    try:
        values: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return values if (folder / WEIGHTS).exists() else None


def scale_adapter(folder: Path, factor: float) -> None:
    """Make an adapter on the disk weigh `factor` times what it was trained to."""
    path = folder / "adapter_config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    values["lora_alpha"] *= factor
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(values, indent=2), encoding="utf-8")
    os.replace(temporary, path)


def clean_up(folder: Path, catalog: Catalog, round_id: int) -> None:
    """Remove the adapters of earlier rounds that are of no use, and every stray folder.

    Of no use are those that were trained on text which is gone, even if they are active (the
    index answers in their place), and those that a rollback can no longer reach.
    """
    catalog.learning.drop_adapters(catalog.learning.stale_adapters(before_round=round_id))
    catalog.learning.drop_adapters(catalog.learning.unreachable_adapters())
    kept = set(catalog.learning.adapter_ids())
    for path in (folder / ADAPTERS).glob("*"):
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)


def adapter_problems(folder: Path, catalog: Catalog, *, repair: bool) -> list[str]:
    """Adapters that the catalog names and the disk lacks; with `repair` they are taken out."""
    missing = [
        adapter
        for adapter in catalog.learning.adapter_ids()
        if read_manifest(adapter_folder(folder, adapter)) is None
    ]
    if missing and repair:
        catalog.learning.drop_adapters(missing)
    return [f"adapter {adapter} has no files: the next round makes it again" for adapter in missing]
