"""A run that failed is a sentence in a log, and at a webhook."""

import http.server
import json
import threading
import time
from contextlib import contextmanager

import dagster as dg
import pytest

from stedi_assets.orchestration.build import build_defs
from stedi_assets.orchestration.failures import log_failure
from stedi_assets.orchestration.resources import build_resources


@contextmanager
def webhook(status=200, location=None):
    """A server that takes what is posted to it, and answers with a status and perhaps a redirect."""
    taken = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def do_GET(self):
            taken.append((self.path, "GET", None))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/services/s3cr3t", taken
        server.shutdown()


@dg.op
def refused_table():
    raise dg.Failure("accelerometer_trusted: publish refused, table unchanged.")


@dg.op
def crashing_table():
    raise RuntimeError("row of Zyqqara, 555-0199-7")


@dg.job(executor_def=dg.in_process_executor)
def failing():
    refused_table()
    crashing_table()


class TestFailures:
    """A run that failed, and the sentence about it."""

    def tell(self, lake, home, monkeypatch, url=""):
        """The lines of the log after a failed run, and what else was written."""
        monkeypatch.setenv("STEDI_WEBHOOK_URL", url)
        lake.settings = {"STEDI_WEBHOOK_URL": url, "STEDI_WEBHOOK_HTTP": "loopback"}
        with dg.DagsterInstance.from_config(str(home)) as instance:
            result = failing.execute_in_process(instance=instance, raise_on_error=False)
            definitions = build_defs(lake.environment)
            context = dg.build_run_status_sensor_context(
                sensor_name="failed_runs",
                dagster_event=result.get_run_failure_event(),
                dagster_instance=instance,
                dagster_run=result.dagster_run,
                resources={"webhook": build_resources(lake.environment)["webhook"]},
            ).for_run_failure()
            definitions.get_repository_def().get_sensor_def("failed_runs")(context)
        return result.run_id, (home / "failures.log").read_text().splitlines()

    def sentence(self, run):
        return (
            f"Run {run} (failing) failed. crashing_table: USER_CODE_ERROR, see run {run} in the Dagster UI. "
            "accelerometer_trusted: publish refused, table unchanged."
        )

    def test_is_a_line_in_a_log(self, lake, home, monkeypatch):
        run, [line] = self.tell(lake, home, monkeypatch)
        at, _, sentence = line.partition(" ")
        assert time.strptime(at, "%Y-%m-%dT%H:%M:%SZ")
        assert sentence == self.sentence(run)

    def test_is_posted_to_the_webhook(self, lake, home, monkeypatch):
        with webhook() as (url, taken):
            run, _ = self.tell(lake, home, monkeypatch, url)
        assert taken == [("/services/s3cr3t", "application/json", {"text": self.sentence(run)})]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_of_the_webhook_is_refused(self, lake, home, monkeypatch, caplog, capfd, status):
        with webhook() as (elsewhere, taken), webhook(status, elsewhere) as (url, _):
            self.tell(lake, home, monkeypatch, url)
        assert not taken
        assert f"a failed run ({status}): check STEDI_WEBHOOK_URL." in caplog.text + "".join(
            capfd.readouterr()
        )

    @pytest.mark.parametrize("kind", ["refuses", "is not there"])
    def test_a_webhook_that_fails_is_a_warning_without_its_url(
        self, lake, home, monkeypatch, caplog, capfd, kind
    ):
        with webhook(500) as (url, _):
            if kind == "refuses":
                _, lines = self.tell(lake, home, monkeypatch, url)
        if kind == "is not there":
            _, lines = self.tell(lake, home, monkeypatch, url)
        assert len(lines) == 1
        why = {"refuses": "500", "is not there": "URLError"}[kind]
        printed = caplog.text + "".join(capfd.readouterr())
        assert (
            f"The webhook did not accept a sentence about a failed run ({why}): check STEDI_WEBHOOK_URL."
            in printed
        )
        assert "s3cr3t" not in printed + "".join(lines)

    def test_a_log_that_cannot_be_written_does_not_fail_the_sensor(self, lake, home, monkeypatch):
        (home / "failures.log").mkdir()
        with webhook() as (url, taken), pytest.raises(IsADirectoryError):
            self.tell(lake, home, monkeypatch, url)  # raised by the test, which reads the log
        assert len(taken) == 1


def test_a_sentence_in_the_log_is_one_inert_line(tmp_path):
    log_failure(tmp_path, "a.json\n2024-01-01T00:00:00Z all is fine \x1b[2J\u202e")
    [line] = (tmp_path / "failures.log").read_text().splitlines()
    assert line.endswith(r"a.json 2024-01-01T00:00:00Z all is fine \x1b[2J\u202e")
