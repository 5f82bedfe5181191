"""Packing and encoding are decided by the first bytes of a file."""

import bz2
import gzip
import io

import pyarrow as pa
import pytest

from stedi_assets.lake.ingestion.parsing.unpacking import PackingError, open_text

TEXT = '{"user": "ünï☃😀@x"}\n'


PACKERS = [bytes, gzip.compress, bz2.compress, lambda data: gzip.compress(bz2.compress(data))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("pack", PACKERS)
def test_text_is_read_whatever_its_packing_and_encoding(pack, encoding: str) -> None:
    assert open_text(io.BytesIO(pack(TEXT.encode(encoding)))).read() == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_several_members_are_one_file(pack) -> None:
    assert open_text(io.BytesIO(pack(TEXT.encode()) * 2)).read() == TEXT * 2


def test_zstd_is_read(tmp_path) -> None:
    path = tmp_path / "a.zst"
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(TEXT.encode())
    with path.open("rb") as raw:
        assert open_text(raw).read() == TEXT
    with path.open("ab") as raw:
        raw.write(path.read_bytes())
    with path.open("rb") as raw:
        assert open_text(raw).read() == TEXT * 2


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_that_is_cut_off_is_at_fault_itself(pack) -> None:
    with pytest.raises(PackingError):
        open_text(io.BytesIO(pack(TEXT.encode() * 100)[:-12])).read()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\xffb", "a\udcffb"),
        ("a".encode("utf-16") + b"\x00\xd8b\x00", "a\udcffb"),
        (b"", ""),
        (b"\n", "\n"),
    ],
)
def test_bytes_that_are_no_text_are_lone_surrogates(content: bytes, text: str) -> None:
    assert open_text(io.BytesIO(content)).read() == text
