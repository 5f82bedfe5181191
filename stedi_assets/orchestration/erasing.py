"""Erasing people: opens the lake under every policy, executes a plan, has it scanned, signs the receipt."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import version
from typing import get_args

import dagster as dg

from stedi_assets.assets import Declared
from stedi_assets.erasure.eraser import Refresh, erase
from stedi_assets.erasure.receipt import Receipts
from stedi_assets.erasure.request import Work, WorkFolder
from stedi_assets.erasure.search import look_for
from stedi_assets.errors import SettingError, StediError, counted_words
from stedi_assets.lake import Lake, Run, fail_step, publish, report, storage_errors
from stedi_assets.lake.ingestion import shared_devices
from stedi_assets.lake.ingestion.erasing import gone_of, landing_hits
from stedi_assets.lake.storage import open_storage
from stedi_assets.locations import S3, SQLITE
from stedi_assets.orchestration import clock
from stedi_assets.orchestration.naming import Naming
from stedi_assets.orchestration.refreshing.check_results import refusal
from stedi_assets.orchestration.refreshing.gate import Gate
from stedi_assets.orchestration.resources import opened_lake
from stedi_assets.scanner.scan import Scan, scan
from stedi_assets.scanner.terms import Terms
from stedi_assets.settings import Policy, Settings

ERASE = "erase"
DIGEST = {"digest": dg.Field(str, description="The digest that `stedi erase plan` printed.")}
"""The only option of the job."""
FILES_TOLD = 100  # files of the scanner between two reports


@contextmanager
def every_lake(settings: Settings, declared: Declared) -> Iterator[list[Lake]]:
    """Opens the lake under every policy that has tables.

    Args:
        settings: Where it is.
        declared: The tables.

    Raises:
        SettingError: There is no table.
    """
    with ExitStack() as stack:
        lakes = []
        for policy in get_args(Policy):
            lake = stack.enter_context(opened_lake(replace(settings, policy=policy), declared.specs))
            if any(lake.pinned(spec.name).exists for spec in lake.tables.landing):
                lakes.append(lake)
        if not lakes:
            raise SettingError(f"There is no table in {settings.lake} yet: `stedi run` publishes them.")
        yield lakes


def erased(settings: Settings, declared: Declared, digest: str, refresh: Refresh) -> tuple[str, Scan]:
    """Executes a plan, or what is left of it, scans, and signs the receipt.

    Args:
        settings: Where the lake is.
        declared: The tables.
        digest: The digest of the plan.
        refresh: Rebuilds derived tables.

    Returns:
        URI of the receipt, and what the scanner found.

    Raises:
        SettingError: There is no such plan.
        LakeError: Something is in the way; the same call goes on afterwards.
    """
    folder = work_folder(settings)
    work = folder.load(digest)
    with every_lake(settings, declared) as lakes:
        erase(lakes, work, folder, run_now(settings), refresh)
        scanned = scan_for(lakes, settings, Terms(work.terms, work.explained, work.readings))
        receipt = receipts_of(lakes[0]).sign(_facts(work, scanned))
    if scanned.clean:
        folder.wipe(digest)
    return receipt, scanned


def scan_for(lakes: Sequence[Lake], settings: Settings, terms: Terms) -> Scan:
    """Searches lake, landing root, catalog, tombstones and Dagster home for values.

    Args:
        lakes: The lake under each policy.
        settings: Where all of them are.
        terms: The values.
    """
    places = {
        "lake": settings.lake,
        "landing files": settings.landing,
        "Dagster home": str(settings.dagster_home),
    }
    if settings.erasure:
        places["tombstones and receipts"] = settings.erasure
    if settings.catalog.startswith(SQLITE):
        for suffix in ("", "-wal", "-journal"):
            places[f"catalog{suffix}"] = settings.catalog.removeprefix(SQLITE) + suffix

    def tell(place: str, files: int) -> None:
        if files % FILES_TOLD == 0:
            report(place, "scanned files", files)

    in_s3 = any(uri.startswith(S3) for uri in places.values())
    report("erasure", "scanning")
    return scan(places, terms, lakes[0].aws.s3 if in_s3 else None, tell)


def look_again(lakes: Sequence[Lake], settings: Settings, people: Collection[str]) -> Scan:
    """Searches for everything that names some people now."""
    found = look_for(lakes, people)
    return scan_for(lakes, settings, Terms(found.terms, found.explained, found.readings))


def standing_hits(lakes: Sequence[Lake], run: Run) -> int:
    """How many records of people with tombstones the landing files and the landing tables hold."""
    left = sum(hit.erased for spec in lakes[0].tables.landing for hit in landing_hits(lakes[0], spec))
    return left + sum(gone_of(lake, spec, run).total for lake in lakes for spec in lake.tables.landing)


def receipts_of(lake: Lake) -> Receipts:
    """The receipts of a lake."""
    return Receipts(lake.erasure, open_storage(lake.erasure, lake.aws), lake.erasure_key.read())


def told(scanned: Scan) -> str:
    """What a scan found, in a sentence."""
    seen = f"{counted_words(scanned.files, 'file', 'files')}, {scanned.bytes / 1e6:,.1f} MB, were searched"
    if scanned.clean:
        return f"{seen}: nothing of them is left."
    parts = [f"{number:,} {kind} in {place}" for (place, kind), number in sorted(scanned.hits.items())]
    parts += [f"{number:,} unreadable files in {place}" for place, number in scanned.unreadable.items()]
    return f"{seen}: {', '.join(parts)}."


def run_now(settings: Settings) -> Run:
    """A run at the present time, which Dagster does not know."""
    return Run(id="erasure", as_of=clock.present(time.time()), policy=settings.policy)


def work_folder(settings: Settings) -> WorkFolder:
    """The folder of work files, beside the Dagster home."""
    home = settings.dagster_home
    return WorkFolder(home.with_name(f"{home.name}-erasures"))


def refresh_derived_tables(settings: Settings, declared: Declared) -> Refresh:
    """What rebuilds the derived tables under a policy within the run that is at work."""

    def refresh(policy: Policy) -> Sequence[str]:
        placed = replace(settings, policy=policy)
        failures: list[str] = []
        with opened_lake(placed, declared.specs) as lake:
            run = replace(run_now(placed), shared=shared_devices(lake))
            for table in declared:
                if table.transform is None or failures:
                    continue
                inputs = {name: lake.pinned(name) for name in table.spec.inputs}
                gate = Gate(table, declared, lake=lake, run=run, inputs=inputs)
                for _ in gate.publish_early():
                    pass
                failures += gate.removal_failures
                if gate.last.refused:
                    gate.last.outcome.discard()
                    failures.append(refusal(table.spec, gate.last.refused, published=False))
                else:
                    publish(lake, gate.last.outcome)
        return failures

    return refresh


def erasing_job(
    settings: Settings, declared: Declared, naming: Naming, config: dg.ConfigMapping
) -> dg.JobDefinition:
    """The job that executes a plan of `stedi erase plan`; it takes the digest only."""

    @dg.op(
        description="Executes a plan and signs the receipt.",
        config_schema=DIGEST,
        out=dg.Out(dg.Nothing),
        pool=naming.pool,
    )
    def erase_people(context: dg.OpExecutionContext) -> None:
        try:
            with storage_errors("The lake"):
                refresh = refresh_derived_tables(settings, declared)
                receipt, scanned = erased(settings, declared, context.op_config["digest"], refresh)
        except StediError as error:
            fail_step(error, [])
        context.add_output_metadata(
            {"receipt": receipt, "files searched": scanned.files, "clean": scanned.clean}
        )
        if not scanned.clean:
            raise dg.Failure(told(scanned), allow_retries=False)

    @dg.job(
        name=ERASE,
        config=config,
        description="Erases the people of a plan from landing files and tables, and signs a receipt. Make "
        "the plan with `stedi erase plan`; after a failure, run the job again with the same digest.",
    )
    def erase_planned() -> None:
        erase_people()

    return erase_planned


def _facts(work: Work, scanned: Scan) -> dict[str, object]:
    """What the receipt of an erasure says."""
    return {
        "asked by": work.reference,
        "people": len(work.people),
        "plan": work.digest,
        "found": work.plan["places"],
        "decided": work.plan["decisions"],
        "done": work.done,
        "level": {
            "tables": "physical: former snapshots, manifests and metadata were deleted",
            "landing files": "physical, with former versions of objects",
            "catalog": work.done["catalog"],
        },
        "scanner": {
            "files": scanned.files,
            "bytes": scanned.bytes,
            "clean": scanned.clean,
            "found": {f"{place}: {kind}": number for (place, kind), number in scanned.hits.items()},
            "unreadable": dict(scanned.unreadable),
        },
        "version": version("stedi_assets"),
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
