"""The eraser: executes a plan step by step. It goes forward only, and goes on where it was stopped."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from stedi_assets.erasure.plan import state_of
from stedi_assets.erasure.request import Work, WorkFolder
from stedi_assets.errors import LakeError
from stedi_assets.lake import Lake, Run, publish, report
from stedi_assets.lake.iceberg import Conflict
from stedi_assets.lake.ingestion.erasing import Tombstones, landing_hits, rewrite, stage_erased
from stedi_assets.lake.maintenance import purge
from stedi_assets.locations import SQLITE
from stedi_assets.settings import Policy
from stedi_assets.tables import SYSTEM_TABLES

ATTEMPTS = 10  # while other runs publish

Refresh = Callable[[Policy], Sequence[str]]
"""Refreshes the derived tables under a policy; returns one sentence for each failure."""


def erase(
    lakes: Sequence[Lake], work: Work, folder: WorkFolder, run: Run, refresh: Refresh
) -> Mapping[str, Any]:
    """Executes a plan, or what is left of it.

    Args:
        lakes: The lake under each policy that has tables.
        work: The plan with the people.
        folder: Where the work is kept.
        run: The run.
        refresh: Rebuilds derived tables without the people.

    Returns:
        What was done, by step.

    Raises:
        LakeError: The lake or a landing file changed since the plan, something is blocked, or a table cannot
            be written.
    """
    key = lakes[0].erasure_key.read()
    if "tombstones" not in work.done:
        if work.plan["blocked"]:
            raise LakeError(f"The plan is blocked: {work.plan['blocked'][0]}. Then plan again.")
        if state_of(lakes) != work.plan["state"]:
            raise LakeError(
                f"The lake or its landing files changed since the plan {work.digest} was made: plan again."
            )
        set_tombstones(lakes[0], work, run.as_of, key)
        work.done["tombstones"] = {"people": len(work.forms), "devices": len(work.devices)}
        folder.note(work)
    _step(work, folder, "landing files", lambda: _rewrite(lakes[0], work, folder, key))
    _step(work, folder, "landing tables", lambda: apply(lakes, run, work.rewritten))
    _step(work, folder, "derived tables", lambda: _refreshed(lakes, refresh))
    _step(work, folder, "snapshots", lambda: _purged(lakes))
    _step(work, folder, "catalog", lambda: _vacuumed(lakes))
    return work.done


def set_tombstones(lake: Lake, work: Work, at: int, key: bytes) -> None:
    """Adds the tombstones of a plan, once."""
    known = lake.erasures.read()
    if any(entry.plan == work.digest for entry in known.entries):
        return
    tombstones = Tombstones.of(key, work.forms, work.devices, work.shared)
    lake.erasures.append(
        known,
        at=at,
        people=sorted(tombstones.people),
        devices=sorted(tombstones.devices),
        shared=sorted(tombstones.shared),
        plan=work.digest,
    )


def apply(lakes: Sequence[Lake], run: Run, rewritten: Mapping[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Takes everyone with a tombstone out of the landing tables and the system tables of every policy.

    Args:
        lakes: The lake under each policy.
        run: The run.
        rewritten: The landing files that were rewritten, by table.

    Returns:
        Rows and lines that went, by table.
    """
    done: dict[str, int] = {}
    for lake in lakes:
        for spec in lake.tables.landing:
            for _ in range(ATTEMPTS):
                before = lake.pinned(spec.name)
                outcome = stage_erased(lake, spec, run, rewritten.get(spec.name, []))
                if outcome is None:
                    break
                rows = before.content.rows
                try:
                    publish(lake, outcome)
                except Conflict:
                    continue
                done[f"{lake.database}.{spec.name}"] = rows - outcome.content.rows
                break
            else:
                raise LakeError(f"{spec.name} was published by other runs {ATTEMPTS} times: run again.")
        lake.note_erasures()
    return done


def _step(work: Work, folder: WorkFolder, name: str, do: Callable[[], Any]) -> None:
    if name not in work.done:
        report("erasure", name)
        work.done[name] = do()
        folder.note(work)


def _rewrite(lake: Lake, work: Work, folder: WorkFolder, key: bytes) -> dict[str, int]:
    tombstones = Tombstones.of(key, work.forms, work.devices, work.shared)
    for spec in lake.tables.landing:
        for hit in landing_hits(lake, spec, tombstones, work.files[spec.name]):
            done = rewrite(lake, spec, hit, tombstones)
            work.rewritten.setdefault(spec.name, []).append(done)
            folder.note(work)
    files = [file for listed in work.rewritten.values() for file in listed]
    return {"files rewritten": len(files), "files removed": sum(file["left"] is None for file in files)}


def _refreshed(lakes: Sequence[Lake], refresh: Refresh) -> int:
    failures = [sentence for lake in lakes for sentence in refresh(cast(Policy, lake.policy))]
    if failures:
        raise LakeError(f"{failures[0]} Solve that, and run the same command again.")
    return len(lakes)


def _purged(lakes: Sequence[Lake]) -> dict[str, int]:
    snapshots = files = 0
    for lake in lakes:
        for spec in (*lake.tables.values(), *SYSTEM_TABLES.values()):
            expired, deleted = purge(lake, spec)
            snapshots, files = snapshots + expired, files + deleted
    return {"snapshots expired": snapshots, "files deleted": files}


def _vacuumed(lakes: Sequence[Lake]) -> str:
    """Leaves no former page in a catalog of SQLite."""
    import sqlite3

    uri = lakes[0].catalog_uri
    if not uri.startswith(SQLITE):
        return "the catalog is not SQLite: its administrator vacuums it"
    with sqlite3.connect(Path(uri.removeprefix(SQLITE)), timeout=60) as catalog:
        catalog.execute("PRAGMA secure_delete = ON")
        catalog.execute("VACUUM")
        catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.close()
    return "vacuumed"


def reapply(lakes: Sequence[Lake], run: Run, refresh: Refresh) -> Mapping[str, Any]:
    """Takes out everyone with a tombstone again, from a lake or a landing root that was put back.

    Args:
        lakes: The lake under each policy that has tables.
        run: The run.
        refresh: Rebuilds derived tables.

    Returns:
        What was done, by step.
    """
    lake, rewritten = lakes[0], {}
    for spec in lake.tables.landing:
        hits = [*landing_hits(lake, spec)]
        rewritten[spec.name] = [rewrite(lake, spec, hit) for hit in hits]
    return {
        "landing files": sum(map(len, rewritten.values())),
        "landing tables": apply(lakes, run, rewritten),
        "derived tables": _refreshed(lakes, refresh),
        "snapshots": _purged(lakes),
        "catalog": _vacuumed(lakes),
    }


def lift(lakes: Sequence[Lake], people: Sequence[str], reason: str, at: int) -> int:
    """Ends the tombstones of people who may come back.

    Args:
        lakes: The lake under each policy that has tables.
        people: Canonical emails, in every form.
        reason: Why, without personal data.
        at: The time, epoch ms.

    Returns:
        The number of tombstones that ended.
    """
    lake = lakes[0]
    known, key = lake.erasures.read(), lake.erasure_key.read()
    hashes = Tombstones.of(key, people).people & known.people
    if hashes:
        lake.erasures.append(known, at=at, lifted=sorted(hashes), reason=reason)
        for placed in lakes:
            placed.note_erasures()
    return len(hashes)
