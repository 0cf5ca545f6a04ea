"""What it is worth to begin with an adapter that has practised to learn.

    python -m benchmarks.meta_learning [--initial FOLDER] [--sources 3] [--out FILE]

Needs no outside data. First the practice itself, unless `--initial` names what `ragcl meta-learn`
wrote before; it says what the made-up worlds held out show. Then documents of the sample handbook,
of which nothing was practised on, with a shard for every chunk, as small as what an edit leaves to
learn: their training wordings are asked, and the same rows are learned from nothing with all the
steps, from nothing with the share that is enough from the initial adapter, and from the initial
adapter with that share. *Proved*: the share of the learned questions that the adapters answer by
heart. *Right*: of the fourth wordings, which nobody asked, by the weights alone.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.progress import say
from benchmarks.sample import REVISIONS, lay_out, questions, sources, write_questions
from ragcl import KnowledgeBase
from ragcl.consolidation import meta_learning

RESULTS = Path(__file__).parent / "results" / "meta_learning.json"


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--initial", type=Path)
    parser.add_argument("--sources", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-meta-learning-") as folder:
        result = measure(Path(folder), options.initial, options.sources)
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, initial: Path | None, count: int) -> dict[str, Any]:
    """The practice, and the rounds on the handbook if it was worth it."""
    result: dict[str, Any] = {"threads": torch.get_num_threads()}
    with KnowledgeBase.open(folder / "kb") as kb:
        if initial is None:
            initial = folder / "initial"
            say("practising …")
            report = kb.meta_learn(
                initial, progress=lambda what, done, total: say(f"  {what} {done} of {total}")
            )
            result["practice"] = asdict(report) | {"folder": None}
            say(f"  {result['practice']}")
            if report.folder is None:
                return result
        limits = kb.settings.consolidation
        shortened = meta_learning.load(initial, kb._language_model, limits).shortened(limits)
        less = shortened.model_dump(include={"epochs", "min_steps"})
        chosen = sources(REVISIONS[0], count)
        lay_out(REVISIONS[0], folder / "docs", chosen)
        kb.ingest(folder / "docs")
        say("asking the training wordings …")
        kb.ask_many([one["question"] for one in _about(chosen, held_out=False)])
    held_out = folder / "held_out.jsonl"
    write_questions(_about(chosen, held_out=True), held_out)
    settings: dict[str, dict[str, Any]] = {
        "from nothing": {},
        "from nothing, as few steps": less,
        "from the initial adapter": {"initial_adapter": str(initial)},
    }
    result["rounds"] = {}
    for name, changes in settings.items():
        say(f"{name} …")
        result["rounds"][name] = _round(folder / "kb", {"shard_chunks": 1, **changes}, held_out)
        say(f"  {result['rounds'][name]}")
    return result


def _about(chosen: Sequence[str], *, held_out: bool) -> list[dict[str, Any]]:
    """The questions about these documents."""
    asked = questions(REVISIONS[0], held_out=held_out)
    return [one for one in asked if one["source"] in chosen]


def _round(kb_folder: Path, changes: dict[str, Any], held_out: Path) -> dict[str, Any]:
    """One round with other settings, on what was asked."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in changes.items()]
    (kb_folder / "ragcl.toml").write_text("\n".join(["[consolidation]", *lines]), encoding="utf-8")
    with KnowledgeBase.open(kb_folder) as kb:
        report = kb.consolidate()
        manifests = [
            json.loads((kb_folder / "adapters" / one / "manifest.json").read_text(encoding="utf-8"))
            for one in report.adapter_ids
        ]
        return {
            "status": report.status,
            "reason": report.reason,
            "shards": len(manifests),
            "steps": sum(one["steps"] for one in manifests),
            "training seconds": report.stage_seconds["distillation"],
            "proved": report.metrics["proved questions"],
            "right": kb.evaluate(held_out, mode="weights").accuracy,
            "perplexity ratio": report.metrics["perplexity ratio"],
        }


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines: list[str] = []
    if "practice" in result:
        lines += [
            f"Practice: {result['practice']['seconds']:.0f} s. Worlds held out:",
            "",
            "| begun with | share of the steps | log-likelihood | perplexity ratio |",
            "|---|---|---|---|",
        ]
        for one in result["practice"]["trials"]:
            lines.append(
                f"| {'the initial adapter' if one['practised'] else 'nothing'} "
                f"| {one['share']:.2f} | {one['log-likelihood']:.3f} "
                f"| {one['perplexity ratio']:.3f} |"
            )
        lines.append("")
    if "rounds" in result:
        lines += [
            "| the sample handbook | shards | steps | s | proved | right | perplexity ratio |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, one in result["rounds"].items():
            lines.append(
                f"| {name} | {one['shards']} | {one['steps']:.0f} | {one['training seconds']:.0f} "
                f"| {one['proved']:.3f} | {one['right']:.3f} | {one['perplexity ratio']:.3f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
