"""What a knowledge base says, in a form in which two of them can be compared."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.processes import run
from benchmarks.sample import REVISIONS, questions
from ragcl import KnowledgeBase

SEARCHED = 4  # questions whose hits are compared
ALL = 200  # hits of each: in the samples, every chunk of a document that is no filling


@dataclass(frozen=True)
class State:
    """The documents, the chunks' vectors and what is found, free of ids and times.

    `documents` has the digest and the content hashes by path, `vectors` is by content hash, `hits`
    has (content hash, source, lines) and score, best first, by question. `found` are the chunks
    that come back where one document at a time is searched: a search of all shows what copies share
    only once.
    """

    documents: dict[str, tuple[str, tuple[str, ...]]]
    vectors: dict[str, np.ndarray]
    hits: dict[str, list[tuple[tuple[str, str, object], float]]]
    found: frozenset[str]

    @classmethod
    def of(cls, folder: Path) -> "State":
        """The state of a knowledge base with one root."""
        with KnowledgeBase.open(folder) as kb:
            documents = {}
            for root in kb.catalog.documents.roots():
                root_id = kb.catalog.documents.root_id(root)
                for record in kb.catalog.documents.of_root(root_id):
                    hashes = tuple(kb.catalog.documents.hashes_of(root_id, record.path))
                    documents[record.path] = (record.sha256, hashes)
            held = {key for _, hashes in documents.values() for key in hashes}
            asked = [one["question"] for one in questions(REVISIONS[1], held_out=True)[:SEARCHED]]
            hits = {
                question: [
                    ((h.content_hash, h.source, h.lines), h.score)
                    for h in kb.search(question, k=ALL)
                ]
                for question in asked
            }
            found = {
                hit.content_hash
                for path, (_, hashes) in documents.items()
                if len(hashes) < ALL
                for hit in kb.search(asked[0], k=ALL, source=path)
            }
            vectors = kb.catalog.documents.known_vectors(held)
            return cls(documents, vectors, hits, frozenset(found))

    def inconsistencies(self, before: "State", after: "State") -> list[str]:
        """Where this is no state between the two: a document that is neither, or hits amiss."""
        found = []
        for path in {*self.documents, *before.documents, *after.documents}:
            versions = [state.documents.get(path) for state in (before, after)]
            if self.documents.get(path) not in versions:
                found.append(f"{path} is neither as it was nor as it was to be")
        if self.vectors.keys() != {key for _, keys in self.documents.values() for key in keys}:
            found.append("a chunk has no vector")
        for hits in self.hits.values():
            keys = [key for (key, _, _), _ in hits]
            if len(set(keys)) != len(keys) or not self.vectors.keys() >= set(keys):
                found.append("hits are doubled or of no document")
        small = [hashes for _, hashes in self.documents.values() if len(hashes) < ALL]
        if self.found != {key for hashes in small for key in hashes}:
            found.append("not every chunk is found")
        return sorted(set(found))

    def differences(self, other: "State") -> list[str]:
        """What is not the same in both."""
        found = []
        if self.documents != other.documents:
            found.append("documents differ")
        if self.vectors.keys() != other.vectors.keys():
            found.append("chunks differ")
        elif any(not np.allclose(v, other.vectors[k], atol=0.02) for k, v in self.vectors.items()):
            found.append("vectors differ")
        if not all(_same(hits, other.hits[question]) for question, hits in self.hits.items()):
            found.append("searches differ")
        return found


def _same(
    one: list[tuple[tuple[str, str, object], float]],
    other: list[tuple[tuple[str, str, object], float]],
) -> bool:
    """Whether the same is found with the same scores; what scores the same may change places."""
    if len(one) < ALL or len(other) < ALL:
        if {hit for hit, _ in one} != {hit for hit, _ in other}:
            return False
        scores = dict(other)
        return all(abs(score - scores[hit]) < 0.02 for hit, score in one)
    return bool(np.allclose([s for _, s in one], [s for _, s in other], atol=0.02))


def doctors_findings(kb: Path) -> list[str]:
    """What `ragcl doctor` finds wrong, mending nothing; empty when it ends clean."""
    ran = run(kb, "doctor", "--no-repair", "--json")
    if ran.exit_code == 0 and not ran.err:
        return list(json.loads(ran.out)["problems"])
    return [f"doctor ended with {ran.exit_code}: {ran.out} {ran.err}"]
