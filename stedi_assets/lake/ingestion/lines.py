"""Landing files record by record: the parser's lane, for files that no engine reader can be trusted with.

The engine sends these functions to its Python workers, which have PyArrow but not this project: what they use
must be pickled by value too, see `reader`. The parser of one record is in `records`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BinaryType, DoubleType, LongType, StringType, StructField, StructType

from stedi_assets.lake.ingestion.erasing.tombstones import ErasedRecords
from stedi_assets.lake.ingestion.faults import named_people
from stedi_assets.lake.ingestion.files import LandingFile
from stedi_assets.lake.ingestion.parsing.finder import Finder, Found
from stedi_assets.lake.ingestion.parsing.unpacking import PackingError, open_text
from stedi_assets.lake.ingestion.records import FaultyLineError, LineForm, ParsedRecord, Value, parse_line
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
# Of a whole line: there may be several records on it, or a part of one.
PERHAPS_OTHER_SHAPE = {
    "not_json", "truncated", "not_an_object", "nesting_too_deep", "invalid_utf8", "null_byte", "out_of_range",
}  # fmt: skip

SPARK_TYPES = {"string": StringType(), "integer": LongType(), "number": DoubleType()}


@dataclass(frozen=True)
class ParsedLine:
    """The outcome of one record, or of a line without one.

    Attributes:
        number: The line on which it begins, from 1.
        record: Its place among the records of the file, from 1; 0 for a line without one.
        values: The values of the row, if it is one.
        reason: Why it is not a row; EMPTY for an empty line.
        unknown_keys: Unknown keys of a row.
        coerced: Values of a row that landed as text or null; see `ParsedRecord`.
        raw: The text in UTF-8, or the beginning of it; kept of quarantined records only.
        people: Canonical emails that a quarantined record about a person names, separated by spaces.
    """

    number: int
    record: int = 0
    values: list[Value] | None = None
    reason: str | None = None
    unknown_keys: int = 0
    coerced: int = 0
    raw: bytes | None = None
    people: str | None = None


def parsed_lines(
    spark: SparkSession,
    form: LineForm,
    files: list[LandingFile],
    *,
    aws: Aws,
    longest_line: int,
    erased: ErasedRecords | None = None,
) -> DataFrame:
    """The lines of landing files as `line_parser` gives them; lazy, and parsed again by every query.

    Args:
        spark: The engine's session.
        form: The form of the lines.
        files: The files.
        aws: AWS, for files in S3.
        longest_line: Bytes that a line may have.
        erased: Which records are about erased people, if anyone was erased.
    """
    schema = StructType(
        [
            *(StructField(field.name, SPARK_TYPES[field.kind]) for field in form.fields),
            StructField("source_file", StringType()),
            StructField("_line", LongType()),
            StructField("_record", LongType()),
            StructField("_reason", StringType()),
            StructField("_unknown_keys", LongType()),
            StructField("_coerced", LongType()),
            StructField("_raw", BinaryType()),
            StructField("_people", StringType()),
        ]
    )
    if not files:
        return spark.createDataFrame([], schema)
    paths = [(file.path, file.uri) for file in files]
    listed = spark.createDataFrame(paths, "path string, uri string")
    parse = line_parser(form, aws.given_region, longest_line, erased)
    return listed.repartition(min(len(files), PARSERS)).mapInArrow(parse, schema)


def line_parser(
    form: LineForm, region: str = "", longest_line: int = LONGEST_LINE, erased: ErasedRecords | None = None
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
                lines = map(erased.filtered, lines) if erased else lines
                for group in bounded(lines, _raw_size, PARSED_BYTES, most_items=PARSED_LINES):
                    yield _arrow_batch(group, path, schema)

    return parse


def parse_file(
    open_file: Callable[[str], BinaryIO], uri: str, form: LineForm, longest_line: int = LONGEST_LINE
) -> Iterator[ParsedLine]:
    """Reads a landing file record by record, with any content.

    If the rest of a file cannot be read, the last record has the reason `file_unreadable`.

    Args:
        open_file: Opens a file by URI.
        uri: The file.
        form: The form of the records.
        longest_line: Bytes that a record may have; not much more is held in memory at once.

    Raises:
        OSError: The file could not be fetched from S3, which says nothing about its records.
    """
    for _, line in records_of(open_file, uri, form, longest_line):
        yield line


def records_of(
    open_file: Callable[[str], BinaryIO], uri: str, form: LineForm, longest_line: int = LONGEST_LINE
) -> Iterator[tuple[str, ParsedLine]]:
    """Reads a landing file as `parse_file` does, with the text of each record."""
    finder = Finder(longest_line, [field.name for field in form.fields])
    record = 0
    for found, values in _found(open_file, uri, finder, form):
        record += found.text != ""
        parsed = values or _parsed(found, form)
        yield found.text, replace(parsed, record=record if found.text else 0)


def _found(
    open_file: Callable[[str], BinaryIO], uri: str, finder: Finder, form: LineForm
) -> "Iterator[tuple[Found, ParsedLine | None]]":
    """The records of a file; of a line that is one record, with its row, so that it is parsed once."""
    try:
        with open_file(uri) as raw:
            text = open_text(raw)
            while piece := text.readline(finder.longest + 1):
                row = _row(piece, finder, form)
                if row is not None:
                    yield Found(piece, row.number), row
                    finder.pass_line()
                    continue
                yield from ((found, None) for found in finder.feed(piece))
        yield from ((found, None) for found in finder.finish())
    except (OSError, PackingError) as error:
        if uri.startswith(S3) and isinstance(error, OSError):
            raise
        yield from ((found, None) for found in finder.finish())
        unreadable = _quarantined(Found("", finder.line), "file_unreadable", form)
        yield Found("\0", finder.line), unreadable


def _row(piece: str, finder: Finder, form: LineForm) -> ParsedLine | None:
    """The row of a line that is one record; None if the finder has to look at it."""
    if not (finder.at_rest and piece.endswith("\n") and len(piece) * 4 <= finder.longest):
        return None
    try:
        row = parse_line(piece, form)
    except FaultyLineError as fault:
        if fault.reason in PERHAPS_OTHER_SHAPE:
            return None
        return _quarantined(Found(piece, finder.line), fault.reason, form)
    return _parsed_row(finder.line, row)


def _arrow_schema(form: LineForm) -> "pa.Schema":
    import pyarrow as pa

    types = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    return pa.schema(
        [
            *((field.name, types[field.kind]) for field in form.fields),
            ("source_file", pa.string()),
            ("_line", pa.int64()),
            ("_record", pa.int64()),
            ("_reason", pa.string()),
            ("_unknown_keys", pa.int64()),
            ("_coerced", pa.int64()),
            ("_raw", pa.binary()),
            ("_people", pa.string()),
        ]
    )


def _arrow_batch(lines: Iterable[ParsedLine], path: str, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    of_line = ("source_file", "_line", "_record", "_reason", "_unknown_keys", "_coerced", "_raw", "_people")
    no_values = [None] * (len(schema) - len(of_line))
    rows = []
    for line in lines:
        counted = line.unknown_keys, line.coerced
        about = [path, line.number, line.record, line.reason, *counted, line.raw, line.people]
        rows.append([*(line.values or no_values), *about])
    columns = zip(*rows, strict=True)
    arrays = [pa.array(*typed) for typed in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _raw_size(line: ParsedLine) -> int:
    return len(line.raw or b"")


def _parsed(found: Found, form: LineForm) -> ParsedLine:
    if not found.text:
        return ParsedLine(found.line, reason=EMPTY)
    if found.fault == "record_too_long":
        return _quarantined(found, found.fault, form)
    try:
        row = parse_line(found.text, form)
    except FaultyLineError as fault:
        deep = found.fault == "nesting_too_deep"
        return _quarantined(found, "nesting_too_deep" if deep else fault.reason, form)
    return _parsed_row(found.line, row)


def _parsed_row(number: int, row: ParsedRecord) -> ParsedLine:
    return ParsedLine(number, values=row.values, unknown_keys=row.unknown_keys, coerced=row.coerced)


def _quarantined(found: Found, reason: str, form: LineForm) -> ParsedLine:
    raw = found.text.removesuffix("\n").encode(errors="surrogateescape")[:KEPT_BYTES]
    people = " ".join(named_people(found.text, form.person)) if form.person else None
    return ParsedLine(found.line, reason=reason, raw=raw, people=people)
