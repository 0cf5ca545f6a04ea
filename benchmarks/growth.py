"""How the time of a round grows with what is hot: 8, 32 and 128 chunks, a fact each.

    python -m benchmarks.growth [--chunks 8 32 128] [--out FILE]

The chunks are the entries of a made register of ships, as in `benchmarks/rounds.py`. Every fact is
asked for in three wordings, one round is run (the default settings, with room for so many chunks),
and the fourth wording is asked of the weights alone. A second round then follows after one fact was
changed: what it costs is what one edit costs. Seconds are those of this machine; what counts is how
they grow.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.progress import say
from benchmarks.rounds import FACTS, Fact, World, consolidated
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains

RESULTS = Path(__file__).parent / "results" / "growth.json"
UNSEEN = 3  # the wording that is never asked


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--chunks", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = []
    for count in options.chunks:
        with tempfile.TemporaryDirectory(prefix="ragcl-growth-") as folder:
            say(f"{count} chunks …")
            rows.append(measure(Path(folder), count))
            say(f"  {rows[-1]}")
    result = {
        "command": f"python -m benchmarks.growth --chunks {' '.join(map(str, options.chunks))}",
        "threads": torch.get_num_threads(),
        "rows": rows,
    }
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, count: int) -> dict[str, Any]:
    """A first round on so many chunks, and one after an edit."""
    world = World(folder / "docs", len(FACTS))
    while sum(map(len, world.ships.values())) < count:
        world.add()
    facts = [one for ship in world.ships.values() for one in ship][:count]
    kb_folder = folder / "kb"
    kb_folder.mkdir()
    settings = f"[consolidation]\nmax_chunks = {count}\n"
    (kb_folder / "ragcl.toml").write_text(settings, encoding="utf-8")
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(folder / "docs")
        kb.ask_many([one.question(n) for one in facts for n in range(UNSEEN)])
        first = consolidated(kb)
        right = _right(kb, facts)
        world.change(facts[0])
        kb.ingest(folder / "docs")
        kb.ask_many([facts[0].question(n) for n in range(UNSEEN)])
        return {"chunks": count, "first": first, "right": right, "after an edit": consolidated(kb)}


def _right(kb: KnowledgeBase, facts: list[Fact]) -> float:
    said = kb.ask_many([one.question(UNSEEN) for one in facts], mode="weights", record=False)
    right = [contains(answer.text, [one.value]) for answer, one in zip(said, facts, strict=True)]
    return sum(right) / len(right)


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        "| chunks | first round, s | a chunk | adapters | right | after one edit, s |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        first, later = row["first"], row["after an edit"]
        lines.append(
            f"| {row['chunks']} | {first['seconds']:.0f} | {first['seconds'] / row['chunks']:.1f} "
            f"| {first['adapters']} | {row['right']:.2f} | {later['seconds']:.0f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
