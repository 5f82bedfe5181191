"""A withdrawal counts whatever file it comes in; what is not read is in the ledger, with the reason."""

import bz2
import gzip
import json

import pytest

from stedi_assets_tests.support.lakes import TestLake, counts, customer, write_landing
from stedi_assets_tests.support.states import arrow

FOLDER = "customer/landing"


def withdrawal(name: str) -> str:
    return customer(f"{name}@example.com", None, updated=2_000, serial=name)


def fresh(folder) -> TestLake:
    return TestLake(folder, write_landing(folder / "in", {}))


FILES = {
    "jsonl": ("w.jsonl", lambda text: text.encode()),
    "ndjson": ("W.NDJSON", lambda text: text.encode()),
    "jsonl.gz": ("w.jsonl.gz", lambda text: gzip.compress(text.encode())),
    "bzip2": ("w.json.bz2", lambda text: bz2.compress(text.encode())),
    "firehose": ("stream-1-2024-03-01", lambda text: text.encode()),
    "glue": ("run-1-part-r-00000", lambda text: text.encode()),
    "underscore": ("_withdrawals.json", lambda text: text.encode()),
    "utf16": ("utf16.json", lambda text: text.encode("utf-16")),
    "plain-gz": ("plain.json.gz", lambda text: text.encode()),
    "gzip-json": ("gzip.json", lambda text: gzip.compress(text.encode())),
    "two-members": ("two.json.gz", lambda text: gzip.compress(b"\n") + gzip.compress(text.encode())),
    "pretty": ("pretty.json", lambda text: json.dumps(json.loads(text), indent=2).encode()),
    "array": ("array.json", lambda text: f"[{text}]".encode()),
    "array-of-lines": ("lines.json", lambda text: f"[\n{text},\n{text}\n]\n".encode()),
    "two-in-a-line": ("line.json", lambda text: (text + text).encode()),
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = fresh(tmp_path_factory.mktemp("any-file"))
    people = "".join(customer(f"{name}@example.com", 500, serial=name) + "\n" for name in (*FILES, "stays"))
    write_landing(lake.landing, {f"{FOLDER}/people.json": people})
    lake.built()
    assert len(lake.rows("customer_trusted")) == len(FILES) + 1
    others = {
        "readme.txt": "hello", "x.csv": "a,b\n", "._people.json": "\0\5\26\7", "_temporary/0/p.json": "{",
        "_SUCCESS": "",
    }  # fmt: skip
    files = {name: pack(withdrawal(person)) for person, (name, pack) in FILES.items()} | others
    write_landing(lake.landing, {f"{FOLDER}/{name}": content for name, content in files.items()})
    lake.built()
    return lake


def test_every_person_is_out_whatever_the_file_of_the_withdrawal(lake):
    assert [row[1] for row in lake.rows("customer_trusted")] == ["stays@example.com"]
    assert counts(lake, "customer_landing")["quarantined"] == 0


def test_what_is_not_read_is_in_the_ledger(lake):
    entries = {
        entry["path"].removeprefix(f"{FOLDER}/"): entry["outcome"]
        for entry in arrow(lake, "ledger").to_pylist()
        if entry["path"].startswith(FOLDER)
    }
    assert {name: entries[name] for name in ("readme.txt", "x.csv")} == dict.fromkeys(
        ("readme.txt", "x.csv"), "refused"
    )
    left_behind = ("._people.json", "_temporary/0/p.json", "_SUCCESS")
    assert {name: entries[name] for name in left_behind} == dict.fromkeys(left_behind, "ignored")
    assert {entries[name] for name, _ in FILES.values()} == {"ingested"}


def test_a_customer_file_that_may_be_json_under_another_name_fails_a_check(tmp_path):
    lake = fresh(tmp_path)
    files = {"people.json": customer("ada@example.com", 500), "w.txt": withdrawal("ada"), "x.csv": "a,b\n"}
    write_landing(lake.landing, {f"{FOLDER}/{name}": content for name, content in files.items()})
    lake.built(select="customer_landing")
    found = counts(lake, "customer_landing")
    assert (found["refused"], found["doubtful"], found["ignored"]) == (2, 1, 0)
    reasons = {entry["path"][-5:]: entry["reason"] for entry in arrow(lake, "ledger").to_pylist()}
    assert reasons["w.txt"] == "It may be JSON, but its name does not say so: give it the ending .json."
    assert reasons["x.csv"] == "It is not JSON: move it out of the landing zone."


def test_a_link_that_leads_out_of_the_landing_zone_is_refused_and_not_read(tmp_path):
    lake = fresh(tmp_path)
    (tmp_path / "key").write_text("an invented secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_text(customer("eve@example.com", 500))
    files = {"people.json": customer("ada@example.com", 500), "other/b.json": customer("bo@example.com", 500)}
    root = write_landing(lake.landing, {f"{FOLDER}/{name}": content for name, content in files.items()})
    folder = root / FOLDER
    links = {
        "key.json": tmp_path / "key",
        "environ.json": "/proc/self/environ",
        "far": tmp_path / "elsewhere",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    (folder / "near.json").symlink_to("other/b.json")
    lake.built(select="customer_landing")
    assert {row[1] for row in lake.rows("customer_landing")} == {"ada@example.com", "bo@example.com"}
    assert counts(lake, "customer_landing")["quarantined"] == 0
    refused = {
        entry["path"].removeprefix(f"{FOLDER}/"): entry["reason"]
        for entry in arrow(lake, "ledger").to_pylist()
        if entry["outcome"] == "refused"
    }
    assert refused == dict.fromkeys(
        links, "It is a link that leads out of the landing zone: put a copy in its place."
    )


SPELLINGS = {
    "zero-width@example.com": "\u200bzero-width@example.com",
    "direction@example.com": "direction\u200e@example.com",
    "soft-hyphen@example.com": "soft\u00ad-hyphen@example.com",
    "joiner@example.com": "joiner@exam\u2060ple.com",
    "bom@example.com": "bom@example.com\ufeff",
    "full-width@example.com": "ｆull-width@example.com",
    "jürgen@example.com": "ju\u0308rgen@example.com",
    "ada@bücher.example": "ada@xn--bcher-kva.example",
}


def test_a_withdrawal_counts_in_every_spelling_of_the_email(tmp_path):
    lake = fresh(tmp_path)
    people = (*SPELLINGS, "stays@example.com")
    records = "".join(customer(email, 500, serial=email) + "\n" for email in people)
    write_landing(lake.landing, {f"{FOLDER}/people.json": records})
    lake.built()
    assert len(lake.rows("customer_trusted")) == len(people)
    withdrawals = {
        f"{FOLDER}/{number}.json": customer(spelling, None, updated=2_000, serial=email) + "\n"
        for number, (email, spelling) in enumerate(SPELLINGS.items())
    }
    write_landing(lake.landing, withdrawals)
    lake.built()
    assert [row[1] for row in lake.rows("customer_trusted")] == ["stays@example.com"]
    assert counts(lake, "customer_landing")["quarantined"] == 3
