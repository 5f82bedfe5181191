"""Sentences about failed runs, without data, for the shell, a log file and a webhook."""

import http.client
import json
import urllib.request
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg

from stedi_assets.errors import StediError, inert

LOG = "failures.log"
WEBHOOK_SECONDS = 5


class WebhookError(StediError):
    """The webhook did not accept a sentence; no text quotes its URL, which is a secret."""


class _RefuseRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the error that its status is: it may lead anywhere, also to http://."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(_RefuseRedirects)


class Webhook(dg.ConfigurableResource[None]):
    """The webhook that sentences about failed runs are posted to.

    Attributes:
        url: The URL, which is a secret; empty for no webhook.
    """

    url: str = ""

    def post(self, sentence: str) -> None:
        """Posts a sentence in the format of Slack and Mattermost; does nothing without a URL.

        Raises:
            WebhookError: The webhook did not accept it within WEBHOOK_SECONDS.
        """
        if not self.url:
            return
        body = json.dumps({"text": sentence}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        try:
            with OPENER.open(request, timeout=WEBHOOK_SECONDS):
                pass
        except (OSError, http.client.HTTPException, ValueError) as error:
            # The texts of these errors may quote the URL, and the status of an HTTPError says more.
            status = getattr(error, "code", type(error).__name__)
            raise WebhookError(
                f"The webhook did not accept a sentence about a failed run ({status}): "
                "check STEDI_WEBHOOK_URL."
            ) from None


def failure_sentences(events: Iterable[dg.DagsterEvent], run_id: str) -> list[str]:
    """One sentence for every table that failed in a failed run.

    Args:
        events: Events of the run; only failures of steps count.
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
            # The text of a foreign error may quote data.
            cause = failure.error_source.value if failure.error_source else "error"
            sentences.append(f"{event.step_key}: {cause}, see run {run_id} in the Dagster UI.")
    return sentences or [f"The run failed outside of its tables, see run {run_id} in the Dagster UI."]


def log_failure(home: Path, sentence: str, now: datetime | None = None) -> None:
    """Appends a line to the log of failed runs.

    Args:
        home: The home of the Dagster instance.
        sentence: The sentence.
        now: The time of the line; now by default.

    Raises:
        OSError: The log cannot be written.
    """
    at = now or datetime.now(timezone.utc)
    with (home / LOG).open("a") as log:
        log.write(f"{at:%Y-%m-%dT%H:%M:%SZ} {inert(' '.join(sentence.split()))}\n")
