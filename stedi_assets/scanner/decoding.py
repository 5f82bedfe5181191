"""What a file holds: its bytes, and what they are the packing of."""

import bz2
import io
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, cast

BLOCK = 4 * 1024**2
DEEPEST = 4
ROWS = 10_000
READINGS = (("timestamp", "x", "y", "z"), ("sensorreadingtime", "distancefromobject"))
"""Columns of readings, the time first."""


def contents(stream: BinaryIO, depth: int = 0) -> Iterator[bytes]:
    """The bytes of a file and of everything that is packed in it, some megabytes at a time.

    Where one stream ends and another begins, there is an empty piece.

    Args:
        stream: The file; it can be read from the beginning.
        depth: How many packings it is in.
    """
    first = stream.read(16)
    stream.seek(0)
    while block := stream.read(BLOCK):
        yield block
    yield b""
    if depth > DEEPEST:
        return
    stream.seek(0)
    with suppress(EOFError, OSError, ValueError, zlib.error, zipfile.BadZipFile, sqlite3.DatabaseError):
        if first.startswith(b"PAR1"):
            yield from _parquet(stream)
        elif first.startswith(b"Obj\x01"):
            yield from _avro(stream)
        elif first.startswith(b"SQLite format 3\0"):
            yield from _sqlite(stream)
        elif first.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(stream) as archive:
                for name in archive.namelist():
                    yield name.encode(errors="replace")
                    yield b""
                    yield from _unpacked(cast(BinaryIO, archive.open(name)), depth)
        elif first.startswith(b"\x1f\x8b"):
            yield from _unpacked(cast(BinaryIO, _Inflated(stream)), depth)
        elif first.startswith(b"BZh"):
            yield from _unpacked(cast(BinaryIO, bz2.BZ2File(stream)), depth)
        elif first.startswith(b"\x28\xb5\x2f\xfd"):
            import pyarrow as pa

            packed = pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
            yield from _unpacked(cast(BinaryIO, packed), depth)


def readings(stream: BinaryIO) -> Iterator[tuple[float, ...]]:
    """The readings in a Parquet file, which may name no one; none of any other file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if stream.read(4) != b"PAR1":
        return
    stream.seek(0)
    with suppress(OSError, pa.ArrowInvalid):
        file = pq.ParquetFile(stream)
        for columns in READINGS:
            if {*columns} <= {*file.schema_arrow.names}:
                for batch in file.iter_batches(ROWS, columns=[*columns]):
                    yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


class _Inflated(io.RawIOBase):
    """A gzip file as far as it can be read, also one that is cut off."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._inflate = zlib.decompressobj(47)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while data := self._inflate.unconsumed_tail or self._inflate.unused_data or self._stream.read(BLOCK):
            if self._inflate.eof:  # another gzip file follows
                self._inflate = zlib.decompressobj(47)
            if out := self._inflate.decompress(data, BLOCK):
                return out
        return b""


def _unpacked(stream: BinaryIO, depth: int) -> Iterator[bytes]:
    """What a packed stream holds, and what that is the packing of in turn."""
    with tempfile.SpooledTemporaryFile(BLOCK * 4) as held:
        with suppress(EOFError, OSError, zlib.error):  # the rest of it cannot be read
            while block := stream.read(BLOCK):
                held.write(block)
        held.seek(0)
        yield from contents(cast(BinaryIO, held), depth + 1)


def _parquet(stream: BinaryIO) -> Iterator[bytes]:
    """The values of a Parquet file, which dictionaries and compression hide from a plain search."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream)
    yield str(file.metadata.metadata).encode(errors="replace")
    yield b""
    for batch in file.iter_batches(ROWS):
        for column in batch.columns:
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                column = column.unique()
            yield "\n".join(map(_text, column.to_pylist())).encode(errors="surrogateescape")
            yield b""


def _text(value: object) -> str:
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _avro(stream: BinaryIO) -> Iterator[bytes]:
    """The blocks of an Avro file without their compression; texts in them are plain."""
    stream.seek(4)
    header: dict[str, bytes] = {}
    while count := _long(stream):
        if count < 0:
            count = -count
            _long(stream)
        for _ in range(count):
            name = stream.read(_long(stream)).decode()
            header[name] = stream.read(_long(stream))
    stream.read(16)
    yield b"\n".join(header.values())
    yield b""
    while stream.read(1):
        stream.seek(-1, io.SEEK_CUR)
        _long(stream)
        data = stream.read(_long(stream))
        codec = header.get("avro.codec", b"null")
        if codec == b"deflate":
            data = zlib.decompress(data, -15)
        elif codec == b"zstandard":
            import pyarrow as pa

            data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        yield data
        yield b""
        stream.read(16)


def _long(stream: BinaryIO) -> int:
    number = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            raise EOFError
        number |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return (number >> 1) ^ -(number & 1)


def _sqlite(stream: BinaryIO) -> Iterator[bytes]:
    """The values of an SQLite database; what lies in free pages is among its bytes."""
    with tempfile.NamedTemporaryFile(suffix=".db") as copy:
        while block := stream.read(BLOCK):
            copy.write(block)
        copy.flush()
        database = sqlite3.connect(f"file:{copy.name}?immutable=1", uri=True)
        database.text_factory = bytes
        try:
            for (table,) in database.execute(
                "select name from sqlite_master where type = 'table'"
            ).fetchall():
                name = table.decode().replace('"', '""')
                for row in database.execute(f'select * from "{name}"'):
                    yield b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
                    yield b""
        finally:
            database.close()
