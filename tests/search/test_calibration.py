"""What cosines mean: decisions come out the same, however an embedder spreads its cosines."""

import json
import math
import os
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import sample
from ragcl import KnowledgeBase
from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.catalog.vectors import CALIBRATION
from ragcl.consolidation.recipe import STUDY
from ragcl.consolidation.study.pooling import pool
from ragcl.consolidation.study.studier import most_common_forms
from ragcl.generation.narrowing import Narrower
from ragcl.generation.reading import Reading
from ragcl.generation.recall import by_nearness
from ragcl.generation.routing import ActiveAdapters, decide
from ragcl.models.model_files import ModelFiles
from ragcl.search import calibration
from ragcl.search.calibration import (
    AS_IS,
    UNMEASURED,
    Calibration,
    Language,
    Scale,
    Score,
    measure,
    topics,
)
from ragcl.search.recipe import CALIBRATING
from ragcl.search.retrieval import fused
from ragcl.search.retriever import stored_calibration

DOCUMENTS = {
    "berths.md": "# Berths\n\n## North\n\nThe north berth is 11 metres deep. Tankers moor there.\n"
    "\n## South\n\nThe south berth is 7 metres deep. Fishing boats moor there.\n",
    "pilots.md": "# Pilots\n\nPilots board at the red buoy. The station answers on channel 12.\n",
    "tariff.md": "# Tariff\n\nShore power costs 9 crowns. Rubbish costs 5 crowns.\n",
}
ANSWERABLE = (
    "How deep is the north berth?",
    "What depth in metres has the south berth?",
    "Where do pilots board?",
    "What does shore power cost?",
)
ELSEWHERE = ("Why do cats purr?", "Who wrote Hamlet?", "How high is Mount Everest?")
DIMENSIONS = 128


class Bag:
    """An embedder of words: each has a direction of its own, and a text is the sum of its words."""

    def __init__(self, name: str = "bag") -> None:
        self.files = ModelFiles(Path("/", name), name, name)
        self.name = name
        self.max_tokens = 64
        self.embedded = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def encode(self, passages: Sequence[str], **_: Any) -> np.ndarray:
        self.embedded += len(passages)
        return np.stack([_words(text) for text in passages])

    def encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        return self.encode(questions)


class Squeezed(Bag):
    """The same, but that the cosine of a question with a passage is 0.7 and a fifth of that.

    All vectors share a direction, and questions and passages have another one each.
    """

    def encode(self, passages: Sequence[str], **_: Any) -> np.ndarray:
        return self._squeezed(super().encode(passages), (0.0, 1.0))

    def encode_questions(self, questions: Sequence[str]) -> np.ndarray:
        return self._squeezed(super().encode(questions), (1.0, 0.0))

    @staticmethod
    def _squeezed(vectors: np.ndarray, kind: tuple[float, float]) -> np.ndarray:
        shared = np.array([math.sqrt(0.7), *(math.sqrt(0.1) * one for one in kind)], np.float32)
        return np.hstack([np.tile(shared, (len(vectors), 1)), math.sqrt(0.2) * vectors])


def _words(text: str) -> np.ndarray:
    vector = np.full(DIMENSIONS, 1e-3)
    for word in re.findall(r"\w+", text.lower()):
        chance = np.random.default_rng(zlib.crc32(word.encode()))
        vector += (0.2 if len(word) < 4 else 1.0) * chance.standard_normal(DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Bag], KnowledgeBase]:
    """Makes a knowledge base of the documents on an embedder; one of the same name is the same."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, text in DOCUMENTS.items():
        (docs / name).write_text(text)

    def make(embedder: Bag) -> KnowledgeBase:
        kb = KnowledgeBase.open(tmp_path / embedder.files.name)
        vars(kb)["_embedders"] = SimpleNamespace(now=lambda: embedder)
        kb.ingest(docs)
        return kb

    return make


def decisions(kb: KnowledgeBase, reading: Reading) -> dict[str, Any]:
    """All that is decided by how near texts are, and the figures that it is decided by."""
    embedder = kb._embedder
    found = kb._retriever.retrieve([*ANSWERABLE, *ELSEWHERE], 4)
    scales = found[0].calibration
    narrowed = Narrower().rank(ANSWERABLE, found[: len(ANSWERABLE)])
    asked = embedder.encode_questions(ANSWERABLE)
    best = [one.hits[0] for one in found]
    vectors = kb.catalog.documents.known_vectors([one.content_hash for one in best])
    learned = [
        LearnedQuestion(chunk.content_hash, text, "!", vector, 0.0, True)
        for text, chunk, vector in zip(ANSWERABLE, best, asked, strict=False)
    ]
    adapter = AdapterRecord(
        id="s0",
        round_id=1,
        created_at=1.0,
        thresholds=dict.fromkeys(("margin", "confidence"), -math.inf),
        chunks=tuple(
            LearnedChunk(key, vectors[key]) for key in {one.content_hash for one in learned}
        ),
        questions=tuple(learned),
    )
    active = ActiveAdapters(1, (adapter,))
    rows = [
        replace(reading, question=text, vector=vector, answer=answer, candidates=((answer, 1.0),))
        for text, vector, answer in zip(
            [*ANSWERABLE[:2], "How deep is the north berth in metres?"],
            embedder.encode_questions([*ANSWERABLE[:2], "How deep is the north berth in metres?"]),
            ("11 metres", "7 metres", "11"),
            strict=True,
        )
    ]
    gone = {best[0].content_hash}
    return {
        "hits": [[hit.text for hit in one.hits] for one in found],
        "fits": [[hit.fused for hit in one.hits] for one in found],
        "margins": [one.margin for one in found],
        "needed": [scales.needed(one.vector, 0.1) for one in found],
        "routes": [
            (one.route, one.adapter, re.sub(r"[\d.]+", "", one.reason))
            for one in (
                decide(mode, "", retrieval, active, active.learned - stale, 0.1)
                for retrieval in found
                for mode in ("auto", "context", "both", "weights")
                for stale in (set(), gone)
            )
        ],
        "sentences": [[one.text for one in some] for some in narrowed],
        "sentence scores": [[one.score for one in some] for some in narrowed],
        "labels": [one.answer for one in pool(rows, (), scales.questions)],
        "forms": most_common_forms(rows, (), scales.questions),
        "favoured": by_nearness(
            {
                text: scales.questions(float(asked[0] @ v))
                for text, v in zip("abcd", asked, strict=True)
            }
        ),
    }


def test_squeezed_cosines_decide_the_same(
    opened: Callable[[Bag], KnowledgeBase], reading: Reading
) -> None:
    with opened(Bag("plain")) as kb:
        plain = decisions(kb, reading)
    with opened(Squeezed("squeezed")) as kb:
        cosines = [hit.score for hit in kb.search(ANSWERABLE[0], k=10)]
        squeezed = decisions(kb, reading)

    assert all(0.6 < cosine < 0.9 for cosine in cosines)
    assert {route for route, *_ in plain["routes"]} == {"weights", "context", "both", "none"}
    for name, value in plain.items():
        if name in ("hits", "routes", "sentences", "labels", "forms"):
            assert squeezed[name] == value, name
        elif name == "favoured":
            assert squeezed[name] == pytest.approx(value, abs=0.02)
        else:
            for one, other in zip(squeezed[name], value, strict=True):
                assert one == pytest.approx(other, abs=2e-3), name


def test_unrelated_pairs_have_no_similarity_and_wordings_all(tmp_path: Path) -> None:
    known = {"en": topics()["en"]}

    for embedder in (Bag(), Squeezed()):
        material = measure(embedder, known)  # type: ignore[arg-type]
        vectors = material.vectors["en"]
        about = np.repeat(np.arange(len(known["en"])), [len(one.questions) for one in known["en"]])
        same = (about[:, None] == about) & ~np.eye(len(about), dtype=bool)
        similarities = material.questions(vectors @ vectors.T)

        assert similarities[same].mean() == pytest.approx(1, abs=1e-3)
        assert similarities[about[:, None] != about].mean() == pytest.approx(0, abs=1e-3)


def test_the_scale_is_that_of_the_language_that_is_known_best() -> None:
    class KnowsNoEnglish(Bag):
        def encode(self, passages: Sequence[str], **_: Any) -> np.ndarray:
            return super().encode([re.sub("[a-z]+", "?", text) for text in passages])

    chinese = "甲 一二三四\n甲 一二三四\n甲 五\n\n乙 六\n乙 六\n乙 七"
    text = f"# en\n\na b\na\nb\n\nc d\nc\nd\n\n# zh\n\n{chinese}"

    known = measure(KnowsNoEnglish(), topics(text))  # type: ignore[arg-type]

    assert known.passages == measure(Bag(), {"zh": topics(text)["zh"]}).passages  # type: ignore[arg-type]


def test_an_embedder_that_tells_nothing_apart_divides_by_nothing() -> None:
    assert math.isfinite(Scale(0.5, 0.5)(0.9))
    assert AS_IS(0.3) == 0.3


# --- when nothing relevant was found


def measured(best: Sequence[float], centre: float = 0.0, enough: float = math.inf) -> Language:
    return Language("en", np.array([centre, 0], np.float32), tuple(sorted(best)), enough)


def test_so_many_questions_about_other_things_are_answered_as_the_setting_says() -> None:
    chance = np.random.default_rng(1)
    found = Calibration(languages=(measured(chance.gumbel(0.3, 0.1, 200)),))

    fresh = chance.gumbel(0.3, 0.1, 5000)
    for rate in (0.02, 0.1, 0.3):
        assert (fresh >= found.needed(np.zeros(2), rate)).mean() == pytest.approx(rate, rel=0.6)
    assert found.needed(np.zeros(2), 1.0) == -math.inf
    assert math.isfinite(found.needed(np.zeros(2), 0.0))
    assert UNMEASURED.needed(np.zeros(2), 0.1) == -math.inf


def test_everyday_questions_that_the_documents_answer_silence_no_others() -> None:
    clean = np.random.default_rng(1).gumbel(0.3, 0.1, 200)
    some_answered = np.concatenate([clean[:170], np.full(30, 1.8)])

    plain = Calibration(languages=(measured(clean),)).needed(np.zeros(2), 0.1)
    about_cats = Calibration(languages=(measured(some_answered),)).needed(np.zeros(2), 0.1)

    assert about_cats == pytest.approx(plain, abs=0.15)


def test_a_knowledge_base_about_everything_is_not_silent() -> None:
    """Something in it is near to any question: then what answers look like is enough."""
    everything = np.random.default_rng(1).gumbel(1.2, 0.3, 200)

    found = Calibration(languages=(measured(everything, enough=0.75),))

    assert found.needed(np.zeros(2), 0.1) == 0.75
    assert found.needed(np.zeros(2), 1.0) == -math.inf


def test_a_question_is_held_against_those_of_its_language() -> None:
    found = Calibration(languages=(measured([0.5] * 9, 1.0), measured([0.1] * 9, -1.0)))

    assert found.needed(np.array([0.9, 0.3]), 0.1) == pytest.approx(0.5)
    assert found.needed(np.array([-0.4, 0.8]), 0.1) == pytest.approx(0.1)


def test_what_answers_look_like_is_known_by_language() -> None:
    """To an embedder any two texts in one language may be as similar as answers in another."""
    loose, strict = measured([0.9] * 9, 1.0, enough=1.2), measured([0.9] * 9, -1.0, enough=0.7)
    found = Calibration(languages=(loose, strict))

    assert found.needed(np.array([0.9, 0.3]), 0.1) == pytest.approx(0.9)
    assert found.needed(np.array([-0.4, 0.8]), 0.1) == 0.7
    assert set(measure(Bag("plain"), topics()).answers) == set(topics())


def test_what_answers_look_like_has_words_in_common_with_a_question_too() -> None:
    """As what was found for unrelated questions has; else their words alone make it relevant."""
    material = replace(measure(Bag("plain"), topics()), answers={"en": 0.75})

    known = material.calibration({"en": [Score(1.2, 0.5), Score(1.4, 0.5), Score(1.5, 0.9)]}, 9)

    [language] = known.languages
    assert language.best == (1.2, 1.4, 1.5)
    assert known.needed(language.centre, 0.1) == pytest.approx(1.25)


# --- how long it holds


def test_it_is_measured_at_the_first_ingest_and_again_when_there_is_twice_as_much(
    opened: Callable[[Bag], KnowledgeBase], tmp_path: Path
) -> None:
    with opened(Bag("growing")) as kb:
        first = kb._retriever.calibrate()
        (tmp_path / "docs" / "one.md").write_text("# One\n\nA cat purrs.\n")
        kb.ingest(tmp_path / "docs")
        assert kb._retriever.calibrate() is first
        for number in range(first.chunks):
            (tmp_path / "docs" / f"{number}.md").write_text(f"# No. {number}\n\nShip {number}.\n")
        kb.ingest(tmp_path / "docs")
        again = kb._retriever.calibrate()

    assert (first.chunks, again.chunks) == (4, 9)
    assert (first.passages, first.questions) == (again.passages, again.questions)


def test_what_one_process_measured_serves_the_others(
    opened: Callable[[Bag], KnowledgeBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(Bag("shared")) as kb:
        known = kb._retriever.calibrate()
    monkeypatch.setattr(calibration, "_measured", {})
    embedder = Bag("shared")

    with opened(embedder) as kb:
        [hit, *_] = kb.search(ANSWERABLE[0])
        stored = kb._retriever.calibrate()

        assert embedder.embedded == 1
        assert stored.to_json() == known.to_json()
        assert hit.fused == pytest.approx(fused(known.passages(hit.score), hit.lexical))

        kb.catalog.put(CALIBRATION, {**kb.catalog.get(CALIBRATION), "recipe": "of yesterday"})
        with kb.catalog.database.reading() as connection:
            assert stored_calibration(connection) is None


def test_what_was_measured_with_other_numbers_is_measured_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = calibration.recipe.__wrapped__()
    monkeypatch.setattr(calibration, "CALIBRATING", replace(CALIBRATING, unlike=0.2))

    assert calibration.recipe.__wrapped__() != before


def test_a_calibration_survives_being_stored() -> None:
    language = measured([0.25, 0.5], 0.5, enough=0.6)
    known = Calibration(Scale(0.1, 0.7), Scale(0.2, 0.8), (language,), 7)

    stored = Calibration.from_json(json.loads(json.dumps(known.to_json())))

    assert stored.to_json() == known.to_json()
    assert stored.outgrown(14)
    assert stored.outgrown(3)
    assert not stored.outgrown(8)


def test_every_packaged_topic_has_several_wordings() -> None:
    known = topics()

    assert len(known["en"]) >= 100
    assert sum(map(len, known.values())) - len(known["en"]) >= 20
    for one in (one for some in known.values() for one in some):
        assert len(one.questions) >= 2
        assert all(text.strip() and text != one.passage for text in one.questions)


# --- real embedders, the default one and those that are there

EMBEDDERS = {
    "default": ("default", ""),
    # Folders: see benchmarks/similarity.py.
    "e5": (os.environ.get("RAGCL_TEST_E5", ""), "query"),
    "static": (os.environ.get("RAGCL_TEST_STATIC", ""), ""),
}


@pytest.fixture(scope="module", params=EMBEDDERS)
def handbook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The sample handbook on an embedder."""
    model, prompts = EMBEDDERS[request.param]
    if not model:
        pytest.skip(f"RAGCL_TEST_{request.param.upper()} names no folder")
    folder = tmp_path_factory.mktemp(request.param)
    lines = ["[models]", f"embedder = {json.dumps(model)}"]
    if prompts:
        lines += ['query_prompt = "query: "', 'document_prompt = "passage: "']
    (folder / "ragcl.toml").write_text("\n".join(lines))
    with KnowledgeBase.open(folder) as kb:
        kb.ingest(sample.DATA / "handbook" / sample.REVISIONS[-1])
        yield kb


@pytest.mark.model
def test_on_topics_that_were_not_used_similarity_means_the_same(handbook: KnowledgeBase) -> None:
    some = topics()["en"]
    known = measure(handbook._embedder, {"en": some[0::2]})

    others = measure(handbook._embedder, {"en": some[1::2]})

    for scale, other in (
        (known.passages, others.passages),
        (known.questions, others.questions),
    ):
        assert scale(other.zero) == pytest.approx(0, abs=0.15)
        assert scale(other.one) == pytest.approx(1, abs=0.15)


@pytest.mark.model
def test_what_the_handbook_does_not_speak_of_is_told_from_what_it_does(
    handbook: KnowledgeBase,
) -> None:
    answerable = [one["question"] for one in sample.questions(sample.REVISIONS[-1])][::4]
    lines = (sample.DATA / "unanswerable.jsonl").read_text(encoding="utf-8").splitlines()
    strange = [one["question"] for one in map(json.loads, lines) if one["kind"] == "unrelated"]
    nobody = ActiveAdapters(None, ())

    def silent(questions: Sequence[str]) -> float:
        found = handbook._retriever.retrieve(questions, 4)
        routes = [decide("auto", "", one, nobody, (), 0.1).route for one in found]
        return routes.count("none") / len(routes)

    assert silent(answerable) <= 0.05
    assert silent(strange) >= 0.75


@pytest.mark.model
def test_wordings_of_a_fact_are_related_and_other_questions_are_not(
    handbook: KnowledgeBase,
) -> None:
    asked = sample.questions(sample.REVISIONS[-1])[:120]
    vectors = handbook._embedder.encode_questions([one["question"] for one in asked])
    strange = handbook._embedder.encode_questions([one.questions[0] for one in topics()["en"]])
    scale = handbook._retriever.calibrate().questions
    facts = np.array([one["fact"] for one in asked])
    same = (facts[:, None] == facts) & ~np.eye(len(facts), dtype=bool)

    assert (scale(vectors @ vectors.T)[same] >= STUDY.related).mean() >= 0.9
    assert (scale(vectors @ strange.T) >= STUDY.related).mean() <= 0.2
