"""Text to vectors, with a sentence-transformers model that is loaded when it is first needed.

Knows nothing of chunks, documents or storage.
"""

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcl.hardware import choose_device, choose_dtype, quiet_loading
from ragcl.model_files import ModelFiles

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Tokens that are embedded at once, padding included. On a CPU what a layer makes of them should
# stay in the cache of a core; a GPU wants many.
CPU_BATCH_TOKENS = 1024
GPU_BATCH_TOKENS = 8192


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
        """Embed texts, the longest first, so that a batch holds texts of similar length.

        Args:
            texts: any number of texts.
            progress: called with the number of texts done after every batch.

        Returns:
            `(len(texts), dim) float32`, each row of length one, in the order given.
        """
        with self._lock:
            result = np.empty((len(texts), self._model.get_embedding_dimension() or 0), np.float32)
            on_cpu = self._model.device.type == "cpu"
            counts = [len(one.ids) for one in self._counter.encode_batch(list(texts))]
            longest = int(self._model.max_seq_length or 512)
            for batch in _batches(
                [min(count, longest) for count in counts],
                CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS,
            ):
                result[batch] = self._model.encode(
                    [texts[i] for i in batch],
                    batch_size=len(batch),
                    normalize_embeddings=True,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
                if progress:
                    progress(len(batch))
        # Rounded to half precision inside the model, a row is of length one only roughly.
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        unit: np.ndarray = result / np.maximum(lengths, 1e-12)
        return unit


def _batches(counts: Sequence[int], budget: int) -> Iterator[list[int]]:
    """The numbers of texts with these counts of tokens, the longest first, in batches.

    A batch padded to its longest text has at most `budget` tokens, or is one text.
    """
    order = sorted(range(len(counts)), key=lambda i: -counts[i])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, counts[order[start]]))
        yield order[start : start + size]
        start += size
