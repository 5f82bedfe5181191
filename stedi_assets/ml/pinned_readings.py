"""The table machine_learning_curated at one snapshot, read without an engine."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from stedi_assets.errors import LakeError, SettingError
from stedi_assets.lake.iceberg import ArrowSnapshot, open_catalog
from stedi_assets.lake.storage import Aws
from stedi_assets.ml.windowing import Windows, windows_of
from stedi_assets.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from torch.utils.data import IterableDataset

TABLE = "machine_learning_curated"
SPLITS = ("train", "validation", "test")
CHANNELS = ("x", "y", "z", "distancefromobject")
CITATION = re.compile(r"(?P<database>\w+):machine_learning_curated@(?P<snapshot>\d+)#(?P<hash>[0-9a-f]{16})")


class GoneSubjects(UserWarning):
    """Subjects of a pinned snapshot are gone from the current table, or no one can tell."""


def open_readings(
    lake: str | None = None,
    *,
    snapshot: int | str | None = None,
    split: str | None = None,
    strict: bool = False,
    **settings: str,
) -> "Readings":
    """Opens the readings for training, pinned to a snapshot.

    Args:
        lake: Folder or s3://… of the lake; None for STEDI_LAKE.
        snapshot: Id of a snapshot, or a citation of one; None for the current one.
        split: `train`, `validation` or `test`; None for all.
        strict: Refuse a snapshot with subjects who are gone from the current table, instead of a warning.
        settings: Other settings by the names of their flags, such as `catalog` or `policy`.

    Raises:
        SettingError: A setting, the split or the citation is wrong.
        LakeError: The table was never published, the snapshot has expired, or `strict` refuses it.
    """
    given = {f"STEDI_{name.upper()}": value for name, value in settings.items()}
    known = Settings.from_process({**given, "STEDI_LAKE": lake}, reads_only=True)
    return readings_of(known, snapshot=snapshot, split=split, strict=strict)


def readings_of(
    known: Settings, *, snapshot: int | str | None = None, split: str | None = None, strict: bool = False
) -> "Readings":
    """Opens the readings of a lake whose settings are known, as `open_readings` does."""
    if split is not None and split not in SPLITS:
        raise SettingError(f"split is {split}, but must be {', '.join(SPLITS)} or nothing.")
    if not known.lake_may_exist:
        raise SettingError(f"There is no lake at {known.lake}: check the path, or build it: `stedi run`.")
    number, cited = _pinned(snapshot, known.database)
    files, current = ArrowSnapshot.of(
        open_catalog(known.catalog, known.lake, Aws(known.region)),
        known.lake,
        known.database,
        TABLE,
        number,
    )
    if cited not in (None, files.digest):
        raise LakeError(
            f"Snapshot {number} of {TABLE} is not the one that was cited, its hash differs: open the lake "
            "that the citation is from."
        )
    if files.snapshot_id != current.snapshot_id and (gone := _gone(files, current)):
        if strict:
            raise LakeError(gone)
        warnings.warn(gone, GoneSubjects, stacklevel=3)
    return Readings(files, database=known.database, split=split)


@dataclass(frozen=True)
class Readings:
    """Readings of a snapshot; nothing is read before it is asked for.

    Attributes:
        files: The files of the snapshot.
        database: The database of the table.
        split: The split; None for all.
    """

    files: ArrowSnapshot
    database: str
    split: str | None

    def __repr__(self) -> str:
        """The citation."""
        return self.citation

    @property
    def snapshot(self) -> int:
        """Id of the snapshot."""
        return self.files.snapshot_id

    @property
    def citation(self) -> str:
        """One line that names exactly these bytes: database, table, snapshot and a hash of its files."""
        return f"{self.database}:{TABLE}@{self.snapshot}#{self.files.digest}"

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows.

        Args:
            columns: Names of columns; None for all.
        """
        return self.files.dataset().to_table(columns=_named(columns), filter=self._filter)

    def to_pandas(self, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """The rows."""
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame

    def to_polars(self, columns: Sequence[str] | None = None) -> "pl.DataFrame":
        """The rows; needs the package polars."""
        import polars as pl

        return pl.DataFrame(self.to_arrow(columns))

    def batches(
        self, size: int, *, seed: int | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows in batches, each row once.

        Args:
            size: Rows of a batch, the most.
            seed: Shuffles files and the rows of each, always the same way; None for the order of the files.
            columns: Names of columns; None for all.
        """
        return self._batches(self.files.paths, size, seed, columns)

    def windows(
        self,
        seconds: float,
        hop: float | None = None,
        features: Sequence[str] = CHANNELS,
        *,
        gap: float | None = None,
    ) -> Windows:
        """Windows of one subject's recording each, which cross no gap.

        Args:
            seconds: Length of a window.
            hop: Seconds from the beginning of a window to that of the next one; None for the length.
            features: Columns of the values.
            gap: Seconds without a reading that end a recording; None for five typical periods.
        """
        rows = self.to_arrow(list(dict.fromkeys(["subject_id", "split", "timestamp", *features])))
        return windows_of(rows, seconds, seconds if hop is None else hop, features, gap)

    def torch(self, size: int = 1024, *, seed: int | None = None) -> "IterableDataset[Any]":
        """A PyTorch data set of batches as dictionaries of arrays; its workers share the files."""
        from torch.utils.data import IterableDataset, get_worker_info

        readings = self

        class Batches(IterableDataset[Any]):  # type: ignore[misc]
            def __iter__(self) -> Iterator[Mapping[str, Any]]:
                worker = get_worker_info()
                first, apart = (0, 1) if worker is None else (worker.id, worker.num_workers)
                for batch in readings._batches(readings.files.paths[first::apart], size, seed, None):
                    yield batch.to_pydict()

        return Batches()

    @property
    def _filter(self) -> ds.Expression | None:
        return None if self.split is None else ds.field("split") == self.split

    def _batches(
        self, paths: Sequence[str], size: int, seed: int | None, columns: Sequence[str] | None
    ) -> Iterator[pa.RecordBatch]:
        if seed is None:
            yield from self.files.dataset(paths).to_batches(
                columns=_named(columns), filter=self._filter, batch_size=size
            )
            return
        shuffler = np.random.default_rng(seed)
        for number in shuffler.permutation(len(paths)):
            rows = self.files.dataset([paths[number]]).to_table(columns=_named(columns), filter=self._filter)
            yield from rows.take(shuffler.permutation(len(rows))).to_batches(max_chunksize=size)


def _gone(then: ArrowSnapshot, now: ArrowSnapshot) -> str | None:
    """The sentence about subjects who are gone from the current snapshot; None if none is."""
    if then.record is None or now.record is None or then.record.key != now.record.key:
        return (
            f"Snapshot {then.snapshot_id} of {TABLE} was made with another pseudonym key, so no one can "
            "tell whether subjects withdrew since: open the current one."
        )
    missing = len(_subjects(then) - _subjects(now))
    if not missing:
        return None
    people = "1 subject" if missing == 1 else f"{missing} subjects"
    return (
        f"{people} of snapshot {then.snapshot_id} of {TABLE} left the current table, for example because a "
        "consent ended: open the current one, and train again."
    )


def _subjects(files: ArrowSnapshot) -> set[str]:
    return set(pc.unique(files.dataset().to_table(["subject_id"])["subject_id"]).to_pylist())


def _named(columns: Sequence[str] | None) -> list[str] | None:
    return None if columns is None else list(columns)


def _pinned(snapshot: int | str | None, database: str) -> tuple[int | None, str | None]:
    """The id of a snapshot, and the hash that a citation expects.

    Raises:
        SettingError: It is neither an id nor a citation of this database.
    """
    if snapshot is None or isinstance(snapshot, int):
        return snapshot, None
    if snapshot.isdecimal():
        return int(snapshot), None
    cited = CITATION.fullmatch(snapshot)
    if cited is None or cited["database"] != database:
        raise SettingError(
            f"snapshot is neither an id nor a citation such as {database}:{TABLE}@1234#0123456789abcdef."
        )
    return int(cited["snapshot"]), cited["hash"]
