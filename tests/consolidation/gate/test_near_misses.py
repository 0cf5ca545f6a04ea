"""Near misses: learned questions, of which the answer or the passage is left out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ragcl import KnowledgeBase
from ragcl.consolidation.gate.near_misses import near_misses
from ragcl.generation.reading import Reading

DEPTH, SOUP = "How deep is the north berth?", "What does soup cost?"


def learned(kb: KnowledgeBase, question: str, answer: str) -> Reading:
    """A row about the best passage."""
    [retrieval] = kb._retriever.retrieve([question], 2)
    return Reading(
        question=question,
        answer=answer,
        content_hash=retrieval.found[0],
        ids=(1,),
        logprob=-0.1,
        top_ids=torch.zeros(2, 1, dtype=torch.long),
        top_logprobs=torch.zeros(2, 1),
        trust=1.0,
        sentences=(),
        vector=retrieval.vector,
        found=retrieval.found,
        score=0.9,
        margin=retrieval.margin,
    )


def test_of_a_learned_question_the_answer_or_the_passage_is_left_out(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    row = learned(kb, DEPTH, "11 metres")
    hits = kb.search(DEPTH, k=3)

    without_answer, without_passage = near_misses([row], kb._retriever, 2)

    assert (without_answer.question, without_answer.answer) == (DEPTH, "11 metres")
    assert (without_answer.passage, without_answer.margin) == (row.content_hash, row.margin)
    assert without_passage.passage == hits[1].content_hash != row.content_hash
    assert without_passage.margin == pytest.approx(hits[1].fused - hits[2].fused)
    assert without_passage.question == DEPTH


def test_a_fact_counts_once_however_often_it_was_asked_for(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)
    row, soup = learned(kb, DEPTH, "11 metres"), learned(kb, SOUP, "3 crowns")
    again = replace(row, question="What depth has the north berth?", answer="11 Metres.")

    found = near_misses([row, again, soup], kb._retriever, 2)

    assert [one.question for one in found] == [DEPTH, DEPTH, SOUP, SOUP]
    assert near_misses([], kb._retriever, 2) == []


def test_a_passage_that_is_alone_leaves_nothing_to_find(kb: KnowledgeBase, docs: Path) -> None:
    for path in docs.iterdir():
        if path.name != "berths.md":
            path.unlink()
    (docs / "berths.md").write_text("# Berths\n\nThe north berth is 11 metres deep.", "utf-8")
    kb.ingest(docs)

    [near] = near_misses([learned(kb, DEPTH, "11 metres")], kb._retriever, 2)

    assert near.passage == kb.search(DEPTH, k=1)[0].content_hash
