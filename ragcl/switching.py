"""Switches a knowledge base to another embedder, another language model, or both.

The chunks are embedded again beside their present vectors, which answer until there is a new one
for every chunk; then one transaction puts the new ones in their place. Killed at any moment, it is
continued by the next switch to the same embedder. Knows no terminal and no lock: whoever calls
`commit` keeps ingests and rounds away.
"""

import contextlib
import time
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.catalog.learning import AdapterRecord
from ragcl.catalog.vectors import SWITCHED
from ragcl.consolidation import promotion
from ragcl.errors import ModelNotFoundError, UsageError
from ragcl.generation.language_model import LanguageModel
from ragcl.index.building import stored_embedder
from ragcl.index.vector_index import EmbedderId
from ragcl.ingestion import embedding_text
from ragcl.models import hardware, listing
from ragcl.progress import Progress
from ragcl.results import ModelNeed, ModelsReport
from ragcl.search.calibration import material
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import Choice, made_by
from ragcl.settings import Settings, checked

AT_ONCE = 256  # chunks embedded between two commits: so much is lost at most
SAMPLE = 64  # chunks on which the time is measured


class Switch:
    """One switch: `plan`, then `embed` as often as need be, then `commit`."""

    def __init__(
        self,
        folder: Path,
        catalog: Catalog,
        settings: Settings,
        language_model: str | None,
        choice: Choice | None,
    ) -> None:
        """From the models in use to others.

        Args:
            folder: the knowledge base.
            catalog: its catalog.
            settings: those in force.
            language_model: the one to use; None: as it is.
            choice: the embedder to use; None: as it is.

        Raises:
            UsageError: the environment names other models.
        """
        self._folder = folder
        self._catalog = catalog
        self._choice = choice
        self._before = settings.models
        self.changes: dict[str, str | None] = {} if choice is None else asdict(choice)
        if language_model is not None:
            self.changes["language_model"] = language_model
        after = settings.models.model_dump() | self.changes
        self.models = checked({"models": after}, "the environment").models
        for name, value in self.changes.items():
            if getattr(self.models, name) != value:
                raise UsageError(
                    f"$RAGCL_MODELS__{name.upper()} is set, and has precedence over what would be "
                    "written to ragcl.toml: unset it."
                )

    @cached_property
    def embedder(self) -> Embedder | None:
        """The embedder to use; None: as it is."""
        return None if self._choice is None else self._choice.load(self.models)

    @cached_property
    def _id(self) -> EmbedderId:
        assert self.embedder is not None
        files = self.embedder.files
        return EmbedderId(files.name, files.revision, self.embedder.dimension)

    def _other(self) -> Embedder | None:
        """The embedder to use, if the chunks have vectors of another one."""
        if self.embedder is None:
            return None
        with self._catalog.database.reading() as connection:
            known = stored_embedder(connection)
        return None if made_by(self.embedder.files, known) else self.embedder

    def plan(self) -> ModelsReport:
        """What the switch does, and how long it takes, measured on a sample of the chunks."""
        after = LanguageModel.of(self.models).files.revision
        needs = self._needs()  # before the new embedder is loaded
        other = self._other()
        chunks, seconds, too_long = self._measured(other) if other else (0, 0.0, 0.0)
        return ModelsReport(
            language_model=self.models.language_model,
            embedder=self.models.embedder,
            chunks=chunks,
            expected_seconds=round(seconds, 1),
            too_long=too_long,
            retired=[one.id for one in self._used() if other or self._base(one) != after],
            needs=needs,
        )

    def _needs(self) -> list[ModelNeed]:
        """The memory that the models after the switch need."""
        _, free = hardware.memory()
        needs, _ = listing.needs_here(self.models, self.models.embedder, free >> 20)
        return [one for one in needs if getattr(self.models, one.role) == one.name]

    def _measured(self, embedder: Embedder) -> tuple[int, float, float]:
        """How many chunks are to be embedded, the seconds, and the share that is too long."""
        chunks, characters = self._catalog.vectors.to_embed(asdict(self._id))
        sample = self._catalog.vectors.sample(SAMPLE)
        texts = [embedding_text(one.heading, one.text) for one in sample]
        if not texts:
            return 0, 0.0, 0.0
        embedder.encode(texts[:1])  # loads it
        started = time.monotonic()
        embedder.encode(texts)
        a_character = (time.monotonic() - started) / sum(map(len, texts))
        too_long = [one for one in texts if embedder.count_tokens(one) > embedder.max_tokens]
        return chunks, a_character * characters, len(too_long) / len(texts)

    def embed(self, progress: Progress) -> None:
        """Embed the chunks that have no vector of the new embedder yet."""
        embedder = self._other()
        if embedder is None:
            return
        vectors = self._catalog.vectors
        vectors.begin(asdict(self._id))
        left, _ = vectors.to_embed(asdict(self._id))
        done = after = 0

        def embedded(count: int) -> None:
            nonlocal done
            done += count
            progress("embedding", done, max(done, left))

        while some := vectors.missing(after, AT_ONCE):
            texts = [embedding_text(one.heading, one.text) for one in some]
            vectors.add(some, embedder.encode(texts, progress=embedded))
            after = some[-1].id
        material(embedder)  # now, so that no question waits for it after the switch

    def commit(self, progress: Progress) -> None:
        """Embed what came in since, and use the new vectors from now on, in every process."""
        if self._choice is None:
            return
        if self._other() is None:
            self._catalog.vectors.cancel()
            self._catalog.put(SWITCHED, asdict(self._choice))
            return
        self.embed(progress)
        if not self._catalog.vectors.switch(asdict(self._choice)):
            raise RuntimeError("a chunk was added during the switch")
        self._catalog.database.checkpoint()

    def usable(self) -> list[str]:
        """The adapters that are active, and made for the language model to use."""
        revision = LanguageModel.of(self.models).files.revision
        return [one.id for one in self._active() if self._base(one) == revision]

    def _used(self) -> list[AdapterRecord]:
        """The adapters that answer before the switch."""
        with contextlib.suppress(ModelNotFoundError):
            revision = LanguageModel.of(self._before).files.revision
            return [one for one in self._active() if self._base(one) == revision]
        return []

    def _active(self) -> list[AdapterRecord]:
        return self._catalog.learning.active()[1]

    def _base(self, adapter: AdapterRecord) -> str | None:
        return promotion.base_revision(self._folder, adapter.id)
