"""Many formats and many traps: what is read, how much of it, and what a bad file costs.

    python -m benchmarks.formats --data FOLDER [--out FILE]

FOLDER holds `mixed_formats/`, documents of many kinds, in which `expected_outputs/NAME.md` is the
text that NAME.pdf should give; and `hostile/`, files made to break a reader.

Mixed formats: every file is read or reported with its reason; for an expected output, word recall
is the share of its words, each as often as it occurs there, that our text holds. Hostile: all of
them among the sample handbook, first read one by one, then by one `ragcl ingest` with the default
models. Every good file has to be read and indexed, every bad one indexed or reported in one line,
within two GiB and five minutes; no text may hold a line of what lies outside the folder, and
outside the knowledge base no file may appear or change.

The files of `mixed_formats` are named as the test files of Microsoft's markitdown are
(github.com/microsoft/markitdown, packages/markitdown/tests/test_files, MIT licence); any such
folder will do. Those of `hostile` were made for this: archive and XML bombs, external entities,
names that leave the folder, cut and circular PDFs, wrong encodings, deep nesting, instructions.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.sample import DATA, REVISIONS
from ingest import Document, FileReader, ReadError, scan
from ragcl import KnowledgeBase
from ragcl.settings import IngestSettings

RESULTS = Path(__file__).parent / "results" / "formats.json"
LIMITS = IngestSettings()
INGEST_SECONDS, INGEST_MB = 300, 2048  # what an ingest of the hostile files may take
# What external entities ask for: no line of these may be in a text.
OUTSIDE = (Path("/etc/passwd"), Path("/etc/hostname"))


@dataclass(frozen=True)
class Row:
    """One file: `recall` where its text is known, `problem` empty unless something is wrong."""

    file: str
    outcome: str
    seconds: float
    characters: int
    recall: float | None = None
    problem: str = ""


def main() -> None:
    """Read both folders, print a table of each, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    hostile = read_hostile(options.data / "hostile")
    peak = _peak_mb()
    mixed = read_mixed(options.data / "mixed_formats")
    both_peaks = _peak_mb()
    ingest = ingest_hostile(options.data / "hostile", peak)
    _show("Hostile files among the sample handbook", hostile)
    _show("Mixed formats", mixed)
    problems = [f"{row.file}: {row.problem}" for row in (*hostile, *mixed) if row.problem]
    problems += [f"ingest: {problem}" for problem in ingest["problems"]]
    recalls = [row.recall for row in mixed if row.recall is not None]
    result = {
        "command": "python -m benchmarks.formats --data FOLDER",
        "machine": {"platform": platform.platform(terse=True)},
        "seconds": round(sum(row.seconds for row in (*hostile, *mixed)), 1),
        "memory_limit_mb": LIMITS.read_memory_mb,
        "peak_mb_hostile": peak,
        "peak_mb": both_peaks,
        "lowest_recall": min(recalls, default=None),
        "problems": problems,
        "ingest_of_hostile": ingest,
        "hostile": [asdict(row) for row in hostile],
        "mixed": [asdict(row) for row in mixed],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(
        f"{len(hostile)} + {len(mixed)} files in {result['seconds']} s; the reading process took "
        f"at most {result['peak_mb']} MB; {len(problems)} problems"
    )
    print(
        f"ragcl ingest of the hostile files: {ingest['good_indexed']} good ones indexed,"
        f" {ingest['bad_reported']} reported, {ingest['seconds']} s, {ingest['peak_mb']} MB"
    )
    print("\n".join(problems))
    sys.exit(bool(problems))


def read_mixed(folder: Path) -> list[Row]:
    """Read every file of a folder; where the text is known, compare."""
    rows = []
    with _reader() as reader:
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            row, text = _read(reader, path, path.name)
            expected = folder / "expected_outputs" / f"{path.stem}.md"
            if path.suffix == ".pdf" and expected.exists():
                recall = word_recall(expected.read_text(encoding="utf-8"), text)
                row = Row(row.file, row.outcome, row.seconds, row.characters, recall)
            rows.append(row)
    return rows


def word_recall(expected: str, text: str) -> float:
    """The share of the expected words, each as often as it occurs, that a text holds."""
    wanted, found = (
        Counter(re.findall(r"\w+", re.sub(r"[*_`#|\\~-]+", " ", one).lower()))
        for one in (expected, text)
    )
    return round((wanted & found).total() / max(1, wanted.total()), 4)


def read_hostile(folder: Path) -> list[Row]:
    """Read the hostile files among good ones, and look for what they may have reached."""
    with tempfile.TemporaryDirectory(prefix="ragcl-formats-") as temporary:
        docs = _among_good_ones(folder, Path(temporary))
        escapes = [path for path in _targets(docs / "hostile") if not path.exists()]
        before = _state(Path(temporary))
        rows = []
        found = scan(docs, max_bytes=int(LIMITS.max_file_mb * 2**20))
        rows += [Row(one.path, f"skipped: {one.reason}", 0, 0) for one in found.skipped]
        with _reader() as reader:
            for file in found.files:
                rows.append(_checked(*_read(reader, file.absolute, file.path)))
        changed = _state(Path(temporary)) ^ before
        escaped = [path for path in escapes if path.exists()]
        if changed or escaped:
            names = sorted({name for name, *_ in changed} | {str(path) for path in escaped})
            rows.append(
                Row("(the folder)", "", 0, 0, problem=f"files appeared or changed: {names}")
            )
    return sorted(rows, key=lambda row: row.file)


def ingest_hostile(folder: Path, reading: int | None) -> dict[str, Any]:
    """One `ragcl ingest` of the hostile files among good ones, as a process: what it did and took.

    `peak_mb` is the most that it took, and `reading`, the most that a reading process takes.
    """
    with tempfile.TemporaryDirectory(prefix="ragcl-formats-") as temporary:
        docs, kb = _among_good_ones(folder, Path(temporary)), Path(temporary) / "kb"
        good = {path.relative_to(docs).as_posix() for path in (docs / "handbook").iterdir()}
        bad = {path.relative_to(docs).as_posix() for path in (docs / "hostile").iterdir()}
        escapes = [path for path in _targets(docs / "hostile") if not path.exists()]
        before = _state(Path(temporary))
        ragcl = [sys.executable, "-m", "ragcl", "--kb", str(kb)]
        started = time.perf_counter()
        ran = subprocess.run([*ragcl, "ingest", str(docs), "--json"], stdout=subprocess.PIPE)
        seconds = round(time.perf_counter() - started, 1)
        told = json.loads(ran.stdout)
        outside = {one for one in _state(Path(temporary)) if not one[0].startswith(str(kb))}
        problems = [f"{path} appeared or changed" for path, *_ in sorted(outside ^ before)]
        problems += [f"{path} appeared" for path in escapes if path.exists()]
        with KnowledgeBase.open(kb) as opened, opened.catalog.database.reading() as connection:
            texts = connection.exec_driver_sql("SELECT text FROM chunks").scalars().all()
    indexed = set(told["added"])
    reported = {one["path"]: one["reason"] for one in (*told["failed"], *told["skipped"])}
    problems += [f"{path} was not indexed" for path in sorted(good - indexed)]
    problems += [f"{path} was passed over" for path in sorted(bad - indexed - reported.keys())]
    problems += [f"{path}: {reason!r}" for path, reason in reported.items() if "\n" in reason]
    if any(_holds_outside(text) for text in texts):
        problems.append("a chunk holds what lies outside the folder")
    ingesting = _peak_mb()  # by now that of the ingest, which takes more than reading alone
    peak = None if ingesting is None or reading is None else ingesting + reading
    if seconds > INGEST_SECONDS or (peak or 0) > INGEST_MB:
        problems.append(f"took {seconds} s and {peak} MB")
    return {
        "good_indexed": len(good & indexed),
        "bad_indexed": sorted(bad & indexed),
        "bad_reported": len(bad & reported.keys()),
        "reported": reported,
        "chunks": len(texts),
        "seconds": seconds,
        "peak_mb": peak,
        "problems": problems,
    }


def _among_good_ones(folder: Path, place: Path) -> Path:
    """The documents: a folder that holds the sample handbook and the hostile files."""
    docs = place / "a" / "b" / "docs"  # so that a name that climbs out lands where we look
    shutil.copytree(DATA / "handbook" / REVISIONS[0], docs / "handbook")
    shutil.copytree(folder, docs / "hostile")
    return docs


def _reader() -> FileReader:
    return FileReader(LIMITS.read_seconds, LIMITS.read_memory_mb, LIMITS.max_file_chars)


def _read(reader: FileReader, path: Path, name: str) -> tuple[Row, str]:
    """One file as a row, and its text."""
    started = time.perf_counter()
    try:
        text = _text(reader.read(path))
        outcome = "read" if text.strip() else "read: no text in it"
    except ReadError as error:
        text, outcome = "", f"not read: {error}"
    seconds = round(time.perf_counter() - started, 2)
    problem = "its reason is more than one line" if "\n" in outcome else ""
    return Row(name, outcome, seconds, len(text), problem=problem), text


def _text(document: Document) -> str:
    """All that a document says, its headings too."""
    parts = [document.title]
    for section in document.sections:
        parts += [*section.heading, section.text]
    return "\n".join(parts) if document.sections else ""


def _checked(row: Row, text: str) -> Row:
    """The row, with what is wrong about it."""
    problem = row.problem
    if row.file.startswith("handbook/") and row.outcome != "read":
        problem = "a good file was not read"
    if _holds_outside(text):
        problem = "holds what lies outside the folder"
    return Row(row.file, row.outcome, row.seconds, row.characters, problem=problem)


def _holds_outside(text: str) -> bool:
    """Whether a text holds a line of what external entities ask for."""
    lines = {line.strip() for path in OUTSIDE if path.exists() for line in _lines(path)} - {""}
    return any(re.search(rf"\b{re.escape(one)}\b", text) for one in lines if one in text)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def _targets(folder: Path) -> list[Path]:
    """Where the members of the zip archives in a folder would land if they were unpacked."""
    targets = []
    for path in sorted(folder.iterdir()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                targets += [(folder / name).resolve() for name in archive.namelist()]
    return targets


def _state(folder: Path) -> set[tuple[str, int, int]]:
    """Name, size and time of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def _peak_mb() -> int | None:
    """The most memory that a child process has taken; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _show(title: str, rows: list[Row]) -> None:
    table = Table("file", "seconds", "characters", "word recall", "outcome", title=title)
    for row in rows:
        recall = "" if row.recall is None else f"{row.recall:.3f}"
        outcome = f"{row.outcome}  PROBLEM: {row.problem}" if row.problem else row.outcome
        table.add_row(row.file, f"{row.seconds:.2f}", f"{row.characters:,}", recall, outcome)
    Console().print(table)


if __name__ == "__main__":
    main()
