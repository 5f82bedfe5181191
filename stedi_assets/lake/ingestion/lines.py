"""Landing files line by line: the parser's lane, for files that no engine reader can be trusted with.

The engine sends these functions to its Python workers, which have PyArrow but not this project: what they use
must be pickled by value too, see `reader`. The parser of one line is in `records`.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BinaryType, DoubleType, LongType, StringType, StructField, StructType

from stedi_assets.lake.ingestion.faults import named_people
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.records import FaultyLineError, LineForm, Value, parse_line
from stedi_assets.lake.packing import bounded
from stedi_assets.lake.storage import Aws, file_opener
from stedi_assets.locations import S3
from stedi_assets.settings import LONGEST_LINE

if TYPE_CHECKING:
    import pyarrow as pa

KEPT_BYTES = 1_000_000  # of a quarantined line
PARSED_LINES = 10_000  # of a batch that Python hands to the engine
PARSED_BYTES = 16 * 1024**2  # of raw lines in such a batch
PARSERS = 16  # tasks that parse files
EMPTY = "empty"

SPARK_TYPES = {"string": StringType(), "integer": LongType(), "number": DoubleType()}


@dataclass(frozen=True)
class ParsedLine:
    """The outcome of one line.

    Attributes:
        number: Its place in the file, from 1.
        values: The values of the row, if it is one.
        reason: Why it is not a row; EMPTY for an empty line.
        unknown_keys: Unknown keys of a row.
        raw: The line without its end, or the beginning of it; kept of quarantined lines only.
        people: Canonical emails that a quarantined line about a person names, separated by spaces.
    """

    number: int
    values: list[Value] | None = None
    reason: str | None = None
    unknown_keys: int = 0
    raw: bytes | None = None
    people: str | None = None


def parsed_lines(
    spark: SparkSession, form: LineForm, files: list[LandingFile], *, aws: Aws, longest_line: int
) -> DataFrame:
    """The lines of landing files as `line_parser` gives them; lazy, and parsed again by every query.

    Args:
        spark: The engine's session.
        form: The form of the lines.
        files: The files.
        aws: AWS, for files in S3.
        longest_line: Bytes that a line may have.
    """
    schema = StructType(
        [
            *(StructField(field.name, SPARK_TYPES[field.kind]) for field in form.fields),
            StructField("source_file", StringType()),
            StructField("_line", LongType()),
            StructField("_reason", StringType()),
            StructField("_unknown_keys", LongType()),
            StructField("_raw", BinaryType()),
            StructField("_people", StringType()),
        ]
    )
    if not files:
        return spark.createDataFrame([], schema)
    paths = [(file.path, file.uri) for file in files]
    listed = spark.createDataFrame(paths, "path string, uri string")
    parse = line_parser(form, aws.given_region, longest_line)
    return listed.repartition(min(len(files), PARSERS)).mapInArrow(parse, schema)


def line_parser(
    form: LineForm, region: str = "", longest_line: int = LONGEST_LINE
) -> "Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]":
    """Returns a function for `mapInArrow`: files (path, URI) in, one row per line out.

    It is sent to the engine's workers, so it holds no credential: they use their own. The rows have the
    source fields (null if the line is not a row), source_file, _line, _reason (null if it is a row),
    _unknown_keys, and for quarantined lines _raw and _people.
    """

    def parse(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        schema = _arrow_schema(form)
        open_file = file_opener(region)
        for batch in batches:
            for path, uri in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                lines = parse_file(open_file, uri, form, longest_line)
                for group in bounded(lines, _raw_size, PARSED_BYTES, most_items=PARSED_LINES):
                    yield _arrow_batch(group, path, schema)

    return parse


def parse_file(
    open_file: Callable[[str], BinaryIO], uri: str, form: LineForm, longest_line: int = LONGEST_LINE
) -> Iterator[ParsedLine]:
    """Reads a landing file line by line, with any content.

    A line ends at a line feed, a carriage return or both. If the rest of a file cannot be read, the last line
    has the reason `file_unreadable`.

    Args:
        open_file: Opens a file by URI.
        uri: The file.
        form: The form of the lines.
        longest_line: Bytes that a line may have; more are never held in memory at once.

    Raises:
        OSError: The file could not be fetched from S3, which says nothing about its lines.
    """
    number = 0
    try:
        with open_file(uri) as raw:
            lines = _lines(raw, longest_line, compressed=uri.lower().endswith(".gz"))
            for number, (line, whole) in enumerate(lines, start=1):
                yield _parsed(number, line, whole, form)
    except (OSError, EOFError, zlib.error) as error:
        broken_file = not isinstance(error, OSError) or isinstance(error, gzip.BadGzipFile)
        if uri.startswith(S3) and not broken_file:
            raise
        yield _quarantined(number + 1, "", "file_unreadable", form)


def _arrow_schema(form: LineForm) -> "pa.Schema":
    import pyarrow as pa

    types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    return pa.schema(
        [
            *((field.name, types[field.kind]) for field in form.fields),
            ("source_file", pa.string()),
            ("_line", pa.int64()),
            ("_reason", pa.string()),
            ("_unknown_keys", pa.int64()),
            ("_raw", pa.binary()),
            ("_people", pa.string()),
        ]
    )


def _arrow_batch(lines: Iterable[ParsedLine], path: str, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    of_line = ("source_file", "_line", "_reason", "_unknown_keys", "_raw", "_people")
    no_values = [None] * (len(schema) - len(of_line))
    rows = []
    for line in lines:
        about = [path, line.number, line.reason, line.unknown_keys, line.raw, line.people]
        rows.append([*(line.values or no_values), *about])
    columns = zip(*rows, strict=True)
    arrays = [pa.array(*typed) for typed in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _raw_size(line: ParsedLine) -> int:
    return len(line.raw or b"")


def _lines(raw: BinaryIO, longest: int, *, compressed: bool) -> Iterator[tuple[str, bool]]:
    """The lines of a file, and whether each is whole; only the beginning of a line too long is kept."""
    stream = gzip.GzipFile(fileobj=raw) if compressed else raw
    # Bytes that are not UTF-8 become lone surrogates, which the parser refuses line by line.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=None)
    beginning = ""
    while piece := text.readline(longest + 1):
        if not piece.endswith("\n") and len(piece) == longest + 1:
            beginning = beginning or piece
            continue
        line = beginning or piece
        yield line, not beginning and (len(line) <= longest // 4 or _size(line) <= longest)
        beginning = ""
    if beginning:
        yield beginning, False


def _size(line: str) -> int:
    """Bytes of a line without its end."""
    return len(line.removesuffix("\n").encode(errors="surrogateescape"))


def _parsed(number: int, line: str, whole: bool, form: LineForm) -> ParsedLine:
    if not whole:
        return _quarantined(number, line, "line_too_long", form)
    if not line.strip(" \t\r\n"):
        return ParsedLine(number, reason=EMPTY)
    try:
        values, unknown_keys = parse_line(line, form)
    except FaultyLineError as fault:
        return _quarantined(number, line, fault.reason, form)
    return ParsedLine(number, values, unknown_keys=unknown_keys)


def _quarantined(number: int, line: str, reason: str, form: LineForm) -> ParsedLine:
    raw = line.removesuffix("\n").encode(errors="surrogateescape")[:KEPT_BYTES]
    people = " ".join(named_people(line, form.person)) if form.person else None
    return ParsedLine(number, reason=reason, raw=raw, people=people)
