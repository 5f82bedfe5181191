"""`stedi privacy`: who consents, and what former snapshots still hold, in counts."""

import time

import click

from stedi_assets.cli.options import examples, format_of, lake_options, sentences, settings_of, waiting

COLUMNS = ("about", "fact", "value")


@click.command(
    "privacy", epilog=examples("stedi privacy", "stedi privacy --format markdown > privacy-2026-11.md")
)
@format_of("markdown")
@lake_options
def command(form: str, **flags: str | None) -> None:
    """Counts people by consent. Says what former snapshots hold, and until when.

    It prints no value of a person, so a page in Markdown can be filed.
    """
    with sentences():
        settings = settings_of(flags, reads_only=True, there=True)

        from stedi_assets.assets import DECLARED
        from stedi_assets.cli.output import print_rows
        from stedi_assets.orchestration import privacy
        from stedi_assets.orchestration.clock import present
        from stedi_assets.orchestration.resources import opened_lake

        with opened_lake(settings) as lake, waiting("Counting people"):
            facts = privacy.report(lake, DECLARED, present(time.time()))
        if form == "markdown":
            click.echo(f"# Privacy of {settings.lake}\n\n{privacy.markdown(facts)}")
            return
        print_rows(COLUMNS, [(fact.about, fact.fact, fact.value) for fact in facts], form)
