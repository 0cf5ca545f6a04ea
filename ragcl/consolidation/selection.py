"""Selection: the log of asks to the hot chunks that are worth learning, in shards.

A chunk's heat is the sum over the asks that it helped to answer of 2^(-age / half-life), times its
part in the answer and what users said of it. Pure on what the catalog gives; knows no model.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragcl.catalog.asks import AskRecord
from ragcl.catalog.documents import StoredChunk
from ragcl.settings import ConsolidationSettings

SECONDS_A_DAY = 86_400
CITED_WEIGHT = 1.0  # the chunk that the answer was taken from
SHOWN_WEIGHT = 0.1  # shared by rank among the other chunks that were retrieved


@dataclass(frozen=True)
class HotChunk:
    """A chunk worth learning: where it stands, how hot, and the distinct questions asked."""

    content_hash: str
    source: str
    heat: float
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """The hot chunks by shard name, and the chunks left out with the reason."""

    shards: Mapping[str, tuple[HotChunk, ...]]
    left_out: tuple[dict[str, str], ...] = field(default=())

    @property
    def chunks(self) -> list[HotChunk]:
        """Every selected chunk."""
        return [chunk for shard in self.shards.values() for chunk in shard]


def select(
    log: Sequence[AskRecord],
    current: Mapping[str, StoredChunk],
    learned: Mapping[str, str],
    settings: ConsolidationSettings,
    now: float,
) -> Selection:
    """Choose what is to be in the weights after this round.

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
    for ask in log:
        decay = 2.0 ** (-(now - ask.asked_at) / SECONDS_A_DAY / settings.half_life_days)
        cited = next(iter(ask.trace.get("support", ())), None)
        for rank, hit in enumerate(ask.hits):
            part = CITED_WEIGHT if hit.content_hash == cited else SHOWN_WEIGHT / (1 + rank)
            heat[hit.content_hash] += decay * part * _praise(ask.ratings)
        if cited is not None:
            questions.setdefault(cited, {})[ask.question] = None
            rated[cited] += sum(ask.ratings) if not ask.correction else 0
    left_out = []
    hot: list[HotChunk] = []
    for key, value in heat.most_common():
        asked = tuple(questions.get(key, ()))
        if key not in current or len(asked) < settings.min_asks or value <= 0:
            continue
        reason = None
        if current[key].flags:
            reason = f"flagged as {', '.join(current[key].flags)}"
        elif rated[key] < 0:
            reason = "users rated its answers badly"
        elif len(hot) >= settings.max_chunks:
            reason = "no room: cooler than the hottest max_chunks"
        if reason:
            left_out.append({"source": current[key].source, "content_hash": key, "reason": reason})
        else:
            hot.append(HotChunk(key, current[key].source, value, asked))
    return Selection(_shards(hot, learned, settings.shard_chunks), tuple(left_out))


def _praise(ratings: Iterable[int]) -> float:
    """A factor in (0, 2): 1 without ratings, more for good ones, less for bad ones."""
    total = sum(ratings)
    return 1 + total / (1 + abs(total))


def _shards(
    hot: Sequence[HotChunk], learned: Mapping[str, str], size: int
) -> dict[str, tuple[HotChunk, ...]]:
    """Keep every chunk in the shard that holds it; fill what is new into the emptiest places."""
    shards: dict[str, list[HotChunk]] = {}
    new = []
    for chunk in hot:
        name = learned.get(chunk.content_hash)
        if name is not None and len(shards.setdefault(name, [])) < size:
            shards[name].append(chunk)
        else:
            new.append(chunk)
    for chunk in new:
        name = next((name for name in sorted(shards) if len(shards[name]) < size), None)
        if name is None:
            name = f"s{1 + max((int(n[1:]) for n in [*shards, *learned.values()]), default=-1)}"
            shards[name] = []
        shards[name].append(chunk)
    return {name: tuple(members) for name, members in sorted(shards.items()) if members}
