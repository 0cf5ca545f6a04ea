"""The active set of adapters as answers see it: taken once, and held for as long as they need it.

What is promoted, rolled back or removed meanwhile, here or in another process, is for the next
answer. Knows no question, no route and no text.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragcl.catalog import Catalog
from ragcl.catalog.documents import Filter
from ragcl.catalog.learning import ActiveKey
from ragcl.errors import ModelNotFoundError
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.routing import ActiveAdapters

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What an answer needs of the active set, from its decision to its record.

    `current` are the chunks of the set that are current and may be learned, `chosen` those of them
    that stand in the documents chosen, `demoted` those of which users rated badly what it says.
    """

    adapters: ActiveAdapters
    current: frozenset[str]
    chosen: frozenset[str]
    demoted: frozenset[str]


class ActiveSet:
    """The active set of one knowledge base, attached to its model; for several threads."""

    def __init__(self, catalog: Catalog, model: LanguageModel, folder: Path) -> None:
        """`folder` is that of the adapters, one in each folder of it."""
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
    def taken(self, chosen: Filter | None = None) -> Iterator[Snapshot]:
        """What is active now; its adapters stay attached until the block ends.

        Args:
            chosen: the documents that may be looked at; None: all.
        """
        with self._lock:
            adapters = self._loaded()
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
        """The set as it is in the catalog, its adapters attached to the model."""
        while (key := self._catalog.learning.active_key()) != self._key:
            set_id, records = self._catalog.learning.active()
            usable, lost = [], []
            for adapter in records:
                try:
                    self._model.attach(adapter.id, self._folder / adapter.id)
                except ModelNotFoundError as error:
                    lost.append((adapter.id, error))
                else:
                    self._attached.add(adapter.id)
                    usable.append(adapter)
            # What another process has superseded since, it may have removed.
            if lost and self._catalog.learning.active_key() != key:
                continue
            for name, trouble in lost:
                log.warning("The index answers in the place of %s: %s", name, trouble)
            self._key, self._adapters = key, ActiveAdapters(set_id, tuple(usable))
            self._let_go()
        return self._adapters

    def _let_go(self) -> None:
        """Detach what is not active any more and serves no answer."""
        self._held = +self._held
        active = {one.id for one in self._adapters.adapters}
        for name in self._attached - active - self._held.keys():
            self._model.detach(name)
            self._attached.remove(name)

    def _demoted(self, adapters: ActiveAdapters) -> frozenset[str]:
        """The chunks of which these adapters speak badly, by what users said of it so far."""
        key = (adapters.set_id, self._catalog.asks.last_feedback())
        with self._lock:
            if key != self._judged[0]:
                names = [one.id for one in adapters.adapters]
                self._judged = key, self._catalog.asks.badly_rated(names)
            return self._judged[1]
