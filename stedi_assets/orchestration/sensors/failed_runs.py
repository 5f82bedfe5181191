"""The sensor that writes a sentence about every failed run to a log, and to a webhook if there is one."""

from pathlib import Path

import dagster as dg

from stedi_assets.orchestration.failures import LOG, Webhook, WebhookError, failure_sentences, log_failure


def build_failed_runs(status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor.

    Args:
        status: Whether it is on from the start.
    """

    @dg.run_failure_sensor(
        default_status=status,
        description=f"Writes a sentence about every failed run to `{LOG}` in the home of Dagster, and "
        "posts it to `STEDI_WEBHOOK_URL` if that is set.",
    )
    def failed_runs(context: dg.RunFailureSensorContext, webhook: Webhook) -> None:
        run = context.dagster_run
        tables = failure_sentences(context.get_step_failure_events(), run.run_id)
        sentence = f"Run {run.run_id} ({run.job_name}) failed. {' '.join(tables)}"
        home = Path(context.instance.root_directory)
        try:
            log_failure(home, sentence)
        except OSError as error:
            context.log.warning(
                f"{home / LOG} cannot be written ({type(error).__name__}): check its permissions."
            )
        try:
            webhook.post(sentence)
        except WebhookError as error:
            context.log.warning(str(error))

    return failed_runs
