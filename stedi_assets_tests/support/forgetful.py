"""A Dagster instance for runs whose outcome a test reads from the lake and from the result of the run."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage


@cache
def forgetful_instance() -> dg.DagsterInstance:
    """An instance in memory that knows its runs, but keeps none of their events.

    There is one for a process, as to create its schema takes longer than to plan a small run.
    """
    instance = dg.DagsterInstance.ephemeral()
    instance._event_storage = _Forgetful()
    instance._event_storage.register_instance(instance)
    instance._run_storage.set_cursor_values = lambda pairs: None  # many lakes of tests share it
    instance.dispose = lambda: None  # type: ignore[method-assign]  # the end of a run is not its end
    return instance


class _Forgetful(InMemoryEventLogStorage):
    def store_event(self, event: Any) -> None:
        """Drops the event."""

    def store_event_batch(self, events: Sequence[Any]) -> None:
        """Drops the events."""
