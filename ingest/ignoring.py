"""Ignored paths: by `.gitignore` files, and by the patterns of the settings.

Knows paths relative to one folder; knows no file formats.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_MAX_BYTES = 100_000
# A `.gitignore` comes with the documents, so it is not trusted: each star in one part of a path
# multiplies the time that matching a long name may take.
_MAX_STARS = 3
_MAX_PATTERN = 1_000


class Ignored:
    """Whether a path is ignored. `read` the `.gitignore` files from the top down.

    Args:
        include: Patterns; if there are any, a file has to match one.
        exclude: Patterns that no `.gitignore` can negate.

    Raises:
        ValueError: A pattern is invalid.
    """

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        """Compile the patterns of the settings."""
        self._include = _spec(include) if include else None
        self._exclude = _spec(exclude)
        self._specs: dict[str, GitIgnoreSpec] = {}

    def read(self, path: Path, prefix: str) -> None:
        """Read the `.gitignore` at `path`; it applies to paths that begin with `prefix`.

        As with git, an unreadable file and an invalid line are ignored. So are files of over 100 kB
        and patterns that could take long to match.
        """
        try:
            status = os.stat(path, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
                return
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        patterns = [pattern for line in lines for pattern in _pattern(_composed(line))]
        self._specs[_composed(prefix)] = GitIgnoreSpec(patterns)

    def __call__(self, path: str, *, is_folder: bool) -> bool:
        """Whether this path, whose parents are not ignored, is ignored."""
        path = _composed(path)
        name = f"{path}/" if is_folder else path
        if self._exclude.match_file(name):
            return True
        # The nearest `.gitignore` with a matching pattern decides.
        parents = path.split("/")[:-1]
        for depth in range(len(parents), -1, -1):
            prefix = "".join(f"{parent}/" for parent in parents[:depth])
            spec = self._specs.get(prefix)
            verdict = spec.check_file(name[len(prefix) :]).include if spec else None
            if verdict is not None:
                if verdict:
                    return True
                break
        return not is_folder and self._include is not None and not self._include.match_file(name)


def _spec(patterns: Sequence[str]) -> GitIgnoreSpec:
    """The patterns of the settings, compiled."""
    try:
        return GitIgnoreSpec.from_lines(map(_composed, patterns))
    except (ValueError, re.error) as error:
        raise ValueError(f"not all of {list(patterns)} are patterns: {error}") from None


def _composed(name: str) -> str:
    """A path or pattern in the form (NFC) in which they are compared; macOS has names in NFD."""
    return unicodedata.normalize("NFC", name)


def _pattern(line: str) -> Sequence[GitIgnoreSpecPattern]:
    """The pattern in a line of a `.gitignore`; empty if it is invalid or costly."""
    stars = max(len(re.findall(r"\*+", part)) for part in line.split("/"))
    if stars > _MAX_STARS or len(line) > _MAX_PATTERN:
        return ()
    try:
        return GitIgnoreSpec.from_lines([line]).patterns
    except (ValueError, re.error):
        return ()
