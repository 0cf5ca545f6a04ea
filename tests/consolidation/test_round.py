"""Whole rounds on the tiny models: from questions in the log to answers from the weights."""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_language_model, on_both_pairs
from sqlalchemy import delete, select, update

from ragcl import KnowledgeBase
from ragcl.catalog import reports, schema
from ragcl.consolidation import round as job
from ragcl.consolidation.deadline import Deadline
from ragcl.consolidation.gate import gate, verification
from ragcl.consolidation.gate.verification import Verdict
from ragcl.consolidation.outcome import mean_metrics
from ragcl.consolidation.recipe import GATE, STUDY, TRAINING
from ragcl.consolidation.study import studier
from ragcl.consolidation.study.contradictions import Contradiction
from ragcl.consolidation.study.pooling import Label, pool
from ragcl.consolidation.training import distillation
from ragcl.errors import KnowledgeBaseBusyError, SettingsError, UsageError
from ragcl.generation.judging import JudgingReader
from ragcl.generation.reading import Outlook, Reading
from ragcl.generation.recipe import READING, ROUTING
from ragcl.results import ConsolidationReport, RoutingRisk
from ragcl.text.recipe import TEXT
from ragcl.text.rewording import rewordings
from ragcl.text.sentences import split_sentences

QUESTION = "How deep is the north berth?"
ASKED = (
    QUESTION,
    "What depth has the north berth?",
    "North berth depth?",
    "When does the canteen open?",
    "At what hour does the canteen open?",
    "Where do pilots board?",
)


@pytest.fixture
def asked(kb: KnowledgeBase, docs: Path) -> KnowledgeBase:
    """A knowledge base that was asked about three of its documents."""
    kb.ingest(docs)
    kb.ask_many(ASKED)
    return kb


@pytest.fixture
def learned(asked: KnowledgeBase) -> KnowledgeBase:
    """The same after its first promotion."""
    assert asked.consolidate().status == "promoted"
    return asked


def active(kb: KnowledgeBase) -> set[str]:
    return {chunk.content_hash for one in kb.catalog.learning.active()[1] for chunk in one.chunks}


def kept_questions(kb: KnowledgeBase) -> set[str]:
    """Those of which a reading is kept."""
    with kb.catalog.database.reading() as connection:
        return set(connection.execute(select(schema.study_rows.c.question)).scalars())


def manifests(kb: KnowledgeBase) -> list[dict[str, Any]]:
    folder = kb.folder / "adapters"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/manifest.json"))]


@dataclass(frozen=True)
class Known:
    """A question whose best passage was learned, and the document that passage stands in."""

    question: str
    text: str
    source: str
    hashes: frozenset[str]


def known(kb: KnowledgeBase) -> Known:
    documents = kb.catalog.documents
    root = documents.root_id(documents.roots()[0])
    for question in ASKED:
        best = kb.search(question, k=1)[0]
        if best.content_hash in active(kb):
            learned = active(kb) & set(documents.hashes_of(root, best.source))
            return Known(question, best.text, best.source, frozenset(learned))
    raise AssertionError("nothing that was asked about was learned")


def test_a_round_learns_what_was_asked_about(asked: KnowledgeBase) -> None:
    stages: list[str] = []

    report = asked.consolidate(progress=lambda what, _done, _total: stages.append(what))

    assert report.status == "promoted"
    assert report.chunks_selected >= 2
    assert report.questions_trained >= report.chunks_selected
    assert {test["name"] for test in report.gate} >= {"proved chunks", "perplexity ratio"}
    assert all(test["passed"] for test in report.gate)
    assert list(dict.fromkeys(stages)) == ["studying", "training", "verifying"]
    assert active(asked) <= {
        hit["content_hash"] for answer in asked.catalog.asks.log() for hit in answer.trace["hits"]
    }
    [adapter] = asked.status().adapters
    assert report.adapter_ids == [adapter["id"]]
    assert asked.status().last_round == report


def test_a_text_whose_readings_contradict_one_another_is_left_out_and_named(
    kb: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = JudgingReader.look

    def look_otherwise(self: JudgingReader, question: str, *rest: Any) -> Outlook:
        found = look(self, question, *rest)
        if found.reading is None or "berth" not in question:
            return found
        answer = str(len(question))
        reading = replace(found.reading, answer=answer, candidates=((answer, 1.0),))
        return replace(found, reading=reading)

    monkeypatch.setattr(JudgingReader, "look", look_otherwise)
    kb.ingest(docs)
    kb.ask_many(ASKED)

    report = kb.consolidate()

    left = {one["content_hash"]: one for one in report.left_out if "contradict" in one["reason"]}
    assert left  # every question on the north berth is answered differently
    assert not left.keys() & active(kb)
    assert {one["source"] for one in left.values()} <= {"berths.md", "canteen.md"}
    assert report.report_path is not None
    assert "contradict" in Path(report.report_path).read_text(encoding="utf-8")
    again = kb.consolidate(if_due=True)
    assert (again.round_id, again.status) == (None, "nothing due")
    assert "more has to be asked" in again.reason


def test_its_files_and_its_report_are_where_they_should_be(learned: KnowledgeBase) -> None:
    [manifest] = manifests(learned)
    [name] = [one.id for one in learned.catalog.learning.active()[1]]

    assert manifest["adapter"] == name
    assert set(manifest["chunks"]) == active(learned)
    assert manifest["base_model"] == "tiny-lm"
    report = Path(learned.status().last_round["report_path"])  # type: ignore[index]
    assert report.is_relative_to(learned.folder)
    assert "promoted" in report.read_text()


def test_its_report_names_every_chunk_that_was_learned(asked: KnowledgeBase) -> None:
    report = asked.consolidate()

    assert {one["content_hash"] for one in report.learned} == active(asked)
    [adapter] = asked.catalog.learning.active()[1]
    proved = {question.content_hash for question in adapter.questions if question.proved}
    assert {one["content_hash"] for one in report.learned if one["proved"]} == proved
    assert sum(one["trained"] for one in report.learned) == report.questions_trained
    assert sum(one["held_out"] for one in report.learned) == report.questions_held_out
    assert report.report_path is not None
    texts = [
        Path(report.report_path).with_suffix(end).read_text("utf-8") for end in (".md", ".html")
    ]
    for one in report.learned:
        assert asked.catalog.documents.current([one["content_hash"]])
        for text in texts:
            assert one["content_hash"][:12] in text
            assert one["source"] in text
            assert one["heading"].rpartition(" > ")[2] in text
    assert report.retention is None  # nothing was learned before


def test_a_second_round_says_what_is_left_of_the_first_and_what_the_weights_saved(
    learned: KnowledgeBase,
) -> None:
    with learned.catalog.database.writing() as connection:
        [first] = learned.catalog.learning.rounds()
        assert first.report is not None
        chunks = [replace(one, proved=True) for one in first.report.learned]
        changed = reports.to_json(replace(first.report, learned=chunks))
        connection.execute(update(schema.rounds).values(report=changed))
    question = known(learned).question
    context = [learned.ask(one, mode="context") for one in ASKED[:3]]
    weights = [learned.ask(question, mode="weights") for _ in range(2)]
    learned.ask_many(["What does soup cost?", "How much does soup cost?", "Soup costs what?"])

    report = learned.consolidate()

    assert report.status == "promoted"
    before = {one["content_hash"] for one in first.report["learned"]}
    now = {one["content_hash"] for one in report.learned if one["proved"]}
    assert report.retention == len(before & now) / len(before)
    costs = report.prompt_tokens
    assert costs["weights"]["answers"] == len(weights)
    assert costs["weights"]["mean_prompt_tokens"] == weights[0].prompt_tokens
    assert costs["context"]["answers"] >= len(context)  # not those of before the first round
    assert sum(cost["answers"] for cost in costs.values()) == 8
    saved = costs["context"]["mean_prompt_tokens"] - weights[0].prompt_tokens
    assert report.tokens_saved == pytest.approx(2 * saved)


def test_afterwards_every_mode_answers(learned: KnowledgeBase) -> None:
    [name] = [one.id for one in learned.catalog.learning.active()[1]]
    question = known(learned).question

    weights = learned.ask(question, mode="weights")
    both = learned.ask(question, mode="both")
    auto = learned.ask(question)

    assert (weights.route, weights.trace["adapter"]) == ("weights", name)
    assert (both.route, both.trace["adapter"]) == ("both", name)
    assert auto.route in ("weights", "both", "context")
    assert all(answer.citations for answer in (weights, both, auto))
    assert weights.prompt_tokens < both.prompt_tokens


def test_questions_are_answered_while_a_round_runs(asked: KnowledgeBase) -> None:
    before = asked.ask(QUESTION, record=False)
    during = []

    def look(_what: str, _done: int, _total: int) -> None:
        during.append(asked.ask(QUESTION, record=False))

    asked.consolidate(progress=look)

    assert during
    assert {one.text for one in during} == {before.text}


def test_nothing_is_due_before_anything_is_asked(kb: KnowledgeBase, docs: Path) -> None:
    kb.ingest(docs)

    report = kb.consolidate()

    assert (report.status, report.round_id) == ("nothing due", None)
    assert "no chunk has been asked about" in report.reason
    assert kb.status().rounds == 0
    assert not (kb.folder / "adapters").exists()


def test_a_tracker_that_is_not_installed_is_named_before_anything_begins(
    asked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    consolidation = asked.settings.consolidation.model_copy(update={"tracker": "mlflow"})
    settings = asked.settings.model_copy(update={"consolidation": consolidation})
    monkeypatch.setattr(asked, "settings", settings)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(SettingsError, match="pip install mlflow"):
        asked.consolidate()

    assert asked.catalog.learning.rounds() == []


def test_what_was_read_is_kept_with_what_its_question_finds_by_now(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = schema.study_rows
    with learned.catalog.database.writing() as connection:
        for key, row in connection.execute(select(rows.c.id, rows.c.row)).all():
            moved = [[text, "edited since", *rest] for text, _, *rest in row["sentences"]]
            then = {"sentences": moved, "found": ["edited since"], "score": 0.0, "margin": 9.0}
            values = {"row": {**row, **then}}
            connection.execute(update(rows).where(rows.c.id == key).values(values))
    current = []
    monkeypatch.setattr(
        studier,
        "contradiction",
        lambda _reader, reading, retrieval: current.append(
            {one.content_hash for one in reading.sentences} <= set(retrieval.found)
            and reading.found == retrieval.found
            and reading.score == retrieval.hits[0].score
            and reading.margin == retrieval.margin
        ),
    )

    assert learned.consolidate().status == "nothing due"
    assert current
    assert all(current)


def test_a_second_round_with_nothing_new_does_nothing_if_due_is_asked(
    learned: KnowledgeBase,
) -> None:
    before = learned.status()

    report = learned.consolidate(if_due=True)

    assert report.status == "nothing due"
    assert report.reason
    assert learned.status() == before


def test_what_has_not_changed_is_not_trained_again(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragcl.consolidation.training.distillation import Distillation

    names = [one.id for one in learned.catalog.learning.active()[1]]

    def never(*_: object, **__: object) -> dict[str, float]:
        raise AssertionError("trained again")

    monkeypatch.setattr(Distillation, "train", never)

    report = learned.consolidate()

    assert report.status in ("promoted", "nothing due")
    assert [one.id for one in learned.catalog.learning.active()[1]] == names


def test_what_an_adapter_can_be_trusted_for_is_in_its_manifest(asked: KnowledgeBase) -> None:
    report = asked.consolidate()

    [manifest] = manifests(asked)
    [(name, risk)] = report.risks.items()
    assert name == manifest["adapter"]
    assert manifest["verified"] == {"version": verification.verification_version(), **asdict(risk)}
    assert risk.trials > 0  # few wordings are held out, so what was trained is asked in others
    assert 0 <= risk.at_least <= 1


def test_wordings_are_tried_as_they_are_met_and_not_as_what_they_reword(
    asked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Reading] = []
    proving: list[str] = []

    def verify(*arguments: Any, **options: Any) -> Verdict:
        tried.extend(arguments[4])
        proving.extend(way for row in arguments[2] for way in rewordings(row.question))
        return verification.verify(*arguments, **options)

    monkeypatch.setattr(gate, "verify", verify)

    asked.consolidate()

    assert tried
    assert not {one.question for one in tried} & {*ASKED, *proving}
    found = asked._retriever.retrieve([one.question for one in tried], 4)
    for one, retrieval in zip(tried, found, strict=True):
        np.testing.assert_allclose(one.vector, retrieval.vector, atol=1e-5)
        assert (one.found, one.margin) == (retrieval.found, pytest.approx(retrieval.margin))
        assert one.score == pytest.approx(retrieval.hits[0].score)


@pytest.mark.parametrize(
    ("place", "recipe"),
    [
        ("ragcl.consolidation.round.STUDY", replace(STUDY, related=0.3)),
        ("ragcl.consolidation.round.TRAINING", replace(TRAINING, warmup=0.06)),
        ("ragcl.generation.reading.READING", replace(READING, written_tokens=47)),
        ("ragcl.generation.reading.TEXT", replace(TEXT, title_words=9)),
    ],
)
def test_an_adapter_that_was_trained_with_other_numbers_is_trained_again(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, place: str, recipe: Any
) -> None:
    [before] = manifests(learned)
    assert learned.consolidate(if_due=True).status == "nothing due"
    monkeypatch.setattr(place, recipe)

    report = learned.consolidate(if_due=True)

    assert report.status == "promoted"
    assert report.adapter_ids != [before["adapter"]]
    assert learned.consolidate(if_due=True).status == "nothing due"


@pytest.mark.parametrize(
    ("place", "recipe"),
    [("GATE", replace(GATE, context_sample=31)), ("ROUTING", replace(ROUTING, rounding=0.0016))],
)
def test_an_adapter_that_was_tested_with_other_numbers_is_tested_again_and_not_trained(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, place: str, recipe: Any
) -> None:
    [before] = manifests(learned)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(distillation.Distillation, "train", never)
    monkeypatch.setattr(verification, place, recipe)

    assert learned.consolidate(if_due=True).status == "promoted"
    [after] = manifests(learned)
    assert after["adapter"] == before["adapter"]
    assert after["verified"]["version"] != before["verified"]["version"]


def test_an_adapter_that_was_tested_in_another_way_is_tested_again_and_not_trained(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    [manifest] = manifests(learned)
    before = learned.status()
    folder = learned.folder / "adapters" / manifest["adapter"]
    old = {key: value for key, value in manifest.items() if key != "verified"}
    (folder / "manifest.json").write_text(json.dumps(old))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(distillation.Distillation, "train", never)

    assert learned.ask(known(learned).question, mode="weights", record=False).route == "weights"
    assert learned.consolidate().status == "promoted"
    assert manifests(learned) == [manifest]
    assert learned.status().adapters[0]["id"] == before.adapters[0]["id"]
    assert learned.consolidate().status == "nothing due"


@on_both_pairs
def test_an_edited_text_is_never_answered_from_the_weights_again(
    learned: KnowledgeBase, docs: Path
) -> None:
    about = known(learned)
    path = docs / about.source
    path.write_text(path.read_text().replace(".\n", ". So it is since May.\n"))
    learned.ingest(docs)

    auto = learned.ask(about.question)
    weights = learned.ask(about.question, mode="weights")
    both = learned.ask(about.question, mode="both")

    assert auto.route == "context"
    assert (weights.route, weights.abstained) == ("none", True)
    assert both.trace["adapter"] is None
    assert about.text not in [one.text for one in [*auto.citations, *both.citations]]
    learned.consolidate()
    assert not active(learned) & about.hashes
    assert not any(about.hashes & set(manifest["chunks"]) for manifest in manifests(learned))


def test_a_deleted_text_is_in_no_adapter_on_the_disk_after_the_next_round(
    learned: KnowledgeBase, docs: Path
) -> None:
    about = known(learned)
    (docs / about.source).unlink()
    learned.ingest(docs)

    report = learned.consolidate(if_due=True)

    assert report.status == "promoted"
    assert manifests(learned)
    assert not any(about.hashes & set(manifest["chunks"]) for manifest in manifests(learned))
    assert not about.hashes & active(learned)


def test_when_everything_learned_is_gone_no_adapter_is_left(
    learned: KnowledgeBase, docs: Path
) -> None:
    for path in docs.iterdir():
        path.unlink()
    (docs / "new.md").write_text("# New\n\nNobody asked about this.\n")
    learned.ingest(docs)

    learned.consolidate(if_due=True)

    assert manifests(learned) == []
    assert active(learned) == set()
    assert learned.consolidate(if_due=True).status == "nothing due"


def test_rollback_gives_the_answers_of_before(learned: KnowledgeBase) -> None:
    question = known(learned).question
    first = learned.ask(question, mode="weights", record=False)
    learned.ask_many(["What does soup cost?", "How much does soup cost?", "Soup costs what?"])
    assert learned.consolidate().status == "promoted"
    second = learned.ask(question, mode="weights", record=False)
    assert second.trace["adapter"] != first.trace["adapter"]

    report = learned.rollback()

    assert report.before != report.now
    again = learned.ask(question, mode="weights", record=False)
    assert (again.text, again.trace["adapter"]) == (first.text, first.trace["adapter"])
    assert again.confidence == pytest.approx(first.confidence)
    assert learned.rollback().now is None
    assert learned.ask(question, record=False).route == "context"
    with pytest.raises(UsageError, match="nothing to roll back"):
        learned.rollback()


@pytest.mark.parametrize("if_due", [True, False])
def test_what_was_rolled_back_stays_out_until_its_content_differs(
    asked: KnowledgeBase, if_due: bool
) -> None:
    first = asked.consolidate()
    asked.rollback()
    assert active(asked) == set()

    again = asked.consolidate(if_due=if_due)

    assert again.status == "nothing due"
    assert active(asked) == set()
    assert if_due or "is excluded until" in again.reason
    asked.ask_many(["How many metres deep is the north berth?", "Which depth has north berth?"])
    other = asked.consolidate(if_due=if_due)
    assert other.status == "promoted"
    assert set(other.adapter_ids).isdisjoint(first.adapter_ids)


def test_what_was_rejected_is_not_trained_again_by_whoever_asks_for_it(
    kb_folder: Path, docs: Path
) -> None:
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("min_proved = 0.0", "min_proved = 1.0"))
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask_many(ASKED)
        assert kb.consolidate().status == "rejected"
        assert kb.consolidate().status == "nothing due"
    config.write_text(config.read_text().replace("min_proved = 1.0", "min_proved = 0.0"))
    with KnowledgeBase.open(kb_folder) as kb:  # made with other settings, it is another candidate
        assert kb.consolidate().status == "promoted"


@pytest.fixture
def strict(kb_folder: Path, docs: Path) -> Iterator[KnowledgeBase]:
    """Asked like `asked`, but with a gate that a model of random weights cannot pass."""
    config = kb_folder / "ragcl.toml"
    config.write_text(config.read_text().replace("min_proved = 0.0", "min_proved = 1.0"))
    with KnowledgeBase.open(kb_folder) as kb:
        kb.ingest(docs)
        kb.ask_many(ASKED)
        yield kb


def test_a_candidate_that_fails_the_gate_is_thrown_away_with_its_report(
    strict: KnowledgeBase,
) -> None:
    report = strict.consolidate()

    assert report.status == "rejected"
    assert "proved chunks" in report.reason
    assert report.adapter_ids == []
    assert active(strict) == set()
    assert manifests(strict) == []
    assert report.report_path is not None
    assert "FAILED" in Path(report.report_path).read_text()


def test_what_was_rejected_is_not_tried_again_until_more_is_asked(strict: KnowledgeBase) -> None:
    strict.consolidate()

    assert strict.consolidate(if_due=True).status == "nothing due"
    strict.ask_many(["How many metres deep is the north berth?", "Which berth takes tankers?"])
    assert strict.consolidate(if_due=True).status == "rejected"


def test_a_rejection_does_not_hold_for_other_models(strict: KnowledgeBase, tmp_path: Path) -> None:
    strict.consolidate()
    strict.use_models(str(make_language_model(tmp_path / "other", seed=7)))

    assert strict.consolidate(if_due=True).status == "rejected"


# --- the limit on a round's time


class Limited:
    """Runs rounds by a clock that only runs while they tell their progress, a minute each time."""

    def __init__(self, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kb = kb
        self._minutes = 0.0
        self.stages: list[str] = []
        self.once = False
        clock = lambda: 60 * self._minutes  # noqa: E731
        monkeypatch.setattr(job, "Deadline", lambda seconds: Deadline(seconds, clock))

    def round(self, *, until: str = "", if_due: bool = True) -> ConsolidationReport:
        """A round whose time is over as soon as it tells of a stage."""
        self._minutes = 0.0
        self.stages = []

        def tell(what: str, _done: int, _total: int) -> None:
            self.stages.append(what)
            if what == until:
                self._minutes = self._kb.settings.consolidation.max_minutes

        return self._kb.consolidate(if_due=if_due, progress=tell)


@pytest.fixture
def limited(asked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> Limited:
    return Limited(asked, monkeypatch)


@pytest.mark.parametrize(
    ("until", "stage"),
    [("studying", "study"), ("training", "distillation"), ("verifying", "verification")],
)
def test_a_round_ends_in_any_stage_when_its_time_is_over_and_is_due_again(
    asked: KnowledgeBase, limited: Limited, until: str, stage: str
) -> None:
    report = limited.round(until=until)

    assert report.status == "interrupted"
    assert f"in the stage {stage}:" in report.reason
    assert "max_minutes" in report.reason
    assert limited.stages[-1] == until
    assert limited.stages.count(until) == 1
    assert active(asked) == set()
    assert asked.catalog.learning.withdrawn() == frozenset()
    assert limited.round().status == "promoted"
    assert limited.round().status == "nothing due"


def test_what_was_read_in_time_is_not_read_again(
    asked: KnowledgeBase, limited: Limited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studier, "GROUP", 2)
    with asked.catalog.database.writing() as connection:  # what was read when it was asked
        connection.execute(delete(schema.study_rows))
    limited.round(until="studying")
    kept = kept_questions(asked)
    read: list[str] = []
    look = JudgingReader.look

    def looked(self: JudgingReader, question: str, *rest: Any) -> Outlook:
        read.append(question)
        return look(self, question, *rest)

    monkeypatch.setattr(JudgingReader, "look", looked)

    limited.round()

    assert 0 < len(kept) <= 2
    assert read
    assert kept.isdisjoint(read)


def test_a_training_that_was_cut_short_goes_on_where_it_stopped(
    asked: KnowledgeBase, limited: Limited
) -> None:
    report = limited.round(until="training")

    assert report.unfinished == ["s0"]
    assert manifests(asked) == []
    done: list[int] = []
    asked.consolidate(
        if_due=True, progress=lambda what, n, _total: done.append(n) if what == "training" else None
    )
    assert done[0] == 2


def test_what_was_trained_in_time_is_not_trained_again(
    asked: KnowledgeBase, limited: Limited
) -> None:
    limited.round(until="verifying")
    [before] = manifests(asked)

    limited.round()

    assert "training" not in limited.stages
    [after] = manifests(asked)
    assert "verified" not in before
    assert before == {key: value for key, value in after.items() if key != "verified"}


def test_what_was_cut_short_is_due_though_all_that_is_hot_is_learned(
    learned: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Limited(learned, monkeypatch)
    learned.ask_many(["How many metres deep is the north berth?", "Which depth has north berth?"])
    before = [one.id for one in learned.catalog.learning.active()[1]]

    cut_short = limited.round(until="training", if_due=False)

    assert cut_short.status == "interrupted"
    assert (
        cut_short.adapter_ids == before == [one.id for one in learned.catalog.learning.active()[1]]
    )
    after = limited.round()
    assert after.status == "promoted"
    assert after.adapter_ids != before


def test_of_several_shards_those_verified_in_time_are_promoted(
    asked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = asked.folder / "ragcl.toml"
    path.write_text(
        path.read_text().replace("[consolidation]", "[consolidation]\nshard_chunks = 1")
    )
    with KnowledgeBase.open(asked.folder) as kb:
        limited = Limited(kb, monkeypatch)
        verified: list[str] = []
        out_of_time = job.OutOfTimeError

        def first_only(*arguments: Any, **options: Any) -> Verdict:
            if verified and limited.once:
                raise out_of_time
            verified.append(arguments[1])
            return verification.verify(*arguments, **options)

        limited.once = True
        monkeypatch.setattr(gate, "verify", first_only)

        first = limited.round()

        assert first.status == "promoted"
        assert first.adapter_ids == verified[:1]
        assert first.unfinished
        assert all(f"{name} was not verified in time" in first.reason for name in first.unfinished)
        limited.once = False
        second = limited.round()
        assert second.status == "promoted"
        assert "training" not in limited.stages
        assert set(second.adapter_ids) > set(first.adapter_ids)
        assert second.unfinished == []


def test_a_round_that_was_killed_is_not_one_that_was_rejected(asked: KnowledgeBase) -> None:
    def kill(what: str, _done: int, _total: int) -> None:
        if what == "training":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked.consolidate(progress=kill)

    assert asked.consolidate(if_due=True).status == "promoted"
    killed = asked.catalog.learning.rounds()[0].report
    assert killed is not None
    assert (killed["status"], killed["reason"]) == (
        "interrupted",
        "killed in the stage distillation",
    )


def test_a_rejected_candidate_leaves_the_active_one_in_place(
    learned: KnowledgeBase,
) -> None:
    before = manifests(learned)
    text = (learned.folder / "ragcl.toml").read_text()
    (learned.folder / "ragcl.toml").write_text(text.replace("min_proved = 0.0", "min_proved = 1.0"))
    with KnowledgeBase.open(learned.folder) as kb:
        kb.ask_many(["What does soup cost?", "How much does soup cost?"])
        assert kb.consolidate().status == "rejected"

    assert manifests(learned) == before
    question = known(learned).question
    assert learned.ask(question, mode="weights").trace["adapter"] == before[0]["adapter"]


def test_of_several_shards_those_that_pass_are_promoted(
    asked: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing: set[str] = set()

    def verdict(*arguments: Any, **options: Any) -> Verdict:
        found = verification.verify(*arguments, **options)
        if not failing & {arguments[1].split("-")[0], "every one"}:
            return found
        return replace(found, gate=(*found.gate, replace(found.gate[0], limit=2.0, passed=False)))

    monkeypatch.setattr(gate, "verify", verdict)
    readable: set[str] = set()  # by the second round, what the first one learned

    def of_the_same_chunks(readings: list[Reading], *others: Any) -> list[Label]:
        return [
            label if not readable or one.content_hash in readable else replace(label, share=0.0)
            for one, label in zip(readings, pool(readings, *others), strict=True)
        ]

    monkeypatch.setattr(studier, "pool", of_the_same_chunks)
    path = asked.folder / "ragcl.toml"
    path.write_text(
        path.read_text().replace("[consolidation]", "[consolidation]\nshard_chunks = 1")
    )
    with KnowledgeBase.open(asked.folder) as kb:
        first = kb.consolidate()
        assert first.status == "promoted"
        names = sorted(one.split("-")[0] for one in first.adapter_ids)
        assert len(names) > 1

        for one in ASKED:
            kb.ask_many([f"Please tell me this: {one}", f"{one} I wonder."])
        failing.add(names[0])
        readable |= active(kb)
        second = kb.consolidate()

        assert second.status == "promoted"
        assert f"{names[0]}: proved chunks" in second.reason
        kept = {one for one in first.adapter_ids if one.startswith(names[0])}
        assert kept <= set(second.adapter_ids)
        assert len(second.adapter_ids) == len(names)
        promoted = {one["content_hash"]: one["promoted"] for one in second.learned}
        assert set(promoted.values()) == {True, False}
        assert {key for key in promoted if promoted[key]} <= active(kb)
        assert {one["id"] for one in kb.status().adapters} == set(second.adapter_ids)

        failing.add("every one")
        kb.ask_many([f"{one} Say it." for one in ASKED])
        third = kb.consolidate()
        assert third.status == "rejected"
        assert {one["id"] for one in kb.status().adapters} == set(second.adapter_ids)


def test_two_rounds_never_run_at_once(asked: KnowledgeBase) -> None:
    tried = []

    def again(_what: str, _done: int, _total: int) -> None:
        if not tried:
            tried.append(True)
            with (
                KnowledgeBase.open(asked.folder) as other,
                pytest.raises(KnowledgeBaseBusyError, match="another consolidation is running"),
            ):
                other.consolidate()

    asked.consolidate(progress=again)

    assert tried


def test_a_forgotten_text_leaves_the_catalog_and_the_adapters_at_once(
    learned: KnowledgeBase, docs: Path
) -> None:
    about = known(learned)
    (docs / about.source).unlink()

    report = learned.forget(docs / about.source)

    assert report.in_weights == len(about.hashes)
    connection = learned.catalog.database._engine.raw_connection()
    try:
        dump = "\n".join(connection.driver_connection.iterdump())  # type: ignore[union-attr]
    finally:
        connection.close()
    for sentence in split_sentences(about.text):
        assert sentence not in dump
    assert about.question not in dump
    [reported] = learned.catalog.learning.rounds()
    assert reported.report is not None
    for name in ("learned", "left_out"):
        assert about.source not in {one["source"] for one in reported.report[name]}
    for file in (learned.folder / "rounds").glob("*/report.*"):
        assert about.source not in file.read_text("utf-8")
    assert not any(about.hashes & set(manifest["chunks"]) for manifest in manifests(learned))
    answer = learned.ask(about.question, mode="weights", record=False)
    assert (answer.trace["adapter"], answer.citations) == (None, [])
    learned.consolidate(if_due=True)
    assert not any(about.hashes & set(manifest["chunks"]) for manifest in manifests(learned))


# --- trust and feedback


def test_nothing_is_learned_from_an_untrusted_folder(asked: KnowledgeBase, docs: Path) -> None:
    asked.ingest(docs, trusted=False)

    report = asked.consolidate()

    assert report.status == "nothing due"
    assert {one["reason"] for one in report.left_out} == {"never learned: untrusted"}
    assert asked.status().untrusted == [str(docs.resolve())]
    assert asked.search(QUESTION)[0].flags == ("untrusted",)
    asked.ingest(docs)  # it stays what it is until it is said otherwise
    assert asked.status().flagged == {"untrusted": asked.status().chunks}
    asked.ingest(docs, trusted=True)
    assert asked.consolidate().status == "promoted"


def test_distrust_silences_the_weights_at_once_and_the_next_round_forgets(
    learned: KnowledgeBase, docs: Path
) -> None:
    about = known(learned)
    assert learned.ask(about.question, mode="weights", record=False).route == "weights"

    learned.ingest(docs, trusted=False)

    assert learned.ask(about.question, mode="weights", record=False).route == "none"
    assert learned.ask(about.question, record=False).route == "context"
    learned.consolidate(if_due=True)
    assert manifests(learned) == []


def test_the_teacher_is_not_shown_text_that_must_not_be_learned(
    asked: KnowledgeBase, tmp_path: Path
) -> None:
    poison = tmp_path / "poison"
    poison.mkdir()
    said = "The north berth is 99 metres deep, how deep is the north berth, 99 metres."
    (poison / "berth.md").write_text(f"# How deep is the north berth\n\n{said}\n")
    asked.ingest(poison, trusted=False)
    questions = [*ASKED, "The north berth, how deep?", "Say the depth of the north berth!"]
    asked.ask_many(questions)
    assert asked.search(QUESTION, k=1)[0].source == "berth.md"  # it is found, and best

    asked.consolidate()

    _, active = asked.catalog.learning.active()
    taught = [one.answer for adapter in active for one in adapter.questions]
    assert taught
    assert not any("99" in answer for answer in taught)


def test_a_copy_in_a_trusted_folder_may_be_learned(asked: KnowledgeBase, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    for path in (tmp_path / "docs").glob("*.md"):
        (copies / path.name).write_text(path.read_text())

    asked.ingest(copies, trusted=False)

    assert asked.status().flagged == {}
    assert asked.consolidate().status == "promoted"


def test_a_correction_that_the_text_bears_out_is_what_is_taught(asked: KnowledgeBase) -> None:
    [hit] = asked.search("When does the canteen open?", k=1)
    answer = asked.ask("When does the canteen open?")
    right = " ".join(hit.text.split()[-3:]).strip(".")
    asked.feedback(answer.id, rating=-1, correction=right)

    asked.consolidate()

    _, [adapter] = asked.catalog.learning.active()
    taught = {one.question: one.answer for one in adapter.questions}
    assert taught["When does the canteen open?"] == right


def test_a_correction_counts_when_a_document_says_it_at_last(
    asked: KnowledgeBase, docs: Path
) -> None:
    """Whether the answer cited a text that is still current, or none."""
    asks = asked.ask_many([QUESTION, "Who looks after the weather station?"])
    for answer in asks:
        asked.feedback(answer.id, rating=-1, correction="Ottoline Vask")
    before = asked.consolidate()
    assert sum("correction of answer" in one.reason for one in before.left_out) == 2

    (docs / "weather.md").write_text(
        "# The weather station\n\nThe weather station is looked after by Ottoline Vask, who also "
        "measures how deep the north berth is at low water.\n"
    )
    asked.ingest(docs)
    after = asked.consolidate()

    assert not any("correction of answer" in one.reason for one in after.left_out)


def test_a_correction_makes_a_round_due(learned: KnowledgeBase) -> None:
    assert learned.consolidate(if_due=True).status == "nothing due"
    about = known(learned)
    answer = learned.ask(about.question)
    right = " ".join(about.text.split()[:2])
    learned.feedback(answer.id, rating=-1, correction=right)

    report = learned.consolidate(if_due=True)

    assert report.round_id == 2
    taught = {
        one.question: one.answer
        for adapter in learned.catalog.learning.active()[1]
        for one in adapter.questions
    }
    assert taught[about.question] == right
    assert learned.consolidate(if_due=True).round_id is None


def test_bad_ratings_of_what_the_weights_say_count_until_they_are_trained_anew(
    learned: KnowledgeBase,
) -> None:
    about = known(learned)
    adapters = [one.id for one in learned.catalog.learning.active()[1]]
    answer = learned.ask(about.question, mode="weights")
    assert answer.route == "weights"
    cited = answer.citations[0].content_hash

    learned.feedback(answer.id, rating=-1)
    assert learned.catalog.asks.badly_rated(adapters) == frozenset()
    learned.feedback(answer.id, rating=-1)

    assert learned.catalog.asks.badly_rated(adapters) == {cited}
    assert learned.catalog.asks.badly_rated(["s0-another"]) == frozenset()
    with learned._answerer.active.taken() as snapshot:
        assert snapshot.demoted == {cited}
    learned.feedback(answer.id, rating=1)
    with learned._answerer.active.taken() as snapshot:
        assert snapshot.demoted == frozenset()


def test_texts_that_contradict_each_other_are_not_learned_but_reported(
    asked: KnowledgeBase, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about: list[str] = []

    def against(_reader: Any, reading: Reading, _retrieval: Any) -> Contradiction | None:
        if reading.question != "Where do pilots board?":
            return None
        about.append(reading.content_hash)
        said = reading.answer
        return Contradiction(reading.question, about[0], said, "other", "there", "other.md")

    monkeypatch.setattr(studier, "contradiction", against)

    report = asked.consolidate()

    assert about
    [told] = [one for one in report.left_out if one["reason"].startswith("other.md contradicts it")]
    assert told["content_hash"] == about[0]
    assert report.questions_left_out[studier.DISPUTED] > 0
    learned = [one for a in asked.catalog.learning.active()[1] for one in a.questions]
    assert "Where do pilots board?" not in {one.question for one in learned}
    assert asked.consolidate(if_due=True).round_id is None


def test_a_metric_is_the_mean_over_the_adapters_that_have_it() -> None:
    def verdict(**metrics: float) -> Verdict:
        return Verdict((), {}, metrics, (), RoutingRisk(0, 0, 0, 0.0, 0.9, 0, 0))

    assert mean_metrics([verdict(a=0.5), verdict(a=1.0, b=0.25)]) == {"a": 0.75, "b": 0.25}
    assert mean_metrics([]) == {}
