"""How fast a folder goes in, against what others do with the same model, files and cores.

    python -m venv peers && peers/bin/pip install -r benchmarks/peers.txt
    python -m benchmarks.speed --scifact FOLDER [--documents 1500] [--peers-python peers/bin/python]
                               [--files 10000] [--out FILE]

Each contender runs in a process of its own, on two cores, and embeds SciFact abstracts in pieces of
at most 200 tokens with ragcl's default model; see `benchmarks/speed_contenders.py` for what each
does. Measured: the first ingest; the next after a sentence was added to 1 % of the files; one more
after nothing changed; and how well SciFact's test claims then find their abstracts, so that no
speed is bought with quality. One that cannot be imported is named and left out.

Also: `ragcl ingest` on `--files` unchanged small files, as a whole process; and the share of the
processor's measured peak in multiplying matrices that embedding reaches.

- SciFact (Wadden et al. 2020), in the form of BEIR (Thakur et al. 2021): see
  `benchmarks/retrieval.py`. The abstracts that the test claims are judged on are taken first, so
  that every claim can be asked; then the others in the order of the file.

raglite is not among the contenders: its sentence splitter is a model that it fetches from the hub
when it first runs, and it wants NumPy 1.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.progress import say
from benchmarks.retrieval import DEPTH, scifact, scores
from ragcl import KnowledgeBase
from ragcl.models import model_files
from ragcl.settings import IngestSettings

RESULTS = Path(__file__).parent / "results" / "speed.json"
SCRIPT = Path(__file__).with_name("speed_contenders.py")
PEERS = ("bare", "llama-index", "txtai")
CORES = 2
EDITED = 0.01
ADDED = "A later study could not reproduce this result in number {}."
STEPS = ("load", "first", "edited", "unchanged", "search")
NO_OPS = 5


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scifact", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    os.environ.update(OMP_NUM_THREADS=str(CORES), HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="true")
    with tempfile.TemporaryDirectory(prefix="ragcl-speed-") as temporary:
        folder = Path(temporary)
        contenders = side_by_side(options.scifact, options.documents, options, folder)
        result = {
            "command": "python -m benchmarks.speed --scifact FOLDER --peers-python PATH"
            f" --documents {options.documents} --files {options.files}",
            "machine": {"processors": CORES, "platform": platform.platform(terse=True)},
            "documents": options.documents,
            "contenders": contenders,
            "ratios": ratios(contenders),
            "no_op": no_op(options.files, folder),
            "embedding": embedding(folder / "ragcl"),
        }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


# Side by side


def side_by_side(
    source: Path, documents: int, options: argparse.Namespace, folder: Path
) -> dict[str, dict[str, Any]]:
    """What every contender needed for each step, and what it then found."""
    collection = scifact(source, "test")
    judged = sorted({name for _, names in collection.questions for name in names})
    names = list(dict.fromkeys([*judged, *collection.texts]))[:documents]
    questions = [(q, right) for q, right in collection.questions if right.issubset(names)]
    step = round(1 / EDITED)
    edits = {
        name: f"{collection.texts[name]}\n{ADDED.format(number)}\n"
        for number, name in enumerate(names[::step])
    }
    found = {}
    for name in ("ragcl", *PEERS):
        place = folder / name
        (place / "docs").mkdir(parents=True)
        (place / "store").mkdir()
        for one in names:
            (place / "docs" / one).write_text(collection.texts[one], encoding="utf-8")
        job = {
            "docs": str(place / "docs"),
            "store": str(place / "store"),
            "model": str(model_files.resolve("default", "embedder").path),
            "tokens": IngestSettings().chunk_tokens,
            "questions": [question for question, _ in questions],
            "edits": edits,
        }
        (place / "job.json").write_text(json.dumps(job), encoding="utf-8")
        say(f"{name}: {len(names)} documents …")
        python = sys.executable if name == "ragcl" else options.peers_python
        ran = subprocess.run(
            [python, str(SCRIPT), name, str(place / "job.json")],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            if name == "ragcl"
            else None,
        )
        if ran.returncode != 0:
            found[name] = {"could_not_run": ran.stderr.strip().splitlines()[-1]}
            continue
        told = json.loads(ran.stdout.splitlines()[-1])
        texts = [one[:DEPTH] for one in told.pop("found")]
        found[name] = {**told, "quality": scores(texts, [right for _, right in questions])}
    return found


def ratios(contenders: dict[str, dict[str, Any]]) -> dict[str, float]:
    """How many times longer the fastest of the others needs for each step than ragcl."""
    ran = {name: one["seconds"] for name, one in contenders.items() if "seconds" in one}
    if "ragcl" not in ran or len(ran) == 1:
        return {}
    return {
        step: round(
            min(seconds[step] for name, seconds in ran.items() if name != "ragcl")
            / ran["ragcl"][step],
            2,
        )
        for step in ("first", "edited", "unchanged")
    }


# ragcl alone


def no_op(files: int, folder: Path) -> dict[str, Any]:
    """Seconds of `ragcl ingest` as a process, when nothing changed in so many small files."""
    docs = folder / "small"
    for number in range(files):
        path = docs / f"{number // 100:04}" / f"note-{number:06}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# Note\n\nEvery note holds the same text.\n", encoding="utf-8")
    say(f"ragcl: {files} files that do not change …")
    with KnowledgeBase.open(folder / "small-kb") as kb:
        kb.ingest(docs)
    time.sleep(3)  # stamps as fresh as these were are not trusted: see ingest/sources.py
    command = [sys.executable, "-m", "ragcl", "--kb", str(folder / "small-kb"), "ingest"]
    seconds = []
    for _ in range(NO_OPS + 1):
        started = time.perf_counter()
        subprocess.run([*command, str(docs)], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    seconds = seconds[1:]  # the first looks into every file once more
    return {
        "files": files,
        "seconds_p50": round(statistics.median(seconds), 3),
        "seconds": [round(one, 3) for one in seconds],
    }


def embedding(place: Path) -> dict[str, Any]:
    """How fast the chunks of a knowledge base are embedded, and how near that is to the peak."""
    import torch

    with KnowledgeBase.open(place / "store") as kb:
        embedder = kb._embedder
        with kb.catalog.database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT heading, text FROM chunks").all()
        texts = [f"{heading}\n{text}" if heading else text for heading, text in rows]
        counts = [embedder.count_tokens(text) for text in texts]
        dtype = next(embedder._model.parameters()).dtype
        config = json.loads((embedder.files.path / "config.json").read_text("utf-8"))
        embedder.encode(texts[:64])
        before = _peak(dtype)
        started = time.perf_counter()
        embedder.encode(texts)
        seconds = time.perf_counter() - started
        peak = statistics.fmean([before, _peak(dtype)])
        asked = []
        for _ in range(20):
            started = time.perf_counter()
            embedder.encode_questions(["How deep is the north berth at low water?"])
            asked.append(time.perf_counter() - started)
    flops = sum(_flops(count, config) for count in counts)
    return {
        "chunks": len(texts),
        "tokens": sum(counts),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "tokens_per_second": round(sum(counts) / seconds),
        "gflop_per_second": round(flops / seconds / 1e9, 1),
        "peak_gflop_per_second": round(peak, 1),
        "share_of_peak": round(flops / seconds / 1e9 / peak, 3),
        "query_seconds_p50": round(statistics.median(asked), 4),
    }


def _flops(tokens: int, config: dict[str, Any]) -> int:
    """Operations of a BERT on a text: four projections and two feed-forward layers, attention."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    layer = 2 * tokens * (4 * width * width + 2 * width * inner) + 4 * tokens * tokens * width
    return int(config["num_hidden_layers"]) * layer


def _peak(dtype: Any, size: int = 2048, repeats: int = 8) -> float:
    """GFLOP/s of the best of some products of two square matrices."""
    import torch

    left, right = (torch.randn(size, size).to(dtype) for _ in range(2))
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats):
            started = time.perf_counter()
            left @ right
            seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds) / 1e9


def table(result: dict[str, Any]) -> str:
    """The rows for people."""
    lines = [f"{'':12} {'load':>6} {'first':>7} {'1 % edited':>11} {'unchanged':>10}"
             f" {'MB':>6} {'nDCG@10':>8} {'recall@10':>10}"]  # fmt: skip
    for name, one in result["contenders"].items():
        if "could_not_run" in one:
            lines.append(f"{name:12} could not run: {one['could_not_run']}")
            continue
        load, first, edited, unchanged, _ = (one["seconds"][step] for step in STEPS)
        quality = one["quality"]
        lines.append(
            f"{name:12} {load:6.1f} {first:7.1f} {edited:11.2f} {unchanged:10.2f}"
            f" {one['peak_mb']:6} {quality['ndcg@10']:8.3f} {quality['recall@10']:10.3f}"
        )
    lines.append(f"the fastest other / ragcl: {result['ratios']}")
    no_op, speed = result["no_op"], result["embedding"]
    lines.append(f"{no_op['files']} unchanged files: {no_op['seconds_p50']:.2f} s, whole process")
    lines.append(
        f"embedding: {speed['tokens_per_second']} tokens/s in {speed['dtype']},"
        f" {speed['share_of_peak']:.2f} of the peak; a question {speed['query_seconds_p50']:.4f} s"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
