"""Whatever befalls files and folders, what is answered from is what a plain model says.

RAGCL_EDITS=1000 python -m pytest tests/test_edits.py      # fifty by default
"""

import hashlib
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import hypothesis
import numpy as np
import pytest
from conftest import TinyModels
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ingest import read
from ragcl import KnowledgeBase, ingestion
from ragcl.errors import FolderUnavailableError, UsageError
from ragcl.search.embedder import Embedder

EDITS = int(os.environ.get("RAGCL_EDITS", "50"))
STEPS = 25  # of one knowledge base: edits, ingests and what is forgotten
SHARE = 0.5  # of the steps that edit

FOLDERS = ("port", "port/yard", "port/yard/deep", "quay", "quay/yard")
CODE = ".py"  # where white space is meaning
NAMES = ("a.md", "b.txt", f"c{CODE}", unicodedata.normalize("NFD", "menü.md"))
ENCODINGS = ("utf-8", "utf-16", "latin-1")
LINK = "link"  # to port/yard
INNER_LINK = "port/quay"  # to quay: never followed

folders, names = st.sampled_from(FOLDERS), st.sampled_from(NAMES)


class ReadHere:
    """Reads in this process: a child for every ingest would take most of the time."""

    def __init__(self, *_limits: float) -> None:
        self.read = read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


def hashed(texts: Sequence[str]) -> np.ndarray:
    """A random vector a text, always the same: `(len(texts), 32) float32`."""
    seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
    rows = np.array([np.random.default_rng(seed).normal(size=32) for seed in seeds], np.float32)
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@dataclass
class Model:
    """What a knowledge base has to hold: texts by real path, trust by ingested folder."""

    texts: dict[Path, str] = field(default_factory=dict)
    trust: dict[Path, bool] = field(default_factory=dict)

    def ingest(self, folder: Path, trusted: bool | None) -> None:
        self.trust[folder] = self.trust.get(folder, True) if trusted is None else trusted
        self.texts = {path: one for path, one in self.texts.items() if folder not in path.parents}
        for above, inner, files in os.walk(folder, followlinks=False):
            inner[:] = [name for name in inner if not Path(above, name).is_symlink()]
            paths = [Path(above, name) for name in files]
            self.texts.update({path: written(path) for path in paths if not path.is_symlink()})

    def forget(self, path: Path) -> bool:
        """Whether there was something to forget."""
        if self.texts.pop(path, None) is not None:
            return True
        held = [one for one in self.texts if path in one.parents]
        within = [one for one in self.trust if one == path or path in one.parents]
        if not held and not within:
            return False
        for one in held:
            del self.texts[one]
        is_part = any(one in path.parents for one in self.trust)
        for one in within:
            if not (is_part and not self.trust[one] and one.is_dir()):
                del self.trust[one]
        return True

    def root(self, path: Path) -> Path:
        return min(
            (one for one in self.trust if one in path.parents), key=lambda one: len(str(one))
        )

    def trusts(self, path: Path) -> bool:
        return all(said for one, said in self.trust.items() if one in path.parents)

    def answerable(self) -> dict[str, tuple[frozenset[str], bool]]:
        """For each text the names of its files, and whether one of them is trusted."""
        found: dict[str, list[Path]] = {}
        for path, said in self.texts.items():
            found.setdefault(f"{path.stem}: {said}", []).append(path)
        return {
            said: (
                frozenset(str(one.relative_to(self.root(one))) for one in paths),
                any(map(self.trusts, paths)),
            )
            for said, paths in found.items()
        }


def written(path: Path) -> str:
    """What a file of this test says."""
    data = path.read_bytes()
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ENCODINGS[::2]:
        try:
            return told(path.name, data.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise AssertionError(f"{path} is in none of {ENCODINGS}")


def told(name: str, text: str) -> str:
    """A text of which the white space is folded, unless it is code."""
    return text.strip() if name.endswith(CODE) else " ".join(text.split())


class Edits(RuleBasedStateMachine):
    """Edits of a few files in folders within folders, and a knowledge base that follows."""

    embedder: Path

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp()).resolve()
        self.model = Model()
        self.count = 0

    @initialize()
    def begin(self) -> None:
        for folder in FOLDERS[:4]:
            (self.base / folder).mkdir(parents=True)
        (self.base / LINK).symlink_to(self.base / "port/yard", target_is_directory=True)
        (self.base / INNER_LINK).symlink_to(self.base / "quay", target_is_directory=True)
        kb = self.base / "kb"
        kb.mkdir()
        (kb / "ragcl.toml").write_text(
            f'[models]\nembedder = "{self.embedder.as_posix()}"\ndevice = "cpu"\n'
        )
        self.kb = KnowledgeBase.open(kb)
        for folder, name in zip(FOLDERS[:4], NAMES[::-1], strict=True):
            self.write(folder, name, "utf-8")

    def teardown(self) -> None:
        if "kb" in vars(self):
            assert self.kb._retriever.problems(repair=False) == []
            self.kb.close()
        shutil.rmtree(self.base)

    # Edits

    def files(self) -> list[Path]:
        """Every file there is, in one order."""
        found = []
        for top in ("port", "quay"):
            for above, _, files in os.walk(self.base / top):
                found += [Path(above, name) for name in files]
        return sorted(path for path in found if not path.is_symlink())

    def chosen(self, number: int) -> Path | None:
        files = self.files()
        return files[number % len(files)] if files else None

    @rule(folder=folders, name=names, encoding=st.sampled_from(ENCODINGS))
    def write(self, folder: str, name: str, encoding: str) -> None:
        self.count += 1
        said = f"The crane number {self.count} at the café lifts {self.count * 7} tons of rope.\n"
        (self.base / folder).mkdir(parents=True, exist_ok=True)
        (self.base / folder / name).write_bytes(said.encode(encoding))

    @rule(
        number=st.integers(0, 99),
        how=st.sampled_from(["case", "white space", "encoding", "time", "gone"]),
        encoding=st.sampled_from(ENCODINGS),
    )
    def edit(self, number: int, how: str, encoding: str) -> None:
        path = self.chosen(number)
        if path is None:
            return
        said = written(path)
        if how == "gone":
            path.unlink()
        elif how == "time":
            os.utime(path, ns=(10**18, 10**18))
        else:
            said = said.swapcase() if how == "case" else said
            said = said.replace(" ", "\n" if "  " in said else "  ") if how[0] == "w" else said
            path.write_bytes(f"{said}\n".encode(encoding))

    @rule(number=st.integers(0, 99), encoding=st.sampled_from(ENCODINGS[::2]))
    def edit_what_is_held(self, number: int, encoding: str) -> None:
        """The white space of a file that is known, rather of code, taken in at once."""
        held = sorted(
            (path for path in self.model.texts if path.is_file()),
            key=lambda path: not path.name.endswith(CODE),
        )
        if held:
            path = held[number // 10 % len(held)] if number % 10 < 5 else held[0]
            said = written(path)
            said = said.replace(" ", "\n" if "  " in said else "  ")
            path.write_bytes(f"{said}\n".encode(encoding))
            root = self.model.root(path)
            self.ingest(root.relative_to(self.base).as_posix(), None)

    @rule(number=st.integers(0, 99), folder=folders, name=names, copied=st.booleans())
    def move(self, number: int, folder: str, name: str, copied: bool) -> None:
        path, target = self.chosen(number), self.base / folder / name
        if path is None or path == target:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if copied:
            shutil.copy2(path, target)
        else:
            path.rename(target)

    @rule(folder=st.sampled_from(FOLDERS), to=st.sampled_from([*FOLDERS, "port/moved", None]))
    def move_folder(self, folder: str, to: str | None) -> None:
        source = self.base / folder
        if to is None:
            shutil.rmtree(source, ignore_errors=True)
            return
        target = self.base / to
        if source.is_dir() and not target.exists() and source not in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)

    # What a user does

    @rule(
        folder=st.sampled_from([*FOLDERS, LINK, "port/moved"]),
        trusted=st.sampled_from([None, None, True, False]),
    )
    def ingest(self, folder: str, trusted: bool | None) -> None:
        place = self.base / folder
        if not place.is_dir():
            with pytest.raises((FolderUnavailableError, UsageError)):
                self.kb.ingest(place, trusted=trusted)
            return
        report = self.kb.ingest(place, trusted=trusted)
        assert report.failed == []
        self.model.ingest(place.resolve(), trusted)
        found = {told(hit.source, hit.text) for hit in self.kb.search("the crane lifts", k=99)}
        assert found <= set(self.model.texts.values())
        assert bool(found) == bool(self.model.texts)

    @rule(folder=st.sampled_from(FOLDERS[1:3]), trusted=st.booleans(), around=st.booleans())
    def ingest_and_around(self, folder: str, trusted: bool, around: bool) -> None:
        for one in (folder, "port") if around else ("port", folder):
            self.ingest(one, trusted if one == folder else None)

    @rule(folder=folders)
    def ingest_twice(self, folder: str) -> None:
        self.ingest(folder, None)
        if (self.base / folder).is_dir():
            again = self.kb.ingest(self.base / folder)
            assert (again.added, again.updated, again.deleted) == ([], [], [])
            assert (again.chunks_added, again.chunks_removed) == (0, 0)

    @rule(number=st.integers(0, 99))
    def forget_file(self, number: int) -> None:
        held = sorted(self.model.texts)
        if held:
            self.forget(held[number % len(held)])

    @rule(folder=st.sampled_from([*FOLDERS, "port/moved"]))
    def forget_folder(self, folder: str) -> None:
        self.forget(self.base / folder)

    def forget(self, path: Path) -> None:
        before = len(self.model.texts)
        if self.model.forget(path):
            assert self.kb.forget(path).documents == before - len(self.model.texts)
        else:
            with pytest.raises(UsageError):
                self.kb.forget(path)

    @invariant()
    def what_is_answerable_is_what_the_model_says(self) -> None:
        if "kb" not in vars(self):
            return
        held = self.kb.catalog.documents
        hashes = [
            key
            for one in self.kb.catalog.roots.all()
            for document in held.of_root(one.id)
            for key in held.hashes_of(one.id, document.path)
        ]
        found: dict[str, tuple[frozenset[str], bool]] = {}
        for one in held.current(hashes).values():
            names = frozenset({one.source, *one.elsewhere})
            stem = Path(one.source).stem
            found[f"{stem}: {told(one.source, one.text)}"] = (names, one.trusted)
            assert Path(one.root) in {self.model.root(path) for path in self.model.texts}
        assert found == self.model.answerable()
        assert set(self.kb.status().roots) == set(map(str, self.model.trust))


def test_what_is_answerable_is_what_a_plain_model_says(
    tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "FileReader", ReadHere)
    monkeypatch.setattr(Embedder, "encode", lambda _self, texts, **_how: hashed(texts))
    monkeypatch.setattr(Embedder, "encode_questions", lambda _self, texts: hashed(texts))
    monkeypatch.setattr(Embedder, "count_tokens", lambda _self, text: len(text.split()))
    monkeypatch.setattr(Embedder, "max_tokens", 128)
    machine: Any = type("Machine", (Edits,), {"embedder": tiny_models.embedder})
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=max(1, round(EDITS / (STEPS * SHARE))),
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
