"""Written answers: text that the model writes from the passages, checked against them.

A sentence that no passage supports is left out; if none is left, the passages are quoted. Knows no
log.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from ragcl.catalog.passage import Passage
from ragcl.generation.answerers.draft import Draft, Job, unanswered
from ragcl.generation.answerers.extractive import Extractive
from ragcl.generation.influence import Shown
from ragcl.generation.language_model import Completion, LanguageModel
from ragcl.generation.narrowing import Sentence
from ragcl.generation.passages import Beside, joined
from ragcl.generation.reading import Reader
from ragcl.generation.scoring import Prompt
from ragcl.generation.writing import Checker, Written
from ragcl.generation.writing import joined as joined_text
from ragcl.settings import AnsweringSettings


class Writer:
    """Answers that are written freely."""

    def __init__(
        self,
        model: LanguageModel,
        reader: Reader,
        extractive: Extractive,
        beside: Beside,
        settings: AnsweringSettings,
    ) -> None:
        """`extractive` decides whether to abstain; `beside` gives the chunks around a passage."""
        self._model = model
        self._reader = reader
        self._extractive = extractive
        self._beside = beside
        self._settings = settings

    def draft(self, jobs: Sequence[Job], progress: Callable[[int], None]) -> list[Draft]:
        """The answers: of what the model writes, the sentences that the passages support.

        The reader decides whether to abstain, as it was calibrated. A small model that is told how
        to abstain abstains from half of the questions that it could answer.
        """
        ranked = self._extractive.rank(jobs)
        seen = [self._extractive.judge(job, some) for job, some in zip(jobs, ranked, strict=True)]
        drafts = {
            i: unanswered(jobs[i].decision, one) for i, one in enumerate(seen) if one.form == "none"
        }
        progress(len(drafts))
        for adapter in dict.fromkeys(job.decision.adapter for job in jobs):
            places = [
                i
                for i, job in enumerate(jobs)
                if job.decision.adapter == adapter and i not in drafts
            ]
            prompts = [self._prompt_of(jobs[i]) for i in places]
            completions = self._model.generate(
                [prompt for prompt, _ in prompts],
                adapter=adapter,
                max_new_tokens=self._settings.max_new_tokens,
                progress=progress,
            )
            for i, (prompt, support), completion in zip(places, prompts, completions, strict=True):
                kept = _checker(support).checked(completion.text)
                tokens = seen[i].prompt_tokens + len(prompt.ids)
                drafts[i] = self._kept(jobs[i], ranked[i], tokens, support, completion, kept)
        return [drafts[i] for i in range(len(jobs))]

    def stream(self, job: Job) -> Generator[str, None, Draft]:
        """As `draft`, but each kept sentence is streamed at once; of an abstention, nothing."""
        [ranked] = self._extractive.rank([job])
        seen = self._extractive.judge(job, ranked)
        if seen.form == "none":
            return unanswered(job.decision, seen)
        prompt, support = self._prompt_of(job)
        last = Completion("", (), 0.0)

        def pieces() -> Iterator[str]:
            nonlocal last
            for piece in self._model.stream(
                prompt,
                adapter=job.decision.adapter,
                max_new_tokens=self._settings.max_new_tokens,
            ):
                if isinstance(piece, Completion):
                    last = piece
                else:
                    yield piece

        kept: list[Written] = []
        shown = ""
        for sentence in _checker(support).stream(pieces()):
            kept.append(sentence)
            text = joined_text(kept)
            yield text[len(shown) :]
            shown = text
        tokens = seen.prompt_tokens + len(prompt.ids)
        draft = self._kept(job, ranked, tokens, support, last, kept)
        if not kept:
            yield draft.completion.text
        return draft

    def prompt(self, question: str, texts: Sequence[str]) -> Prompt:
        """The prompt that asks for a text from these passages."""
        return self._reader.prompts.for_writing(question, texts, self._settings.context_tokens)

    def shown(self, job: Job) -> list[Shown]:
        """The passages in the prompt of an answer, in its order."""
        return [Shown(hit.headed, hit.content_hash) for hit in self._support(job)]

    def _prompt_of(self, job: Job) -> tuple[Prompt, tuple[Passage, ...]]:
        """The prompt of a job, and the hits in it."""
        support = self._support(job)
        texts = [hit.headed for hit in support]
        return self.prompt(job.question, texts), tuple(support)

    def _support(self, job: Job) -> list[Passage]:
        """The hits that fit into the prompt, with what is beside them."""
        hits = job.retrieval.hits
        budget = self._settings.context_tokens
        shown = hits[: self._reader.prompts.fitting([hit.headed for hit in hits], budget)]
        return joined(shown, self._beside, self._reader.prompts.count_tokens, budget)

    def _kept(
        self,
        job: Job,
        ranked: Sequence[Sentence],
        tokens: int,
        support: tuple[Passage, ...],
        completion: Completion,
        kept: Sequence[Written],
    ) -> Draft:
        """The draft of the written sentences that stay; a quotation if none does."""
        if not kept:
            return self._extractive.quotation(job, ranked, tokens, {})
        said: dict[str, list[str]] = {}
        for one in kept:
            for number, sentence in one.rests_on:
                said.setdefault(support[number].content_hash, []).append(sentence)
        text = replace(completion, text=joined_text(kept))
        return Draft(job.decision, text, tokens, support, form="written", said=said)


def _checker(support: Sequence[Passage]) -> Checker:
    return Checker([hit.headed for hit in support])
