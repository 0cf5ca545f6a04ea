"""The router: the weights answer only what was proved, on text that is still current."""

from dataclasses import replace

import numpy as np
import pytest

from ragcl.catalog.learning import AdapterRecord, LearnedChunk, LearnedQuestion
from ragcl.catalog.passage import Passage
from ragcl.generation.routing import BOTH, ActiveAdapters, Decision, decide
from ragcl.results import Mode
from ragcl.search.calibration import Calibration, Language
from ragcl.search.retrieval import Retrieval

FALSE_ANSWERS = 0.1
# Questions about quite other things find a passage that fits by 0.25.
CALIBRATION = Calibration(languages=(Language("en", np.zeros(2, np.float32), (0.25, 0.25)),))
LIMITS = {"margin": 0.1, "confidence": -1.0, "fit": 0.5}


def at(degrees: float) -> np.ndarray:
    """A vector of length one in the plane: the cosine of two is that of the angle between."""
    angle = np.radians(degrees)
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


def retrieval(question: float, **chunks: float) -> Retrieval:
    """A question in one direction and current chunks in others, ranked by their cosines."""
    cosines = {key: float(at(question) @ at(degrees)) for key, degrees in chunks.items()}
    hits = [
        Passage(key, cosine, "a.md", (1, 1), "", key, fused=cosine)
        for key, cosine in cosines.items()
    ]
    ranked = tuple(sorted(hits, key=lambda hit: -hit.score))
    return Retrieval(at(question), ranked, CALIBRATION)


def adapter(
    name: str = "s0",
    chunks: dict[str, float] | None = None,
    questions: tuple[tuple[str, float, bool], ...] = (("depth", 0, True),),
    margin: float = 0.5,
) -> AdapterRecord:
    return AdapterRecord(
        id=name,
        round_id=1,
        created_at=1.0,
        thresholds=LIMITS,
        chunks=tuple(LearnedChunk(key, at(d)) for key, d in (chunks or {"depth": 20}).items()),
        questions=tuple(
            LearnedQuestion(key, "?", f"{key}!", at(d), margin, proved)
            for key, d, proved in questions
        ),
    )


def route(
    mode: Mode,
    found: Retrieval,
    *adapters: AdapterRecord,
    current: set[str] | None = None,
    false_answers: float = FALSE_ANSWERS,
    question: str = "How deep is it?",
) -> Decision:
    active = ActiveAdapters(1 if adapters else None, adapters)
    current = active.learned if current is None else current
    return decide(mode, question, found, active, current, false_answers)


SURE = retrieval(5, depth=20, other=90)


def test_what_is_current_proved_and_decisive_is_answered_from_the_weights() -> None:
    decision = route("auto", SURE, adapter())

    assert (decision.route, decision.adapter) == ("weights", "s0")
    assert decision.min_confidence == LIMITS["confidence"]
    assert (decision.min_fit, decision.expected) == (LIMITS["fit"], None)
    assert decision.features is not None
    assert decision.features["score"] == pytest.approx(np.cos(np.radians(15)), abs=1e-3)
    assert decision.features["margin"] == pytest.approx(
        np.cos(np.radians(15)) - np.cos(np.radians(85)), abs=1e-3
    )
    assert decision.features["similarity"] == pytest.approx(np.cos(np.radians(5)), abs=1e-3)


def test_the_very_question_that_was_proved_is_not_held_to_what_was_calibrated_on_others() -> None:
    again = retrieval(0, depth=20, other=90)
    strict = adapter(margin=again.margin)
    strict = replace(strict, thresholds={**LIMITS, "margin": 1.5, "confidence": 0.0})

    decision = route("auto", again, strict, question="?")
    unproved = route("auto", again, adapter(questions=(("depth", 0, False),)), question="?")

    assert (decision.route, decision.expected) == ("weights", "depth!")
    assert (decision.min_confidence, decision.min_fit) == (-np.inf, None)
    assert decision.reason.endswith("this very question")
    assert unproved.route == "context"


def test_the_very_question_is_read_where_another_text_has_come_as_near() -> None:
    crowded = retrieval(0, depth=20, other=21)

    alone = retrieval(0, depth=20, other=90)

    for found, margin, expected in (
        (crowded, 0.5, "context"),
        (crowded, crowded.margin, "weights"),
        (alone, 2.0, "weights"),
    ):
        decision = route("auto", found, adapter(margin=margin), question="?")
        assert decision.route == expected


def test_another_question_with_the_same_vector_is_not_the_very_question() -> None:
    """An embedder may not know the characters of a name, or see the end of a long question."""
    again = retrieval(0, depth=20, other=90)
    learned = replace(adapter().questions[0], question="What is Zhang's  number?")
    taught = replace(adapter(), questions=(learned,))

    itself = route("auto", again, taught, question="what is Zhang's number?")
    other = route("auto", again, taught, question="What is Zhao's number?")

    assert (itself.expected, itself.min_fit) == ("depth!", None)
    assert (other.expected, other.min_fit) == (None, LIMITS["fit"])


def test_what_users_rated_badly_is_read_again() -> None:
    active = ActiveAdapters(1, (adapter(),))

    for demoted, expected in (({"depth"}, "context"), ({"other"}, "weights")):
        found = decide("auto", "", SURE, active, active.learned, FALSE_ANSWERS, demoted)
        assert found.route == expected
    found = decide("weights", "", SURE, active, active.learned, FALSE_ANSWERS, {"depth"})
    assert found.route == "weights"


def test_only_what_was_taught_about_the_passages_given_may_be_said() -> None:
    first = adapter("s0", {"depth": 20, "price": 40}, (("depth", 0, True), ("price", 30, False)))
    active = ActiveAdapters(1, (first, adapter("s1", {"crew": 60}, (("crew", 60, True),))))

    found = active.taught("s0", ["price", "depth", "crew"], at(0))

    assert {answer: one.content_hash for answer, (_, one) in found.items()} == {
        "price!": "price",
        "depth!": "depth",
    }
    assert active.taught("s0", ["price", "crew"], at(0)).keys() == {"price!"}
    assert active.taught("s1", ["depth"], at(0)) == {}


def test_an_answer_taught_for_several_questions_is_as_near_as_the_nearest_of_them() -> None:
    first = adapter("s0", {"depth": 20}, (("depth", 90, True), ("depth", 60, False)))

    found = ActiveAdapters(1, (first,)).taught("s0", ["depth"], at(0))

    [(answer, (cosine, about))] = found.items()
    assert (answer, about.content_hash) == ("depth!", "depth")
    assert cosine == pytest.approx(0.5)


def test_of_several_adapters_the_one_that_holds_the_chunk_speaks() -> None:
    other = adapter("s1", {"tariff": 150}, (("tariff", 150, True),))

    assert route("auto", SURE, other, adapter()).adapter == "s0"
    assert route("both", SURE, other, adapter()).adapter == "s0"
    assert route("weights", SURE, other, adapter()).adapter == "s0"


@pytest.mark.parametrize("mode", ["auto", "context", "both"])
def test_nothing_relevant_is_abstained_from(mode: Mode) -> None:
    far = route(mode, retrieval(0, depth=80), adapter())
    nothing = route(mode, retrieval(0))

    assert (far.route, nothing.route) == ("none", "none")
    assert "0.17 (needs 0.25)" in far.reason
    assert "nothing is ingested" in nothing.reason
    if mode != "auto":
        assert route(mode, retrieval(0, depth=80), false_answers=1.0).route == mode


def test_a_filter_that_accepts_no_document_is_what_the_reason_names() -> None:
    nothing = decide("auto", "", retrieval(0), ActiveAdapters(None, ()), (), 0.1, filtered=True)

    assert nothing.route == "none"
    assert nothing.reason.endswith("the filter accepts no document")


def test_a_hit_found_by_its_words_does_not_hide_that_another_is_near() -> None:
    far, near = retrieval(0, words=80, depth=20).hits[::-1]
    found = Retrieval(at(0), (replace(far, lexical=1.0, fused=1.2), near), CALIBRATION)

    assert found.hits[0].fused > found.hits[1].fused
    assert route("context", found).route == "context"
    assert route("auto", found, adapter()).route == "context"  # the first is not the learned one


def test_words_that_another_text_shares_take_the_lead_away() -> None:
    learned, other = SURE.hits
    close = Retrieval(
        at(5), (learned, replace(other, lexical=1.0, fused=other.fused + 1.2)), CALIBRATION
    )

    decision = route("auto", close, adapter())

    assert decision.route == "context"
    assert decision.reason.startswith("margin")


def test_context_mode_never_uses_an_adapter() -> None:
    assert route("context", SURE, adapter()) == Decision("context", None, "asked for")


def test_without_adapters_auto_reads() -> None:
    decision = route("auto", SURE)

    assert (decision.route, decision.adapter) == ("context", None)
    assert "not in the weights" in decision.reason


def test_the_best_passage_must_be_the_learned_one() -> None:
    decision = route("auto", retrieval(70, depth=20, other=75), adapter())

    assert decision.route == "context"
    assert "not in the weights" in decision.reason


def test_a_question_like_one_that_was_not_proved_is_read() -> None:
    not_proved = adapter(questions=(("depth", 5, False), ("depth", 10, True)))

    decision = route("auto", SURE, not_proved, question="?")

    assert decision.route == "context"
    assert "nothing like this question was proved" in decision.reason
    assert decision.features is not None


def test_only_questions_about_the_best_passage_count() -> None:
    of_another = adapter(
        chunks={"depth": 20, "cook": 21}, questions=(("cook", 5, True), ("depth", 60, False))
    )

    decision = route("auto", SURE, of_another)

    assert decision.route == "context"
    assert decision.reason == "nothing like this question was proved"


def test_of_a_question_that_was_learned_the_weights_may_say_only_what_it_proved() -> None:
    near, nearer, far = at(30), at(5), at(80)
    questions = tuple(
        LearnedQuestion("depth", "?", answer, vector, 0.5, proved)
        for answer, vector, proved in (
            ("near", near, True),
            ("nearer", nearer, True),
            ("doubtful", near, False),
            ("far", far, True),
        )
    )

    decision = route("auto", SURE, replace(adapter(), questions=questions), question="?")

    assert decision.route == "weights"
    assert decision.expected == "nearer"


def test_the_margin_must_reach_its_calibrated_threshold() -> None:
    strict = replace(adapter(), thresholds={**LIMITS, "margin": 1.5})

    decision = route("auto", SURE, strict)

    assert decision.route == "context"
    assert decision.reason.startswith("margin")
    assert "1.50" in decision.reason


def test_where_no_threshold_will_do_only_the_very_questions_proved_are_answered() -> None:
    never = replace(adapter(), thresholds=dict.fromkeys(LIMITS, float("inf")))
    earlier = {name: -np.inf for name in LIMITS if name != "fit"}  # verified by earlier versions
    by_likeness = {**earlier, "score": 0.1, "similarity": 0.1, "fit": -np.inf}
    unproved = replace(never, questions=adapter(questions=(("depth", 0, False),)).questions)
    itself = retrieval(0, depth=20, other=90)

    other = route("auto", SURE, never)
    assert other.route == "context"
    assert other.reason == "the weights may answer only what was verified, word for word"
    assert route("auto", SURE, replace(never, thresholds=earlier)).route == "context"
    assert route("auto", SURE, replace(never, thresholds=by_likeness)).route == "context"
    assert route("auto", itself, never, question="?").route == "weights"
    assert route("auto", itself, unproved, question="?").route == "context"


# --- stale: the text that was learned has since been changed or removed


def test_a_text_that_is_gone_is_never_answered_from_the_weights() -> None:
    """The edited text stands where the old one stood and is the best hit now."""
    edited = retrieval(5, edited=20, other=90)

    auto = route("auto", edited, adapter(), current=set())
    both = route("both", edited, adapter(), current=set())
    weights = route("weights", edited, adapter(), current=set())

    assert (auto.route, auto.adapter) == ("context", None)
    assert (both.route, both.adapter) == ("both", None)
    assert (weights.route, weights.adapter) == ("none", None)
    for decision in (auto, both, weights):
        assert "changed, removed or distrusted" in decision.reason


def test_a_ghost_blocks_the_adapter_even_when_another_learned_chunk_is_the_best_hit() -> None:
    """`cook` is current and learned, but the question was about the text that is gone."""
    two = adapter(
        chunks={"depth": 5, "cook": 40}, questions=(("depth", 0, True), ("cook", 40, True))
    )
    found = retrieval(5, cook=40)

    assert route("auto", found, two, current={"cook"}).route == "context"
    assert route("weights", found, two, current={"cook"}).route == "none"


def test_a_question_that_was_learned_on_a_gone_text_is_blocked_by_its_wording() -> None:
    """The ghost's text is far, but just this was asked about it."""
    two = adapter(
        chunks={"depth": 120, "cook": 20}, questions=(("depth", 5, True), ("cook", 20, True))
    )
    found = retrieval(5, cook=20)

    decision = route("auto", found, two, current={"cook"})

    assert decision.route == "context"
    assert "learned from a text" in decision.reason


def test_a_ghost_does_not_block_what_is_clearly_about_something_current() -> None:
    two = adapter(
        chunks={"depth": 20, "cook": 150}, questions=(("depth", 0, True), ("cook", 150, True))
    )

    decision = route("auto", SURE, two, current={"depth"})

    assert (decision.route, decision.adapter) == ("weights", "s0")


def test_a_current_text_only_a_little_nearer_than_a_ghost_is_not_clear_enough() -> None:
    two = adapter(
        chunks={"depth": 20, "ghost": 25}, questions=(("depth", 0, True), ("ghost", 90, True))
    )

    assert route("auto", SURE, two, current={"depth"}).route == "context"


# --- modes that force the weights


def test_weights_mode_before_the_first_promotion_is_the_base_model_closed_book() -> None:
    decision = route("weights", SURE)

    assert (decision.route, decision.adapter) == ("weights", None)
    assert "base model" in decision.reason
    assert decision.min_confidence is None


def test_weights_mode_answers_even_when_nothing_relevant_is_found() -> None:
    assert route("weights", retrieval(0)).route == "weights"


def test_both_is_the_adapter_and_the_passages() -> None:
    decision = route("both", SURE, adapter())

    assert (decision.route, decision.adapter) == ("both", "s0")


@pytest.mark.parametrize(
    ("gained", "expected"), [(-0.1, "context"), (0.0, "context"), (0.1, "both")]
)
def test_passages_are_read_with_an_adapter_only_where_that_gains(
    gained: float, expected: str
) -> None:
    unproved = adapter(questions=(("depth", 0, False),))
    measured = replace(unproved, thresholds=LIMITS | {BOTH: gained})

    assert route("auto", SURE, measured).route == expected


def test_both_takes_the_adapter_of_the_first_hit_that_has_one() -> None:
    found = retrieval(5, fresh=10, depth=20)

    assert route("both", found, adapter()).adapter == "s0"
    assert route("both", retrieval(5, fresh=10), adapter()).adapter is None
