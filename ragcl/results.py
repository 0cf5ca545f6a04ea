"""The results of the public calls: frozen dataclasses, each readable as one line by `str`.

`to_dict` gives what the command line prints as JSON. Knows nothing of how results are computed.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from ragcl.printing import one_line, place, shortened

Mode = Literal["auto", "context", "weights", "both"]
Route = Literal["context", "weights", "both", "none"]
Form = Literal["phrase", "quotation", "written", "none"]
Role = Literal["embedder", "language_model"]
MODES: tuple[Mode, ...] = ("auto", "context", "weights", "both")


SELDOM = ("asked", "forgotten")  # keys that plain data has only if they are set


def to_dict(result: Any) -> dict[str, Any]:
    """A result dataclass as JSON-ready plain data."""
    return {name: _plain(getattr(result, name)) for name in _names(result)}


def _names(result: Any) -> list[str]:
    """The fields of a result that its plain data has."""
    names = [one.name for one in dataclasses.fields(result)]
    return [name for name in names if name not in SELDOM or getattr(result, name)]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


class Readable(Mapping[str, Any]):
    """A result dataclass whose fields can be read by name: `trace["reason"]` is plain data."""

    def __getitem__(self, name: str) -> Any:
        """A field as `to_dict` has it."""
        if name not in _names(self):
            raise KeyError(name)
        return _plain(getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        """The names that `to_dict` has."""
        return iter(_names(self))

    def __len__(self) -> int:
        """How many they are."""
        return len(_names(self))


@dataclass(frozen=True)
class Failure:
    """One file that could not be ingested; its last good version stays in use."""

    path: str
    reason: str

    def __str__(self) -> str:
        """The file and the reason."""
        return f"{one_line(self.path)}: {one_line(self.reason)}"


@dataclass(frozen=True)
class IngestReport:
    """The changes that one ingest made; paths are relative to the root.

    `left_out` names each file of which something was not read. A file without any text is there
    and not in `added`; it is in `updated` if it had text before. `chunks_added` and
    `chunks_removed` count distinct contents in the whole knowledge base: text that is only moved
    or repeated does not count.
    """

    root: str
    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    skipped: list[Failure] = field(default_factory=list)
    left_out: list[Failure] = field(default_factory=list)
    chunks_added: int = 0
    chunks_removed: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """The number of files of each kind."""
        kinds = ("added", "updated", "unchanged", "deleted", "failed")
        files = ", ".join(f"{len(getattr(self, kind))} {kind}" for kind in kinds)
        return (
            f"{files}; {self.chunks_added} chunks added, {self.chunks_removed} removed; "
            f"{self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class Hit:
    """One retrieved chunk; `score` is the cosine similarity in [-1, 1].

    Hits are ranked by `fused`, the sum of the calibrated similarity (0: as unrelated texts, 1: as a
    question and its answer) and of the weighted share of matching words, `lexical` in [0, 1].
    `source` is the path of the file relative to `root`, the ingested folder. The files `elsewhere`
    have the same text; those that it `supersedes` have an older version. A chunk with `flags` is
    found but never learned: `instructions` (it addresses a model), `garbled`, `low-quality`,
    `untrusted` (its folder is).
    """

    text: str
    score: float
    source: str
    lines: tuple[int, int] | None
    heading: str
    content_hash: str
    page: int | None = None
    root: str = ""
    elsewhere: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    lexical: float = 0.0
    fused: float = 0.0

    def __str__(self) -> str:
        """The score, the place and the beginning of the text."""
        where = place(self.source, self.lines, self.page, self.heading)
        return f"{self.score:.2f}  {where}  {shortened(self.text)}"


@dataclass(frozen=True)
class Citation:
    """A passage that supports an answer; `lines` are its first and last line in the file (1-based).

    `elsewhere`, `supersedes` and `flags` are those of the `Hit`.
    """

    source: str
    lines: tuple[int, int] | None
    heading: str
    text: str
    score: float
    page: int | None = None
    root: str = ""
    content_hash: str = ""
    elsewhere: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The place and the score."""
        where = place(self.source, self.lines, self.page, self.heading)
        return f"{where}  ({self.score:.2f})"


@dataclass(frozen=True)
class Quote:
    """Consecutive sentences of a source, word for word.

    `lines` are the first and last line in the file (1-based), or those of the citation if they are
    unknown. `elsewhere`, `supersedes` and `flags` are those of the `Hit`.
    """

    text: str
    source: str
    lines: tuple[int, int] | None
    heading: str = ""
    page: int | None = None
    content_hash: str = ""
    elsewhere: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The words and the place."""
        where = place(self.source, self.lines, self.page, self.heading)
        return f"\u201c{shortened(self.text)}\u201d  {where}"


@dataclass(frozen=True)
class TracedHit:
    """A `Hit` in the trace of an answer; its scores are rounded to four digits."""

    source: str
    heading: str
    score: float
    lexical: float
    fused: float
    content_hash: str
    elsewhere: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The score and the place."""
        return f"{self.score:.2f}  {place(self.source, None, None, self.heading)}"


_Kind = TypeVar("_Kind", Hit, Citation, Quote, TracedHit)


def seen_as(kind: type[_Kind], hit: Hit, **changes: Any) -> _Kind:
    """A hit as another kind of result, with its fields, except for the changes."""
    known = {one.name: getattr(hit, one.name) for one in dataclasses.fields(kind)}
    return kind(**{**known, **changes})


def traced(hit: Hit) -> TracedHit:
    """The hit for the trace of an answer."""
    scores = {name: round(getattr(hit, name), 4) for name in ("score", "lexical", "fused")}
    return seen_as(TracedHit, hit, **scores)


@dataclass(frozen=True)
class Chosen:
    """The filter of a question, as given to `KnowledgeBase.search`.

    Files last changed at `since_ns` or later and before `until_ns` (ns since the epoch) pass.
    """

    source: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The conditions."""
        asked = {"source": self.source, **self.metadata}
        return ", ".join(f"{one_line(k)} {one_line(v)}" for k, v in asked.items() if v)


@dataclass(frozen=True)
class Trace(Readable):
    """How an answer was made.

    `asked` is the question as it was asked, if a conversation rewrote it. `reason` says why the
    route was taken; `tried` is the route that was tried first. `adapter` answered, one of the
    active set `adapter_set`; None: the base model did. `features` are the values that the router
    compared with its thresholds, `forms` the reader's log-probabilities of the forms of answer
    (nats). `support` has the content hashes of the `hits` that support the answer, the most
    important first. `chosen` is the filter; None: all documents. The trace of an answer that
    showed text `forgotten` since has no other field.
    """

    asked: str | None = None
    reason: str = ""
    tried: Route | None = None
    adapter: str | None = None
    adapter_set: int | None = None
    features: dict[str, float] | None = None
    form: Form = "phrase"
    forms: dict[str, float] = field(default_factory=dict)
    prompt_tokens: int | None = None
    chosen: Chosen | None = None
    support: tuple[str, ...] = ()
    hits: tuple[TracedHit, ...] = ()
    forgotten: bool = False

    def __str__(self) -> str:
        """The reason."""
        return one_line(self.reason)


@dataclass(frozen=True)
class Answer:
    """One answer; `id` is 0 if it is not in the log.

    `form` is a `phrase`, a `quotation` of the source, `written` text, or `none` for an abstention,
    which has the `nearest` passage. `quotes` are the sentences that support it, on every route.
    `confidence` is the mean log-probability of its tokens (nats); `trace` says how it was made.
    """

    id: int
    question: str
    text: str
    route: Route
    mode: Mode
    citations: list[Citation]
    abstained: bool
    prompt_tokens: int
    answer_tokens: int
    confidence: float
    seconds: float
    trace: Trace
    form: Form = "phrase"
    quotes: list[Quote] = field(default_factory=list)
    nearest: Citation | None = None

    def __str__(self) -> str:
        """The text, the route and the first source."""
        first = self.citations[0] if self.citations else None
        where = f", {place(first.source, first.lines, first.page)}" if first else ""
        return f"{shortened(self.text)}  ({self.route}{where})"


@dataclass(frozen=True)
class RoutingRisk:
    """The risk of answers that the router takes from the weights.

    It is measured on a split of questions that did not choose the thresholds. Of these `trials`,
    `routed` are answered from the weights, and `right` of those agree with the answer in context.
    The share of right answers among all such questions is at least `at_least`, with `confidence`.
    Of `near_misses`, whose answers were not trained, `let_through` are answered from the weights.
    """

    trials: int
    routed: int
    right: int
    at_least: float
    confidence: float
    near_misses: int
    let_through: int

    def __str__(self) -> str:
        """The measured and the guaranteed share of right answers."""
        return (
            f"{self.right} of {self.routed} routed trials are right; at least {self.at_least:.2f} "
            f"of such questions are, with confidence {self.confidence:g}"
        )


@dataclass(frozen=True)
class GateTest(Readable):
    """One test of the gate: the figure, its limit, and whether it `passed`."""

    name: str
    value: float
    limit: float
    passed: bool

    def __str__(self) -> str:
        """The figure, and whether it is within its limit."""
        verdict = "meets" if self.passed else "misses"
        return f"{self.name} {self.value:.3f} {verdict} {self.limit:.3f}"


@dataclass(frozen=True)
class TrainedChunk(Readable):
    """A chunk that a round trained: how many of its questions were `trained` and `held_out`.

    `proved` says whether it passed verification, `promoted` whether its adapter is active.
    """

    content_hash: str
    source: str
    heading: str
    trained: int
    held_out: int
    proved: bool
    promoted: bool

    def __str__(self) -> str:
        """Its place, and what became of it."""
        verdict = "proved" if self.proved else "not proved"
        return f"{place(self.source, None, None, self.heading)}  {verdict}"


@dataclass(frozen=True)
class ChunkLeftOut(Readable):
    """A chunk that a round did not learn, or not in whole, and the reason."""

    source: str
    content_hash: str
    reason: str

    def __str__(self) -> str:
        """The file and the reason."""
        return f"{one_line(self.source)}: {one_line(self.reason)}"


@dataclass(frozen=True)
class RouteCost(Readable):
    """How many logged answers took a route, and their mean number of prompt tokens."""

    answers: int
    mean_prompt_tokens: float

    def __str__(self) -> str:
        """Both figures."""
        return f"{self.answers} answers, {self.mean_prompt_tokens:.0f} prompt tokens each"


@dataclass(frozen=True)
class ConsolidationReport(Readable):
    """The result of one round.

    `status` is `promoted`, `rejected` (every candidate failed the gate), `interrupted` (it was
    killed, or reached its time limit before a candidate was verified) or `nothing due`; in a worker
    process of a round, `trained along`. `unfinished` are the shards that were not verified in time:
    the next round continues with them.
    `metrics` holds the figures the gate decided on, `gate` each test with its verdict. `learned`
    lists the chunks that were trained. `risks` has, by adapter that was tested, how far its answers
    in `auto` can be trusted. `left_out` lists the chunks that were not learned;
    `questions_left_out` counts, by reason, the questions about the selected chunks that are not
    learned.
    `retention` is the share of what earlier rounds promoted as proved, and is still selected, that
    this round proved again. `prompt_tokens` has, by route, what the answers cost that were logged
    since the last round; `tokens_saved` is what those from the weights saved. None: there is
    nothing to compare with. `last_ask` is the id of the last of these answers.
    """

    round_id: int | None
    status: Literal["promoted", "rejected", "interrupted", "nothing due", "trained along"]
    reason: str
    adapter_ids: list[str] = field(default_factory=list)
    chunks_selected: int = 0
    chunks_proved: int = 0
    questions_trained: int = 0
    questions_held_out: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    gate: list[GateTest] = field(default_factory=list)
    learned: list[TrainedChunk] = field(default_factory=list)
    left_out: list[ChunkLeftOut] = field(default_factory=list)
    questions_left_out: dict[str, int] = field(default_factory=dict)
    retention: float | None = None
    prompt_tokens: dict[str, RouteCost] = field(default_factory=dict)
    tokens_saved: float | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)
    report_path: str | None = None
    last_ask: int = 0
    unfinished: list[str] = field(default_factory=list)
    risks: dict[str, RoutingRisk] = field(default_factory=dict)

    def __str__(self) -> str:
        """The status, the reason, and how much was learned."""
        said = self.status + (f": {one_line(self.reason)}" if self.reason else "")
        if not self.questions_trained:
            return said
        return (
            f"{said}; {self.chunks_selected} hot chunks, {self.questions_trained} questions "
            f"trained, {self.chunks_proved} chunks proved"
        )


@dataclass(frozen=True)
class EvaluatedQuestion:
    """One question of an evaluation: its accepted answers, the answer and its scores."""

    question: str
    answers: list[str]
    text: str
    route: Route
    correct: bool
    exact_match: float
    f1: float
    prompt_tokens: int
    seconds: float

    def __str__(self) -> str:
        """The verdict, the question, the answer and the route."""
        mark = "right" if self.correct else "wrong"
        return f"{mark}: {shortened(self.question)} {shortened(self.text)}  ({self.route})"


@dataclass(frozen=True)
class EvaluationReport:
    """Accuracy of one mode on a question file.

    `accuracy` counts an answer that contains an accepted string (normalised); `exact_match` and
    `f1` are SQuAD's (Rajpurkar et al. 2016), the best over the accepted strings.
    """

    mode: Mode
    questions: int
    accuracy: float
    exact_match: float
    f1: float
    abstained: float
    routes: dict[str, int]
    mean_prompt_tokens: float
    seconds: float
    details: list[EvaluatedQuestion] = field(default_factory=list)

    def __str__(self) -> str:
        """The figures."""
        return (
            f"{self.questions} questions by {self.mode}: accuracy {self.accuracy:.3f}, "
            f"EM {self.exact_match:.3f}, F1 {self.f1:.3f}, abstained {self.abstained:.3f}, "
            f"{self.mean_prompt_tokens:.0f} prompt tokens"
        )


@dataclass(frozen=True)
class Evaluation:
    """The stored scores of one evaluation, as in `EvaluationReport`.

    `file` and `sha256` are those of the question file; `evaluated_at` is in seconds since the
    epoch. `adapter_set`, made in the round `round_id`, was active; None: no adapter was.
    `from_weights` is the share of questions that the weights answered.
    """

    evaluated_at: float
    file: str
    sha256: str
    mode: str
    adapter_set: int | None
    round_id: int | None
    questions: int
    accuracy: float
    exact_match: float
    f1: float
    abstained: float
    from_weights: float
    mean_prompt_tokens: float
    seconds: float

    def __str__(self) -> str:
        """The figures."""
        return (
            f"{self.questions} questions of {one_line(self.file)} by {self.mode}: "
            f"accuracy {self.accuracy:.3f}, {self.from_weights:.3f} from the weights"
        )


@dataclass(frozen=True)
class ForgetReport:
    """What was removed of one document, or of the `documents` of a folder.

    `in_weights` counts its chunks that active adapters had learned. Those adapters are removed: the
    index answers in their place, and the next round trains them again without it. `on_disk`: the
    file or folder still exists, so that the next ingest would read it again. Files `elsewhere` have
    some of the same text, which stays.
    """

    source: str
    chunks_removed: int
    in_weights: int
    on_disk: bool
    documents: int = 1
    elsewhere: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What was removed, and where some of the text stays."""
        several = f"{self.documents} documents, " if self.documents > 1 else ""
        gone = f"{one_line(self.source)}: {several}{self.chunks_removed} chunks forgotten"
        if not self.elsewhere:
            return gone
        more = f" and {len(self.elsewhere) - 1} more" if len(self.elsewhere) > 1 else ""
        return f"{gone}; some of its text stays in {one_line(self.elsewhere[0])}{more}"


@dataclass(frozen=True)
class ForgetAsksReport:
    """The number of `asks` that were removed, and of `adapters` that had learned from them.

    The index answers in place of those adapters, and the next round trains them again.
    """

    asks: int
    adapters: int

    def __str__(self) -> str:
        """The numbers."""
        return f"{self.asks} asks forgotten, {self.adapters} adapters removed"


@dataclass(frozen=True)
class RollbackReport:
    """The active set before and now (None: the index answers everything), with its adapters."""

    before: int | None
    now: int | None
    adapters: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The adapters that are active now."""
        return f"active now: {', '.join(self.adapters) or 'no adapter'}"


@dataclass(frozen=True)
class ModelNeed(Readable):
    """The memory that a model needs, in MB (2^20 bytes), and whether that is free.

    `weights_mb` is for its weights; `round_mb` the most that a process had during a round with this
    language model, 0 where that was not measured.
    """

    role: Role
    name: str
    weights_mb: int
    fits: bool
    round_mb: int = 0

    def __str__(self) -> str:
        """The model, what it needs and whether that fits."""
        took = f", and a round with it took {self.round_mb / 2**10:.1f} GB" if self.round_mb else ""
        return (
            f"{one_line(self.name)} {'fits' if self.fits else 'does not fit'}: its weights need "
            f"{self.weights_mb / 2**10:.1f} GB{took}"
        )


@dataclass(frozen=True)
class ModelsReport:
    """A change of the models, planned or (`done`) made.

    `chunks` are still to be embedded with the new embedder, in `expected_seconds`, as measured on a
    sample, of which the share `too_long` is longer than it reads: it knows their beginning. The
    adapters `retired` answer now and will not any more; those in `adapters` answer from then on.
    `needs` is the memory that the models need, of those that are chosen.
    """

    language_model: str
    embedder: str
    chunks: int = 0
    expected_seconds: float = 0.0
    too_long: float = 0.0
    retired: list[str] = field(default_factory=list)
    adapters: list[str] = field(default_factory=list)
    needs: list[ModelNeed] = field(default_factory=list)
    done: bool = False
    seconds: float = 0.0

    def __str__(self) -> str:
        """The models."""
        return f"language model {one_line(self.language_model)}, embedder {one_line(self.embedder)}"


@dataclass(frozen=True)
class Migration:
    """A change of the embedder under way: of so many chunks, these are `embedded` with the new."""

    embedder: str
    embedded: int
    chunks: int

    def __str__(self) -> str:
        """How far it is."""
        return f"{one_line(self.embedder)}: {self.embedded} of {self.chunks} chunks embedded"


@dataclass(frozen=True)
class ActiveAdapter(Readable):
    """An adapter that is active: how many `chunks` it learned, and how many of them are `proved`.

    `stale` are those whose text is no longer current, or may not be learned any more. `created_at`
    is in seconds since the epoch. One of another language model does not answer.
    """

    id: str
    created_at: float
    chunks: int
    proved: int
    stale: int
    answers: bool = True

    def __str__(self) -> str:
        """Its name and its chunks."""
        figures = f"{self.chunks} chunks, {self.proved} proved, {self.stale} no longer current"
        other = "" if self.answers else "; of another language model, so it does not answer"
        return f"adapter {self.id}: {figures}{other}"


@dataclass(frozen=True)
class Status:
    """The content of a knowledge base; `flagged` counts the chunks that are never learned, by flag.

    Nothing is learned from `untrusted` roots. `missing` roots do not exist now; their documents are
    still used. `left_out` names each file of which something was not read. `calibration` has the
    mean cosines of a question with unrelated `passages` and with its answer, and of unrelated
    `questions` and of wordings of one question; None before the first ingest. `embedder` is the
    setting of the embedder in use, and `migration` the change to another one that is not complete.
    """

    path: str
    roots: list[str]
    documents: int
    chunks: int
    asks: int
    failed: list[Failure]
    embedder: str
    language_model: str
    adapters: list[ActiveAdapter]
    rounds: int
    last_round: ConsolidationReport | None
    flagged: dict[str, int] = field(default_factory=dict)
    untrusted: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    left_out: list[Failure] = field(default_factory=list)
    calibration: dict[str, list[float]] | None = None
    migration: Migration | None = None

    def __str__(self) -> str:
        """The number of documents and chunks."""
        return f"{one_line(self.path)}: {self.documents} documents, {self.chunks} chunks"


@dataclass(frozen=True)
class ExplainedSource(Citation, Readable):
    """A passage that was retrieved for an answer, the best with `rank` 0.

    `lexical` and `fused` are those of the `Hit`. `cited` says whether the answer rests on it,
    `current` whether its text still is; the active `adapter`, if any, learned it at `learned_at`
    (seconds since the epoch). `influence` is how much more likely (nats) the answer is with it
    among the passages shown than without it; None if not measured, or its text is not current.
    """

    rank: int = 0
    lexical: float | None = None
    fused: float | None = None
    cited: bool = False
    current: bool = False
    adapter: str | None = None
    learned_at: float | None = None
    influence: float | None = None

    def __str__(self) -> str:
        """The place and the score."""
        return super().__str__()


@dataclass(frozen=True)
class Explanation:
    """Why an answer was given, and what has become of its sources since.

    `sources` are the passages that were retrieved, best first. `weights_influence` is how much more
    likely (nats) the answer is with the adapter than without it; None if not measured.
    """

    id: int
    asked_at: float
    question: str
    answer: str
    route: str
    mode: str
    reason: str
    adapter: str | None
    features: dict[str, float] | None
    sources: list[ExplainedSource]
    ratings: list[int]
    correction: str | None
    weights_influence: float | None = None

    def __str__(self) -> str:
        """The route and its reason."""
        return f"route {self.route} (mode {self.mode}): {one_line(self.reason)}"


@dataclass(frozen=True)
class DoctorReport:
    """The problems that were found, and those `remaining`: all, if repair was not asked for.

    `repaired`: there were problems, and none remains. `memory_mb` is the memory of this machine and
    `free_mb` what is free of it. `needed_mb` is for the weights of the models in use, and `fits`
    says of each model that is measured or in use what it needs.
    """

    problems: list[str]
    repaired: bool
    remaining: list[str] = field(default_factory=list)
    memory_mb: int = 0
    free_mb: int = 0
    needed_mb: int = 0
    fits: list[ModelNeed] = field(default_factory=list)

    def __str__(self) -> str:
        """The number of problems, and of those that remain."""
        if not self.problems:
            return "all well"
        return f"{len(self.problems)} problems, {len(self.remaining)} remaining"
