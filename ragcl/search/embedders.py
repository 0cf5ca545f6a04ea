"""Which embedder a knowledge base is used with: the one whose vectors its catalog holds.

The settings name it. Where they name another one, the last switch (`ragcl models use`) counts: they
may be those of a process that was running then, or the switch was killed before it wrote them.
Knows no vectors.
"""

import logging
import threading
from dataclasses import asdict, dataclass

from ragcl.catalog import Catalog, remembered
from ragcl.catalog.vectors import EMBEDDER, SWITCHED
from ragcl.errors import ModelMismatchError, ModelNotFoundError
from ragcl.index.building import stored_embedder
from ragcl.index.vector_index import EmbedderId
from ragcl.models import model_files
from ragcl.models.model_files import ModelFiles
from ragcl.search.embedder import Embedder, with_prompts
from ragcl.settings import ModelSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """The settings that name an embedder and its prompts."""

    embedder: str
    query_prompt: str | None = None
    document_prompt: str | None = None

    @classmethod
    def of(cls, models: ModelSettings) -> "Choice":
        """The choice of these settings."""
        return cls(models.embedder, models.query_prompt, models.document_prompt)

    def names(self, known: EmbedderId) -> bool:
        """Whether it is the embedder of these vectors; False if it is not on this machine."""
        try:
            files = model_files.resolve(self.embedder, "embedder")
        except ModelNotFoundError:
            return False
        return made_by(with_prompts(files, self.query_prompt, self.document_prompt), known)

    def load(self, models: ModelSettings) -> Embedder:
        """The embedder, with the dtype and the device of the settings.

        Raises:
            ModelNotFoundError: its files are not on this machine.
        """
        return Embedder(
            model_files.resolve(self.embedder, "embedder"),
            dtype=models.dtype,
            device=models.device,
            query_prompt=self.query_prompt,
            document_prompt=self.document_prompt,
        )


class Embedders:
    """The embedder in use, in any process; for several threads."""

    def __init__(self, catalog: Catalog, models: ModelSettings) -> None:
        self._catalog = catalog
        self._models = models
        self._lock = threading.Lock()
        self._last: Embedder | None = None

    def now(self) -> Embedder:
        """The embedder of the vectors in the catalog; while there are none, that of the settings.

        Raises:
            ModelMismatchError: neither the settings nor a switch named it.
            ModelNotFoundError: its files are not on this machine.
        """
        with self._lock:
            known, switched = self._stored()
            if self._last is None or not made_by(self._last.files, known):
                choice = self._choice(known, switched)
                if self._last is None and choice != Choice.of(self._models):
                    log.warning(
                        "models.embedder is %s, but the documents are embedded with %s, which is "
                        "used. Settle it with `ragcl models use --embedder NAME`.",
                        self._models.embedder,
                        choice.embedder,
                    )
                embedder = choice.load(self._models)
                check(embedder.files, known)
                self._last = embedder
            return self._last

    def take(self, embedder: Embedder) -> None:
        """Use an embedder that is loaded already, if it is the one in use."""
        with self._lock:
            self._last = embedder

    def choice(self) -> Choice:
        """The settings of the embedder in use; those in force, if it is unknown."""
        return self._choice(*self._stored())

    def _choice(self, known: EmbedderId | None, switched: Choice | None) -> Choice:
        own = Choice.of(self._models)
        if switched is None or known is None or own == switched:
            return own
        return own if own.names(known) or not switched.names(known) else switched

    def _stored(self) -> tuple[EmbedderId | None, Choice | None]:
        """The embedder of the vectors in the catalog, and the choice of the last switch."""
        with self._catalog.database.reading() as connection:
            known = stored_embedder(connection)
            switched = remembered.get(connection, SWITCHED)
        return known, switched and Choice(**switched)


def made_by(files: ModelFiles, known: EmbedderId | None) -> bool:
    """Whether vectors are of the model with these files; also while there are none."""
    return known is None or (known.model, known.revision) == (files.name, files.revision)


def check(files: ModelFiles, known: EmbedderId | None) -> None:
    """Refuse to mix the vectors of two models.

    Raises:
        ModelMismatchError: those that are known are of another model.
    """
    if known is not None and not made_by(files, known):
        raise ModelMismatchError(
            f"this knowledge base holds vectors of {known.model} ({known.revision}), but "
            f"models.embedder is {files.name} ({files.revision}). Set it back, and switch with "
            f"`ragcl models use --embedder NAME`."
        )


def check_embedder(catalog: Catalog, files: ModelFiles, dimension: int | None = None) -> None:
    """Refuse to mix the vectors of two models; store the model once its `dimension` is known.

    Raises:
        ModelMismatchError: the catalog holds vectors of another model.
    """
    with catalog.database.reading() as connection:
        known = stored_embedder(connection)
    if known is None and dimension is not None:
        catalog.put(EMBEDDER, asdict(EmbedderId(files.name, files.revision, dimension)))
    check(files, known)
