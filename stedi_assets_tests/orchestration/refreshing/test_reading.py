"""What the page of a table says about reading it works as it stands."""

import json
import re
import shlex
from dataclasses import replace

from click.testing import CliRunner

from stedi_assets.assets import TABLES
from stedi_assets.cli.main import main
from stedi_assets.orchestration.refreshing.reading import how_to_read
from stedi_assets.orchestration.resources import build_naming
from stedi_assets_tests.support.lakes import new_lake, one_person, write_landing

TABLE = TABLES["machine_learning_curated"]


def blocks(naming):
    return dict(re.findall(r"```(sh|python)\n(.*?)\n```", how_to_read(TABLE, naming).value, re.DOTALL))


def test_sql_and_python_read_the_table(tmp_path, key):
    lake = new_lake(tmp_path)
    write_landing(lake.landing, one_person())
    lake.built()
    shown = blocks(build_naming(lake.environment))

    python, last = shown["python"].rsplit("\n", 1)
    scope = {}
    exec(python, scope)
    assert eval(last, scope).num_rows == 1
    stedi, *arguments = shlex.split(shown["sh"])
    assert stedi == "stedi"
    answer = CliRunner().invoke(main, [*arguments, "--lake", str(lake.folder / "lake"), "--format", "json"])
    assert len(json.loads(answer.stdout)) == 1, answer.output


def test_glue_is_opened_by_its_name(tmp_path):
    naming = replace(build_naming(new_lake(tmp_path).environment), catalog="glue")
    assert 'load_catalog("stedi", type="glue")' in blocks(naming)["python"]
