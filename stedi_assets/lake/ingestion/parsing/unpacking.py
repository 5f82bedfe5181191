"""Packing and encoding of landing files, by their first bytes: names may be wrong."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from typing import BinaryIO, cast

PACKED = (b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd")
"""The first bytes of gzip, bzip2 and zstd."""
MOST_LAYERS = 3  # a file that is packed twice is rare, but not wrong
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SNIFFED = 16  # bytes that decide
NOT_TEXT = "stedi-not-text"


class PackingError(ValueError):
    """The rest of a packed file cannot be unpacked."""


def _as_lone_surrogate(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


def open_text(raw: BinaryIO) -> io.TextIOWrapper:
    """The text of a landing file. Bytes that are no text appear as lone surrogates; line ends are line feeds.

    Args:
        raw: The file, at its beginning; it is read as it is needed.

    Raises:
        PackingError: It cannot be unpacked. Reading the text raises this, too.
    """
    stream = unpacked(raw)
    encoding = encoding_of(_peek(stream))
    errors = "surrogateescape"
    if encoding != "utf-8-sig":  # other encodings know no escape of single bytes
        # Workers receive this module without importing it, so the handler is registered where it is used.
        codecs.register_error(NOT_TEXT, _as_lone_surrogate)
        errors = NOT_TEXT
    return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline=None)


def unpacked(raw: BinaryIO) -> io.BufferedReader:
    """A file without its packing: gzip, bzip2, zstd, also one in another.

    Raises:
        PackingError: It cannot be unpacked. Reading raises this, too.
    """
    return layers(raw)[0]


def layers(raw: BinaryIO) -> tuple[io.BufferedReader, list[bytes]]:
    """A file without its packing, and the first bytes of each packing, the outermost first.

    Raises:
        PackingError: It cannot be unpacked. Reading raises this, too.
    """
    stream = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
    found: list[bytes] = []
    for _ in range(MOST_LAYERS):
        first = _peek(stream)
        if not first.startswith(PACKED):
            break
        found.append(next(packing for packing in PACKED if first.startswith(packing)))
        stream = io.BufferedReader(_Unpacked(_unpacker(first, stream)))
    return stream, found


def encoding_of(first: bytes) -> str:
    """The encoding of a text by its first bytes: UTF-8, or UTF-16 and UTF-32 with or without a mark."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if first.startswith(mark):
            return encoding
    # A JSON text begins with ASCII characters.
    if len(first) >= 4 and 0 not in (first[0], first[2]) and first[1] == first[3] == 0:
        return "utf-16-le"
    if len(first) >= 4 and 0 not in (first[1], first[3]) and first[0] == first[2] == 0:
        return "utf-16-be"
    return "utf-8-sig"


def _unpacker(first: bytes, stream: io.BufferedReader) -> BinaryIO:
    if first.startswith(PACKED[0]):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if first.startswith(PACKED[1]):
        return cast(BinaryIO, bz2.BZ2File(stream))
    import pyarrow as pa

    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"))


def _peek(stream: io.BufferedReader) -> bytes:
    """The first bytes of a stream, which stay in it."""
    return stream.peek(SNIFFED)[:SNIFFED]


class _Unpacked(io.RawIOBase):
    """A stream whose errors say that the packing is at fault, not the storage."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise PackingError from error
        except OSError as error:
            if error.errno:  # the storage failed, which says nothing about the packing
                raise
            raise PackingError from error
        buffer[: len(data)] = data
        return len(data)
