"""docs/settings.md says what the table of settings says."""

from scripts import settings_page


def test_the_page_is_not_stale():
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `python -m scripts.settings_page`"


def test_a_line_has_the_variable_the_flag_the_default_and_the_meaning():
    lines = settings_page.page().splitlines()
    assert (
        "| `STEDI_POLICY` | `--policy` | `strict` | `strict` or `reference`. The latter publishes to the "
        "database `stedi_reference`. |" in lines
    )
    assert "| `STEDI_MEMORY_MB` |  | `2048` | Limit of the embedded engine's memory pool, MiB. |" in lines
    [catalog] = [line for line in lines if line.startswith("| `STEDI_CATALOG` ")]
    assert catalog.split(" | ")[1:3] == ["`--catalog`", "`sqlite:///{lake}/catalog.db`"]
