"""A change of the embedder there and back, killed in the middle, while questions are answered.

    python -m benchmarks.switching [--static FOLDER] [--chunks N] [--out FILE]

A knowledge base of some thousand chunks is made with a static embedder (in FOLDER, or made first,
see `benchmarks.static_embedder`). Then it is changed to the default one and back. Each way is
killed (SIGKILL) when half of the chunks are embedded; a document is added; and the same
command is run again. From before the first to after the last, another process, which opened the
knowledge base once, asks and checks what it is answered from.

- asked: the questions; how many of them failed, or were not answered from a passage that holds the
  answer; the seconds of one. They share the processor with the embedding.
- way: the chunks that were embedded when it was killed, those that were left to embed for the
  second run, how long it said that takes, and how long the whole run took, with the loading of the
  models.
- lost: chunks, or vectors that are not those of the embedder in use, at the end.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks import static_embedder
from benchmarks.progress import say
from ragcl import KnowledgeBase
from ragcl.catalog import schema
from ragcl.settings import write_models

RESULTS = Path(__file__).parent / "results" / "switching.json"
SECTIONS = 5  # of a document; each is a chunk
GOODS = (
    "barrels of tar, sacks of barley, crates of lemons, bolts of canvas, drums of paint, bales of "
    "wool, casks of cider, rolls of cable, chests of tea, stacks of planks"
).split(", ")
NAMES = "Holm Berg Lind Dahl Strand Vik Haugen Moen Lie Aas".split()
QUESTION = "Who keeps the key of warehouse {}?"
KEY = "The key of warehouse {} is kept by {} {}."


def main() -> None:
    """Run the benchmark, print the results and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--static", type=Path)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-switching-") as folder:
        place = Path(folder)
        static = options.static or place / "static"
        if options.static is None:
            static_embedder.make(static)
        measured = there_and_back(place, static.resolve(), options.chunks)
    result = {
        "command": f"python -m benchmarks.switching --chunks {options.chunks}",
        "machine": {
            "processors": len(os.sched_getaffinity(0)),
            "platform": platform.platform(terse=True),
        },
        **measured,
    }
    print(json.dumps(result, indent=2))
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def there_and_back(place: Path, static: Path, chunks: int) -> dict[str, Any]:
    """Make the knowledge base and change its embedder twice, asked all the while."""
    docs, folder = place / "docs", place / "kb"
    docs.mkdir()
    folder.mkdir()
    write_models(folder, {"embedder": str(static)})
    keepers = [write(docs, number) for number in range(chunks // SECTIONS)]
    with KnowledgeBase.open(folder) as kb:
        started = time.monotonic()
        kb.ingest(docs)
        say(f"ingested in {time.monotonic() - started:.0f} s")
        before = held(kb)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    asker = context.Process(target=ask, args=(folder, keepers, theirs))
    asker.start()
    ours.recv()  # it has asked once
    ways = {}
    added = []
    for name, embedder in (("there", "default"), ("back", str(static))):
        killed = kill_half_way(folder, embedder)
        say(f"{name}: killed with {killed} chunks embedded")
        added.append(write(docs, 10_000 + len(added)))
        with KnowledgeBase.open(folder) as kb:
            kb.ingest(docs)
            before |= held(kb)
        started = time.monotonic()
        done = subprocess.run(command(folder, embedder), capture_output=True, check=True)
        report = json.loads(done.stdout)
        ways[name] = {
            "killed_at": killed,
            "left_to_embed": report["chunks"],
            "expected_seconds": report["expected_seconds"],
            "seconds": round(time.monotonic() - started, 1),
        }
        say(f"{name}: {ways[name]}")
        time.sleep(5)  # so that it is seen to be answered from the new vectors
    ours.send("stop")
    asked = ours.recv()
    asker.join()
    return {"chunks": len(before), "ways": ways, "asked": asked, "lost": lost(folder, before)}


def write(docs: Path, number: int) -> tuple[int, str]:
    """Write a document about a warehouse; its number and who keeps its key."""
    chance = random.Random(number)
    first, last = chance.choice("ABCDEFGHIKLMNOPRSTUV"), chance.choice(NAMES)
    keeper = f"{first}. {last}"
    lines = [f"# Warehouse {number}", "", KEY.format(number, f"{first}.", last)]
    for row in range(1, SECTIONS):
        goods = chance.sample(GOODS, 3)
        by, when = chance.choice(NAMES), chance.randint(1, 52)
        lines += [
            "",
            f"## Row {row} of warehouse {number}",
            "",
            f"Row {row} holds {goods[0]}, {goods[1]} and {goods[2]}, stacked "
            f"{chance.randint(2, 9)} high. It was last counted by {by} in week {when}, "
            f"when {chance.randint(1, 30)} pieces were found damp and were moved to the loft. "
            f"Whatever is taken from row {row} is written into book {chance.randint(1, 400)}.",
        ]
    (docs / f"warehouse-{number}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return number, keeper


def ask(folder: Path, keepers: list[tuple[int, str]], told: Connection) -> None:
    """Ask in a process of its own until it is told to stop; tell what became of it."""
    seconds: list[float] = []
    count: Counter[str] = Counter()
    embedders: Counter[str] = Counter()
    chance = random.Random(0)
    with KnowledgeBase.open(folder) as kb:
        while not seconds or not told.poll():
            number, keeper = chance.choice(keepers)
            started = time.monotonic()
            try:
                answer = kb.ask(QUESTION.format(number))
            except Exception as error:  # counted: none is expected
                count["failed"] += 1
                say(f"failed: {error!r}")
                continue
            seconds.append(time.monotonic() - started)
            count["asked"] += 1
            cited = answer.citations[0].text if answer.citations else ""
            count["from its passage"] += f"warehouse {number} is kept by {keeper}" in cited
            embedders[kb._embedder.files.name] += 1
            if len(seconds) == 1:
                told.send("asked")
    told.send(
        {
            **{name: count[name] for name in ("asked", "failed", "from its passage")},
            "median_seconds": round(statistics.median(seconds), 2),
            "slowest_seconds": round(max(seconds), 2),
            "by_embedder": dict(embedders),
        }
    )


def command(folder: Path, embedder: str) -> list[str]:
    """The command that changes the embedder."""
    start = [sys.executable, "-m", "ragcl", "--kb", str(folder)]
    return [*start, "models", "use", "--embedder", embedder, "--yes", "--json"]


def kill_half_way(folder: Path, embedder: str) -> int:
    """Kill a change of the embedder when half is embedded; how many chunks were by then."""
    with KnowledgeBase.open(folder) as kb:
        process = subprocess.Popen(command(folder, embedder), stdout=subprocess.DEVNULL)
        while process.poll() is None:
            under_way = kb.catalog.vectors.headway()
            if under_way is not None and under_way.embedded >= under_way.chunks / 2:
                process.send_signal(signal.SIGKILL)
                process.wait()
                break
            time.sleep(0.005)
        under_way = kb.catalog.vectors.headway()
    if under_way is None:
        raise SystemExit("it had ended before it was killed: use more chunks")
    return under_way.embedded


def held(kb: KnowledgeBase) -> set[str]:
    """The content hashes of all chunks."""
    with kb.catalog.database.reading() as connection:
        return set(connection.execute(select(schema.chunks.c.content_hash)).scalars())


def lost(folder: Path, before: set[str]) -> dict[str, Any]:
    """What is missing in the end, and what the doctor finds."""
    with KnowledgeBase.open(folder) as kb:
        size = 4 * kb._embedder.dimension
        wrong = select(func.count()).where(func.length(schema.chunks.c.vector) != size)
        with kb.catalog.database.reading() as connection:
            vectors = connection.execute(wrong).scalar_one()
        return {
            "chunks": len(before - held(kb)),
            "vectors": vectors,
            "problems": kb.doctor(repair=False).problems,
        }


if __name__ == "__main__":
    main()
