"""The FAISS index: vectors by chunk id, stamped with the catalog generation it holds.

One file holds the stamp and the index, written whole and checked when read, so the two cannot
disagree. Knows nothing of text; everything in it can be made again from the catalog.
"""

import hashlib
import json
import os
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

MAGIC = b"RAGCLIX1"
DIGEST = hashlib.sha256().digest_size
LOCK_SECONDS = 60  # another process may be writing the same file


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
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(stamp.dimension))

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

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The `k` nearest of each query.

        Args:
            queries: `(n, dim) float32`, rows of length one.
            k: how many; fewer come back when there are fewer.
            among: `(m,) int64`, the only ids that count, all of them in the index; None: all.

        Returns:
            ids `(n, k') int64` and scores `(n, k') float32`, best first.
        """
        import faiss

        k = min(k, len(self) if among is None else len(among))
        if k == 0 or len(queries) == 0:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        parameters = None
        if among is not None:
            selector = faiss.IDSelectorBatch(among)  # parameters do not keep it alive
            parameters = faiss.SearchParameters()
            parameters.sel = selector
        scores, ids = self._index.search(np.ascontiguousarray(queries), k, params=parameters)
        return ids, scores

    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Everything it holds: ids `(n,) int64`, ascending, and vectors `(n, dim) float32`."""
        import faiss

        ids = faiss.vector_to_array(self._index.id_map)
        vectors = faiss.downcast_index(self._index.index).reconstruct_n(0, len(self))
        order = np.argsort(ids)
        return ids[order], vectors[order]

    def save(self, path: Path) -> None:
        """Write stamp and index to `path` in one step: a reader sees the old file or the new.

        The temporary file has one name and a lock, so that the next save writes over what a killed
        one left.

        Raises:
            OSError: it cannot be written.
        """
        import faiss

        payload = faiss.serialize_index(self._index).tobytes()
        header = json.dumps(asdict(self.stamp)).encode()
        start = struct.pack("<I", len(header)) + header
        digest = hashlib.sha256(start)
        digest.update(payload)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.tmp")
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS):
            try:
                with temporary.open("wb") as file:
                    file.write(MAGIC + digest.digest() + start)
                    file.write(payload)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    @classmethod
    def stamp_in(cls, path: Path) -> Stamp | None:
        """The stamp that a file bears, unchecked and cheap; None where there is none to read."""
        try:
            with path.open("rb") as file:
                file.seek(len(MAGIC) + DIGEST)
                (length,) = struct.unpack("<I", file.read(4))
                return Stamp(**json.loads(file.read(length)))
        except (OSError, struct.error, ValueError, TypeError):
            return None

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """Read an index back.

        Raises:
            FileNotFoundError: there is none.
            DamagedIndexError: the file is cut short, altered, or not an index at all.
        """
        import faiss

        data = path.read_bytes()
        checked = len(MAGIC) + DIGEST
        if data[: len(MAGIC)] != MAGIC or len(data) < checked + 4:
            raise DamagedIndexError(f"{path} is not an index file")
        if hashlib.sha256(memoryview(data)[checked:]).digest() != data[len(MAGIC) : checked]:
            raise DamagedIndexError(f"{path} does not match its checksum")
        (length,) = struct.unpack("<I", data[checked : checked + 4])
        start = checked + 4
        index = cls.__new__(cls)
        index.stamp = Stamp(**json.loads(data[start : start + length]))
        index._index = faiss.deserialize_index(np.frombuffer(data, np.uint8, offset=start + length))
        return index
