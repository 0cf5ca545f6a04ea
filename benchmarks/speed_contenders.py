"""One contender of `benchmarks.speed` in a process of its own.

    python benchmarks/speed_contenders.py NAME JOB.json

Loads its libraries and its model, ingests a folder, ingests it again after some files were edited
and once more after nothing was, and looks up questions. Prints one line of JSON. Imports nothing
of ragcl unless it is `ragcl`: it also runs in the environment of the others.

Every contender embeds pieces of at most the same number of tokens with the same model files, and
leaves on the disk what a later process needs. What differs is what each does of its own.
"""

# ruff: noqa: D102 - Contender says once what the methods do

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Protocol

HITS = 60  # pieces asked for, so that there are ten texts among them


class Contender(Protocol):
    """What every contender can do once it is made, which loads its libraries and its model."""

    again_by: str  # how it takes up what changed

    def ingest(self, docs: Path) -> None:
        """Take in a folder for the first time."""

    def again(self, docs: Path) -> None:
        """Bring that up to date."""

    def pieces(self) -> int:
        """How many texts are in its index."""

    def search(self, question: str) -> list[str]:
        """The files of the pieces that fit best, best first."""


class Ragcl(Contender):
    """`KnowledgeBase`: finds out by itself what changed."""

    again_by = "ingest: changed chunks only"

    def __init__(self, job: dict[str, Any]) -> None:
        from ragcl import KnowledgeBase

        self._kb = KnowledgeBase.open(job["store"])
        if self._kb.settings.ingest.chunk_tokens != job["tokens"]:
            raise ValueError(f"ragcl's chunk_tokens is not {job['tokens']}")
        self._kb._embedder.encode(["a"])

    def ingest(self, docs: Path) -> None:
        self._kb.ingest(docs)

    again = ingest

    def pieces(self) -> int:
        return self._kb.status().chunks

    def search(self, question: str) -> list[str]:
        return [hit.source for hit in self._kb.search(question, k=HITS)]


class Bare(Contender):
    """Read, split, encode, put into FAISS; without an incremental way: all again every time."""

    again_by = "everything again: it has no other way"

    def __init__(self, job: dict[str, Any]) -> None:
        from sentence_transformers import SentenceTransformer

        self._store = Path(job["store"])
        self._model = SentenceTransformer(job["model"], device="cpu", local_files_only=True)
        self._split = _splitter(self._model.tokenizer, job["tokens"])

    def ingest(self, docs: Path) -> None:
        import faiss

        texts = [(p.name, text) for p in _files(docs) for text in self._split(p.read_text("utf-8"))]
        vectors = self._model.encode([text for _, text in texts], normalize_embeddings=True)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)
        self._names = [name for name, _ in texts]
        faiss.write_index(self._index, str(self._store / "index.faiss"))
        (self._store / "texts.json").write_text(json.dumps(texts), "utf-8")

    again = ingest

    def pieces(self) -> int:
        return len(self._names)

    def search(self, question: str) -> list[str]:
        vector = self._model.encode([question], normalize_embeddings=True)
        return [self._names[i] for i in self._index.search(vector, HITS)[1][0] if i >= 0]


class LlamaIndex(Contender):
    """`IngestionPipeline` with a document store, whose strategy is to upsert what changed."""

    again_by = "IngestionPipeline, docstore strategy upserts_and_delete: changed documents only"

    def __init__(self, job: dict[str, Any]) -> None:
        from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
        from llama_index.core.node_parser import SentenceSplitter
        from llama_index.core.storage.docstore import SimpleDocumentStore
        from llama_index.core.vector_stores import SimpleVectorStore
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        self._store = Path(job["store"])
        self._model = HuggingFaceEmbedding(model_name=job["model"], device="cpu")
        tokenizer = self._model._model.tokenizer
        splitter = SentenceSplitter(
            chunk_size=job["tokens"] - tokenizer.num_special_tokens_to_add(),
            chunk_overlap=0,
            tokenizer=tokenizer.tokenize,
        )
        self._vectors = SimpleVectorStore()
        self._pipeline = IngestionPipeline(
            transformations=[splitter, self._model],
            docstore=SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
            vector_store=self._vectors,
        )

    def ingest(self, docs: Path) -> None:
        from llama_index.core import Document

        documents = [Document(id_=p.name, text=p.read_text("utf-8")) for p in _files(docs)]
        self._pipeline.run(documents=documents)
        self._pipeline.persist(str(self._store))
        self._vectors.persist(str(self._store / "vectors.json"))

    again = ingest

    def pieces(self) -> int:
        return len(self._vectors.data.embedding_dict)

    def search(self, question: str) -> list[str]:
        from llama_index.core.vector_stores import VectorStoreQuery

        vector = self._model.get_query_embedding(question)
        found = self._vectors.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=HITS))
        sources = self._vectors.data.text_id_to_ref_doc_id
        return [sources[one] for one in found.ids or []]


class Txtai(Contender):
    """`Embeddings`: index, then upsert and delete. Which files changed it is told."""

    again_by = "upsert and delete of the files whose time stamp changed: its user finds them"

    def __init__(self, job: dict[str, Any]) -> None:
        from transformers import AutoTokenizer
        from txtai import Embeddings

        self._store = Path(job["store"])
        self._index = Embeddings(path=job["model"], method="sentence-transformers", gpu=False)
        self._split = _splitter(AutoTokenizer.from_pretrained(job["model"]), job["tokens"])
        self._known: dict[str, tuple[int, list[str]]] = {}

    def ingest(self, docs: Path) -> None:
        self._index.index(self._rows(_files(docs)))
        self._index.save(str(self._store / "index"))

    def again(self, docs: Path) -> None:
        changed = [p for p in _files(docs) if p.stat().st_mtime_ns != self._known[p.name][0]]
        if not changed:
            return
        before = [row for path in changed for row in self._known[path.name][1]]
        rows = self._rows(changed)
        self._index.upsert(rows)
        self._index.delete(sorted(set(before) - {row for row, _ in rows}))
        self._index.save(str(self._store / "index"))

    def _rows(self, paths: list[Path]) -> list[tuple[str, str]]:
        rows = []
        for path in paths:
            texts = self._split(path.read_text("utf-8"))
            mine = [(f"{path.name}#{number}", text) for number, text in enumerate(texts)]
            self._known[path.name] = path.stat().st_mtime_ns, [row for row, _ in mine]
            rows += mine
        return rows

    def pieces(self) -> int:
        return int(self._index.count())

    def search(self, question: str) -> list[str]:
        return [row.partition("#")[0] for row, _ in self._index.search(question, HITS)]


CONTENDERS = {"ragcl": Ragcl, "bare": Bare, "llama-index": LlamaIndex, "txtai": Txtai}


def _files(docs: Path) -> list[Path]:
    return sorted(docs.glob("*.md"))


def _splitter(tokenizer: Any, tokens: int) -> Any:
    """A text in pieces of at most so many tokens, special ones included, as most loops do it."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    return RecursiveCharacterTextSplitter(
        chunk_size=tokens - tokenizer.num_special_tokens_to_add(),
        chunk_overlap=0,
        length_function=lambda text: len(tokenizer.tokenize(text)),
        separators=["\n\n", "\n", ". ", " ", ""],
        keep_separator="end",
    ).split_text


def main() -> None:
    """Do the job and print what it took."""
    name, job_file = sys.argv[1:]
    job = json.loads(Path(job_file).read_text("utf-8"))
    docs = Path(job["docs"])
    seconds = {}

    def timed(step: str, started: float) -> None:
        seconds[step] = round(time.perf_counter() - started, 3)

    started = time.perf_counter()
    contender = CONTENDERS[name](job)
    timed("load", started)

    started = time.perf_counter()
    contender.ingest(docs)
    timed("first", started)
    pieces = contender.pieces()

    started = time.perf_counter()
    found = [contender.search(question) for question in job["questions"]]
    timed("search", started)

    for path, text in job["edits"].items():
        (docs / path).write_text(text, encoding="utf-8")
    started = time.perf_counter()
    contender.again(docs)
    timed("edited", started)

    started = time.perf_counter()
    contender.again(docs)
    timed("unchanged", started)

    kilobytes = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    result = {
        "seconds": seconds,
        "peak_mb": round(sum(kilobytes) / 1024),
        "pieces": pieces,
        "again_by": contender.again_by,
        "found": [list(dict.fromkeys(sources)) for sources in found],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
