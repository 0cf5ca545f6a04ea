"""Study: hot chunks to training rows, with the frozen base model reading the source as teacher.

Every question that was asked about a chunk is read again now, from the current index, with all
adapters off. Its answer is a span of the source, so it is supported by construction; one that
the teacher itself doubts is dropped. Rows are kept in the catalog by chunk and teacher, so an
interrupted round goes on where it was and an unchanged chunk is read once. Trains nothing.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ragcl.catalog import Catalog
from ragcl.evaluation.metrics import normalise
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.reading import Narrower, Sentence, Span, SpanReader
from ragcl.retrieval.retriever import Retriever

RECIPE = "1"  # raised whenever the rows would come out differently
MIN_TRUST = 0.25  # the teacher's probability of its answer among the spans; below it: dropped
GROUP = 64  # questions read before their rows are stored


@dataclass(frozen=True)
class StudyRow:
    """One question with the teacher's answer, taken from the chunk `content_hash`.

    `ids` are the answer's `n` tokens; the soft labels, `(n + 1, TOP)`, cover them and the stop.
    `trust` in [0, 1] is how sure the teacher is; `sentences` are what it read, the nearest last;
    `vector` is the question's, `(dim,) float32`; `best_hit`, `score` and `margin` are the chunk
    that it retrieved first, its cosine and by how much it led.
    """

    content_hash: str
    question: str
    answer: str
    ids: tuple[int, ...]
    top_ids: torch.Tensor
    top_logprobs: torch.Tensor
    trust: float
    sentences: tuple[Sentence, ...]
    vector: np.ndarray
    best_hit: str
    score: float
    margin: float


class Studier:
    """Reads the questions of hot chunks and keeps what was read in the catalog."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        narrower: Narrower,
        model: LanguageModel,
        *,
        passages: int,
        context_tokens: int,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._narrower = narrower
        self._prompts = Prompts(model.tokenizer)
        self._reader = SpanReader(model)
        self._passages = passages
        self._context_tokens = context_tokens
        self.teacher = f"{model.files.name}@{model.files.revision}/{RECIPE}"

    def study(
        self,
        questions: Sequence[str],
        chunks: Collection[str],
        progress: Callable[[int], None],
    ) -> list[StudyRow]:
        """The rows of those questions whose answer stands in one of `chunks`."""
        stored = {
            question: (key, row)
            for key in sorted(chunks)
            for question, row in self._catalog.learning.study(key, self.teacher).items()
        }
        missing = [question for question in questions if question not in stored]
        progress(len(questions) - len(missing))
        for start in range(0, len(missing), GROUP):
            group = missing[start : start + GROUP]
            for question, key, row in self._read(group):
                self._catalog.learning.add_study(key, self.teacher, {question: row})
                stored[question] = (key, row)
            progress(len(group))
        kept = [(q, *stored[q]) for q in questions if q in stored]
        rows = [_row(question, key, row) for question, key, row in kept if key in chunks]
        return [row for row in rows if row.trust >= MIN_TRUST]

    def _read(self, questions: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
        """(question, chunk that answers it, stored form of its row) of each readable question."""
        found = []
        retrievals = self._retriever.retrieve(questions, self._passages)
        narrowed = self._narrower.narrow(retrievals)
        for question, retrieval, sentences in zip(questions, retrievals, narrowed, strict=True):
            texts = [sentence.text for sentence in sentences]
            prompt = self._prompts.with_context(question, texts, self._context_tokens)
            spans = self._reader.spans(prompt, question, sentences)
            if not spans:
                continue
            best, hits = spans[0], retrieval.hits
            row: dict[str, Any] = {
                "answer": best.text,
                "ids": list(best.ids),
                "top_ids": best.top_ids.tolist(),
                "top_logprobs": [[round(x, 3) for x in r] for r in best.top_logprobs.tolist()],
                "trust": _trust(spans),
                "sentences": [[s.text, s.content_hash, round(s.score, 4)] for s in sentences],
                "vector": [round(float(x), 6) for x in retrieval.vector],
                "best_hit": hits[0].chunk.content_hash,
                "score": hits[0].score,
                "margin": hits[0].score - (hits[1].score if len(hits) > 1 else -1.0),
            }
            found.append((question, sentences[best.sentence].content_hash, row))
        return found


def _trust(spans: Sequence[Span]) -> float:
    """The share of the best answer in the probability of all spans, variants of it included."""
    top = spans[0].score
    total = sum(math.exp(span.score - top) for span in spans)
    answer = f" {normalise(spans[0].text)} "
    same = sum(
        math.exp(span.score - top) for span in spans if answer in f" {normalise(span.text)} "
    )
    return same / total


def _row(question: str, key: str, row: dict[str, Any]) -> StudyRow:
    return StudyRow(
        content_hash=key,
        question=question,
        answer=row["answer"],
        ids=tuple(row["ids"]),
        top_ids=torch.tensor(row["top_ids"]),
        top_logprobs=torch.tensor(row["top_logprobs"]),
        trust=row["trust"],
        sentences=tuple(Sentence(*sentence) for sentence in row["sentences"]),
        vector=np.array(row["vector"], np.float32),
        best_hit=row["best_hit"],
        score=row["score"],
        margin=row["margin"],
    )
