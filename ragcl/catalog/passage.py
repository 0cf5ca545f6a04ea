"""A passage: a current chunk with its place and, once a question retrieved it, its scores.

What is retrieved, shown to a model, cited and logged is one and the same. Knows no table and no
question.
"""

from dataclasses import dataclass

from ragcl.results import Hit

UNTRUSTED = "untrusted"  # the flag of a chunk that stands in no trusted root


@dataclass(frozen=True)
class Passage(Hit):
    """A hit with what only the stages need: `id` is that of the chunk, scores are 0 at first.

    Its place is the first it stands in (trusted ones, then the shortest path), and that file was
    last changed at `modified_ns` (ns since the epoch); those of the files `elsewhere` that are
    trusted are `vouched`. It is never learned for its `flags`: those of its text, and `untrusted`
    if it stands in no trusted root.
    """

    id: int = 0
    modified_ns: int = 0
    vouched: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether it stands in a file that may be learned from."""
        return UNTRUSTED not in self.flags

    @property
    def headed(self) -> str:
        """The chunk as a model reads it: its heading path, then its text."""
        return headed(self.heading, self.text)


def headed(heading: str, text: str) -> str:
    """A text below its heading path."""
    return f"{heading}\n{text}"
