"""Imports a package that lies beside ragcl, even if the user's program has a module of that name.

Knows no particular package.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HOME = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def package(name: str) -> Iterator[None]:
    """Within this context `import name` finds the package beside ragcl; after it, as before.

    So a user's script of the same name neither hides the package nor is hidden by it.
    """
    theirs = _loaded(name)
    for key in theirs:
        del sys.modules[key]
    sys.path.insert(0, str(HOME))
    try:
        yield
    finally:
        sys.path.remove(str(HOME))
        # The package's submodules stay loaded, since it imports them later; only its name goes.
        sys.modules.pop(name, None)
        sys.modules.update(theirs)


def _loaded(name: str) -> dict[str, ModuleType]:
    """The loaded modules of this name that are not the package's."""
    module = sys.modules.get(name)
    place = getattr(module, "__file__", None)
    if module is None or (place and Path(place).resolve().is_relative_to(HOME / name)):
        return {}
    below = f"{name}."
    return {key: one for key, one in sys.modules.items() if key == name or key.startswith(below)}
