"""Text to vectors, with a sentence-transformers model that is loaded on first use.

Some models expect a prompt before a question and before a passage ("query: "): the model's folder
or the settings name it. Knows nothing of chunks, documents or storage.
"""

import copy
import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ragcl.models.hardware import choose_device, choose_dtype, quiet_loading
from ragcl.models.model_files import ModelFiles
from ragcl.once import once

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Tokens in a batch, padding included. On a CPU the activations of a layer should fit into the
# cache of a core; a GPU needs large batches.
CPU_BATCH_TOKENS = 1024
GPU_BATCH_TOKENS = 8192
DEFAULT_TOKENS = 512  # maximum length of a passage, if the model names none
# The names of prompts in model folders, the most common first.
QUERY_NAMES = ("query", "question")
DOCUMENT_NAMES = ("document", "passage", "corpus")


def with_prompts(
    files: ModelFiles, query_prompt: str | None, document_prompt: str | None
) -> ModelFiles:
    """The files of a model with prompts other than its own, which make other vectors."""
    given = [query_prompt, document_prompt]
    if given == [None, None]:
        return files
    digest = hashlib.sha256(json.dumps(given).encode()).hexdigest()[:8]
    return replace(files, revision=f"{files.revision}+prompts-{digest}")


class Embedder:
    """An embedding model; its vectors have length one.

    `query_prompt` and `document_prompt` are put before a question and before a passage; None: those
    of the model's folder. They change the vectors, so they are part of the revision of `files`.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        dtype: str = "auto",
        device: str = "auto",
        query_prompt: str | None = None,
        document_prompt: str | None = None,
    ) -> None:
        self.files = with_prompts(files, query_prompt, document_prompt)
        self._dtype = dtype
        self._device = device
        self._query_prompt = query_prompt
        self._document_prompt = document_prompt
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Its name and revision: vectors of different ones cannot be compared."""
        return f"{self.files.name}@{self.files.revision}"

    @once
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

    @once
    def _counter(self) -> Any:
        """A tokenizer that never truncates; the model's own does once something was embedded."""
        tokenizer: Any = self._model.tokenizer
        # A static model's tokenizer has no wrapper.
        counter = copy.deepcopy(getattr(tokenizer, "backend_tokenizer", tokenizer))
        counter.no_truncation()
        counter.no_padding()
        return counter

    @property
    def _longest(self) -> int:
        """The maximum length; `DEFAULT_TOKENS` for a static model, which has no limit.

        The mean over many more words would be meaningless.
        """
        longest = self._model.max_seq_length or DEFAULT_TOKENS
        return int(longest) if math.isfinite(longest) else DEFAULT_TOKENS

    def _prompt(self, given: str | None, names: Sequence[str]) -> str:
        """The given prompt, or the first of these that the model's folder has."""
        if given is not None:
            return given
        known = (self._model.prompts.get(name) for name in names)
        return next((prompt for prompt in known if prompt), "")

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        with self._lock:
            return self._model.get_embedding_dimension() or 0

    @property
    def max_tokens(self) -> int:
        """The maximum length of a passage in tokens; the model ignores the rest."""
        with self._lock:
            return self._longest

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a passage, with its prompt and special tokens."""
        with self._lock:
            prompt = self._prompt(self._document_prompt, DOCUMENT_NAMES)
            return len(self._counter.encode(prompt + text).ids)

    def encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        """As `encode`, for questions."""
        with self._lock:
            return self._encode(questions, self._prompt(self._query_prompt, QUERY_NAMES), None)

    def encode(
        self, passages: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Embed passages, the longest first, so that a batch holds texts of similar length.

        Args:
            passages: any number of texts.
            progress: called with the number of texts done after every batch.

        Returns:
            `(len(passages), dim) float32`, each row of length one, in the order given.
        """
        with self._lock:
            return self._encode(
                passages, self._prompt(self._document_prompt, DOCUMENT_NAMES), progress
            )

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Callable[[int], None] | None
    ) -> np.ndarray:
        result = np.empty((len(texts), self._model.get_embedding_dimension() or 0), np.float32)
        on_cpu = self._model.device.type == "cpu"
        counts = [len(one.ids) for one in self._counter.encode_batch([prompt + t for t in texts])]
        for batch in _batches(
            [min(count, self._longest) for count in counts],
            CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS,
        ):
            result[batch] = self._model.encode(
                [texts[i] for i in batch],
                prompt=prompt,
                batch_size=len(batch),
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
            if progress:
                progress(len(batch))
        # In half precision the model's own normalisation is inexact.
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        unit: np.ndarray = result / np.maximum(lengths, 1e-12)
        return unit


def _batches(counts: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Batches of indices of texts with these token counts, the longest first.

    A batch padded to its longest text has at most `budget` tokens, or is one text.
    """
    order = sorted(range(len(counts)), key=lambda i: -counts[i])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, counts[order[start]]))
        yield order[start : start + size]
        start += size
