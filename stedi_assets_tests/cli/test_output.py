"""What `stedi` prints does nothing to the terminal, the spreadsheet or the program that reads it."""

import csv
import io
import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from stedi_assets.cli import output
from stedi_assets.cli.main import main
from stedi_assets.cli.output import RunDisplay, console, print_rows
from stedi_assets.lake import Progress
from stedi_assets_tests.support.lakes import new_lake, write_landing

HOSTILE = "=cmd()\x1b[2J\x9b2J\u202egpj.exe[/red]"
SHOWN = r"=cmd()\x1b[2J\x9b2J\u202egpj.exe[/red]"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_no_row_and_no_column_name_has_an_effect(capsys, form):
    print_rows([HOSTILE], [[HOSTILE], [[HOSTILE]], [{HOSTILE: HOSTILE}]], form)
    printed = capsys.readouterr().out
    assert all(line.isprintable() for line in printed.splitlines())
    if form == "json":
        [text, *_] = json.loads(printed)
        assert text == {HOSTILE: HOSTILE}
    else:
        assert printed.count(SHOWN) >= 4


def test_numbers_stand_to_the_right_with_separators(capsys):
    print_rows(["table", "rows"], [["one", 12], ["two", 1_234_567]], "table")
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "one            12" in lines
    assert "two     1,234,567" in lines


def test_a_single_row_that_does_not_fit_stands_upright(capsys, monkeypatch):
    monkeypatch.setattr(output, "WIDE", 40)
    print_rows(["table", "what changed"], [["one", "x " * 30]], "table")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == ["table", "one"]
    assert lines[1][:3] == ["what", "changed", "x"]
    print_rows(["table", "what changed"], [["one", "x"], ["two", "y"]], "table")
    assert capsys.readouterr().out.split()[:3] == ["table", "what", "changed"]


def cells(capsys, *values):
    print_rows(["value"], [[value] for value in values], "csv")
    return [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out))][1:]


def test_no_spreadsheet_takes_a_text_of_a_csv_file_for_a_formula(capsys):
    formulas = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", " =1", "＝1", "\t=1", "\r=1", "--1", "-", "=0"]
    assert [cell[0] for cell in cells(capsys, *formulas)] == ["'"] * len(formulas)


def test_numbers_and_other_texts_of_a_csv_file_stay_as_they_are(capsys):
    values = (-1, -0.5, Decimal("-2.50"), "-1", "+15551234567", "-1.5e-7", "a=1", "2024-03-01", None, "")
    assert cells(capsys, *values) == [
        "-1", "-0.5", "-2.50", "-1", "+15551234567", "-1.5e-7", "a=1", "2024-03-01", "", ""
    ]  # fmt: skip


def test_json_has_neither_nan_nor_infinity_nor_keys_that_are_no_texts(capsys):
    print_rows(["a", "b"], [[float("nan"), [float("inf")]], [{1: float("-inf")}, 0.5]], "json")

    def refuse(constant):
        raise AssertionError(constant)

    printed = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert printed == [{"a": "nan", "b": ["inf"]}, {"a": {"1": "-inf"}, "b": 0.5}]


def test_progress_is_inert_and_is_no_markup(capsys):
    RunDisplay(console())(Progress(table="t", step=HOSTILE))
    assert capsys.readouterr().out == f"t: {SHOWN}\n"


def test_hostile_names_and_lines_of_landing_files_are_shown_escaped(tmp_path):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, {f"customer/landing/{HOSTILE.replace('/', '')}.json": HOSTILE})
    flags = ["--lake", str(tmp_path / "lake")]
    run = ["run", "--landing", str(lake.landing), *flags, "--select", "customer_landing"]
    runner = CliRunner()
    printed = [runner.invoke(main, run)]
    for form in ("table", "csv", "json"):
        printed += [
            runner.invoke(main, ["quarantine", *show, "--format", form, *flags]) for show in ([], ["--show"])
        ]
    for done in printed[1:]:
        assert done.exit_code == 0, done.stderr
        assert "=cmd()" in done.stdout
    for done in printed:
        assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())
    text = json.loads(printed[-1].stdout)[0]["text"]
    assert text == HOSTILE
    query = ["sql", f"SELECT email AS `{HOSTILE}` FROM customer_landin\u202eg", *flags]
    refused = runner.invoke(main, query)
    assert refused.exit_code == 1
    assert all(line.isprintable() for line in refused.stderr.splitlines())
