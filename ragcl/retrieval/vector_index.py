"""The FAISS index: vectors by chunk id, stamped with the catalog generation it holds.

One file holds the stamp and the index, written whole and checked when read, so the two cannot
disagree. Knows nothing of text; everything in it can be made again from the catalog.
"""

import hashlib
import json
import os
import struct
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import faiss

MAGIC = b"RAGCLIX1"


@dataclass(frozen=True)
class Stamp:
    """What an index was built from: it serves no other model and no other dimension."""

    model: str
    revision: str
    dimension: int
    generation: int


class DamagedIndexError(Exception):
    """The index file is not what was written; it has to be built again."""


class VectorIndex:
    """Vectors of length one by id, searched exactly by inner product (cosine similarity)."""

    def __init__(self, stamp: Stamp) -> None:
        import faiss

        self.stamp = stamp
        self._index: faiss.IndexIDMap2 = faiss.IndexIDMap2(faiss.IndexFlatIP(stamp.dimension))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def update(
        self, added_ids: np.ndarray, added: np.ndarray, removed_ids: np.ndarray, generation: int
    ) -> None:
        """Remove and add vectors, after which the index is true at `generation`.

        Args:
            added_ids: `(n,) int64`; an id that is already there is replaced.
            added: `(n, dim) float32`.
            removed_ids: `(m,) int64`; ids that are not there are passed over.
            generation: the generation of the catalog that the changes lead to.
        """
        gone = np.concatenate([removed_ids, added_ids])
        if len(gone) and len(self):
            self._index.remove_ids(gone)
        if len(added_ids):
            self._index.add_with_ids(np.ascontiguousarray(added), added_ids)
        self.stamp = Stamp(**{**asdict(self.stamp), "generation": generation})

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The `k` nearest of each query.

        Args:
            queries: `(n, dim) float32`, rows of length one.
            k: how many; fewer come back when the index is smaller.

        Returns:
            ids `(n, k') int64` and scores `(n, k') float32`, best first.
        """
        k = min(k, len(self))
        if k == 0 or len(queries) == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        scores, ids = self._index.search(np.ascontiguousarray(queries), k)
        return ids, scores

    def save(self, path: Path) -> None:
        """Write stamp and index to `path` in one step: a reader sees the old file or the new."""
        import faiss

        payload = faiss.serialize_index(self._index).tobytes()
        header = json.dumps(
            {**asdict(self.stamp), "sha256": hashlib.sha256(payload).hexdigest()}
        ).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + struct.pack("<I", len(header)) + header)
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """Read an index back.

        Raises:
            FileNotFoundError: there is none.
            DamagedIndexError: the file is cut short, altered, or not an index at all.
        """
        import faiss

        data = path.read_bytes()
        start = len(MAGIC) + 4
        if data[: len(MAGIC)] != MAGIC or len(data) < start:
            raise DamagedIndexError(f"{path} is not an index file")
        (length,) = struct.unpack("<I", data[len(MAGIC) : start])
        try:
            header = json.loads(data[start : start + length])
            digest = header.pop("sha256")
            stamp = Stamp(**header)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedIndexError(f"{path} has an unreadable stamp") from error
        payload = data[start + length :]
        if hashlib.sha256(payload).hexdigest() != digest:
            raise DamagedIndexError(f"{path} does not match its checksum")
        index = cls.__new__(cls)
        index.stamp = stamp
        index._index = faiss.deserialize_index(np.frombuffer(payload, np.uint8))
        return index
