"""Which landing files are read, ignored or refused, by their names."""

import pytest

from stedi_assets.lake.ingestion.parsing.names import kind_of, looks_like_json


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("json", ("a.json", "a.JSONL", "a.ndjson", "a.json.gz", "a.Json.GZ", "a.json.bz2", "a.jsonl.zst",
                  "_a.json")),
        ("any", ("part-r-00000", "run-1-part-r-00000", "stream-1-2024-03-01", "a.2024-03-01", "part-0.gz",
                 "a.1")),
        ("other", ("a.csv", "a.parquet", "a.txt", "a.json.bak", "a.py", "a.csv.gz", "a.b/c.xml")),
        ("ignored", ("._a.json", ".DS_Store", "_SUCCESS", "_temporary/0/a.json", "_committed_1", "_started_1",
                     "_spark_metadata/0", "a.json.crc", "x/.git/a.json", "x_$folder$")),
    ],
)  # fmt: skip
def test_a_name_says_what_a_file_is(kind: str, names: tuple[str, ...]) -> None:
    assert {name: kind_of(name, 1) for name in names} == dict.fromkeys(names, kind)


def test_a_file_without_bytes_and_ending_stands_for_a_folder() -> None:
    assert (kind_of("2024", 0), kind_of("a.json", 0)) == ("ignored", "json")


@pytest.mark.parametrize("text", ['{"a": 1}', ' \n[{"a', "\ufeff{", '# x\n{"email": "a@x"}'])
def test_a_text_that_may_hold_records_looks_like_json(text: str) -> None:
    assert looks_like_json(text)


@pytest.mark.parametrize("text", ["a,b\n1,2", "hello", "", "#!/bin/sh\necho"])
def test_other_texts_do_not(text: str) -> None:
    assert not looks_like_json(text)
