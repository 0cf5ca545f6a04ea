"""Whether similarity means the same on embedders of different make.

    python -m benchmarks.similarity [--e5 FOLDER] [--static FOLDER] [--xquad FOLDER]

Beside the default embedder: multilingual E5, whose cosines all lie between 0.7 and 1, and a static
model (`python -m benchmarks.static_embedder FOLDER` makes one). Each is calibrated on half of the
packaged topics; everything is measured on the other half and on the sample handbook:

- *unrelated*, *alike*: similarity of passages and of questions that have nothing to do with each
  other, and that belong together (mean ± sd; 0 and 1 by design, on topics that were not used);
- *AUC*: how well the fit of the best passage tells the questions that the handbook answers from
  those about quite other things, by similarity alone and with the words, as is decided;
- *false answers*, *silenced*: of the latter those that would be answered, and of the former those
  that would not, at the default setting, and with cosine 0.25 as the threshold for every embedder;
- *silent*: of the latter those that are told apart where 5 % of the former are silenced;
- *sentences*: how much the score of a sentence tells of where the answer is, with XQuAD (Artetxe et
  al. 2020): the *best* log-prior (nats) for a score of 1, by maximum likelihood, and the nats a
  question that are *lost* with `READING.fit`, with half and with twice of it. The prior knows
  retrieval alone, so it is the same for every language model.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import sample
from benchmarks.progress import say
from benchmarks.xquad import NOT_TESTED, articles, lay_out
from ragcl import KnowledgeBase
from ragcl.generation.recipe import READING
from ragcl.search.calibration import Material, Score, Topic, measure, topics
from ragcl.search.retrieval import Retrieval, score
from ragcl.settings import AnsweringSettings

RESULTS = Path(__file__).parent / "results" / "similarity.json"
REVISION = sample.REVISIONS[-1]
PASSAGES = 4
OLD = 0.25  # the cosine below which nothing was relevant, whatever the embedder
SILENCED = 0.05


@dataclass(frozen=True)
class Tested:
    """An embedder: its folder, and what it wants before a question and a passage."""

    name: str
    folder: str
    query_prompt: str = ""
    document_prompt: str = ""


def main() -> None:
    """Run the benchmark, print the table and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--e5", type=Path)
    parser.add_argument("--static", type=Path)
    parser.add_argument("--xquad", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    tested = [Tested("MiniLM", "default")]
    if options.e5:
        tested.append(Tested("multilingual E5", str(options.e5), "query: ", "passage: "))
    if options.static:
        tested.append(Tested("static", str(options.static)))
    found = {}
    for one in tested:
        with tempfile.TemporaryDirectory(prefix="ragcl-similarity-") as folder:
            found[one.name] = measured(one, Path(folder))
            if options.xquad:
                found[one.name]["sentences"] = prior(one, Path(folder) / "xquad", options.xquad)
        say(f"{one.name}: {json.dumps(found[one.name])}")
    print(table(found))
    result = {
        "command": "python -m benchmarks.similarity --e5 FOLDER --static FOLDER --xquad FOLDER",
        **found,
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def measured(tested: Tested, folder: Path) -> dict[str, Any]:
    """The figures of one embedder."""
    with knowledge_base(tested, folder) as kb:
        known = topics()
        half = {name: some[0::2] for name, some in known.items()}
        other = {name: some[1::2] for name, some in known.items()}
        material = measure(kb._embedder, half)
        chunks = kb.status().chunks
        best = {name: fits(kb, material, some)[0] for name, some in material.asked.items()}
        calibration = material.calibration(best, chunks)
        answerable = [one["question"] for one in sample.questions(REVISION)]
        strange = [text for one in other["en"] for text in one.questions]
        best_asked, found = fits(kb, material, answerable)
        best_away, found_nothing = fits(kb, material, strange)
        asked, away = (np.array([one.fused for one in some]) for some in (best_asked, best_away))
        rate = AnsweringSettings().false_answers

        def silent(fit: np.ndarray, retrievals: Sequence[Retrieval]) -> float:
            needed = [calibration.needed(one.vector, rate) for one in retrievals]
            return float((fit < needed).mean())

        near, far = similarities(kb, material, other["en"])
        scores = [np.array([_score(one) for one in some]) for some in (found, found_nothing)]
        return {
            "cosines": {
                "passages": [round(material.passages.zero, 3), round(material.passages.one, 3)],
                "questions": [round(material.questions.zero, 3), round(material.questions.one, 3)],
            },
            "unrelated": {name: _spread(values) for name, values in far.items()},
            "alike": {name: _spread(values) for name, values in near.items()},
            "auc by similarity": round(_auc(*scores), 3),
            "auc": round(_auc(asked, away), 3),
            "false answers": round(1 - silent(away, found_nothing), 3),
            "silenced": round(silent(asked, found), 3),
            "false answers, cosine 0.25": round(float((scores[1] >= OLD).mean()), 3),
            "silenced, cosine 0.25": round(float((scores[0] < OLD).mean()), 3),
            "silent where 5 % are silenced": round(
                float((away < np.quantile(asked, SILENCED)).mean()), 3
            ),
        }


def knowledge_base(tested: Tested, folder: Path) -> KnowledgeBase:
    """One on an embedder, with the handbook in it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[models]", f"embedder = {json.dumps(tested.folder)}"]
    if tested.query_prompt:
        lines.append(f"query_prompt = {json.dumps(tested.query_prompt)}")
        lines.append(f"document_prompt = {json.dumps(tested.document_prompt)}")
    (folder / "ragcl.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kb = KnowledgeBase.open(folder)
    kb.ingest(sample.DATA / "handbook" / REVISION)
    return kb


def fits(
    kb: KnowledgeBase, material: Material, questions: Sequence[str]
) -> tuple[list[Score], list[Retrieval]]:
    """How well the best passage fits each question, and what was found."""
    found = kb._retriever.retrieve(questions, PASSAGES)
    best = [
        max(score(material.passages(hit.score), hit.lexical) for hit in one.hits) for one in found
    ]
    return best, found


def similarities(
    kb: KnowledgeBase, material: Material, some: Sequence[Topic]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of passages and of questions: the similarities of pairs of one topic, and of two."""
    questions = kb._embedder.encode_questions([one.questions[0] for one in some])
    others = kb._embedder.encode_questions([one.questions[1] for one in some])
    passages = kb._embedder.encode([one.passage for one in some])
    same = np.eye(len(some), dtype=bool)
    pairs = {
        "passages": material.passages(questions @ passages.T),
        "questions": material.questions(questions @ others.T),
    }
    return (
        {name: values[same] for name, values in pairs.items()},
        {name: values[~same] for name, values in pairs.items()},
    )


def prior(tested: Tested, folder: Path, xquad: Path) -> dict[str, Any]:
    """The log-prior of a sentence's score: the best one, and what is lost with others."""
    choices = _choices(tested, folder, xquad)

    def likelihood(weight: float) -> float:
        """The mean log-probability (nats) of the sentences that hold the answer."""
        logits = [(weight * scores, weight * scores[right]) for scores, right in choices]
        return float(
            np.mean(
                [np.logaddexp.reduce(own) - np.logaddexp.reduce(every) for every, own in logits]
            )
        )

    weights = np.geomspace(0.5, 50, 200)
    likelihoods = [likelihood(weight) for weight in weights]
    lost = {
        name: round(max(likelihoods) - likelihood(READING.fit * factor), 3)
        for name, factor in (("half", 0.5), ("as used", 1.0), ("twice", 2.0))
    }
    best = round(float(weights[np.argmax(likelihoods)]), 1)
    return {"questions": len(choices), "best": best, "lost": lost}


def _choices(tested: Tested, folder: Path, xquad: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each question the scores of the sentences found, and which of them hold the answer.

    Of the articles that a reader may have been trained on: no reader is asked here.
    """
    read = [one for one in articles(xquad) if one["title"] in NOT_TESTED]
    asked = lay_out(folder / "docs", read)
    texts = [one.question for one in asked]
    with knowledge_base(tested, folder / "kb") as kb:
        kb.ingest(folder / "docs")
        found = kb._retriever.retrieve(texts, PASSAGES)
        ranked = kb._narrower.rank(texts, found)
    choices = []
    for (_, [answer, *_], source), retrieval, sentences in zip(asked, found, ranked, strict=True):
        own = {hit.content_hash for hit in retrieval.hits if hit.source == source}
        right = [one.content_hash in own and answer in one.text for one in sentences]
        if any(right):
            choices.append((np.array([one.score for one in sentences]), np.array(right)))
    return choices


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = [
        "| | cosine of a question to an unrelated passage, and to its answer | unrelated | alike "
        "| AUC by similarity, with words | false answers | silenced | both with cosine 0.25 "
        "| silent at 5 % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        unrelated, alike = one["unrelated"]["passages"], one["alike"]["passages"]
        zero, whole = one["cosines"]["passages"]
        lines.append(
            f"| {name} | {zero:.2f}, {whole:.2f} "
            f"| {unrelated[0]:.2f} ± {unrelated[1]:.2f} | {alike[0]:.2f} ± {alike[1]:.2f} "
            f"| {one['auc by similarity']:.3f}, {one['auc']:.3f} "
            f"| {one['false answers']:.2f} | {one['silenced']:.2f} "
            f"| {one['false answers, cosine 0.25']:.2f}, {one['silenced, cosine 0.25']:.2f} "
            f"| {one['silent where 5 % are silenced']:.2f} |"
        )
    return "\n".join(lines)


def _score(retrieval: Retrieval) -> float:
    """The best cosine of what was found."""
    return max(hit.score for hit in retrieval.hits)


def _spread(values: np.ndarray) -> list[float]:
    return [round(float(values.mean()), 3), round(float(values.std()), 3)]


def _auc(high: np.ndarray, low: np.ndarray) -> float:
    return float((high[:, None] > low[None, :]).mean())


if __name__ == "__main__":
    main()
