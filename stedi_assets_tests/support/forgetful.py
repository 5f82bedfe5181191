"""A Dagster instance for runs whose outcome a test reads from the lake and from the result of the run."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage


def forgetful_instance() -> dg.DagsterInstance:
    """An instance in memory that knows its runs, but keeps none of their events."""
    instance = dg.DagsterInstance.ephemeral()
    instance._event_storage = _Forgetful()
    instance._event_storage.register_instance(instance)
    return instance


class _Forgetful(InMemoryEventLogStorage):
    def store_event(self, event: Any) -> None:
        """Drops the event."""

    def store_event_batch(self, events: Sequence[Any]) -> None:
        """Drops the events."""
