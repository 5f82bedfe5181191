"""Dagster's event log in one SQLite file whose connections are kept.

Dagster's own storage makes a database engine for every event and a file for every run. A home with a stock
dagster.yaml works as well, only slower. The webserver and the daemon load this module too, so it imports
nothing but Dagster.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event, inspect

BUSY_SECONDS = 20
"""How long a writer waits for another process."""


class PooledEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """The event log of a Dagster home, in `history/event_log.db`."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledEventLogStorage":
        """Opens the log; `base_dir` is the Dagster home."""
        return cls(os.path.join(config_value["base_dir"], "history"), inst_data)

    @cached_property
    def _engine(self) -> Engine:
        engine = create_engine(self._conn_string, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _wait_less_for_the_disk)
        return engine

    @cached_property
    def _tables(self) -> set[str]:
        return {*inspect(self._engine).get_table_names()}

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the file has a table; Dagster asks for every event."""
        return table_name in self._tables

    def dispose(self) -> None:
        """Closes the connections."""
        super().dispose()  # type: ignore[no-untyped-call]
        self._engine.dispose()


def _wait_less_for_the_disk(connection: Any, _record: Any) -> None:
    """In WAL mode, NORMAL may lose the last events if the machine loses power, and breaks nothing."""
    connection.execute("PRAGMA synchronous = NORMAL")
