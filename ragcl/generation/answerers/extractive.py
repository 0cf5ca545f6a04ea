"""Extractive answers: a phrase or a quotation of the passages, or an abstention.

Nothing is invented: the text of every answer stands in a passage. Knows no log.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ragcl.catalog.passage import Passage
from ragcl.generation.answerers.draft import Draft, Job, unanswered
from ragcl.generation.influence import Shown
from ragcl.generation.judging import Judgement, JudgingReader
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.narrowing import Sentence, excerpts
from ragcl.generation.quotes import quotes
from ragcl.generation.quoting import Quoter, choose
from ragcl.generation.scoring import Prompt
from ragcl.once import once
from ragcl.results import Form
from ragcl.settings import AnsweringSettings


class Extractive:
    """Answers that are read in the passages."""

    def __init__(
        self, model: LanguageModel, reader: JudgingReader, settings: AnsweringSettings
    ) -> None:
        self._model = model
        self._reader = reader
        self._settings = settings

    @once
    def _quoter(self) -> Quoter:
        return Quoter(self._model, self._reader.prompts)

    def draft(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """The answers: phrases, quotations and abstentions."""
        drafts = []
        ranked = self.rank(jobs)
        for job, sentences in zip(jobs, ranked, strict=True):
            drafts.append(self._draft(job, sentences))
            progress(1)
        return drafts

    def rank(self, jobs: Sequence[Job]) -> list[list[Sentence]]:
        """The sentences of the passages found for each job, the best last."""
        return self._reader.rank([job.question for job in jobs], [job.retrieval for job in jobs])

    def judge(self, job: Job, ranked: Sequence[Sentence]) -> Judgement:
        """The form that the answer to a job should take."""
        return self._reader.judge(
            job.question,
            job.retrieval,
            ranked,
            self._settings.false_abstentions,
            doubt=job.decision.doubt is not None,
        )

    def quotation(
        self, job: Job, ranked: Sequence[Sentence], tokens: int, likely: Mapping[str, float]
    ) -> Draft:
        """The sentences that answer, word for word; chosen by the base model alone."""
        weights, more = self._quoter.weigh(job.question, ranked)
        said: dict[str, list[str]] = {}
        for one in choose(weights):
            said.setdefault(one.content_hash, []).append(one.text)
        support = _supporting(job, list(said))
        text = "\n".join(one.text for hit in support for one in quotes(hit, said[hit.content_hash]))
        share = max((one.begins for one in weights), default=0.0)
        decision = replace(job.decision, route="context", adapter=None)
        return Draft(
            decision,
            Completion(text, (), math.log(share) if share else 0.0),
            tokens + more,
            support,
            form="quotation",
            said=said,
            forms=likely,
        )

    def prompt(self, question: str, texts: Sequence[str]) -> Prompt:
        """The prompt that shows these pieces of passages."""
        return self._reader.prompts.with_context(question, texts, self._settings.context_tokens)

    def shown(self, job: Job, form: Form) -> list[Shown]:
        """The pieces of the passages in the prompt of an answer of this form, in its order."""
        [ranked] = self.rank([job])
        reads = self._quoter if form == "quotation" else self._reader
        sentences = reads.fitting(ranked)
        return [Shown(one.text, one.content_hash) for one in excerpts(sentences)]

    def _draft(self, job: Job, ranked: Sequence[Sentence]) -> Draft:
        wanted = self._settings.reading
        if wanted == "quote":
            return self.quotation(job, ranked, 0, {})
        seen = self.judge(job, ranked)
        if seen.form == "none":
            return unanswered(job.decision, seen)
        outlook, tokens, adapter = seen.outlook, seen.prompt_tokens, job.decision.adapter
        reading = outlook.reading
        if seen.form == "phrase" and adapter is not None and not outlook.looked_up:
            reading = self._reader.read(job.question, job.retrieval, seen.shown, adapter)
            tokens += len(self._reader.prompt(job.question, seen.shown).ids)
        # If a phrase is doubtful, its sentences are quoted.
        sure = self._reader.forms.sure
        scrap = reading is None or seen.form == "quotation" or reading.trust < sure
        if reading is None or (scrap and wanted == "auto"):
            return self.quotation(job, ranked, tokens, seen.likely)
        own = [one.text for one in seen.shown if reading.holds(one)][-1:]
        sources = [reading.content_hash, *(one.content_hash for one in reversed(seen.shown))]
        return Draft(
            job.decision,
            Completion(reading.answer, reading.ids, reading.logprob),
            tokens,
            _supporting(job, sources),
            reading,
            said={reading.content_hash: own},
            forms=seen.likely,
        )


def _supporting(job: Job, keys: Sequence[str]) -> tuple[Passage, ...]:
    """The hits with these content hashes, each once and in this order."""
    by_hash = {hit.content_hash: hit for hit in job.retrieval.hits}
    return tuple(by_hash[key] for key in dict.fromkeys(keys))
