"""Ingestion: landing files become rows of a landing table, and every line is accounted for.

Lines read = rows + quarantined + empty, per file. Files whose every line fits the plain pattern take the
engine's JSON reader; the others are parsed line by line, by the engine's Python workers.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING

from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

from stedi_assets.errors import LakeError
from stedi_assets.lake import landing_files, streams
from stedi_assets.lake.aws import Aws
from stedi_assets.lake.boundary import engine_errors, s3_refusal
from stedi_assets.lake.landing_files import EMPTY, LandingFile, parse_file
from stedi_assets.lake.progress import report
from stedi_assets.lake.staging import StagingArea, side_by_side
from stedi_assets.lake.storage import engine_path
from stedi_assets.lake.streams import file_opener
from stedi_assets.tables import LandingSource, TableSpec
from stedi_assets.transforms import landing
from stedi_assets.transforms.landing import Field, plain_line_pattern, record_fields, with_event_date

if TYPE_CHECKING:
    from pyarrow import RecordBatch

# Bounds of what is read by one query: bytes for memory, files for the size of the query plan.
CHUNK_BYTES = 128 * 1024**2
CHUNK_FILES = 200

SPARK_TYPES = {"string": StringType(), "integer": LongType(), "number": DoubleType()}
PARSERS = 16  # tasks that parse files line by line
PARSED_LINES = 10_000  # rows of a batch handed from Python to the engine

# The parser travels to the engine's Python workers as a whole: the nodes of a cluster need pyarrow only,
# and none of them parses with the rules of another version of this package.
for _module in (landing, landing_files, streams):
    cloudpickle.register_pickle_by_value(_module)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class LineCounts:
    """What became of the lines of landing files; lines = rows + quarantined + empty."""

    files: int = 0
    lines: int = 0
    rows: int = 0
    quarantined: int = 0
    empty: int = 0
    unknown_keys: int = 0

    def __add__(self, other: "LineCounts") -> "LineCounts":
        return LineCounts(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))

    def as_mapping(self) -> Mapping[str, int]:
        """The counts by name."""
        return asdict(self)


def ingest(
    spark: SparkSession, spec: TableSpec, files: list[LandingFile], batch_id: str, area: StagingArea, aws: Aws
) -> LineCounts:
    """Stages the rows of landing files.

    Args:
        spark: The engine's session.
        spec: A table of the landing zone.
        files: The landing files of the batch.
        batch_id: Name of the batch.
        area: Where to stage.
        aws: Where files in S3 are.

    Returns:
        What became of the lines.
    """
    assert spec.source is not None
    reader = _Reader(spark, spec, spec.source, area, aws)

    def write(numbered: tuple[int, list[LandingFile]]) -> LineCounts:
        number, chunk = numbered
        with engine_errors(spec.name, "reading landing files"):
            frame, counts = reader.read(chunk, number)
        if frame is not None:
            area.write(frame.withColumn("batch_id", F.lit(batch_id)))
        return counts

    report(spec.name, "staging")
    total = LineCounts()
    for number, counts in enumerate(side_by_side(write, enumerate(file_chunks(files))), start=1):
        total += counts
        report(spec.name, f"staged part {number}", total.rows)
    return total


def file_chunks(files: list[LandingFile]) -> Iterator[list[LandingFile]]:
    """Consecutive files within the bounds of one query; a larger file stands alone."""
    chunk: list[LandingFile] = []
    size = 0
    for file in files:
        if chunk and (size + file.size > CHUNK_BYTES or len(chunk) == CHUNK_FILES):
            yield chunk
            chunk, size = [], 0
        chunk.append(file)
        size += file.size
    if chunk:
        yield chunk


def union(frames: list[DataFrame]) -> DataFrame:
    """The rows of all frames, folded as a tree: a chain of unions is as deep as the list is long."""
    while len(frames) > 1:
        frames = [reduce(DataFrame.unionByName, frames[i : i + 2]) for i in range(0, len(frames), 2)]
    return frames[0]


class _Reader:
    """Reads landing files of one table."""

    def __init__(
        self, spark: SparkSession, spec: TableSpec, source: LandingSource, area: StagingArea, aws: Aws
    ) -> None:
        self._spark = spark
        self._spec = spec
        self._area = area
        self._aws = aws
        self._fields = record_fields(source.record)

    def read(self, files: list[LandingFile], number: int) -> tuple[DataFrame | None, LineCounts]:
        """The rows of some files, with event_date and source_file, and what became of the lines."""
        counts = self._survey([file for file in files if file.plain])
        clean = [file for file in files if file.path in counts]
        odd = [file for file in files if file.path not in counts]
        frames = [self._plain_rows(file) for file in clean]
        if odd and (parsed := self._parse(odd, f"{self._area.scratch}/{number:05}")):
            frames.append(parsed.rows)
            counts |= parsed.counts
        total = sum(counts.values(), LineCounts(files=len(files) - len(counts)))
        if not frames:
            return None, total
        columns = [*(field.name for field in self._fields), "source_file"]
        rows = union([frame.select(*columns) for frame in frames])
        return rows if self._spec.instant is None else with_event_date(rows, self._spec.instant), total

    def _survey(self, files: list[LandingFile]) -> dict[str, LineCounts]:
        """Counts the lines of those files that the engine's JSON reader can be trusted with."""
        if not files:
            return {}
        texts = [
            self._spark.read.text(engine_path(file.uri)).withColumn("source_file", F.lit(file.path))
            for file in files
        ]
        # In Java `$` also matches before a last line separator, which is no part of a plain line.
        plain = F.col("value").rlike(plain_line_pattern(self._fields)) & F.col("value").endswith("}")
        empty = F.trim("value") == ""
        surveyed = (
            union(texts)
            .groupBy("source_file")
            .agg(
                F.count(F.lit(1)).alias("lines"),
                F.sum(plain.cast("bigint")).alias("plain"),
                F.sum(empty.cast("bigint")).alias("empty"),
            )
        )
        try:
            found = surveyed.collect()
        except PySparkException as error:
            if s3_refusal(error):
                raise
            # A file that is no text makes the engine refuse all: find it, by halves.
            half = len(files) // 2
            return self._survey(files[:half]) | self._survey(files[half:]) if half else {}
        return {
            row["source_file"]: LineCounts(files=1, lines=row["lines"], rows=row["plain"], empty=row["empty"])
            for row in found
            if row["lines"] == row["plain"] + row["empty"]
        }

    def _plain_rows(self, file: LandingFile) -> DataFrame:
        keys = StructType([StructField(field.key, SPARK_TYPES[field.kind]) for field in self._fields])
        rows = self._spark.read.schema(keys).json(engine_path(file.uri))
        columns = [_plain_value(field) for field in self._fields]
        return rows.select(*columns, F.lit(file.path).alias("source_file"))

    def _parse(self, files: list[LandingFile], scratch: str) -> "_Parsed | None":
        """Parses files line by line into scratch files, so that none is parsed twice.

        Raises:
            LakeError: The engine does not see all lines that it wrote to the scratch files.
        """
        paths = [(file.path, file.uri) for file in files]
        listed = self._spark.createDataFrame(paths, "path string, uri string")
        schema = StructType(
            [
                *(StructField(field.name, SPARK_TYPES[field.kind]) for field in self._fields),
                StructField("source_file", StringType()),
                StructField("_reason", StringType()),
                StructField("_unknown_keys", LongType()),
            ]
        )
        parse = line_parser(self._fields, self._spec.instant, self._aws.given_region)
        parsed = listed.repartition(min(len(files), PARSERS)).mapInArrow(parse, schema)
        parsed.write.parquet(engine_path(scratch))
        written = [file.uri for file in self._area.storage.list(scratch) if file.path.endswith(".parquet")]
        if not written:
            return None
        lines = self._spark.read.schema(schema).parquet(*map(engine_path, written))
        counts = _count(lines)
        seen, expected = sum(count.lines for count in counts.values()), self._rows(written)
        if seen != expected:
            raise LakeError(f"{self._spec.name}: the engine sees {seen:,} of {expected:,} lines: run again.")
        return _Parsed(lines.where(F.col("_reason").isNull()), counts)

    def _rows(self, uris: list[str]) -> int:
        """Rows of Parquet files, by their footers."""
        from pyarrow.parquet import read_metadata

        open_file = file_opener(self._aws.given_region)
        rows = 0
        for uri in uris:
            with open_file(uri) as stream:
                rows += read_metadata(stream).num_rows
        return rows


@dataclass(frozen=True)
class _Parsed:
    """Rows of files that were parsed line by line, and what became of the lines of each file."""

    rows: DataFrame
    counts: dict[str, LineCounts]


def line_parser(
    fields: tuple[Field, ...], instant: str | None, region: str = ""
) -> "Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]":
    """A function for `mapInArrow`: files (path, URI) in, one row per line out.

    It is sent to the engine's workers, so it holds no credential: they find theirs by themselves.
    The rows have the source fields (null where the line is no row), source_file, _reason (null where it
    is one) and _unknown_keys.
    """

    def parse(batches: "Iterator[RecordBatch]") -> "Iterator[RecordBatch]":
        import pyarrow as pa

        types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
        schema = pa.schema(
            [
                *((field.name, types[field.kind]) for field in fields),
                ("source_file", pa.string()),
                ("_reason", pa.string()),
                ("_unknown_keys", pa.int64()),
            ]
        )
        nothing = [None] * len(fields)
        open_file = file_opener(region)
        for batch in batches:
            for path, uri in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                lines = parse_file(open_file, uri, fields, instant)
                while some := list(islice(lines, PARSED_LINES)):
                    rows = [
                        [*(line.values or nothing), path, line.reason, line.unknown_keys] for line in some
                    ]
                    columns = zip(*rows, strict=True)
                    arrays = [pa.array(*typed) for typed in zip(columns, schema.types, strict=True)]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return parse


def _plain_value(field: Field) -> Column:
    value = F.col(field.key)
    if field.kind == "number":  # minus zero is zero, as the parser has it
        value = F.when(value == 0, F.lit(0.0)).otherwise(value)
    return value.alias(field.name)


def _count(parsed: DataFrame) -> dict[str, LineCounts]:
    row, empty = F.col("_reason").isNull(), F.col("_reason") == EMPTY
    counted = parsed.groupBy("source_file").agg(
        F.count(F.lit(1)).alias("lines"),
        F.sum(row.cast("bigint")).alias("rows"),
        F.coalesce(F.sum(empty.cast("bigint")), F.lit(0)).alias("empty"),
        F.sum("_unknown_keys").alias("unknown_keys"),
    )
    return {
        found["source_file"]: LineCounts(
            files=1,
            lines=found["lines"],
            rows=found["rows"],
            quarantined=found["lines"] - found["rows"] - found["empty"],
            empty=found["empty"],
            unknown_keys=found["unknown_keys"],
        )
        for found in counted.collect()
    }
