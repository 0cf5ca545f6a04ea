"""The vector index at every size: how fast, how exact, how large, how soon it knows of a change.

    python -m benchmarks.index [--sizes 10000 100000 1000000] [--folder FOLDER] [--out FILE]

Needs no outside data: the vectors are made, the same ones every time. They have 384 dimensions and
length one, and lie as embeddings do: in topics of unequal size, around which they spread in some
directions much more than in others. A query is a vector of the index with a third of noise. They go
into a real catalog in a temporary folder (below FOLDER, if given; 4 GB for a million), and every
figure is taken through `Retriever` and `VectorIndex`. At each size both kinds of index are
measured, the one that ragcl chooses itself is what opening, saving and freshness are measured with.

- *recall@10*: of the ten nearest by an exact search, how many are among the first ten.
- *search*: `Retriever.nearest`, one query at a time, with candidates scored by the vectors of the
  catalog and the texts of the hits; *index alone* is `VectorIndex.search` for 100 candidates,
  *filtered* the same among every tenth id, *vectors from catalog* what scoring these again needs.
- *open*: `VectorIndex.load` in a new process. *memory* is what that process needs for index and
  searches, without the shared pages of the mapped file.
- *freshness*: from just before a document is committed by one process until another process, which
  has the knowledge base open and searches all the time, finds it.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.progress import say
from ragcl.catalog import Catalog, full_text
from ragcl.catalog.chunks import chunk_vectors
from ragcl.catalog.documents import ChunkRecord, DocumentRecord
from ragcl.catalog.vectors import EMBEDDER
from ragcl.index import building
from ragcl.index.live_index import INDEX_FILE
from ragcl.index.vector_index import EmbedderId, VectorIndex
from ragcl.search.recipe import SEARCH
from ragcl.search.retriever import Retriever

T = TypeVar("T")
RESULTS = Path(__file__).parent / "results" / "index.json"
DIMENSION = 384
MODEL = EmbedderId("made", "1", DIMENSION)
QUERIES = 500
K = 10
BATCH = 20_000
CHANGES = 1000  # vectors that are added to and removed from an index for the rates
DOCUMENT = 50  # chunks of one document
FRESH = 20  # documents that are committed while another process searches


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    sizes = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="ragcl-index-", dir=options.folder) as folder:
            sizes[str(size)] = measure(size, Path(folder))
    result = {
        "command": f"python -m benchmarks.index --sizes {' '.join(sizes)}",
        "machine": {"processors": os.cpu_count(), "platform": platform.platform(terse=True)},
        "sizes": sizes,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(size: int, folder: Path) -> dict[str, Any]:
    """All figures of one size."""
    say(f"{size:,}: filling the catalog")
    made = Vectors(size)
    fill(folder, made)
    catalog = Catalog(folder)
    retriever = Retriever(catalog, None, folder)  # type: ignore[arg-type]  # nothing is embedded
    say(f"{size:,}: writing the index")
    seconds, _ = timed(retriever.save)
    found: dict[str, Any] = {
        "build_seconds": round(seconds, 2),
        "index_mb": round((folder / INDEX_FILE).stat().st_size / 2**20, 1),
        "kind": "lists" if VectorIndex.load(folder / INDEX_FILE).trained_on else "exact",
    }
    queries = made.queries()
    say(f"{size:,}: exact search")
    with catalog.database.reading() as connection:
        exact = building.build_exact(connection, MODEL)
        found["exact"], truth = search_alone(exact, queries), exact.search(queries, K)[0]
        del exact
        if found["kind"] == "exact":
            say(f"{size:,}: lists, to compare")
            found["lists"] = search_alone(building.build_lists(connection, MODEL), queries)
    say(f"{size:,}: another process")
    found |= in_process(_searches, folder, queries, truth)
    found |= freshness(catalog, retriever, folder, made)
    catalog.close()
    return found


# The vectors


class Vectors:
    """Vectors of length one in clusters; the same for the same size."""

    def __init__(self, size: int) -> None:
        self.size = size
        random = np.random.default_rng(7)
        topics = max(20, int(size**0.5))
        spread = np.arange(1, DIMENSION + 1, dtype=np.float32) ** -0.5
        self._spread = spread / np.linalg.norm(spread)
        directions = random.standard_normal((DIMENSION, DIMENSION))
        self._turn = np.linalg.qr(directions)[0].astype(np.float32)
        self._topics = _unit(random.standard_normal((topics, DIMENSION)) * self._spread)
        shares = np.arange(1, topics + 1) ** -0.7
        self._shares = shares / shares.sum()

    def batches(self) -> Iterator[np.ndarray]:
        """All of them, `(n, dim) float32` at a time."""
        for start in range(0, self.size, BATCH):
            yield self._draw(min(BATCH, self.size - start), seed=start)

    def queries(self) -> np.ndarray:
        """Members of the first batch with noise, `(QUERIES, dim) float32`."""
        members = self._draw(min(BATCH, self.size), seed=0)[:QUERIES]
        return _unit(members + 0.33 * self._noise(np.random.default_rng(3), len(members)))

    def new(self, n: int, seed: int) -> np.ndarray:
        """More of their kind, `(n, dim) float32`."""
        return self._draw(n, seed=self.size + seed)

    def _draw(self, n: int, seed: int) -> np.ndarray:
        random = np.random.default_rng([self.size, seed])
        topics = self._topics[random.choice(len(self._topics), n, p=self._shares)]
        return _unit(topics @ self._turn + self._noise(random, n))

    def _noise(self, random: np.random.Generator, n: int) -> np.ndarray:
        return (random.standard_normal((n, DIMENSION), np.float32) * self._spread) @ self._turn


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def fill(folder: Path, made: Vectors) -> None:
    """A catalog with the vectors, written past ragcl because that is faster, but as it would."""
    catalog = Catalog(folder)
    catalog.put(EMBEDDER, asdict(MODEL))
    root = catalog.documents.root_id("/made")
    path = catalog.database.path
    catalog.close()
    connection = sqlite3.connect(path)
    connection.create_function("searchable", 1, full_text.searchable, deterministic=True)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    done = 0
    for batch in made.batches():
        ids = range(done + 1, done + len(batch) + 1)
        holders = [1 + (i - 1) // DOCUMENT for i in ids]
        connection.executemany(
            "INSERT INTO documents VALUES "
            "(?, ?, ?, '', 'text/plain', 1, 1, 1, '', 1, 1.0, '{}', '[]')",
            [(one, root, f"{one}.txt") for one in dict.fromkeys(holders)],
        )
        connection.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, '[]', ?, ?)",
            (
                (i, f"hash {i}", f"Text number {i}.", f"Made {holder}", vector.tobytes(), holder)
                for i, vector, holder in zip(ids, batch, holders, strict=True)
            ),
        )
        connection.executemany(
            "INSERT INTO occurrences VALUES (?, ?, ?, 1, 1, NULL)",
            ((holder, i, i) for i, holder in zip(ids, holders, strict=True)),
        )
        done += len(batch)
    connection.execute("INSERT INTO generations SELECT DISTINCT generation FROM chunks")
    connection.execute(
        "UPDATE state SET value = (SELECT max(generation) FROM chunks) WHERE key = 'generation'"
    )
    connection.commit()
    connection.close()


# What is measured


def search_alone(index: VectorIndex, queries: np.ndarray) -> dict[str, float]:
    """Milliseconds of `VectorIndex.search` for the candidates of one query."""
    return percentiles([timed(lambda q=q: index.search(q[None], SEARCH.pool))[0] for q in queries])


def _searches(folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """What a process that has just started sees: opening, searching, changing."""
    before = memory()
    path = folder / INDEX_FILE
    import faiss  # noqa: F401  # not part of opening

    seconds, index = timed(lambda: VectorIndex.load(path))
    catalog = Catalog(folder)
    retriever = Retriever(catalog, None, folder)  # type: ignore[arg-type]
    first, _ = timed(lambda: retriever.nearest(queries[:1], K))
    times, hits = [], []
    for query in queries:
        taken, [found] = timed(lambda query=query: retriever.nearest(query[None], K))
        times.append(taken)
        hits.append([hit.id for hit in found.hits])
    alone = search_alone(index, queries)
    unscored = index.search(queries, K)[0].tolist()
    tenth = np.arange(1, len(index) + 1, 10)
    filtered = [
        timed(lambda q=q: index.search(q[None], SEARCH.pool, tenth))[0] for q in queries[:100]
    ]
    with catalog.database.reading() as connection:
        scoring = [
            timed(lambda ids=ids: chunk_vectors(connection, ids))[0]
            for ids in index.search(queries[:100], SEARCH.pool)[0].tolist()
        ]
    used = memory() - before
    ids = np.arange(10**7, 10**7 + CHANGES)
    nothing = np.empty((0, DIMENSION), np.float32)
    adding, _ = timed(lambda: index.update(ids, queries[ids % len(queries)], ids[:0], 0))
    removing, _ = timed(lambda: index.update(ids[:0], nothing, np.arange(1, CHANGES + 1), 0))
    catalog.close()
    return {
        "open_seconds": round(seconds, 3),
        "first_search_ms": round(first * 1000, 1),
        "search": percentiles(times),
        "index_alone": alone,
        "filtered_alone": percentiles(filtered),
        "vectors_from_catalog": percentiles(scoring),
        "recall_at_10": recall(hits, truth),
        "recall_at_10_by_compressed_scores": recall(unscored, truth),
        "memory_mb": round(used / 2**20, 1),
        "added_per_second": round(CHANGES / adding),
        "removed_per_second": round(CHANGES / removing),
    }


def freshness(
    catalog: Catalog, retriever: Retriever, folder: Path, made: Vectors
) -> dict[str, Any]:
    """Documents committed here, found there; and what saving costs after so small an ingest."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=_finds, args=(folder, there))
    other.start()
    here.recv()
    root = catalog.documents.root_id("/made")
    times = []
    for number, vector in enumerate(made.new(FRESH, seed=1)):
        here.send(vector)
        here.recv()
        started = time.time()
        catalog.documents.replace(root, *_document(f"new-{number}.txt", vector))
        times.append(here.recv() - started)
    here.send(None)
    other.join()
    seconds, _ = timed(retriever.save)
    return {"freshness": percentiles(times), "save_after_ms": round(seconds * 1000, 1)}


def _document(name: str, vector: np.ndarray) -> tuple[DocumentRecord, list[ChunkRecord]]:
    document = DocumentRecord(name, name, "text/plain", 1, 1, 1, name, 1, time.time())
    return document, [ChunkRecord(name, f"Text {name}.", "New", (), vector, (1, 1), None)]


def _finds(folder: Path, pipe: Pipe) -> None:
    """Search for each vector that comes until a chunk is exactly that; answer when it was found."""
    catalog = Catalog(folder)
    retriever = Retriever(catalog, None, folder)  # type: ignore[arg-type]
    retriever.nearest(np.eye(1, DIMENSION, dtype=np.float32), 1)
    pipe.send("open")
    while (vector := pipe.recv()) is not None:
        pipe.send("searching")
        while retriever.nearest(vector[None], 1)[0].hits[0].score < 0.9999:
            pass
        pipe.send(time.time())
    catalog.close()


# Helpers


def recall(found: list[list[int]], truth: np.ndarray) -> float:
    """The mean share of the true ids that were found."""
    pairs = zip(found, truth.tolist(), strict=True)
    return round(float(np.mean([len(set(mine) & set(true)) / K for mine, true in pairs])), 4)


def in_process(function: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    """What a function returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def timed(function: Callable[[], T]) -> tuple[float, T]:
    """The seconds it took, and the result."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile in milliseconds."""
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def memory() -> int:
    """Bytes of this process that no file backs."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no RssAnon: the benchmark needs Linux")


def table(result: dict[str, Any]) -> str:
    """The figures, a line for each size."""
    lines = [
        "     size  kind   recall@10  search p50/p99 ms  exact p50 ms  open s  memory MB"
        "  freshness p50/p99 ms"
    ]
    lines += [
        f"{int(size):>9,}  {one['kind']:5}  {one['recall_at_10']:9.3f}"
        f"  {one['search']['p50_ms']:8.2f} {one['search']['p99_ms']:8.2f}"
        f"  {one['exact']['p50_ms']:12.2f}  {one['open_seconds']:6.2f}  {one['memory_mb']:9.0f}"
        f"  {one['freshness']['p50_ms']:10.1f} {one['freshness']['p99_ms']:9.1f}"
        for size, one in result["sizes"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
