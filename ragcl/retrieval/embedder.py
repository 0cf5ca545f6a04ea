"""Text to vectors, with a sentence-transformers model that is loaded when it is first needed.

Knows nothing of chunks, documents or storage.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcl.hardware import choose_device, choose_dtype, quiet_loading
from ragcl.model_files import ModelFiles

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32


class Embedder:
    """An embedding model; every vector it gives has length one."""

    def __init__(self, files: ModelFiles, *, dtype: str = "auto", device: str = "auto") -> None:
        self.files = files
        self._dtype = dtype
        self._device = device
        self._lock = threading.Lock()

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        quiet_loading()
        device = choose_device(self._device)
        return SentenceTransformer(
            str(self.files.path),
            device=device,
            local_files_only=True,
            model_kwargs={"dtype": choose_dtype(self._dtype, device)},
        )

    @cached_property
    def _counter(self) -> Any:
        """A tokenizer that never truncates: embedding makes the model's own do so, from then on."""
        tokenizer: Any = self._model.tokenizer
        counter = copy.deepcopy(tokenizer.backend_tokenizer)
        counter.no_truncation()
        counter.no_padding()
        return counter

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text the model takes; it would ignore what follows."""
        with self._lock:
            return int(self._model.max_seq_length or 512)

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` is to the model, its special tokens included."""
        with self._lock:
            return len(self._counter.encode(text).ids)

    def encode(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Embed texts, the longest first so that a batch holds texts of similar length.

        Args:
            texts: any number of texts.
            progress: called with the number of texts done after every batch.

        Returns:
            `(len(texts), dim) float32`, each row of length one, in the order given.
        """
        with self._lock:
            order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
            rows: list[np.ndarray] = []
            for start in range(0, len(order), BATCH_SIZE):
                batch = [texts[i] for i in order[start : start + BATCH_SIZE]]
                rows.append(
                    self._model.encode(
                        batch,
                        batch_size=BATCH_SIZE,
                        normalize_embeddings=True,
                        show_progress_bar=False,
                        convert_to_numpy=True,
                    )
                )
                if progress:
                    progress(len(batch))
            dim = int(self._model.get_embedding_dimension() or 0)
            result = np.empty((len(texts), dim), np.float32)
            if rows:
                result[order] = np.concatenate(rows)
        # Rounded to half precision inside the model, a row is of length one only roughly.
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        unit: np.ndarray = result / np.maximum(lengths, 1e-12)
        return unit
