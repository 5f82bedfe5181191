"""The scanner finds what an eraser may leave behind: one thing of every kind, each alone in a place."""

import base64
import bz2
import gzip
import io
import json
import sqlite3
import unicodedata
import zipfile
import zlib
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stedi_assets.scanner import decoding
from stedi_assets.scanner.scan import scan
from stedi_assets.scanner.terms import Terms

EMAIL = "zoé.quill@example.com"
NAME = "Zoé Quill"
SERIAL = "9740af98-50ac-4520-b00d-97bfb007be40"
PSEUDONYM = "898117af2973e3e0efddb63ca30113c180c577fadb1e9c2fafc45bdfb1b192f3"
TERMS = {"emails": [EMAIL], "names": [NAME], "serial numbers": [SERIAL], "pseudonyms": [PSEUDONYM]}


def parquet(**options):
    rows = {"who": [f"person{number}@example.com" for number in range(500)] + [EMAIL]}
    out = io.BytesIO()
    pq.write_table(pa.table(rows), out, **options)
    return out.getvalue()


def avro(codec):
    """An Avro file of one block, as Iceberg's manifests are, written by hand."""

    def long(number):
        number, out = number << 1, b""
        while number > 0x7F:
            out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
        return out + bytes([number])

    def text(value):
        return long(len(value)) + value

    data = text(b"lower bound " + EMAIL.encode())
    packed = {"null": lambda: data, "deflate": lambda: zlib.compress(data)[2:-4]}[codec]()
    header = long(1) + text(b"avro.codec") + text(codec.encode()) + long(0)
    return b"Obj\x01" + header + b"s" * 16 + long(1) + long(len(packed)) + packed + b"s" * 16


def sqlite(tmp_path, *, deleted=False):
    file = tmp_path / "made.db"
    with sqlite3.connect(file) as database:
        database.execute("pragma secure_delete = off")
        database.execute("create table events (text)")
        database.execute("insert into events values (?)", (f"{'x' * 9_000}{EMAIL}{'y' * 9_000}",))
        database.commit()
        if deleted:
            database.execute("delete from events")
            database.commit()
    database.close()
    return file.read_bytes()


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b.json", json.dumps({"email": EMAIL}, ensure_ascii=False))
    return out.getvalue()


LEFT = {
    "as it is": EMAIL.encode(),
    "in capitals": EMAIL.upper().encode(),
    "mixed": b"ZO\xc3\xa9.QuiLL@Example.COM",
    "nfd": unicodedata.normalize("NFD", EMAIL).encode(),
    "percent": quote(EMAIL).encode(),
    "percent, at sign too": quote(EMAIL, safe="").encode(),
    "json escape": json.dumps(EMAIL).encode(),
    "hex": EMAIL.encode().hex().encode(),
    "base64": base64.b64encode(EMAIL.encode()),
    "base64 inside": base64.b64encode(b"a:" + EMAIL.encode() + b":secret"),
    "base64 inside, shifted": base64.b64encode(b"user=" + EMAIL.encode() + b"&x"),
    "utf-16": EMAIL.encode("utf-16-le"),
    "utf-16, big": EMAIL.encode("utf-16-be"),
    "name": f"hello {NAME.lower()}!".encode(),
    "serial number": SERIAL.upper().encode(),
    "pseudonym": PSEUDONYM.encode(),
    "plain parquet": parquet(compression="none", use_dictionary=False),
    "packed parquet": parquet(compression="zstd"),
    "parquet dictionary": parquet(compression="snappy", use_dictionary=True),
    "avro": avro("null"),
    "packed avro": avro("deflate"),
    "gzip": gzip.compress(EMAIL.encode()),
    "two gzip files": gzip.compress(b"x") + gzip.compress(EMAIL.encode()),
    "gzip, cut off": gzip.compress((EMAIL + "\n").encode() + bytes(range(256)) * 4_000)[:-2_000],
    "gzip in gzip": gzip.compress(gzip.compress(EMAIL.encode())),
    "bzip2": bz2.compress(EMAIL.encode()),
    "zip": zipped(),
    "across two blocks": b"x" * (decoding.BLOCK - 8) + EMAIL.encode(),
}


@pytest.mark.parametrize("left", LEFT)
def test_what_is_left_behind_is_found(left, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.bin").write_bytes(LEFT[left])
    assert not scan({"lake": str(tmp_path)}, Terms(TERMS)).clean


def test_zstd_is_found(tmp_path):
    target = tmp_path / "file.zst"
    with pa.CompressedOutputStream(pa.OSFile(str(target), "wb"), "zstd") as packed:
        packed.write(EMAIL.encode())
    assert not scan({"lake": str(tmp_path)}, Terms(TERMS)).clean


@pytest.mark.parametrize("deleted", [False, True])
def test_rows_of_sqlite_are_found_and_what_lies_in_free_pages(tmp_path, deleted):
    place = tmp_path / "home"
    place.mkdir()
    data = sqlite(tmp_path, deleted=deleted)
    (place / "runs.db").write_bytes(data)
    assert not scan({"Dagster home": str(place)}, Terms(TERMS)).clean


def test_the_name_of_a_file_is_searched_too(tmp_path):
    (tmp_path / f"{SERIAL}.json").write_bytes(b"{}")
    assert scan({"landing": str(tmp_path)}, Terms(TERMS)).hits == {("landing", "serial numbers"): 1}


def test_a_place_without_them_is_clean(tmp_path):
    pq.write_table(pa.table({"who": ["bo@example.com"]}), tmp_path / "a.parquet")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"zo\xc3\xa9@example.com"))
    done = scan({"lake": str(tmp_path), "nowhere": str(tmp_path / "none")}, Terms(TERMS))
    assert done.clean
    assert done.files == 2


def test_a_longer_value_of_another_person_explains_a_finding(tmp_path):
    (tmp_path / "a").write_text("also.held@example.com")
    terms = {"emails": ["held@example.com"]}
    assert not scan({"lake": str(tmp_path)}, Terms(terms)).clean
    assert scan({"lake": str(tmp_path)}, Terms(terms, ["also.held@example.com"])).clean
    (tmp_path / "b").write_text("also.held@example.com held@example.com")
    assert not scan({"lake": str(tmp_path)}, Terms(terms, ["also.held@example.com"])).clean


def test_thousands_of_values_are_looked_for_at_once(tmp_path):
    terms = Terms({"emails": [f"person{number}@example.com" for number in range(2_000)]})
    (tmp_path / "a").write_text("x" * 100_000 + "person1999@example.com")
    assert scan({"lake": str(tmp_path)}, terms).hits == {("lake", "emails"): 1}
