"""A snapshot of the active set of adapters, held for as long as an answer needs it.

What is promoted, rolled back or removed meanwhile, in any process, affects only the next answer.
Knows no question, no route and no text.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.catalog.chunks import Filter
from ragcl.catalog.learning import ActiveKey, AdapterRecord
from ragcl.errors import ModelNotFoundError
from ragcl.generation.language_model import AnotherBaseError, LanguageModel
from ragcl.generation.routing import ActiveAdapters
from ragcl.index.vector_index import EmbedderId
from ragcl.search.embedder import Embedder
from ragcl.search.embedders import made_by

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """The active set during one answer.

    `current` are the chunks of the set that are current and may be learned, `chosen` those of them
    in the documents that the filter accepts, `demoted` those whose answers from the weights users
    rated badly.
    """

    adapters: ActiveAdapters
    current: frozenset[str]
    chosen: frozenset[str]
    demoted: frozenset[str]


def _proved_with(embedder: Embedder, adapter: AdapterRecord) -> bool:
    known = adapter.embedder and EmbedderId(**adapter.embedder)
    return made_by(embedder.files, known or None)


class ActiveSet:
    """The active set of one knowledge base, attached to its model; for several threads."""

    def __init__(self, catalog: Catalog, model: LanguageModel, folder: Path) -> None:
        """`folder` has a folder for each adapter."""
        self._catalog = catalog
        self._model = model
        self._folder = folder
        self._lock = threading.Lock()
        self._key: ActiveKey | None = None
        self._adapters = ActiveAdapters(None, ())
        self._attached: set[str] = set()
        self._held = Counter[str]()
        self._judged: tuple[tuple[int | None, int], frozenset[str]] = ((None, 0), frozenset())

    @contextlib.contextmanager
    def taken(
        self, chosen: Filter | None = None, embedder: Embedder | None = None
    ) -> Iterator[Snapshot]:
        """A snapshot of what is active now; its adapters stay attached until the block ends.

        Args:
            chosen: the documents to use; None: all.
            embedder: of the vectors to compare: if the adapters were proved with another, to which
                the knowledge base was switched this moment, none is active. None: any.
        """
        with self._lock:
            adapters = self._loaded()
            if embedder and not all(_proved_with(embedder, one) for one in adapters.adapters):
                adapters = ActiveAdapters(adapters.set_id, ())
            names = [one.id for one in adapters.adapters]
            self._held.update(names)
        try:
            hashes = self._catalog.documents.learnable_hashes
            current = frozenset(hashes(adapters.learned))
            allowed = frozenset(hashes(adapters.learned, chosen)) if chosen else current
            yield Snapshot(adapters, current, allowed, self._demoted(adapters))
        finally:
            with self._lock:
                self._held.subtract(names)
                self._let_go()

    def _loaded(self) -> ActiveAdapters:
        """The active set of the catalog, with its adapters attached to the model."""
        while (key := self._catalog.learning.active_key()) != self._key:
            set_id, records = self._catalog.learning.active()
            usable, lost = [], []
            for adapter in records:
                try:
                    self._model.attach(adapter.id, self._folder / adapter.id)
                except AnotherBaseError as error:
                    log.info("%s does not answer: %s", adapter.id, error)
                except ModelNotFoundError as error:
                    lost.append((adapter.id, error))
                else:
                    self._attached.add(adapter.id)
                    usable.append(adapter)
            # Another process may have promoted a new set and removed these files.
            if lost and self._catalog.learning.active_key() != key:
                continue
            for name, trouble in lost:
                log.warning("The index answers in the place of %s: %s", name, trouble)
            self._key, self._adapters = key, ActiveAdapters(set_id, tuple(usable))
            self._let_go()
        return self._adapters

    def _let_go(self) -> None:
        """Detach adapters that are neither active nor held by an answer."""
        self._held = +self._held
        active = {one.id for one in self._adapters.adapters}
        for name in self._attached - active - self._held.keys():
            self._model.detach(name)
            self._attached.remove(name)

    def _demoted(self, adapters: ActiveAdapters) -> frozenset[str]:
        """The chunks whose answers from these adapters users rated badly so far."""
        key = (adapters.set_id, self._catalog.asks.last_feedback())
        with self._lock:
            if key != self._judged[0]:
                names = [one.id for one in adapters.adapters]
                self._judged = key, self._catalog.asks.badly_rated(names)
            return self._judged[1]
