"""Study: hot chunks to training rows, with the frozen base model reading the source as teacher.

Every question is retrieved for again, from the index as it is now. One that was answered from the
same sentences has been read already, and the reading was kept; the others are read, with all
adapters off. An answer is a span of the source, so it is supported by construction; one that the
teacher itself doubts is dropped. Trains nothing.
"""

from collections.abc import Callable, Collection, Sequence

from ragcl.catalog import Catalog
from ragcl.generation.reading import Reader, Reading, Sentence
from ragcl.retrieval.retriever import Retriever

MIN_TRUST = 0.25  # below it an answer is too doubtful to be learned
GROUP = 32  # questions read before their rows are stored: what a killed round loses at most


class Studier:
    """Reads the questions of hot chunks and keeps what was read in the catalog."""

    def __init__(
        self, catalog: Catalog, retriever: Retriever, reader: Reader, *, passages: int
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._reader = reader
        self._passages = passages

    @property
    def teacher(self) -> str:
        """Who reads, and in which way."""
        return self._reader.teacher

    def study(
        self,
        questions: Sequence[str],
        chunks: Collection[str],
        progress: Callable[[int], None],
    ) -> list[Reading]:
        """The readings of those questions whose answer stands in one of `chunks`."""
        kept = self._catalog.learning.study(chunks, self.teacher)
        readings: list[Reading] = []
        for start in range(0, len(questions), GROUP):
            group = questions[start : start + GROUP]
            retrievals = self._retriever.retrieve(group, self._passages)
            narrowed = self._reader.narrow(retrievals)
            fresh = []
            for question, retrieval, sentences in zip(group, retrievals, narrowed, strict=True):
                reading = Reading.from_json(kept[question]) if question in kept else None
                if reading is None or not _same_text(reading.sentences, sentences):
                    reading = self._reader.read(question, retrieval, sentences)
                    fresh += [] if reading is None else [reading]
                readings += [] if reading is None else [reading]
            self._catalog.learning.add_study(
                self.teacher, [(one.content_hash, one.question, one.to_json()) for one in fresh]
            )
            progress(len(group))
        return [one for one in readings if one.content_hash in chunks and one.trust >= MIN_TRUST]


def _same_text(one: Sequence[Sentence], other: Sequence[Sentence]) -> bool:
    return [sentence.text for sentence in one] == [sentence.text for sentence in other]
