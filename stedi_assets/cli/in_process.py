"""Running jobs in this process, recorded in the Dagster instance that the UI shows."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import dagster as dg

from stedi_assets.assets import DECLARED, Declared
from stedi_assets.cli.run_result import Execution, RunResult, run_result, unchanged_result
from stedi_assets.errors import SettingError
from stedi_assets.lake import PROGRESS_LOGGER, Progress, Range, Run
from stedi_assets.lake.ingestion import shared_devices
from stedi_assets.orchestration import clock, interrupts
from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.home import claim, prepare_home
from stedi_assets.orchestration.jobs import CONFIRMED
from stedi_assets.orchestration.naming import REFRESH, REKEY, RETRY
from stedi_assets.orchestration.refreshing.run_options import TRUST_CLOCK
from stedi_assets.orchestration.refreshing.up_to_date import up_to_date
from stedi_assets.orchestration.resources import build_naming, opened_lake
from stedi_assets.settings import Policy, Settings
from stedi_assets.tables import Tables

QUIET = "CRITICAL"
"""The level of messages that runs print here: what failed is said in the sentences of the command."""

SELECTED = re.compile(r"(?:(?P<up>\d*)\+)?(?P<name>\w+)(?:\+(?P<down>\d*))?")
"""A table, with all of its inputs (`+name`), all that is made of it (`name+`), or some layers (`name+2`)."""

OnProgress = Callable[[Progress], None]
"""Receives every step of a run."""


@dataclass(frozen=True)
class RunOptions:
    """The options of a refresh.

    Attributes:
        full: Rebuild all days.
        days: Days to rebuild in any case, as `A..B`.
        retry: Read landing files with quarantined lines again.
        rekey: Replace the pseudonym key of tables that were made with another one.
        trust_clock: Publish although a snapshot lies in the future.
    """

    full: bool = False
    days: str | None = None
    retry: bool = False
    rekey: bool = False
    trust_clock: bool = False

    def __post_init__(self) -> None:
        """Refuses malformed days before anything is opened.

        Raises:
            SettingError: The days are malformed.
        """
        _ = self._range

    @property
    def forced(self) -> bool:
        """Whether something is to be done even if nothing changed."""
        return self.full or self.retry or self.rekey or self.days is not None

    @property
    def job(self) -> str:
        """The job that does it."""
        return REKEY if self.rekey else RETRY if self.retry else REFRESH

    @property
    def config(self) -> dict[str, Any]:
        """The config of the job."""
        if self.rekey:
            return {"confirm": CONFIRMED}
        return {} if self.retry else {"full": self.full, "days": self.days}

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the run."""
        return {TRUST_CLOCK: "true"} if self.trust_clock else {}

    @property
    def _range(self) -> Range | None:
        return None if self.days is None else Range.parse(self.days)

    def run(self, policy: Policy, as_of: int | None = None, *, shared: frozenset[str] = frozenset()) -> Run:
        """A run with these options, to plan with; Dagster does not know it.

        Args:
            policy: The consent policy.
            as_of: Time at which consent is judged, epoch ms; None for the present.
            shared: Devices that count as shared, see `shared_devices`.
        """
        as_of = clock.present(time.time()) if as_of is None else as_of
        return Run(
            id="none",
            as_of=as_of,
            policy=policy,
            full=self.full,
            days=self._range,
            shared=shared,
        )


def refresh(
    settings: Settings,
    on_progress: OnProgress,
    *,
    select: str | None = None,
    options: RunOptions = RunOptions(),
    declared: Declared = DECLARED,
) -> RunResult:
    """Refreshes tables in one run. If they are all up to date, no run is started.

    Args:
        settings: Where the lake is.
        on_progress: Receives every step.
        select: Names of tables separated by commas, or a Dagster asset selection; None for all.
        options: The options of the run.
        declared: The tables.

    Raises:
        SettingError: Nothing is selected, or the landing root, the lake or the catalog cannot be reached.
    """
    definitions = build_defs(settings, declared, console=QUIET)
    naming = build_naming(settings, declared.specs)
    tables = selected_tables(definitions, declared.specs, select)
    with opened_instance(settings) as instance:
        with opened_lake(settings, declared.specs, instance) as lake:
            lake.check(tables, landing=not options.rekey)
            known = shown(instance, [naming.key(name) for name in tables])
            run = options.run(settings.policy, shared=shared_devices(lake))
            if known and not options.forced and (found := up_to_date(lake, run, tables, declared)):
                return unchanged_result(found)
        execution = execute(
            instance,
            definitions.resolve_job_def(options.job),
            on_progress,
            config=options.config,
            tags=options.tags,
            # Named one by one, so that automation knows which tables the run refreshes.
            selection=[naming.key(name) for name in tables],
        )
    return run_result(execution, declared.specs)


def shown(instance: dg.DagsterInstance, keys: list[dg.AssetKey]) -> bool:
    """Whether the pages of all these assets show a run; a new Dagster home has none yet."""
    records = instance.get_asset_records(keys)
    return sum(record.asset_entry.last_materialization is not None for record in records) == len(keys)


def selected_tables(definitions: dg.Definitions, tables: Tables, select: str | None) -> list[str]:
    """Names of the selected tables.

    Args:
        definitions: The definitions, for a Dagster asset selection.
        tables: The declared tables.
        select: See `refresh`.

    Raises:
        SettingError: Nothing is selected.
    """
    if select is None:
        return [*tables]
    graph = definitions.resolve_asset_graph()
    keys = {key.path[-1]: key for key in graph.materializable_asset_keys}
    selected: set[dg.AssetKey] = set()
    for part in select.split(","):
        found = SELECTED.fullmatch(part.strip())
        try:
            if found and found["name"] in tables:
                table = dg.AssetSelection.assets(keys[found["name"]])
                up, down = (0 if n is None else int(n or len(keys)) for n in (found["up"], found["down"]))
                chosen = (table.upstream(up) | table.downstream(down)).resolve(graph)
            else:
                chosen = dg.AssetSelection.from_string(part).resolve(graph)
        except dg.DagsterError:
            chosen = set()
        if not chosen:
            raise SettingError(
                f"--select {part.strip()} selects no table: the tables are {', '.join(tables)}."
            )
        selected |= chosen
    return [name for name in tables if keys[name] in selected]


@contextmanager
def opened_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Opens the Dagster instance with the history of a lake.

    Args:
        settings: Where the lake is.

    Raises:
        SettingError: The instance has the history of another lake, or its home cannot be made.
    """
    with dg.DagsterInstance.from_config(str(prepare_home(settings.dagster_home))) as instance:
        claim(instance, settings.lake)
        yield instance


def execute(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    on_progress: OnProgress,
    *,
    config: Mapping[str, Any] = {},
    tags: Mapping[str, str] = {},
    selection: list[dg.AssetKey] | None = None,
) -> Execution:
    """Executes a job in this process.

    Args:
        instance: Where the run is recorded.
        job: The job.
        on_progress: Receives every step.
        config: Its config.
        tags: The tags of the run.
        selection: The assets; None for all.
    """
    run_id = str(uuid4())
    with _progress(on_progress) as progress_clock, interrupts.recorded(instance, run_id):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            asset_selection=selection,
            raise_on_error=False,
            run_config=dict(config),
            tags=dict(tags),
        )
    return Execution(result, progress_clock.seconds)


class _Clock:
    """Seconds between the first and the last progress."""

    first: float | None = None
    last: float = 0.0

    def tick(self) -> None:
        self.last = time.monotonic()
        self.first = self.last if self.first is None else self.first

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None else round(self.last - self.first, 3)


@contextmanager
def _progress(listener: OnProgress) -> Iterator[_Clock]:
    clock = _Clock()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            clock.tick()
            listener(record.progress)  # type: ignore[attr-defined]

    logger = logging.getLogger(PROGRESS_LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield clock
    finally:
        logger.removeHandler(handler)
