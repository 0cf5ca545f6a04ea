"""Canonical paths, and whether one path lies within another.

A folder is the same through a link, by a relative path, in another case or Unicode form where the
file system ignores these, or mounted twice. Knows no catalog and reads no file.
"""

import os
import unicodedata
from pathlib import Path, PurePath


def composed(name: str) -> str:
    """A name or path normalised for comparison: with slashes, and in NFC.

    macOS gives some names in NFD, and on Windows paths are typed with backslashes.
    """
    return unicodedata.normalize("NFC", name.replace(os.sep, "/"))


def real(path: str | os.PathLike[str]) -> Path:
    """The absolute path without links, spelled as the parent folders list their entries.

    Raises:
        OSError: the file system does not answer.
    """
    found = Path(os.path.realpath(path))
    spelled = Path(found.anchor)
    for part in found.parts[1:]:
        spelled /= _listed(spelled, part)
    return spelled


def within(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str | None:
    """`path` relative to `folder`, with slashes: empty for the folder itself; None if outside.

    Neither has to exist. An existing folder is recognised by any of its names.
    """
    place = PurePath(path)
    if place.is_relative_to(folder):
        return _slashed(place.relative_to(folder))
    identity = _identity(folder)
    if identity is None:  # it does not exist: compare names alone
        parts = len(PurePath(folder).parts)
        alike = composed(str(PurePath(*place.parts[:parts]))) == composed(str(PurePath(folder)))
        return _slashed(PurePath(*place.parts[parts:])) if alike else None
    for above in (place, *place.parents):
        if _identity(above) == identity:
            return _slashed(place.relative_to(above))
    return None


def _slashed(path: PurePath) -> str:
    return "" if path == PurePath() else path.as_posix()


def _listed(folder: Path, name: str) -> str:
    """The name by which `folder` lists its entry `name`; as given if it cannot be found."""
    names: list[str] = []
    try:
        names = os.listdir(folder)
        if name in names:
            return name
        wanted = os.lstat(folder / name)
        alike = [one for one in names if one.casefold() == name.casefold() or not one.isascii()]
        for one in alike:
            if os.path.samestat(os.lstat(folder / one), wanted):
                return one
    except OSError:  # not there under this name, or not to be listed
        alike = [one for one in names if composed(one) == composed(name)]
        return alike[0] if len(alike) == 1 else name
    return name


def _identity(folder: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Device and inode of a path; None if it does not exist or has no inode."""
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
