"""A cache that several threads share: each value is computed by one of them."""

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar

Value = TypeVar("Value")


class ComputedOnce:
    """Keeps values by key; a value is computed by the first thread that asks for it."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, RLock] = {}
        self._lock = RLock()

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Returns the value of a key, computing it if there is none yet."""
        # One lock per key: a thread that needs another value does not wait for the query of this one.
        with self._lock:
            lock = self._locks.setdefault(key, RLock())
        with lock:
            if key not in self._values:
                self._values[key] = compute()
            value: Value = self._values[key]
            return value
