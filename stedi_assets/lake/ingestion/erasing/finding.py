"""Looking for people in landing files and landing tables, and taking them out; one table at a time."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from stedi_assets.lake.ingestion.erasing.erased_batch import Gone, find_gone, stage_erasure
from stedi_assets.lake.ingestion.erasing.rewriting import Hit, Rewriter, Rewritten
from stedi_assets.lake.ingestion.erasing.standing import standing
from stedi_assets.lake.ingestion.erasing.tombstones import Tombstones
from stedi_assets.lake.ingestion.faults import canonical, other_form
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.landing_refresh import listed_files
from stedi_assets.lake.ingestion.lines import records_of
from stedi_assets.lake.ingestion.reader import erased_records, form_of
from stedi_assets.lake.ingestion.staged_batch import LandingState
from stedi_assets.lake.ingestion.system_tables import finish_batch
from stedi_assets.lake.model import Outcome, Run
from stedi_assets.lake.progress import report
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.storage import file_opener, open_storage
from stedi_assets.tables import TableSpec


def email_forms(email: str) -> tuple[str, str]:
    """The canonical form of an email, and the form for which its letters stand; mostly the same."""
    person = canonical(email)
    return person, other_form(person)


def customer_records(lake: Lake, columns: list[str]) -> Iterator[Mapping[str, Any]]:
    """The records about people in the landing table and in the landing files, by column.

    Args:
        lake: The lake.
        columns: The columns that are needed.
    """
    spec = lake.tables.people
    pinned = lake.pinned(spec.name)
    for batch in pinned.batches(columns) if pinned.exists else ():
        yield from batch.to_pylist()
    form, open_file = form_of(spec), file_opener(lake.aws.given_region)
    names = [field.name for field in form.fields]
    for file in filter(_is_read, listed_files(lake, spec)):
        for _, line in records_of(open_file, file.uri, form, lake.longest_line):
            if line.values is not None:
                yield dict(zip(names, line.values, strict=True))


def landing_hits(
    lake: Lake,
    spec: TableSpec,
    tombstones: Tombstones | None = None,
    paths: Collection[str] | None = None,
) -> Iterator[Hit]:
    """The landing files of a table with records of people who have tombstones.

    Args:
        lake: The lake.
        spec: The landing table.
        tombstones: The tombstones; None for those that stand.
        paths: The files that are looked at; None for those of which the ledger does not prove that they have
            no such record.
    """
    report(spec.name, "reading landing files")
    tombstones = tombstones or standing(lake)
    rewriter = _rewriter(lake, spec, tombstones)
    if rewriter is None:
        return
    files = filter(_is_read, listed_files(lake, spec))
    for file in _suspects(lake, spec, tombstones, files) if paths is None else files:
        if (paths is None or file.path in paths) and (hit := rewriter.look(file)):
            yield hit


def _suspects(
    lake: Lake, spec: TableSpec, tombstones: Tombstones, files: Iterable[LandingFile]
) -> Iterator[LandingFile]:
    """The files that may have a record of theirs.

    Every record of a file that the ledger knows became a row or a quarantined line, or was erased. So a file
    without any of these of theirs has no record of theirs, and no other file with its content has.
    """
    state = LandingState.read(lake, spec, Run(id="", as_of=0, policy="strict"), tombstones)
    known, gone = state.ledger.current, find_gone(state)
    contents = {
        entry.content
        for entry in known.values()
        if entry.erased or tombstones.anonymous(entry.path) in gone.paths
    }
    for file in files:
        entry = known.get(file.path)
        proven = state.base is not None and entry is not None and state.ledger.knows(file)
        if not proven or entry is None or entry.content in contents or tombstones.names_in(file.path):
            yield file


def rewrite(lake: Lake, spec: TableSpec, hit: Hit, tombstones: Tombstones | None = None) -> dict[str, Any]:
    """Rewrites a landing file.

    Returns:
        What `stage_erased` wants to know of it.

    Raises:
        LakeError: The file changed meanwhile, or is locked.
    """
    rewriter = _rewriter(lake, spec, tombstones or standing(lake))
    assert rewriter is not None
    return asdict(rewriter.rewrite(hit))


def delivered(lake: Lake, spec: TableSpec, tombstones: Tombstones) -> Iterator[str]:
    """The records of people in the landing files of a table, as they were delivered."""
    rewriter = _rewriter(lake, spec, tombstones)
    if rewriter is None:
        return
    for file in filter(_is_read, listed_files(lake, spec)):
        yield from rewriter.records(file)


def gone_of(lake: Lake, spec: TableSpec, run: Run, tombstones: Tombstones | None = None) -> Gone:
    """What people who have tombstones have in a landing table and its part of the system tables.

    Args:
        lake: The lake.
        spec: The landing table.
        run: The run.
        tombstones: The tombstones; None for those that stand.
    """
    return find_gone(LandingState.read(lake, spec, run, tombstones or standing(lake)))


def stage_erased(lake: Lake, spec: TableSpec, run: Run, rewritten: list[dict[str, Any]]) -> Outcome | None:
    """Stages a landing table without the people whose tombstones stand.

    Args:
        lake: The lake.
        spec: The landing table.
        run: The run.
        rewritten: The landing files that were rewritten, see `rewrite`.

    Returns:
        None if nothing changes.
    """
    finish_batch(lake, spec.name)
    state = LandingState.read(lake, spec, run, standing(lake))
    return stage_erasure(state, {file["path"]: Rewritten(**file) for file in rewritten})


def _rewriter(lake: Lake, spec: TableSpec, tombstones: Tombstones) -> Rewriter | None:
    erased = erased_records(spec, tombstones)
    if erased is None:
        return None
    return Rewriter(
        open_storage(lake.landing, lake.aws),
        file_opener(lake.aws.given_region),
        form_of(spec),
        erased,
        lake.longest_line,
    )


def _is_read(file: LandingFile) -> bool:
    return file.fault is None and file.kind != "ignored"
