"""Near misses: questions about a learned chunk to which no answer was taught."""

from pathlib import Path

from ragcl import KnowledgeBase
from ragcl.catalog.documents import StoredChunk
from ragcl.consolidation.near_misses import A_CHUNK, NearMiss, near_misses

DEPTH = "11 metres"


def found(kb: KnowledgeBase, *chunks: StoredChunk, answer: str = DEPTH) -> list[NearMiss]:
    taught = {chunk.content_hash: [answer] for chunk in chunks}
    return near_misses(kb._retriever, chunks, taught, passages=2, seed=0)


def north(kb: KnowledgeBase) -> StoredChunk:
    hit = kb.search("How deep is the north berth?", k=1)[0]
    return kb.catalog.documents.current([hit.content_hash])[hit.content_hash]


def test_they_ask_for_what_a_chunk_says_besides_what_was_taught(
    kb: KnowledgeBase, docs: Path
) -> None:
    kb.ingest(docs)
    chunk = north(kb)

    [near] = found(kb, chunk)

    assert near.question == "takes tankers only"
    best = kb.search(near.question, k=1)[0]
    assert (near.found[0], round(near.score, 4)) == (best.content_hash, round(best.score, 4))
    assert len(near.found) == 2
    assert {one.question for one in found(kb, chunk, answer="tankers")} == {
        "north berth 11 metres deep"
    }


def test_of_a_long_chunk_there_are_a_few_and_the_same_every_time(
    kb: KnowledgeBase, docs: Path
) -> None:
    lines = [f"Berth number {n} is for boats of the {n} fleet." for n in range(12)]
    (docs / "many.md").write_text("# Many\n\n" + " ".join(lines), encoding="utf-8")
    kb.ingest(docs)
    hit = kb.search("Berth number 4 fleet", k=1)[0]
    chunk = kb.catalog.documents.current([hit.content_hash])[hit.content_hash]

    assert len(found(kb, chunk)) == A_CHUNK
    assert [one.question for one in found(kb, chunk)] == [o.question for o in found(kb, chunk)]
    assert found(kb) == []
