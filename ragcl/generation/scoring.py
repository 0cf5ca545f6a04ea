"""Scoring: the likelihood of candidate continuations of prompts, many in one forward pass.

Prompts and candidates are packed into one row; the attention mask keeps them apart. Knows no
adapters and no text.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragcl.generation.attention import attention_mask, text_config

if TYPE_CHECKING:
    import torch
    from transformers import DynamicCache

PACKED_TOKENS = 512  # of texts packed into one row; longer texts get a row of their own
LOGITS = 48 << 20  # that are kept at once: 200 MB in float32
SUMMED_LOGITS = 8 * 49_152  # 1.5 MB


@dataclass(frozen=True)
class Prompt:
    """Token ids; the first `shared` of them are the same for every prompt of its kind.

    The keys and values of the shared prefix are cached.
    """

    ids: tuple[int, ...]
    shared: int = 0


@dataclass(frozen=True)
class Fork:
    """A prompt and its candidate continuations, of at least one token each.

    `prior` has a log-prior (nats) for each candidate; by default 0. `starts` is the number of first
    tokens that are the start of each; by default 1. The first `kept` candidates are always scored,
    however likely their start is.
    """

    prompt: Prompt
    candidates: Sequence[tuple[int, ...]]
    prior: Sequence[float] = ()
    kept: int = 0
    starts: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not self.prior:
            object.__setattr__(self, "prior", [0.0] * len(self.candidates))
        if not self.starts:
            object.__setattr__(self, "starts", [1] * len(self.candidates))

    @property
    def heads(self) -> list[tuple[int, ...]]:
        """The start of each candidate without its last token."""
        return [ids[: n - 1] for ids, n in zip(self.candidates, self.starts, strict=True)]


@dataclass(frozen=True)
class Continuation:
    """The likelihood of the first 1, 2, … n tokens of a candidate.

    `begun[i]` is the log-probability (nats) of the first `i + 1` tokens, `stopped[i]` that of these
    tokens followed by the end of the answer. `logits` are those of the `n + 1` positions,
    `(1, vocabulary)` of the first and `(n, vocabulary)` of the others.
    """

    candidate: int
    begun: tuple[float, ...]
    stopped: tuple[float, ...]
    logits: tuple["torch.Tensor", "torch.Tensor"]

    @property
    def logprobs(self) -> "torch.Tensor":
        """The log-probabilities at these positions, `(n + 1, vocabulary) float32`."""
        import torch

        return torch.log_softmax(torch.cat(self.logits).float(), dim=-1)


class Scoring:
    """Prompts and their candidates, packed into one row of the model's input."""

    def __init__(
        self, base: Any, forks: Sequence[Fork], cache: "DynamicCache", stop_ids: Collection[int]
    ) -> None:
        """`cache` has the keys and values of the prompts' shared prefix."""
        import torch

        self._base = base
        self._forks = forks
        self._cache = cache
        self._stop_ids = sorted(stop_ids)
        shared = forks[0].prompt.shared
        self._row = _Row(shared)
        for number, fork in enumerate(forks):
            self._row.add(fork.prompt.ids[shared:], number)
        self._lasts = [end - 1 for end in self._row.ends]
        self._passed = 0  # tokens of the row that are in the cache
        # The logits after each prompt, and their log-sum-exp.
        self._first = self._first_sums = torch.empty(0)

    def best_starts(self, keep: int) -> list[list[Continuation]]:
        """Score each fork's `kept` candidates and the `keep` others with the best starts."""
        chosen = [list(range(len(fork.candidates))) for fork in self._forks]
        if any(len(fork.candidates) > keep for fork in self._forks):
            self._pass()
            chosen = [
                _best_starts(*pair, keep) for pair in zip(self._forks, self._starts(), strict=True)
            ]
        return self._weigh(chosen)

    def _starts(self) -> list["torch.Tensor"]:
        """The log-probability of the start of each fork's candidates, `(candidates,) float32`."""
        import torch

        places: list[dict[tuple[int, ...], list[int]]] = [{} for _ in self._forks]
        for fork, by_head in zip(self._forks, places, strict=True):
            for i, head in enumerate(fork.heads):
                by_head.setdefault(head, []).append(i)
        longer = [[head for head in by_head if head] for by_head in places]
        scored: list[list[Continuation]] = [[] for _ in self._forks]
        if any(longer):  # numbered behind the candidates
            behind = [len(fork.candidates) for fork in self._forks]
            scored = self._score([[*enumerate(*pair)] for pair in zip(longer, behind, strict=True)])
        found = []
        for number, fork in enumerate(self._forks):
            after: dict[tuple[int, ...], tuple[float, torch.Tensor]]
            after = {(): (0.0, self._first[number])}
            for head, one in zip(longer[number], scored[number], strict=True):
                after[head] = one.begun[-1], one.logits[1][-1]
            starts = torch.empty(len(fork.candidates), device=self._first.device)
            for head, own in places[number].items():
                begun, logits = after[head]
                following = torch.log_softmax(logits.float(), dim=-1)
                starts[own] = begun + following[[fork.candidates[i][len(head)] for i in own]]
            found.append(starts)
        return found

    def likeliest(self, keep: int) -> list[Continuation]:
        """The best candidate of each fork."""
        found = self._weigh([[leader(fork)] for fork in self._forks])
        rivals = []
        for fork, [lead] in zip(self._forks, found, strict=True):
            bounds, reached = _bounds(fork, lead, self._stop_ids), _worth(fork, lead)
            above = [i for i, b in enumerate(bounds) if b > reached and i != lead.candidate]
            rivals.append(sorted(above, key=lambda i: -bounds[i])[:keep])
        if any(rivals):
            further = self._weigh(rivals)
            found = [one + other for one, other in zip(found, further, strict=True)]
        return [
            max(some, key=lambda one: _worth(fork, one))
            for fork, some in zip(self._forks, found, strict=True)
        ]

    def _weigh(self, chosen: Sequence[Sequence[int]]) -> list[list[Continuation]]:
        """Score these candidates of each fork, which are not in the row yet."""
        pairs = zip(self._forks, chosen, strict=True)
        return self._score([[(i, fork.candidates[i]) for i in some] for fork, some in pairs])

    def _score(
        self, texts: Sequence[Sequence[tuple[int, tuple[int, ...]]]]
    ) -> list[list[Continuation]]:
        """Score numbered continuations of each fork, of which at least one has some."""
        import torch

        row, begin = self._row, len(self._row.ids)
        for number, some in enumerate(texts):
            for i, ids in some:
                row.add(ids, number, i)
        after = self._pass(range(begin, len(row.ids)))
        # Only log-sum-exp over the vocabulary and a few logits are needed.
        sums = log_sums(after)
        ends = after[:, self._stop_ids].float().logsumexp(-1) - sums
        answers = torch.tensor(row.ids[begin:]).to(after.device)
        prompts = torch.tensor(row.prompts[begin:]).to(after.device)
        starts = self._first[prompts, answers].float() - self._first_sums[prompts]
        following = after[:-1].gather(-1, answers[1:, None])[:, 0].float() - sums[:-1]
        found: list[list[Continuation]] = []
        place = 0
        for number, some in enumerate(texts):
            found.append([])
            for i, ids in some:
                end = place + len(ids)
                steps = torch.cat([starts[place : place + 1], following[place : end - 1]])
                begun = steps.cumsum(0)
                stopped = begun + ends[place:end]
                own = self._first[number : number + 1], after[place:end]
                found[-1].append(
                    Continuation(i, tuple(begun.tolist()), tuple(stopped.tolist()), own)
                )
                place = end
        return found

    def _pass(self, places: Sequence[int] = ()) -> "torch.Tensor":
        """Run the new part of the row; returns the logits at some positions, `(n, vocabulary)`."""
        import torch

        row, begin, device = self._row, self._passed, self._base.device
        wanted = [*places] if begin else [*self._lasts, *places]
        output = self._base(
            input_ids=torch.tensor([row.ids[begin:]], device=device),
            past_key_values=self._cache,
            attention_mask=attention_mask(row.visible(begin), row.places(), self._base),
            position_ids=torch.tensor([row.positions[begin:]], device=device),
            use_cache=True,
            logits_to_keep=torch.tensor(wanted, device=device) - begin,
        )
        logits: torch.Tensor = output.logits[0]
        self._passed = len(row.ids)
        if not begin:
            self._first, logits = logits.tensor_split([len(self._lasts)])
            self._first_sums = log_sums(self._first)
        return logits


class _Row:
    """Several prompts, and then their candidates, in one sequence behind a shared beginning."""

    def __init__(self, shared: int) -> None:
        self._shared = shared
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.prompts: list[int] = []  # whose each token is
        self._candidates: list[int] = []  # of which of its candidates; -1: its own
        self.ends: list[int] = []  # of what was added

    def add(self, ids: Sequence[int], prompt: int, candidate: int = -1) -> None:
        """The tokens of a prompt, by its number, or those of a candidate to follow it."""
        begin = self._shared if candidate < 0 else self.positions[self.ends[prompt] - 1] + 1
        self.ids += ids
        self.positions += range(begin, begin + len(ids))
        self.prompts += [prompt] * len(ids)
        self._candidates += [candidate] * len(ids)
        self.ends.append(len(self.ids))

    def visible(self, begin: int) -> "torch.Tensor":
        """Which tokens those from `begin` on see, `(n, m) bool`: the beginning is seen by all."""
        import torch

        positions, prompts, candidates = (
            torch.tensor(one) for one in (self.positions, self.prompts, self._candidates)
        )
        seen = (candidates[begin:, None] == candidates[None]) | (candidates[None] < 0)
        seen &= prompts[begin:, None] == prompts[None]
        seen &= positions[begin:, None] >= positions[None]
        return torch.cat([seen.new_ones(len(seen), self._shared), seen], dim=1)

    def places(self) -> "torch.Tensor":
        """The places of all tokens in their own texts, `(m,)`."""
        import torch

        return torch.tensor([*range(self._shared), *self.positions])


def packs(
    forks: Sequence[Fork], beside: Callable[[Fork], Sequence[tuple[int, ...]]], rows: int
) -> Iterator[list[Fork]]:
    """Group forks, in order, into packs with the same shared prefix and of bounded length.

    `beside` gives the candidates that are certainly scored with a prompt, and `rows` is for how
    many tokens logits are kept.
    """
    pack: list[Fork] = []
    tokens = scored = 0
    for fork in forks:
        shared = fork.prompt.shared
        logits = 1 + sum(map(len, beside(fork)))
        size = len(fork.prompt.ids) - shared + logits - 1
        same = pack and pack[0].prompt.ids[: pack[0].prompt.shared] == fork.prompt.ids[:shared]
        if pack and not (same and tokens + size <= PACKED_TOKENS and scored + logits <= rows):
            yield pack
            pack, tokens, scored = [], 0, 0
        pack.append(fork)
        tokens += size
        scored += logits
    if pack:
        yield pack


def logit_rows(base: Any) -> int:
    """For how many tokens a model's logits are kept at once: fewer with a larger vocabulary."""
    return max(1, LOGITS // int(text_config(base).vocab_size))


def leader(fork: Fork) -> int:
    """The candidate with the highest prior; of equals the first."""
    return max(range(len(fork.prior)), key=lambda i: fork.prior[i])


def _worth(fork: Fork, one: Continuation) -> float:
    """The unnormalised log-posterior of a candidate as the whole continuation (nats)."""
    return one.stopped[-1] + fork.prior[one.candidate]


def _bounds(fork: Fork, lead: Continuation, stop_ids: Sequence[int]) -> list[float]:
    """Upper bounds on the log-posterior of each candidate, from the logits of one of them.

    No candidate is likelier than the prefix that it shares with that one, and its next token.
    """
    path = fork.candidates[lead.candidate]
    logprobs = lead.logprobs.cpu()
    along = [0.0, *itertools.accumulate(float(logprobs[i, one]) for i, one in enumerate(path))]
    bounds = []
    for ids, prior in zip(fork.candidates, fork.prior, strict=True):
        pairs = enumerate(zip(ids, path, strict=False))
        shared = next((n for n, (one, other) in pairs if one != other), min(len(ids), len(path)))
        beyond = [ids[shared]] if shared < len(ids) else [*stop_ids]
        bounds.append(prior + along[shared] + float(logprobs[shared, beyond].logsumexp(-1)))
    return bounds


def _best_starts(fork: Fork, starts: "torch.Tensor", keep: int) -> list[int]:
    """The candidates with the likeliest starts, by their log-probability and their prior."""
    import torch

    starts = starts + torch.tensor(fork.prior).to(starts)
    starts[: fork.kept] = torch.inf
    best: list[int] = starts.topk(min(keep + fork.kept, len(starts))).indices.tolist()
    return best


def log_sums(logits: "torch.Tensor") -> "torch.Tensor":
    """Log-sum-exp of logits `(n, vocabulary)`: `(n,) float32`.

    A few rows at a time, so that the intermediate values fit into the processor's cache.
    """
    import torch

    rows = max(1, SUMMED_LOGITS // logits.shape[-1])
    return torch.cat([some.float().logsumexp(-1) for some in logits.split(rows)])
