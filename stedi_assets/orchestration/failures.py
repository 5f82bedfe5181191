"""What a person is told of a run that failed: sentences without data, in the shell, a log, and a webhook."""

import http.client
import json
import urllib.request
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg

from stedi_assets.errors import StediError

LOG = "failures.log"
WEBHOOK_SECONDS = 5


class WebhookError(StediError):
    """The webhook did not take a sentence; its URL, which is a secret, is in no text."""


class Webhook(dg.ConfigurableResource[None]):
    """Where sentences about failed runs are posted.

    Attributes:
        url: The URL, which is a secret; empty for nowhere.
    """

    url: str = ""

    def post(self, sentence: str) -> None:
        """Posts a sentence in the form that Slack, Mattermost and others take; nothing without a URL.

        Raises:
            WebhookError: It was not taken within WEBHOOK_SECONDS.
        """
        if not self.url:
            return
        body = json.dumps({"text": sentence}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=WEBHOOK_SECONDS):
                pass
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The texts of these errors may hold the URL, and HTTPError says more by its status.
            status = getattr(error, "code", type(error).__name__)
            raise WebhookError(
                f"The webhook did not take a sentence about a failed run ({status}): check STEDI_WEBHOOK_URL."
            ) from None


def failure_sentences(events: Iterable[dg.DagsterEvent], run_id: str) -> list[str]:
    """One sentence for every table that failed in a run that failed.

    Args:
        events: Events of the run; those that are no failures of steps are passed over.
        run_id: The run.
    """
    sentences = []
    for event in events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data is not None:
            sentences.append(failure.user_failure_data.description or "")
        else:
            # The text of an error that is not ours may quote data.
            cause = failure.error_source.value if failure.error_source else "error"
            sentences.append(f"{event.step_key}: {cause}, see run {run_id} in the Dagster UI.")
    return sentences or [f"The run failed outside of its tables, see run {run_id} in the Dagster UI."]


def log_failure(home: Path, sentence: str, now: datetime | None = None) -> None:
    """Adds a line to the log of failed runs.

    Args:
        home: The home of the Dagster instance.
        sentence: What happened.
        now: When; now by default.

    Raises:
        OSError: The log cannot be written to.
    """
    at = now or datetime.now(timezone.utc)
    with (home / LOG).open("a") as log:
        log.write(f"{at:%Y-%m-%dT%H:%M:%SZ} {' '.join(sentence.split())}\n")
