"""Reranking: a cross-encoder reads a question and a passage together and scores how they match.

It is slower and more accurate than comparing embeddings, so it scores only the best candidates. Off
unless `models.reranker` names a model. Knows nothing of chunks or of how candidates were found.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragcl.models.hardware import choose_device, choose_dtype, quiet_loading
from ragcl.models.model_files import ModelFiles
from ragcl.once import once

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_PAIRS = 16  # pairs in a batch


class Reranker:
    """A cross-encoder with one output, loaded when it is first needed."""

    def __init__(self, files: ModelFiles, *, dtype: str = "auto", device: str = "auto") -> None:
        self.files = files
        self._dtype = dtype
        self._device = device
        self._lock = threading.Lock()

    @once
    def _model(self) -> "CrossEncoder":
        from sentence_transformers import CrossEncoder

        quiet_loading()
        device = choose_device(self._device)
        model: CrossEncoder = CrossEncoder(
            str(self.files.path),
            num_labels=1,
            device=device,
            local_files_only=True,
            model_kwargs={"dtype": choose_dtype(self._dtype, device)},
        )
        return model

    def scores(self, question: str, passages: Sequence[str]) -> np.ndarray:
        """How well each passage answers the question: `(len(passages),) float32`, best highest.

        Passages are truncated to the model's maximum length.
        """
        with self._lock:
            found = self._model.predict(
                [(question, passage) for passage in passages],
                batch_size=BATCH_PAIRS,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.asarray(found, np.float32).reshape(len(passages))
