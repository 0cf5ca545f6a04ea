"""Thread-safe lazy attributes: computed on first use, and only once."""

import threading
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")
_LOCK = "_once_lock"


class once(Generic[T]):  # noqa: N801  # used as `property` is
    """As `functools.cached_property`, which since Python 3.12 has no lock.

    There is one reentrant lock for each object, since a part may need others of the same object.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Store the name of the attribute."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | Self:
        """Compute the part; called only once, since then the instance attribute hides this one."""
        if instance is None:
            return self
        parts = vars(instance)
        with parts.setdefault(_LOCK, threading.RLock()):
            if self._name not in parts:
                parts[self._name] = self._make(instance)
            part: T = parts[self._name]
            return part


def drop_parts(instance: object, names: tuple[str, ...]) -> None:
    """Drop these parts, so that they are computed again; who has them keeps them."""
    parts = vars(instance)
    with parts.setdefault(_LOCK, threading.RLock()):
        for name in names:
            parts.pop(name, None)


def forget_parts(instance: object, names: tuple[str, ...]) -> None:
    """Drop these parts and the lock, so that they are computed again (after a fork)."""
    for name in (*names, _LOCK):
        vars(instance).pop(name, None)
