"""What the faults strike: knowledge bases with work to do, and what they are to hold afterwards.

The documents are the sample handbook. On the tiny models, which embed in no time, it is there in a
few copies whose words differ, so that an ingest commits for a while; on the default models once.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.processes import copy
from benchmarks.faults.states import State
from benchmarks.sample import DATA, REVISIONS, questions
from ragcl import KnowledgeBase
from ragcl.catalog.documents import ChunkRecord, DocumentRecord

COPIES = 6
FILLING = 20_000  # chunks of the index that is built again
INDEX = Path("index", "vectors.faiss")

# A short round whose gate lets all pass: what is measured is the recovery, not the learning.
SMALL_ROUND = """\
[consolidation]
epochs = 1
min_asks = 1
min_proved = 0.0
min_agreement = 0.0
max_perplexity_ratio = 100.0
max_context_loss = 1.0
"""


@dataclass(frozen=True)
class Models:
    """Which models the knowledge bases run on, as their `ragcl.toml`, and how much they hold."""

    settings: str
    copies: int
    filling: int

    @classmethod
    def tiny(cls, folder: Path) -> "Models":
        """Those of the tests, with random weights, made in `folder`."""
        from tests.conftest import TinyModels, make_embedder, make_language_model, settings_text

        os.environ["OMP_NUM_THREADS"] = "1"
        folder.mkdir(parents=True)
        made = TinyModels(make_embedder(folder / "embedder"), make_language_model(folder / "model"))
        return cls(settings_text(made), COPIES, FILLING)

    @classmethod
    def default(cls) -> "Models":
        """The default pair."""
        return cls(SMALL_ROUND, 1, FILLING)

    def knowledge_base(self, folder: Path) -> Path:
        """The folder of an empty knowledge base."""
        folder.mkdir(parents=True)
        (folder / "ragcl.toml").write_text(self.settings, encoding="utf-8")
        return folder


@dataclass(frozen=True)
class Case:
    """A command with work to do on a knowledge base, and the states before and after it."""

    name: str
    arguments: tuple[str, ...]
    base: Path
    before: State
    after: State
    damage: Callable[[Path], None] | None = None  # of the index file, before the command

    def prepare(self, folder: Path) -> Path:
        """Make `folder` the knowledge base on which the command is to run."""
        kb = copy(self.base, folder)
        if self.damage:
            self.damage(kb / INDEX)
        return kb


def ingests(models: Models, folder: Path) -> list[Case]:
    """The ingest of each revision of the handbook."""
    cases = []
    files: dict[str, bytes] = {}
    for number, revision in enumerate(REVISIONS):
        before, files = files, _handbook(revision, models.copies)
        cases.append(_ingest(f"ingest {revision}", models, folder / f"{number}", before, files))
    return cases


def deletions(models: Models, folder: Path) -> list[Case]:
    """An ingest after which a third of the copies, and a document of each, are gone or moved."""
    before = _handbook(REVISIONS[1], models.copies)
    after = {
        path.replace("weather.txt", "winds.txt"): content
        for path, content in _handbook(REVISIONS[2], models.copies).items()
        if int(path.split("/")[0]) % 3 < 2 and not path.endswith("fleet.md")
    }
    return [_ingest("deletion", models, folder, before, after)]


def rebuilds(models: Models, folder: Path) -> list[Case]:
    """Commands that find the index file gone, cut short or altered and build it again."""
    docs, base = folder / "docs", models.knowledge_base(folder / "base")
    _write(_handbook(REVISIONS[1], 1), docs)
    with KnowledgeBase.open(base) as kb:
        kb.ingest(docs)
        _fill(kb, models.filling)
        kb.search("any")  # so that the index file has caught up
        kb.doctor()
    state = State.of(base)
    question = questions(REVISIONS[1])[0]["question"]
    draw = random.Random(0)
    commands = {"search": (question,), "doctor": (), "ask": (question, "--mode", "context")}
    return [
        Case(f"rebuild by {verb}, {name}", (verb, *rest), base, state, state, _damage(name, draw))
        for verb, rest in commands.items()
        for name in ("gone", "cut short", "altered")
    ]


def damages(draw: random.Random) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Endless random damages of a file, by turns."""
    while True:
        for name in ("altered", "cut short", "overwritten", "blank", "longer"):
            yield name, _damage(name, draw)


def _damage(name: str, draw: random.Random) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        data = bytearray(path.read_bytes())
        place = draw.randrange(len(data))
        run = slice(place, min(len(data), place + 512))
        if name == "gone":
            path.unlink()
            return
        if name == "altered":
            data[place] ^= 1 << draw.randrange(8)
        elif name == "cut short":
            del data[place:]
        elif name == "overwritten":
            data[run] = draw.randbytes(run.stop - run.start)
        elif name == "blank":
            data[run] = bytes(run.stop - run.start)
        else:
            data += draw.randbytes(1 + place)
        path.write_bytes(data)

    return damage


def _ingest(
    name: str, models: Models, folder: Path, before: dict[str, bytes], after: dict[str, bytes]
) -> Case:
    """A knowledge base that knows a folder as it was, and the folder as it is."""
    docs, base = folder / "docs", models.knowledge_base(folder / "base")
    reference = models.knowledge_base(folder / "reference")
    for kb, files in ((base, before), (reference, after)):
        _write(files, docs)
        with KnowledgeBase.open(kb) as opened:
            opened.ingest(docs)
    return Case(name, ("ingest", str(docs), "--json"), base, State.of(base), State.of(reference))


def _handbook(revision: str, copies: int) -> dict[str, bytes]:
    """By path: the documents of a revision, in so many copies that differ where they are text."""
    files = {}
    for number in range(copies):
        for path in sorted((DATA / "handbook" / revision).iterdir()):
            content = path.read_bytes()
            if number and path.suffix in {".md", ".txt", ".html"}:
                content = content.replace(b" the ", f" the {number}-".encode())
            files[f"{number}/{path.name}"] = content
    return files


def _write(files: dict[str, bytes], folder: Path) -> None:
    """Make `folder` hold just these files, leaving equal ones untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)


def _fill(kb: KnowledgeBase, chunks: int) -> None:
    """Add a document of so many chunks with random vectors, so that the index takes its time."""
    [root] = kb.catalog.documents.roots()
    root_id = kb.catalog.documents.root_id(root)
    dimension = kb.catalog.get("embedder")["dimension"]
    vectors = np.random.default_rng(0).standard_normal((chunks, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    record = DocumentRecord("filling", "filling", "text/plain", 0, 0, 0, "filling", 0, 0.0)
    records = [
        ChunkRecord(f"filling-{i}", f"filling {i}", "", (), vector, None, None)
        for i, vector in enumerate(vectors)
    ]
    kb.catalog.documents.replace(root_id, record, records)
