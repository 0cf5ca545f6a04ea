"""After a round nothing is left on the disk that was trained on text which is gone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragcl.catalog import Catalog
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.catalog.learning import AdapterRecord, LearnedChunk
from ragcl.consolidation.promotion import (
    Manifest,
    Verification,
    adapter_folder,
    adapter_problems,
    clean_up,
    read_manifest,
    scale_adapter,
    write_manifest,
)
from ragcl.results import ConsolidationReport, RoutingRisk

PROMOTED = ConsolidationReport(1, "promoted", "")
VECTOR = np.array([1.0, 0.0], np.float32)


def store(catalog: Catalog, *texts: str) -> None:
    root = catalog.documents.root_id("/docs")
    for text in texts:
        stamp = DocumentRecord(text, text, "text/plain", 1, 1, 1, "0", 1, 1.0)
        record = ChunkRecord(text, text, "", (), VECTOR, None, None)
        catalog.documents.replace(root, stamp, [record])


def files(folder: Path, name: str) -> Path:
    path = adapter_folder(folder, name)
    path.mkdir(parents=True)
    (path / "adapter_model.safetensors").write_bytes(b"weights")
    (path / "adapter_config.json").write_text('{"lora_alpha": 32, "r": 16}')
    write_manifest(path, Manifest(adapter=name))
    return path


def promote(catalog: Catalog, folder: Path, name: str, *hashes: str) -> int:
    files(folder, name)
    round_id = catalog.learning.start_round({}, 1.0)
    learned = tuple(LearnedChunk(key, VECTOR) for key in hashes)
    catalog.learning.add_adapter(AdapterRecord(name, round_id, 1.0, {}, learned, ()))
    catalog.learning.promote(round_id, [name], PROMOTED, 2.0)
    return round_id


def on_disk(folder: Path) -> set[str]:
    return {path.name for path in (folder / "adapters").iterdir()}


def test_the_active_set_and_the_one_before_are_kept(catalog: Catalog, tmp_path: Path) -> None:
    store(catalog, "kept")
    for name in ("a", "b", "c"):
        last = promote(catalog, tmp_path, name, "kept")

    clean_up(tmp_path, catalog, last)

    assert on_disk(tmp_path) == {"b", "c"}
    assert set(catalog.learning.adapter_ids()) == {"b", "c"}


def test_what_was_trained_on_a_text_that_is_gone_goes_even_if_it_could_be_rolled_back_to(
    catalog: Catalog, tmp_path: Path
) -> None:
    store(catalog, "kept", "gone")
    promote(catalog, tmp_path, "a", "kept", "gone")
    catalog.documents.remove(catalog.documents.root_id("/docs"), "gone")
    last = promote(catalog, tmp_path, "b", "kept")

    clean_up(tmp_path, catalog, last)

    assert on_disk(tmp_path) == {"b"}
    assert catalog.learning.rollback()[1] is None


def test_a_rejected_round_also_takes_an_active_adapter_with_a_text_that_is_gone(
    catalog: Catalog, tmp_path: Path
) -> None:
    store(catalog, "gone")
    promote(catalog, tmp_path, "a", "gone")
    catalog.documents.remove(catalog.documents.root_id("/docs"), "gone")
    rejected = catalog.learning.start_round({}, 3.0)
    files(tmp_path, "candidate")

    clean_up(tmp_path, catalog, rejected)

    assert on_disk(tmp_path) == set()
    assert catalog.learning.active()[1] == []


def test_a_candidate_that_was_not_promoted_is_thrown_away(catalog: Catalog, tmp_path: Path) -> None:
    store(catalog, "kept")
    promote(catalog, tmp_path, "a", "kept")
    files(tmp_path, "candidate")

    clean_up(tmp_path, catalog, catalog.learning.start_round({}, 3.0))

    assert on_disk(tmp_path) == {"a"}


def test_nothing_to_clean_up_where_there_are_no_adapters(catalog: Catalog, tmp_path: Path) -> None:
    clean_up(tmp_path, catalog, 1)

    assert not (tmp_path / "adapters").exists()


@pytest.mark.parametrize("harm", ["manifest.json", "adapter_model.safetensors"])
def test_an_adapter_without_its_files_is_found_and_taken_out(
    catalog: Catalog, tmp_path: Path, harm: str
) -> None:
    store(catalog, "kept")
    promote(catalog, tmp_path, "a", "kept")
    assert adapter_problems(tmp_path, catalog, repair=True) == []
    (adapter_folder(tmp_path, "a") / harm).unlink()

    [problem] = adapter_problems(tmp_path, catalog, repair=False)
    assert "adapter a " in problem
    assert catalog.learning.adapter_ids() == ["a"]

    adapter_problems(tmp_path, catalog, repair=True)
    assert catalog.learning.active()[1] == []
    assert adapter_problems(tmp_path, catalog, repair=True) == []


def test_a_manifest_that_was_cut_short_is_none(tmp_path: Path) -> None:
    path = files(tmp_path, "a")
    whole = read_manifest(path)
    assert whole is not None
    assert whole.adapter == "a"

    (path / "manifest.json").write_text('{"adapter": ')

    assert read_manifest(path) is None
    assert read_manifest(tmp_path / "nowhere") is None


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = files(tmp_path, "a")
    risk = RoutingRisk(20, 14, 13, 0.7, 0.9, 36, 1)
    made = Manifest("a", "lm", "r1", ("x", "y"), 3, "recipes", 2, 0.5, 40.0, 1)

    for manifest in (made, replace(made, verified=Verification("2-abc", risk))):
        write_manifest(path, manifest)
        assert read_manifest(path) == manifest


def test_a_manifest_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = files(tmp_path, "a")
    values = json.loads((path / "manifest.json").read_text())
    values = {key: values[key] for key in ("adapter", "weights_sha256")}
    (path / "manifest.json").write_text(json.dumps({**values, "gone": 1, "verified": {"old": 1}}))

    assert read_manifest(path) == Manifest(adapter="a")


def test_scaling_an_adapter_scales_its_alpha(tmp_path: Path) -> None:
    path = files(tmp_path, "a")

    scale_adapter(path, 0.25)

    config = json.loads((path / "adapter_config.json").read_text())
    assert config == {"lora_alpha": 8.0, "r": 16}
