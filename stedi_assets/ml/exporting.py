"""Exports: the readings of a snapshot as files that stand by themselves and can be cited for good."""

import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import pyarrow.parquet as pq

from stedi_assets.errors import SettingError
from stedi_assets.lake.iceberg.exports import Exported, register
from stedi_assets.lake.storage import Aws, open_storage
from stedi_assets.lake.storage.base import sha256_of
from stedi_assets.locations import within
from stedi_assets.ml.croissant import ExportedFile, described
from stedi_assets.ml.data_card import data_card
from stedi_assets.ml.pinned_readings import SPLITS, Readings, readings_of
from stedi_assets.settings import Settings

BATCH = 100_000
SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Export:
    """An export that was made.

    Attributes:
        citation: The snapshot.
        files: Its files in the order in which they were written.
    """

    citation: str
    files: tuple[ExportedFile, ...]


def export_readings(
    settings: Settings, place: str, *, snapshot: int | str | None, licence: str, at: int
) -> Export:
    """Writes a Parquet file per split, `croissant.json`, the data card and `SHA256SUMS` to a folder.

    The same snapshot and licence give the same bytes. The export is noted in the lake first.

    Args:
        settings: Where the lake is.
        place: URI of the folder, which must be empty.
        snapshot: Id or citation of the snapshot; None for the current one.
        licence: URL or text of the licence.
        at: The present, epoch ms.

    Raises:
        SettingError: The folder is not empty, or lies in the lake or in the landing root.
        LakeError: The snapshot has expired, or subjects of it are gone from the current table.
    """
    for name, other in (("STEDI_LAKE", settings.lake), ("STEDI_LANDING", settings.landing)):
        if within(place, other) or within(other, place):
            raise SettingError(f"The export and {name} lie one in the other: give it a folder of its own.")
    readings = readings_of(settings, snapshot=snapshot, strict=True)
    storage = open_storage(place, Aws(settings.region))
    if next(iter(storage.list(place)), None) is not None:
        raise SettingError("The folder of the export is not empty: give it one of its own.")
    register(readings.files.table, Exported(readings.citation, place, at))

    def written(path: str, stream: BinaryIO, split: str = "", rows: int = 0) -> ExportedFile:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        digest = sha256_of(stream)
        stream.seek(0)
        storage.write(f"{place}/{path}", stream)
        return ExportedFile(path, split, rows, size, digest)

    def all_files() -> Iterator[ExportedFile]:
        data = []
        for split in SPLITS:
            with tempfile.TemporaryFile() as stream:
                rows = _write_parquet(replace(readings, split=split), stream)
                data.append(written(f"data/{split}.parquet", stream, split, rows))
        yield from data
        description = json.dumps(described(readings, data, licence), indent=2)
        yield written("croissant.json", _text(f"{description}\n"))
        yield written("README.md", _text(_front_matter(data) + data_card(readings)))

    files = tuple(all_files())
    sums = "".join(f"{file.sha256}  {file.path}\n" for file in files)
    return Export(readings.citation, (*files, written(SUMS, _text(sums))))


def _write_parquet(readings: Readings, stream: BinaryIO) -> int:
    schema = readings.files.dataset().schema
    rows = 0
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in readings.batches(BATCH):
            writer.write_batch(batch)
            rows += len(batch)
    return rows


def _text(text: str) -> BinaryIO:
    return io.BytesIO(text.encode())


def _front_matter(data: list[ExportedFile]) -> str:
    """What Hugging Face `datasets` reads of the card: the file of each split that has readings."""
    lines = "".join(f"  - split: {file.split}\n    path: {file.path}\n" for file in data if file.rows)
    return f"---\nconfigs:\n- config_name: default\n  data_files:\n{lines}---\n\n"
