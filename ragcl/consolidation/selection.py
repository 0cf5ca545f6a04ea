"""Selection: the ask log to the hot chunks that are worth learning, in shards.

A chunk's heat is the sum over the asks that retrieved it of 2^(-age / half-life), times its part in
the answer and a factor for the ratings. An answer is vouched for if users rated it well, or gave it
as a correction that the text holds. A question with badly rated answers is not learned from. Pure
on what the catalog gives; knows no model.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragcl.catalog.asks import AskRecord
from ragcl.catalog.passage import Passage
from ragcl.consolidation.recipe import SELECTION
from ragcl.results import ChunkLeftOut
from ragcl.settings import SECONDS_A_DAY, ConsolidationSettings
from ragcl.text.answers import canonical, holds


@dataclass(frozen=True)
class HotChunk:
    """A chunk worth learning: its source, its heat and its distinct questions."""

    content_hash: str
    source: str
    heat: float
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """The hot chunks by shard name, and the chunks left out with the reason.

    `vouched` are the answers, by question, that users gave or rated well.
    """

    shards: Mapping[str, tuple[HotChunk, ...]]
    left_out: tuple[ChunkLeftOut, ...] = ()
    vouched: Mapping[str, str] = field(default_factory=dict)

    @property
    def chunks(self) -> list[HotChunk]:
        """Every selected chunk."""
        return [chunk for shard in self.shards.values() for chunk in shard]


def select(
    log: Sequence[AskRecord],
    current: Mapping[str, Passage],
    learned: Mapping[str, str],
    settings: ConsolidationSettings,
    now: float,
) -> Selection:
    """Choose the chunks that shall be in the weights after this round.

    Args:
        log: every logged ask.
        current: the current chunks among those that the log names.
        learned: content hash to the shard that holds it now.
        settings: capacity, half-life and thresholds.
        now: seconds since the epoch.
    """
    heat: Counter[str] = Counter()
    questions: dict[str, dict[str, None]] = {}
    rated: Counter[str] = Counter()
    rated_answers: dict[str, list[tuple[str, int]]] = {}
    corrected: dict[str, str] = {}
    left_out: list[ChunkLeftOut] = []
    for ask, age in zip(log, _ages(log, now), strict=True):
        decay = 2.0 ** (-age / SECONDS_A_DAY / settings.half_life_days)
        cited = next(iter(ask.trace.support), None)
        if ask.correction:
            cited = chunk_with_correction(ask, current)
            if cited is None:
                left_out += _unsupported(ask)
        factor = 1.0 if ask.correction else _rating_factor(ask.ratings)
        for rank, hit in enumerate(ask.hits):
            is_cited = hit.content_hash == cited
            part = SELECTION.cited_weight if is_cited else SELECTION.shown_weight / (1 + rank)
            heat[hit.content_hash] += decay * part * factor
        if cited is None:
            continue
        questions.setdefault(cited, {})[ask.question] = None
        if ask.correction:
            corrected[ask.question] = ask.correction
        elif ask.ratings:
            rated[cited] += sum(ask.ratings)
            rated_answers.setdefault(ask.question, []).append((ask.answer, sum(ask.ratings)))
    opinion = {
        question: sum(rating for _, rating in some) for question, some in rated_answers.items()
    }
    praised = {
        question: answer
        for question, some in rated_answers.items()
        if opinion[question] > 0 and (answer := _praised(some)) is not None
    }
    vouched = praised | corrected
    disliked = {one for one in opinion if opinion[one] < 0} - corrected.keys()
    hot: list[HotChunk] = []
    for key, value in heat.most_common():
        asked = tuple(questions.get(key, ()))
        if key not in current or len(asked) < settings.min_asks or value <= 0:
            continue
        reason = None
        if current[key].flags:
            reason = f"never learned: {', '.join(current[key].flags)}"
        elif rated[key] < 0:
            reason = "users rated its answers badly"
        elif len(hot) >= settings.max_chunks:
            reason = "no room: cooler than the hottest max_chunks"
        if reason:
            left_out.append(ChunkLeftOut(current[key].source, key, reason))
        else:
            learned_from = tuple(one for one in asked if one not in disliked)
            hot.append(HotChunk(key, current[key].source, value, learned_from))
    shards = _shards(hot, learned, settings)
    asked_of_hot = {question for chunk in hot for question in chunk.questions}
    vouched = {question: vouched[question] for question in vouched if question in asked_of_hot}
    return Selection(shards, tuple(left_out), vouched)


def _ages(log: Sequence[AskRecord], now: float) -> list[float]:
    """The age of each ask in seconds.

    The clock may have been wrong: an ask dated in the future gets the time of the next one in the
    log that is not, so that it cools too.
    """
    ages = []
    latest = now
    for ask in reversed(log):
        if ask.asked_at <= now:
            latest = ask.asked_at
        ages.append(now - latest)
    return ages[::-1]


def chunk_with_correction(ask: AskRecord, current: Mapping[str, Passage]) -> str | None:
    """The best retrieved chunk that holds the correction of an ask; None if there is none."""
    for hit in ask.hits:
        chunk = current.get(hit.content_hash)
        if chunk and not chunk.flags and holds(chunk.text, ask.correction or ""):
            return hit.content_hash
    return None


def _unsupported(ask: AskRecord) -> list[ChunkLeftOut]:
    """The entry of a correction that no current text holds, with the source that it corrects."""
    # Reports outlive forgotten asks, so it names the answer's id and does not quote it.
    reason = f"the correction of answer {ask.id} stands in no current source: edit the document"
    return [ChunkLeftOut(hit.source, hit.content_hash, reason) for hit in ask.hits[:1]]


def _praised(rated: Iterable[tuple[str, int]]) -> str | None:
    """Of answers to one question with their ratings the best rated; None if none is rated well."""
    sums: Counter[str] = Counter()
    texts: dict[str, str] = {}
    for answer, rating in rated:
        same = canonical(answer)
        sums[same] += rating
        texts[same] = answer
    [(best, rating)] = sums.most_common(1)
    return texts[best] if rating > 0 else None


def _rating_factor(ratings: Iterable[int]) -> float:
    """A factor in (0, 2): 1 without ratings, more for a positive sum, less for a negative one."""
    total = sum(ratings)
    return 1 + total / (1 + abs(total))


def _shards(
    hot: Sequence[HotChunk], learned: Mapping[str, str], settings: ConsolidationSettings
) -> dict[str, tuple[HotChunk, ...]]:
    """Keep every learned chunk in its shard, and place the new ones.

    A new chunk goes to the shard with most chunks of its document, so that an edit changes few
    shards; else to a shard that is rebuilt anyway; else to a new shard. Only when there are as many
    shards as the capacity needs does it go to one that would otherwise stay unchanged.
    """
    size = settings.shard_chunks
    shards: dict[str, list[HotChunk]] = {}
    new = []
    for chunk in hot:
        name = learned.get(chunk.content_hash)
        if name is not None and len(shards.setdefault(name, [])) < size:
            shards[name].append(chunk)
        else:
            new.append(chunk)
    held = {chunk.content_hash for members in shards.values() for chunk in members}
    changed = {name for key, name in learned.items() if key not in held}

    def fitness(name: str, chunk: HotChunk) -> tuple[int, bool]:
        return _of_source(shards[name], chunk.source), name in changed

    documents = {chunk.source for members in shards.values() for chunk in members}
    for chunk in sorted(new, key=lambda one: (one.source not in documents, one.source)):
        room = [name for name in sorted(shards) if len(shards[name]) < size]
        name = max(room, key=lambda one: fitness(one, chunk), default=None)
        spare = len(shards) < math.ceil(settings.max_chunks / size)
        if name is None or (spare and not any(fitness(name, chunk))):
            name = f"s{1 + max((int(n[1:]) for n in [*shards, *learned.values()]), default=-1)}"
            shards[name] = []
        shards[name].append(chunk)
        changed.add(name)
    return {name: tuple(members) for name, members in sorted(shards.items()) if members}


def _of_source(chunks: Sequence[HotChunk], source: str) -> int:
    """How many of the chunks are of one document."""
    return sum(chunk.source == source for chunk in chunks)
