"""Whether what was forgotten on purpose is gone: from the files, and from the weights.

    python -m benchmarks.forgetting [--sources 5] [--forgotten 2] [--out FILE]

Of the sample handbook, so many documents are ingested, asked about and learned in a round. Then the
last `--forgotten` of them are forgotten with `ragcl forget`, and another round is run. A second
knowledge base never saw these documents and learned the others; a third is the same with another
seed, which tells how much two models that never saw a fact differ about it by chance.

Of each forgotten fact, in the wording that is never learned and without context:

- *log-likelihood*: of the right answer (nats a token, the end included), by the adapter.
- *recalled*: whether the likeliest of all answers ever taught is the right one.

- *found in files*: the forgotten sentences that stand in any file of the knowledge base.
"""

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.progress import say
from benchmarks.sample import DATA, REVISIONS, lay_out, questions, sources
from ragcl import KnowledgeBase
from ragcl.evaluation.metrics import contains
from ragcl.generation.influence import likelihood
from ragcl.generation.language_model import LanguageModel
from ragcl.generation.prompts import Prompts
from ragcl.generation.recall import likelihood_alone, recall
from ragcl.models import model_files
from ragcl.text.sentences import split_sentences

HANDBOOK = DATA / "handbook" / REVISIONS[0]
SENTENCE = 40  # characters: shorter ones may stand anywhere
RESULTS = Path(__file__).parent / "results" / "forgetting.json"
NEVER, OTHER_SEED = "never saw it", "never saw it, another seed"
SEED = "[consolidation]\nseed = 1\n"


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sources", type=int, default=5)
    parser.add_argument("--forgotten", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragcl-forgetting-") as folder:
        result = measure(Path(folder), options.sources, options.forgotten)
    result["command"] = (
        f"python -m benchmarks.forgetting --sources {options.sources}"
        f" --forgotten {options.forgotten}"
    )
    print(table(result))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measure(folder: Path, count: int, forgotten: int) -> dict[str, Any]:
    """All rounds, and what each of the adapters says about the forgotten facts."""
    asked = questions(REVISIONS[0], held_out=False)
    chosen = sources(REVISIONS[0], count)
    gone = chosen[-forgotten:]
    held_out = [one for one in questions(REVISIONS[0], held_out=True) if one["source"] in gone]
    sentences = [
        sentence.encode()
        for name in gone
        for sentence in split_sentences((HANDBOOK / name).read_text(encoding="utf-8"))
        if len(sentence) > SENTENCE
    ]
    measured: dict[str, dict[str, list[float]]] = {}
    scorer = _Scorer(held_out, [one for one in asked if one["source"] in chosen])
    measured["base model"] = scorer.score(folder, [])

    say("learning everything …")
    with KnowledgeBase.open(folder / "kb") as kb:
        _learn(kb, folder / "docs", chosen, asked)
        measured["learned"] = scorer.score(folder / "kb", _adapters(kb))
        found_before = _standing(folder / "kb", sentences)
        say("forgetting …")
        for name in gone:
            (folder / "docs" / name).unlink()
            kb.forget(folder / "docs" / name)
        after = kb.consolidate()
        measured["forgotten"] = scorer.score(folder / "kb", _adapters(kb))
        answers = kb.ask_many(
            [one["question"] for one in held_out], mode="weights", record=False
        ) + kb.ask_many([one["question"] for one in held_out], record=False)
        told = sum(
            contains(answer.text, one["answers"])
            for answer, one in zip(answers, held_out * 2, strict=True)
        )
    found = _standing(folder / "kb", sentences)
    for name, settings in ((NEVER, ""), (OTHER_SEED, SEED)):
        say(f"a model that {name} …")
        place = folder / name.replace(" ", "-")
        place.mkdir()
        (place / "ragcl.toml").write_text(settings, encoding="utf-8")
        with KnowledgeBase.open(place) as kb:
            _learn(kb, folder / "docs", [one for one in chosen if one not in gone], asked)
            measured[name] = scorer.score(place, _adapters(kb))
    return {
        "documents": {"learned": chosen, "forgotten": gone},
        "facts forgotten": len(held_out),
        "round after": {"status": after.status, "questions trained": after.questions_trained},
        "answered by weights or auto afterwards": told,
        "sentences looked for": len(sentences),
        "found in files": {"before": found_before, "afterwards": found},
        "log-likelihood": {
            name: round(statistics.mean(one["likelihood"]), 3) for name, one in measured.items()
        },
        "recalled": {name: sum(one["recalled"]) / len(held_out) for name, one in measured.items()},
        "above one that never saw it": {
            name: _difference(measured[name]["likelihood"], measured[NEVER]["likelihood"])
            for name in ("learned", "forgotten", OTHER_SEED)
        },
    }


def _learn(
    kb: KnowledgeBase, docs: Path, chosen: Sequence[str], asked: Sequence[dict[str, Any]]
) -> None:
    """Ingest these documents, ask what the others ask about them, and learn."""
    lay_out(REVISIONS[0], docs, chosen)
    kb.ingest(docs)
    kb.ask_many([one["question"] for one in asked if one["source"] in chosen])
    report = kb.consolidate()
    say(f"  {report.status} {report.reason}: {report.questions_trained} questions trained")


def _adapters(kb: KnowledgeBase) -> list[str]:
    return [one["id"] for one in kb.status().adapters]


class _Scorer:
    """What adapters know about some facts."""

    def __init__(self, facts: Sequence[dict[str, Any]], taught: Sequence[dict[str, Any]]) -> None:
        self._facts = facts
        self._taught = likelihood_alone(one["answers"][0] for one in taught)

    def score(self, kb: Path, adapters: Sequence[str]) -> dict[str, list[float]]:
        """For each fact, of the adapters (none: the base model) that which knows it best."""
        model = LanguageModel(model_files.resolve("default", "language_model"))
        for adapter in adapters:
            model.attach(adapter, kb / "adapters" / adapter)
        prompts = Prompts.of(model)
        likelihoods, recalled = [], []
        for one in self._facts:
            prompt = prompts.closed_book(one["question"])
            best, right = -math.inf, False
            for adapter in adapters or [None]:
                answer = one["answers"][0]
                tokens = len(prompts.answer_ids(answer))
                best = max(best, likelihood(model, prompt, answer, adapter) / tokens)
                [said] = recall(model, [prompt], [self._taught], adapter=adapter)
                right = right or contains(said.text, one["answers"])
            likelihoods.append(best)
            recalled.append(float(right))
        return {"likelihood": likelihoods, "recalled": recalled}


def _difference(ones: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """The mean difference of pairs and its standard error."""
    pairs = [one - other for one, other in zip(ones, others, strict=True)]
    return {
        "mean": round(statistics.mean(pairs), 4),
        "standard error": round(statistics.stdev(pairs) / math.sqrt(len(pairs)), 4),
    }


def _standing(kb: Path, sentences: Sequence[bytes]) -> list[str]:
    """Where any of the sentences still stands."""
    return [
        path.relative_to(kb).as_posix()
        for path in sorted(kb.rglob("*"))
        if path.is_file() and any(one in path.read_bytes() for one in sentences)
    ]


def table(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = [
        f"{result['facts forgotten']} facts of {len(result['documents']['forgotten'])} documents "
        "forgotten, asked for without context in a wording that is never learned.",
        "",
        "| | log-likelihood | recalled | above one that never saw it |",
        "|---|---|---|---|",
    ]
    for name, known in result["log-likelihood"].items():
        above = result["above one that never saw it"].get(name)
        shown = f"{above['mean']:+.3f} ± {above['standard error']:.3f}" if above else ""
        lines.append(f"| {name} | {known:.3f} | {result['recalled'][name]:.2f} | {shown} |")
    lines += [
        "",
        f"Right answers by the weights or auto afterwards: "
        f"{result['answered by weights or auto afterwards']}; files that still hold one of "
        f"{result['sentences looked for']} forgotten sentences: {result['found in files']}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
