"""A package that lies beside ragcl and whose name a program may have given to a module of its own.

Knows no package.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def package(name: str) -> Iterator[None]:
    """In this block `import name` finds the package beside ragcl; after it, what it found before.

    So a script of a user that is called like the package neither hides it nor is hidden.
    """
    theirs = _loaded(name)
    for key in theirs:
        del sys.modules[key]
    sys.path.insert(0, str(HOME))
    try:
        yield
    finally:
        sys.path.remove(str(HOME))
        # Its own modules stay, since it imports from them; only its name is given back.
        sys.modules.pop(name, None)
        sys.modules.update(theirs)


def _loaded(name: str) -> dict[str, ModuleType]:
    """The modules that are loaded by this name, and are not those of the package."""
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None)
    if module is None or (place and Path(place).resolve().is_relative_to(HOME / name)):
        return {}
    below = f"{name}."
    return {key: one for key, one in sys.modules.items() if key == name or key.startswith(below)}
