"""Reranking: a cross-encoder orders the best hits, and nothing else changes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import QUESTIONS, TinyModels

from ragcl import KnowledgeBase
from ragcl.errors import ModelNotFoundError
from ragcl.models import model_files
from ragcl.search import retriever
from ragcl.search.recipe import SEARCH
from ragcl.search.reranker import Reranker


@pytest.fixture(scope="module")
def cross_encoder(tiny_models: TinyModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cross-encoder of random weights."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("models") / "tiny-reranker"
    tokenizer = AutoTokenizer.from_pretrained(tiny_models.embedder)
    torch.manual_seed(3)
    BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=512,
            num_labels=1,
            initializer_range=1.0,
        )
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def reranked(
    kb_folder: Path, docs: Path, cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> KnowledgeBase:
    monkeypatch.setenv("RAGCL_MODELS__RERANKER", str(cross_encoder))
    kb = KnowledgeBase.open(kb_folder)
    kb.ingest(docs)
    return kb


def test_a_score_does_not_depend_on_the_other_passages(cross_encoder: Path) -> None:
    files = model_files.resolve(str(cross_encoder), "reranker")
    reranker = Reranker(files, dtype="float32", device="cpu")
    passages = ["The north berth is 11 metres deep.", "Soup costs 3 crowns.", "Pilots board."]

    together = reranker.scores(QUESTIONS[0], passages)

    assert together.shape == (3,)
    assert len(set(together.tolist())) == 3
    alone = np.concatenate([reranker.scores(QUESTIONS[0], [passage]) for passage in passages])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert reranker.scores(QUESTIONS[0], []).shape == (0,)


def test_hits_come_in_the_rerankers_order_with_the_scores_they_had(
    reranked: KnowledgeBase, cross_encoder: Path
) -> None:
    vectors = reranked._embedder.encode_questions(QUESTIONS[:1])
    [plain] = reranked._retriever.nearest(vectors, 20)
    reranker = Reranker(model_files.resolve(str(cross_encoder), "reranker"), dtype="float32")

    hits = reranked._retriever.retrieve(QUESTIONS[:1], 20)[0].hits

    scores = reranker.scores(QUESTIONS[0], [hit.headed for hit in hits])
    assert (np.diff(scores) <= 1e-6).all()
    assert {hit.content_hash: hit.score for hit in hits} == pytest.approx(
        {hit.content_hash: hit.score for hit in plain.hits}
    )
    best = reranked._retriever.retrieve(QUESTIONS[:1], 2)[0].hits
    assert [hit.id for hit in best] == [hit.id for hit in hits[:2]]


def test_only_the_best_are_read(reranked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retriever, "SEARCH", replace(SEARCH, reranked=2))
    without = reranked._retriever.retrieve(QUESTIONS[:1], 4, rerank=False)[0].hits

    hits = reranked._retriever.retrieve(QUESTIONS[:1], 4)[0].hits

    assert {hit.id for hit in hits[:2]} == {hit.id for hit in without[:2]}
    assert hits[2:] == without[2:]


def test_a_question_is_answered_with_a_reranker(reranked: KnowledgeBase) -> None:
    answer = reranked.ask(QUESTIONS[0])

    assert answer.route == "context"
    assert answer.citations


@pytest.mark.parametrize("name", ["default", "nowhere/at all"])
def test_a_reranker_that_is_not_there_is_named(
    kb_folder: Path, docs: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("RAGCL_MODELS__RERANKER", name)
    with KnowledgeBase.open(kb_folder) as kb:
        with pytest.raises(ModelNotFoundError, match=name):
            kb.ingest(docs)
        assert any(name in problem for problem in kb.doctor(repair=False).problems)
