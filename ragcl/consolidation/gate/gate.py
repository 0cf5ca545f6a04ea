"""The gate: what a candidate is tested with, and its adapter scaled down where it drifts.

The tests themselves, and the verdict, are those of `verification`. Knows no other candidate.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.consolidation import promotion
from ragcl.consolidation.gate.near_misses import near_misses
from ragcl.consolidation.gate.verification import Verdict, drift, verify
from ragcl.consolidation.recipe import GATE
from ragcl.consolidation.shard import Shard
from ragcl.consolidation.training import anchors
from ragcl.consolidation.training.anchors import Anchor
from ragcl.generation.judging import JudgingReader
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.reading import Reading
from ragcl.progress import Progress
from ragcl.search.retriever import Retriever
from ragcl.settings import Settings
from ragcl.text.rewording import briefly, indirectly


class Gate:
    """Tests the candidates of a round."""

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        retriever: Retriever,
        reader: JudgingReader,
        model: LanguageModel,
        settings: Settings,
    ) -> None:
        self._folder = folder
        self._catalog = catalog
        self._retriever = retriever
        self._reader = reader
        self._model = model
        self._settings = settings

    def test(self, shard: Shard, progress: Progress) -> Verdict:
        """The verdict on a candidate; one that fails by drift alone is scaled down."""
        answering = self._settings.answering
        folder = promotion.adapter_folder(self._folder, shard.adapter)
        self._model.attach(shard.adapter, folder)
        reworded = self._reworded(shard)
        variants = [
            one
            for reword in (briefly, indirectly)
            for one in self._in_other_words(shard.held_out, reword)
        ]
        near = near_misses([*shard.held_out, *shard.trained], self._retriever, answering.passages)

        def tested() -> Verdict:
            """The verdict on the candidate at its present scale, with the present documents."""
            return verify(
                self._model,
                shard.adapter,
                shard.trained,
                shard.held_out,
                reworded,
                variants,
                near,
                self._unseen,
                self._catalog.documents.current(shard.chunks),
                self._settings.consolidation,
                reader=self._reader,
                scale=self._retriever.calibrate().questions,
                context_tokens=answering.context_tokens,
                progress=lambda done, total: progress("verifying", done, total),
            )

        verdict = tested()
        if verdict.only_drifted and self._shrink(shard, folder):
            return tested()
        return verdict

    @cached_property
    def _unseen(self) -> list[Anchor]:
        return anchors.make(self._model, anchors.texts()[1])

    def _reworded(self, shard: Shard) -> list[Reading]:
        """Other wordings of the trained rows, retrieved for; only where few rows are held out.

        They differ from the wordings of the proofs, which decide what may be answered.
        """
        if len(shard.held_out) >= GATE.min_held_out:
            return []
        return self._in_other_words(shard.trained, indirectly)

    def _in_other_words(
        self, rows: Sequence[Reading], reword: Callable[[str], str]
    ) -> list[Reading]:
        """The rows with their questions reworded, and retrieved for."""
        other = [reword(row.question) for row in rows]
        passages = self._settings.answering.passages
        found = self._retriever.retrieve(other, passages, trusted=True)
        return [
            replace(
                row,
                question=question,
                vector=retrieval.vector,
                found=retrieval.found,
                score=retrieval.hits[0].score,
                margin=retrieval.margin,
            )
            for row, question, retrieval in zip(rows, other, found, strict=True)
            if retrieval.hits
        ]

    def _shrink(self, shard: Shard, folder: Path) -> bool:
        """Bisect for the largest scale in (0, 1) within the drift limit; False if there is none."""
        limit = self._settings.consolidation.max_perplexity_ratio
        low, high = 0.0, 1.0
        for _ in range(GATE.bisections):
            middle = (low + high) / 2
            self._model.set_scale(shard.adapter, middle)
            ratio, _ = drift(self._model, shard.adapter, self._unseen)
            low, high = (middle, high) if ratio <= limit else (low, middle)
        if low == 0.0:
            return False
        promotion.scale_adapter(folder, low)
        self._model.set_scale(shard.adapter, low)
        return True
