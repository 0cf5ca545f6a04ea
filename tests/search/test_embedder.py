"""Texts to vectors: whatever the batches are, each text has its own vector in its own place."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import DOCUMENTS, TinyModels

from ragcl import KnowledgeBase
from ragcl.errors import ModelMismatchError
from ragcl.models import model_files
from ragcl.search import embedder
from ragcl.search.embedder import Embedder

TEXTS = [line for text in DOCUMENTS.values() for line in text.splitlines() if line] + ["soup"]


@pytest.fixture
def tiny(tiny_models: TinyModels) -> Embedder:
    files = model_files.resolve(str(tiny_models.embedder), "embedder")
    return Embedder(files, dtype="float32", device="cpu")


def test_vectors_do_not_depend_on_the_batch(
    tiny: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = np.concatenate([tiny.encode([text]) for text in TEXTS])
    for budget in (1, 30, 10_000):
        monkeypatch.setattr(embedder, "CPU_BATCH_TOKENS", budget)
        np.testing.assert_allclose(tiny.encode(TEXTS), alone, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-6)


def test_a_batch_holds_texts_of_similar_length_up_to_its_budget() -> None:
    counts = [5, 90, 7, 30, 30, 8]

    assert list(embedder._batches(counts, 60)) == [[1], [3, 4], [5, 2, 0]]
    assert list(embedder._batches([], 60)) == []


def test_progress_adds_up_to_the_texts(tiny: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "CPU_BATCH_TOKENS", 30)
    steps: list[int] = []
    tiny.encode(TEXTS, progress=steps.append)

    assert sum(steps) == len(TEXTS)
    assert len(steps) > 1


def test_no_texts_have_no_vectors(tiny: Embedder) -> None:
    assert tiny.encode([]).shape == (0, 32)


def test_a_text_beyond_the_limit_is_cut_as_the_model_cuts_it(tiny: Embedder) -> None:
    long = "soup " * 500

    assert tiny.count_tokens(long) == 502
    np.testing.assert_allclose(tiny.encode([long]), tiny.encode([long + "berth"]), atol=1e-6)


def test_a_question_and_a_passage_are_introduced_as_the_settings_say(
    tiny: Embedder, tiny_models: TinyModels
) -> None:
    files = model_files.resolve(str(tiny_models.embedder), "embedder")
    told = Embedder(
        files,
        dtype="float32",
        device="cpu",
        query_prompt="soup: ",
        document_prompt="pilot berth: ",
    )

    np.testing.assert_allclose(
        told.encode_questions(["north"]), tiny.encode(["soup: north"]), atol=1e-6
    )
    np.testing.assert_allclose(
        told.encode(["north"]), tiny.encode(["pilot berth: north"]), atol=1e-6
    )
    assert told.count_tokens("north") == tiny.count_tokens("pilot berth: north")


def test_a_model_that_names_its_prompts_is_used_with_them(
    tiny: Embedder, tiny_models: TinyModels, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_models.embedder, tmp_path / "model")
    config = folder / "config_sentence_transformers.json"
    known = json.loads(config.read_text()) if config.exists() else {}
    config.write_text(json.dumps({**known, "prompts": {"query": "soup: ", "passage": "berth: "}}))
    files = model_files.resolve(str(folder), "embedder")
    named = Embedder(files, dtype="float32", device="cpu")
    bare = Embedder(files, dtype="float32", device="cpu", query_prompt="", document_prompt="")

    np.testing.assert_allclose(
        named.encode_questions(["north"]), tiny.encode(["soup: north"]), atol=1e-6
    )
    np.testing.assert_allclose(named.encode(["north"]), tiny.encode(["berth: north"]), atol=1e-6)
    np.testing.assert_allclose(bare.encode(["north"]), tiny.encode(["north"]), atol=1e-6)


def test_vectors_made_with_another_prompt_are_not_mixed(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
    monkeypatch.setenv("RAGCL_MODELS__DOCUMENT_PROMPT", "passage: ")

    with KnowledgeBase.open(kb_folder) as kb, pytest.raises(ModelMismatchError, match="prompts-"):
        kb.search("berth")
