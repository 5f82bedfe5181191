"""Law 6: nothing row-like leaves the lake. Canaries go through runs and audits that succeed and fail."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from stedi_assets.assets import DECLARED, TABLES
from stedi_assets.cli.main import main
from stedi_assets.contracts.value_rules import NumberRules
from stedi_assets.lake.ingestion.erasing.rewriting import Rewriter
from stedi_assets.lake.refresh import AuditInput
from stedi_assets_tests.support import steps
from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import AS_OF, TestLake, present_at, write_landing

CANARIES = ("Zyqqara", "zyqqara", "555-0199-7", "1987-06-05", "c0ffee00-dead-4bad-beef-00000000cafe")
NOON = 1_700_000_000_000


def canary_zone(root):
    """A consenting canary with readings, and lines of a second one that cannot become rows."""
    person = {
        "customerName": "Zyqqara Canary", "email": "Zyqqara@example.com", "phone": "555-0199-7",
        "birthDay": "1987-06-05", "serialNumber": "c0ffee00-dead-4bad-beef-00000000cafe",
        "registrationDate": NOON, "lastUpdateDate": NOON, "shareWithResearchAsOfDate": NOON,
    }  # fmt: skip
    reading = {"user": "Zyqqara@example.com", "timestamp": NOON, "x": 0.1, "y": 0.2, "z": 0.3}
    step = {"sensorReadingTime": NOON, "serialNumber": person["serialNumber"], "distanceFromObject": 200}
    held = json.dumps(person | {"email": "Zyqqara.Held@example.com"})
    customers = (held[:-9], held.replace(str(NOON), "3"), "Zyqqara 555-0199-7", held[: held.index(".Held")])
    readings = ({"timestamp": "Zyqqara"}, {"user": "Zyqqara"}, {"x": 17}, {"timestamp": 1})
    steps = (json.dumps(step)[:70], json.dumps(step | {"distanceFromObject": -1}))
    return write_landing(
        root,
        {
            "customer/landing/a.json": "\n".join((json.dumps(person), *customers)),
            "accelerometer/landing/a.json": "\n".join(json.dumps(reading | odd) for odd in ({}, *readings)),
            "step_trainer/landing/a.json": "\n".join((json.dumps(step), *steps)),
        },
    )


def engine_error(frame):
    """A frame on which the engine fails, quoting a value."""
    return frame.selectExpr("*", "cast(concat(user, '!') as bigint) as broken")


def refused(patch):
    """A reading is published twice, or would be."""
    table = DECLARED["accelerometer_trusted"]

    def twice(frames, run):
        rows = table.transform(frames, run)
        return rows.unionAll(rows)

    patch.setitem(DECLARED.by_name, "accelerometer_trusted", replace(table, transform=twice))


def engine_error_while_staging(patch):
    write = steps.WRITE.function

    def failing(area, frame):
        if area.spec.name == "accelerometer_trusted":
            frame = engine_error(frame).drop("user").withColumnRenamed("broken", "user")
        return write(area, frame)

    steps.WRITE.replace(patch, failing)


def crash_while_staging(patch):
    write = steps.WRITE.function

    def failing(area, frame):
        if area.spec.name == "customer_trusted":
            raise RuntimeError(CANARIES[0])
        return write(area, frame)

    steps.WRITE.replace(patch, failing)


def engine_error_in_the_audit(patch):
    rows = AuditInput.rows

    def failing(audit_input, days=None):
        found = rows(audit_input, days)
        if audit_input.spec.name == "accelerometer_landing":
            found = engine_error(found).drop("user").withColumnRenamed("broken", "user")
        return found

    patch.setattr(AuditInput, "rows", failing)


def crash_in_the_audit(patch):
    examine = NumberRules.examine

    def failing(rules, audit_input, days):
        people = audit_input.rows(days).collect()
        if audit_input.spec.name == "customer_trusted" and people:
            raise RuntimeError(CANARIES[0])
        return examine(rules, audit_input, days)

    patch.setattr(NumberRules, "examine", failing)


MISHAPS = {
    None: "",
    refused: "accelerometer_trusted: publish refused, table unchanged: reconciles is broken by 1 of 1 rows",
    engine_error_while_staging: "accelerometer_trusted: the engine stopped while staging rows",
    crash_while_staging: "customer_trusted: RuntimeError while staging, which nothing expects: see",
    engine_error_in_the_audit: "accelerometer_landing: the engine stopped while auditing rows",
    crash_in_the_audit: "customer_trusted: RuntimeError while auditing, which nothing expects: see",
}
"""A way to fail, and what the shell shows."""


@pytest.mark.parametrize("mishap", sampled(MISHAPS, None, engine_error_in_the_audit, rest="slow"))
def test_no_canary_is_found_outside_of_the_lake(tmp_path, monkeypatch, capfd, mishap):
    home = tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    if mishap is not None:
        mishap(monkeypatch)
    flags = ["--landing", str(lake.landing), "--lake", str(tmp_path / "lake")]
    with present_at(AS_OF):
        run = CliRunner().invoke(main, ["run", *flags])
    assert run.exit_code == (0 if mishap is None else 1)
    assert MISHAPS[mishap] in run.stderr
    if mishap is None:
        assert sum(lake.rows("machine_learning_curated").values()) == 1
        assert sum(lake.rows("quarantine").values()) == 10
    audited = ["check", "customer_landing", "accelerometer_landing", *flags[2:]]
    check = CliRunner().invoke(main, audited)
    assert check.exit_code == 1, check.stderr  # a quarantined customer line names no one

    printed = capfd.readouterr()
    shown = (printed.out, printed.err, run.stdout, run.stderr, check.stdout, check.stderr)
    assert not found_in("".join(shown).encode())
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert not found_in(path.read_bytes()), path


def test_quarantined_lines_are_nowhere_but_in_the_quarantine(tmp_path):
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    lake.built()
    for name in (*TABLES, "quarantine"):
        rows = [str(row) for row in lake.rows(name)]
        assert any("yqqara.Held" in row for row in rows) == (name == "quarantine"), name
    assert {row[4] for row in lake.rows("quarantine")} == {None, "", "zyqqara.held@example.com"}


def found_in(content):
    return [canary for canary in CANARIES if canary.encode() in content]


def test_the_canaries_are_where_they_belong(tmp_path):
    """The search would find them."""
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    lake.built(select="customer_landing")
    files = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert any(found_in(path.read_bytes()) for path in files)


def crash_while_rewriting(patch):
    def failing(self, text, line):
        raise RuntimeError(text)

    patch.setattr(Rewriter, "_left", failing)


@pytest.mark.parametrize("mishap", [None, crash_while_rewriting])
def test_no_canary_is_found_in_what_commands_about_people_print_and_keep(tmp_path, monkeypatch, mishap):
    home = tmp_path / "dagster"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    lake = TestLake(tmp_path, canary_zone(tmp_path / "in"))
    flags = ["--landing", str(lake.landing), "--lake", str(tmp_path / "lake")]
    asked = "Zyqqara@example.com\nzyqqara.held@example.com\n"
    shown = []

    def stedi(*command, given=asked):
        done = CliRunner().invoke(main, [*command, *flags], input=given)
        shown.extend((done.stdout, done.stderr))
        return done

    with present_at(AS_OF):
        assert stedi("run").exit_code == 0
        assert stedi("person", "show").exit_code == 0
        assert stedi("erase", "plan", "--reference", "T-1").exit_code == 0
        [digest] = [path.stem for path in (tmp_path / "dagster-erasures").iterdir()]
        if mishap is not None:
            mishap(monkeypatch)
        erased = stedi("erase", "run", digest)
        if mishap is not None:
            assert "RuntimeError, which nothing expects" in erased.stderr
        else:
            receipt = tmp_path / "lake.erasure/receipts/000001.json"
            assert stedi("erase", "verify", str(receipt), given="").exit_code == 0
            stedi("erase", "verify", str(receipt), "--people", "-")
            assert stedi("erase", "lift", "--reason", "T-2").exit_code == 0
    assert not found_in("".join(shown).encode())
    for folder in (home, tmp_path / "lake.erasure"):
        for path in folder.rglob("*"):
            assert not (path.is_file() and found_in(path.read_bytes())), path
