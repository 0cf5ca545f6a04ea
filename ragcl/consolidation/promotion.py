"""The files of adapters: writing and reading manifests, scaling, and removing what is superseded.

After every round no adapter on disk was trained on deleted text. Knows no model: an adapter is a
folder and a row of the catalog here.
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ragcl.catalog import Catalog
from ragcl.generation.language_model import DIGEST, WEIGHTS, weights_digest
from ragcl.results import RoutingRisk

ADAPTERS = "adapters"
MANIFEST = "manifest.json"
CONFIGURATION = "adapter_config.json"
LOCK = "consolidate.lock"  # held by the process that runs a round


@dataclass(frozen=True)
class Verification:
    """The `version` of the verification that an adapter passed, and the risk that it found."""

    version: str
    risk: RoutingRisk


@dataclass(frozen=True)
class Manifest:
    """What an adapter was made from, and how.

    `chunks` are the content hashes that it learned, from so many `questions`, in the round `round`.
    `recipes` are teacher and digest of the numbers that decided the training; `loss` is the mean of
    the last tenth of its `steps`. `verified` is None until it was promoted.
    """

    adapter: str = ""
    base_model: str = ""
    base_revision: str = ""
    chunks: tuple[str, ...] = ()
    questions: int = 0
    recipes: str = ""
    round: int | None = None
    loss: float = 0.0
    steps: float = 0.0
    processes: float = 1
    verified: Verification | None = None


def adapter_folder(folder: Path, adapter: str) -> Path:
    """The folder of an adapter in the knowledge base at `folder`."""
    return folder / ADAPTERS / adapter


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write an adapter's manifest atomically: its presence means that training was completed."""
    with (folder / WEIGHTS).open("rb") as weights:
        os.fsync(weights.fileno())  # else a power cut might leave the manifest without weights
    values = {**asdict(manifest), DIGEST: weights_digest(folder)}
    if manifest.verified is None:
        del values["verified"]
    else:
        values["verified"] = {
            "version": manifest.verified.version,
            **asdict(manifest.verified.risk),
        }
    temporary = folder / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """An adapter's manifest; None unless training was completed and the files are undamaged."""
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        json.loads((folder / CONFIGURATION).read_text(encoding="utf-8"))
        return _manifest(values) if values[DIGEST] == weights_digest(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def base_revision(folder: Path, adapter: str) -> str | None:
    """The revision of the base model of an adapter; None if its files are damaged."""
    manifest = read_manifest(adapter_folder(folder, adapter))
    return None if manifest is None else manifest.base_revision


def _manifest(values: Mapping[str, Any]) -> Manifest:
    """A manifest from its file, which may be of an earlier version."""
    known = {one.name: values[one.name] for one in fields(Manifest) if one.name in values}
    verified = values.get("verified", {})
    risk = {one.name: verified[one.name] for one in fields(RoutingRisk) if one.name in verified}
    known["verified"] = None
    if len(risk) == len(fields(RoutingRisk)):
        known["verified"] = Verification(verified["version"], RoutingRisk(**risk))
    return Manifest(**{**known, "chunks": tuple(known.get("chunks", ()))})


def scale_adapter(folder: Path, factor: float) -> None:
    """Multiply the scale of an adapter on disk by `factor`."""
    path = folder / CONFIGURATION
    values = json.loads(path.read_text(encoding="utf-8"))
    values["lora_alpha"] *= factor
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(values, indent=2), encoding="utf-8")
    os.replace(temporary, path)


def clean_up(
    folder: Path, catalog: Catalog, round_id: int | None = None, unfinished: Collection[str] = ()
) -> None:
    """Remove stale and unreachable adapters, and stray folders.

    Stale adapters, of rounds before `round_id` (None: of all rounds), were trained on text that is
    gone or no longer learnable; they are removed even if they are active, and the index answers in
    their place. Unreachable ones cannot be restored by a rollback any more. The folders of the
    candidates `unfinished` stay for the next round.
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
    """Remove the folders of adapters that the catalog does not list.

    Args:
        folder: the knowledge base.
        catalog: its catalog.
        among: adapters to consider; None: all.
        unfinished: candidates to keep, which the next round continues.
    """
    kept = {*catalog.learning.adapter_ids(), *unfinished}
    for path in (folder / ADAPTERS).glob("*"):
        if path.name in kept or not path.is_dir() or not (among is None or path.name in among):
            continue
        if path.is_symlink():  # the files that it points to may belong to something else
            path.unlink()
        else:
            shutil.rmtree(path)


def adapter_problems(folder: Path, catalog: Catalog, *, repair: bool) -> list[str]:
    """A message for each adapter with missing or damaged files; `repair` removes the adapters."""
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
        "and the next round trains it again"
        for adapter in broken
    ]
