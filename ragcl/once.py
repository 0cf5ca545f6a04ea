"""A part of an object that is made when it is first needed, and once, whichever thread needs it.

Knows nothing of what is made.
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
_LOCK = "_once_lock"


class once(Generic[T]):  # noqa: N801  # used as `property` is
    """As `functools.cached_property`, whose function several threads may call since Python 3.12.

    One lock an object: a part may need others of the same object.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Remember by which name the part is kept."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | Self:
        """The part; asked for only until it is there, since then the object has it by this name."""
        if instance is None:
            return self
        parts = vars(instance)
        with parts.setdefault(_LOCK, threading.RLock()):
            if self._name not in parts:
                parts[self._name] = self._make(instance)
            part: T = parts[self._name]
            return part


def forget_parts(instance: object, names: tuple[str, ...]) -> None:
    """Let these parts be made anew; whoever was making one in another thread is gone."""
    for name in (*names, _LOCK):
        vars(instance).pop(name, None)
