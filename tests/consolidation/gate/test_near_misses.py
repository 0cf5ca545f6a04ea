"""Near misses: questions about a learned chunk to which no answer was taught."""

# ruff: noqa: RUF001 - texts of other scripts are tested

import re
from pathlib import Path

from ragcl import KnowledgeBase
from ragcl.catalog.passage import Passage
from ragcl.consolidation.gate.near_misses import NearMiss, near_misses
from ragcl.consolidation.recipe import GATE
from ragcl.text.words import content_words

DEPTH = "11 metres"


QUESTION = "How deep is the north berth?"


def found(
    kb: KnowledgeBase, *chunks: Passage, answer: str = DEPTH, question: str = QUESTION
) -> list[NearMiss]:
    taught = {chunk.content_hash: {question: answer} for chunk in chunks}
    return near_misses(kb._retriever, chunks, taught, passages=2, seed=0)


def north(kb: KnowledgeBase) -> Passage:
    hit = kb.search(QUESTION, k=1)[0]
    return kb.catalog.documents.current([hit.content_hash])[hit.content_hash]


def words(question: str) -> set[str]:
    return set(re.findall(r"\w+", question.lower()))


def test_they_are_worded_like_what_was_learned_and_ask_for_what_else_the_chunk_says(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    chunk = north(kb)

    [near] = found(kb, chunk)

    assert near.question.endswith("?")
    new = words(near.question) - words(QUESTION)
    assert len(new) == 2  # of three words that mean something
    assert new <= {"takes", "tankers", "only"}
    best = kb.search(near.question, k=1)[0]
    assert (near.found[0], round(near.score, 4)) == (best.content_hash, round(best.score, 4))
    assert len(near.found) == 2
    [plain] = found(kb, chunk, question="How is it?")
    assert plain.question == "takes tankers only"
    [other] = found(kb, chunk, answer="tankers")
    assert words(other.question) - words(QUESTION) <= {"11", "metres"}


def test_words_without_spaces_are_replaced_one_by_one(kb: KnowledgeBase, docs: Path) -> None:
    text = "守塔人是韩岭舟。风浪太大时补给船改在第二天出航。"
    (docs / "lamp.md").write_text(f"# 灯塔\n\n{text}", encoding="utf-8")
    kb.ingest(docs)
    hit = next(one for one in kb.search("守塔人", k=9) if one.source == "lamp.md")
    [chunk] = kb.catalog.documents.current([hit.content_hash]).values()

    [near] = found(kb, chunk, answer="韩岭舟", question="谁是灯塔的守塔人？")

    kept, new = (set(content_words(one)) for one in ("谁是灯塔的守塔人？", text[8:]))
    assert len(set(content_words(near.question)) & new) > 1
    assert set(content_words(near.question)) <= kept | new


def test_of_a_long_chunk_there_are_a_few_and_the_same_every_time(
    kb: KnowledgeBase, docs: Path
) -> None:
    lines = [f"Berth number {n} is for boats of the {n} fleet." for n in range(12)]
    (docs / "many.md").write_text("# Many\n\n" + " ".join(lines), encoding="utf-8")
    kb.ingest(docs)
    hit = kb.search("Berth number 4 fleet", k=1)[0]
    chunk = kb.catalog.documents.current([hit.content_hash])[hit.content_hash]

    assert len(found(kb, chunk)) == GATE.near_misses
    assert [one.question for one in found(kb, chunk)] == [o.question for o in found(kb, chunk)]
    assert found(kb) == []
