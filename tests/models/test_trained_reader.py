"""The trained reader: what ships is whole, names what it is of, and says when it does not know."""

import json
import math
from pathlib import Path

import pytest

from ragcl.models import model_files, trained_reader
from ragcl.models.model_files import DEFAULTS, sha256
from ragcl.models.trained_reader import Forms, TrainedReader


def test_what_ships_is_small_and_the_one_that_its_manifest_names() -> None:
    folder = trained_reader.folder()
    manifest = json.loads((folder / "manifest.json").read_text())
    weights = folder / "adapter_model.safetensors"

    assert weights.stat().st_size <= 10_000_000
    assert sha256(weights) == manifest[trained_reader.DIGEST]
    assert manifest["base_revision"] == DEFAULTS["language_model"].requirement
    assert manifest["licence"] == "CC BY-SA 4.0"
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == manifest["base"]


def test_another_reader_is_another_model() -> None:
    shipped = trained_reader.shipped()
    model = DEFAULTS["language_model"]

    assert model.files.reader == shipped
    assert model.revision.endswith(f"+reader-{shipped.identity}")
    assert shipped.identity in model.folder.name
    assert DEFAULTS["embedder"].revision == DEFAULTS["embedder"].requirement


def test_what_ships_was_calibrated() -> None:
    forms = trained_reader.shipped().forms

    assert math.isfinite(forms.quote)
    limits = [forms.limit(rate) for rate in (0.01, 0.05, 0.2)]
    assert limits == sorted(limits, reverse=True)
    assert all(map(math.isfinite, limits))


def test_a_limit_keeps_to_the_rate_that_is_asked_for() -> None:
    forms = Forms(unknown=((0.01, 4.0), (0.05, 2.0), (0.2, 0.0)))

    assert forms.limit(0.05) == 2.0
    assert forms.limit(0.1) == 2.0
    assert forms.limit(1.0) == 0.0
    assert forms.limit(0.001) == math.inf
    assert Forms().limit(1.0) == math.inf


def test_a_model_folder_says_which_reader_it_holds(tmp_path: Path) -> None:
    reader = TrainedReader("abc", Forms(1.5, 0.5, ((0.05, 2.0),)))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")

    assert trained_reader.marked(tmp_path) is None
    assert model_files.resolve(str(tmp_path), "language_model").reader is None
    trained_reader.mark(tmp_path, reader)
    assert trained_reader.marked(tmp_path) == reader
    assert model_files.resolve(str(tmp_path), "language_model").reader == reader


@pytest.mark.model
def test_the_default_model_reads_a_phrase_quotes_sentences_and_knows_when_not(
    tmp_path: Path,
) -> None:
    from ragcl import KnowledgeBase

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "mill.md").write_text(
        "# Corvale mill\n\nThe mill was built in 1874 by Oda Brisk. It grinds rye on Tuesdays.\n\n"
        "## Stopping the wheel\n\nThe wheel is stopped in a storm, because the axle may crack. "
        "Close the sluice first, and then pull the brake.\n"
    )
    with KnowledgeBase.open(tmp_path / "kb") as kb:
        kb.ingest(tmp_path / "docs")
        phrase = kb.ask("When was the mill of Corvale built?", mode="context")
        quotation = kb.ask("Why is the wheel of the mill stopped in a storm?", mode="context")
        nothing = kb.ask("What does the mill charge for grinding barley?", mode="context")

    assert (phrase.form, phrase.text) == ("phrase", "1874")
    assert phrase.quotes[0].lines == (3, 3)
    assert "the axle may crack" in quotation.text
    assert (nothing.form, nothing.route) == ("none", "none")
    assert nothing.nearest is not None
