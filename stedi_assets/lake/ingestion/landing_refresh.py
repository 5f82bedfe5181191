"""Refreshing a table of the landing zone: chooses, plans and stages the next batch of landing files."""

import errno
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from stedi_assets.errors import LakeError
from stedi_assets.lake.erasures import keyed_hash
from stedi_assets.lake.ingestion.batch import Batch, Examined, Limits, choose, describe_changes, plan_batch
from stedi_assets.lake.ingestion.files import LandingFile, examine, list_landing_files
from stedi_assets.lake.ingestion.staged_batch import LandingState, stage_batch
from stedi_assets.lake.ingestion.system_tables import batch_unfinished, finish_batch
from stedi_assets.lake.model import Outcome, Plan, Run
from stedi_assets.lake.progress import report
from stedi_assets.lake.resource import Lake
from stedi_assets.lake.storage import file_opener, open_storage
from stedi_assets.locations import S3
from stedi_assets.tables import TableSpec

FILES_AT_ONCE = 8
ATTEMPTS = 5  # batches that a run stages while landing files keep changing


def refresh_landing(lake: Lake, spec: TableSpec, run: Run) -> Outcome:
    """Stages the next batch of the landing files of a table, up to the publish.

    Files that change while they are read are left for the next run.

    Raises:
        LakeError: The engine stopped, or files keep changing.
    """
    report(spec.name, "planning")
    finish_batch(lake, spec.name)
    changing: set[str] = set()
    for _ in range(ATTEMPTS):
        state = LandingState.read(lake, spec, run)
        files = listed_files(lake, spec)
        chosen, more = _choose(state, [file for file in files if file.path not in changing])
        batch = _plan(state, chosen, files)
        if batch.empty and state.base is not None:
            return _up_to_date(state)
        outcome = stage_batch(state, batch, more=more)
        changed = _changed_meanwhile(lake, spec, batch)
        if not changed:
            return outcome
        outcome.discard()
        changing |= changed
    raise LakeError(
        f"{spec.name}: its landing files change all the time: run again when they are completely written."
    )


def planned_changes(lake: Lake, spec: TableSpec, run: Run) -> tuple[str, ...]:
    """Why a table of the landing zone would change now, in counts; empty if it is up to date."""
    state, files = LandingState.read(lake, spec, run), listed_files(lake, spec)
    waiting = _waiting(state, files)
    batch = _plan(state, [*waiting, *_refused(state, files, waiting)], files)
    changes = describe_changes(batch.counts, None, first=state.base is None)
    return (*(["an interrupted batch"] if batch_unfinished(lake, spec.name) else []), *changes)


def listed_files(lake: Lake, spec: TableSpec) -> list[LandingFile]:
    """Lists the landing files of a table.

    Raises:
        SettingError: There is no landing root.
    """
    assert spec.source is not None
    return list_landing_files(open_storage(lake.landing, lake.aws), lake.landing, spec.source)


def _choose(state: LandingState, files: list[LandingFile]) -> tuple[list[LandingFile], bool]:
    """The files of the next batch, and whether there will be one more batch."""
    lake, waiting = state.lake, _waiting(state, files)
    chosen = choose(waiting, Limits(files=lake.batch_files, bytes=lake.batch_bytes))
    room = lake.batch_files - len(chosen)
    batch = sorted([*chosen, *_refused(state, files, chosen)[:room]], key=lambda file: file.path)
    return batch, len(waiting) > len(chosen)


def _refused(state: LandingState, files: list[LandingFile], chosen: list[LandingFile]) -> list[LandingFile]:
    """The files that were refused, for a batch of chosen ones: they may be readable by now."""
    return [file for file in files if file.path in state.ledger.refused and file not in chosen]


def _waiting(state: LandingState, files: list[LandingFile]) -> list[LandingFile]:
    """The files that are new in their version, or are read again."""
    known = state.ledger.current
    return [
        file
        for file in files
        if file.kind != "ignored"
        and (not state.ledger.knows(file) or (file.path in known and state.reads_again(known[file.path])))
    ]


def _plan(state: LandingState, chosen: list[LandingFile], files: list[LandingFile]) -> Batch:
    """Examines the chosen files and plans the batch."""
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        found = pool.map(_Examiner(state.lake), chosen)
        examined = [_known_by_former(state, file) for file in found if file is not None]
    return plan_batch(
        state.ledger,
        examined,
        state.ledger.gone(files),
        run=state.run.id,
        seen=state.run.as_of,
        code_version=state.spec.code_version,
        again=state.reads_again,
        ignored=[file for file in files if file.kind == "ignored"],
    )


def _known_by_former(state: LandingState, found: Examined) -> Examined:
    """A file with its content; the bytes of before an erasure count as the content that was left of them."""
    if found.content is None or not state.former_contents:
        return found
    content = state.former_contents.get(keyed_hash(state.tombstones.key, "content", found.content))
    return found if content is None else replace(found, content=content)


class _Examiner:
    """Examines files of the landing zone; those that were deleted meanwhile give None."""

    def __init__(self, lake: Lake) -> None:
        self._open_file = file_opener(lake.aws.given_region)
        self._longest_line = lake.longest_line

    def __call__(self, file: LandingFile) -> Examined | None:
        if file.fault:
            return Examined(file=file, content=None, fault=file.fault)
        try:
            seen = examine(self._open_file, file, self._longest_line)
        except FileNotFoundError:
            return None
        except OSError as error:
            if file.uri.startswith(S3):
                raise
            code = errno.errorcode.get(error.errno or 0, "OSError")
            fault = f"It cannot be read ({code}): check its owner and mode."
            return Examined(file=file, content=None, fault=fault)
        file = replace(file, long_lines=seen.long_lines, packed=seen.packed)
        return Examined(file=file, content=seen.content, fault=seen.fault)


def _changed_meanwhile(lake: Lake, spec: TableSpec, batch: Batch) -> set[str]:
    """Paths of the files of a batch that were written or deleted since they were listed."""
    versions = {file.path: file.version for file in listed_files(lake, spec)}
    return {file.path for file in batch.files if versions.get(file.path) != file.version}


def _up_to_date(state: LandingState) -> Outcome:
    published = state.published
    recorded = published.record
    assert recorded is not None
    report(state.spec.name, "up to date", published.content.rows)
    return Outcome(
        plan=Plan(state.spec, state.base, recorded, ()),
        snapshot_id=published.snapshot_id,
        content=published.content,
        record=recorded,
        files=published,
    )
