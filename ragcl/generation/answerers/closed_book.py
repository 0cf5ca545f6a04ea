"""Closed-book answers: what an adapter was trained on, or what the base model says.

Every answer of an adapter is one that it was trained on about a passage found, which is its source.
Whether it may be served, its draft says. Knows no other route.
"""

from collections.abc import Sequence
from dataclasses import replace

from ragcl.catalog.learning import LearnedQuestion
from ragcl.generation.answerers.draft import Draft, Job
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.reading import Reader
from ragcl.generation.recall import by_nearness, likelihood_alone, recall
from ragcl.generation.recipe import READING
from ragcl.generation.routing import FIT, servable
from ragcl.generation.scoring import Prompt
from ragcl.text.answers import holds
from ragcl.text.sentences import split_sentences


class ClosedBook:
    """Answers without passages."""

    def __init__(self, model: LanguageModel, reader: Reader) -> None:
        self._model = model
        self._reader = reader

    def draft(self, jobs: Sequence[Job]) -> list[Draft]:
        """The answers; an adapter recalls, the base model generates."""
        drafts: dict[int, Draft] = {}
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [i for i, job in enumerate(jobs) if job.decision.adapter == adapter]
            some = [jobs[i] for i in places]
            said = self._generate(some) if adapter is None else self._recall(some, adapter)
            drafts.update(zip(places, said, strict=True))
        return [drafts[i] for i in range(len(jobs))]

    def prompt(self, question: str) -> Prompt:
        """The prompt that asks without passages."""
        return self._reader.prompts.closed_book(question)

    def _recall(self, jobs: Sequence[Job], adapter: str) -> list[Draft]:
        """Choose among the trained answers about the retrieved passages, so that each can be cited.

        If the very question was trained, likelihood alone chooses; otherwise the similarity of the
        questions is a prior.
        """
        taught = []
        for job in jobs:
            passages = [key for key in job.retrieval.found if key in job.snapshot.chosen]
            taught.append(job.snapshot.adapters.taught(adapter, passages, job.retrieval.vector))
        choices = [
            likelihood_alone(told)
            if job.decision.expected is not None
            else by_nearness(
                {
                    answer: job.retrieval.calibration.questions(cosine)
                    for answer, (cosine, _) in told.items()
                }
            )
            for job, told in zip(jobs, taught, strict=True)
        ]
        prompts = [self.prompt(job.question) for job in jobs]
        completions = recall(self._model, prompts, choices, adapter=adapter)
        drafts = []
        for job, told, prompt, said in zip(jobs, taught, prompts, completions, strict=True):
            learned = told[said.text][1] if said.text in told else None
            about = learned.content_hash if learned else ""
            source = tuple(hit for hit in job.retrieval.hits if hit.content_hash == about)
            held = [
                one for hit in source for one in split_sentences(hit.text) if holds(one, said.text)
            ]
            first = next(iter(job.retrieval.found), "")
            fit, more = self._fit(job, said, servable(told, said.text, first))
            decision = job.decision
            if fit is not None and more:
                decision = replace(decision, features={**(decision.features or {}), FIT: fit})
            tokens = len(prompt.ids) + more
            drafts.append(Draft(decision, said, tokens, source, said={about: held[:1]}, fit=fit))
        return drafts

    def _fit(
        self, job: Job, said: Completion, learned: LearnedQuestion | None
    ) -> tuple[float | None, int]:
        """The fit of a servable answer, if one is needed, and the length of the prompt it took.

        It is how much likelier the answer is than to the question that it was learned for, in nats.
        """
        decision = job.decision
        if decision.min_fit is None or learned is None or learned.likelihood is None:
            return None, 0
        if decision.min_confidence is not None and said.logprob < decision.min_confidence:
            return None, 0  # it is not served, whatever its fit
        best = job.retrieval.hits[0]
        found = self._reader.likelihood(job.question, best, learned.question, learned.answer)
        return (None, 0) if found is None else (round(found[0] - learned.likelihood, 4), found[1])

    def _generate(self, jobs: Sequence[Job]) -> list[Draft]:
        """Generate answers with the base model, without passages."""
        prompts = [self.prompt(job.question) for job in jobs]
        completions = self._model.generate(prompts, max_new_tokens=READING.written_tokens)
        # Without passages no text of this knowledge base supports it.
        return [
            Draft(job.decision, completion, len(prompt.ids), ())
            for job, prompt, completion in zip(jobs, prompts, completions, strict=True)
        ]
