"""A page of another site gives orders to the UI, in a real browser; and the doors of `stedi dev`."""

import signal
import stat
import time
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from stedi_assets.orchestration.webserver.unguarded import SENTENCE
from stedi_assets_tests.support.browser import (
    BARE_DEV,
    CHROMIUM,
    FINISHED,
    STEDI_DEV,
    browser_page,
    dagster_dev,
    materialize_all,
    open_lineage,
)
from stedi_assets_tests.support.hostile import ATTACKS, hostile_site, launch
from stedi_assets_tests.support.processes import alive, descendants, tcp_ports, unix_sockets
from stedi_assets_tests.support.requests import answer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="No chromium or google-chrome is on the PATH: install one."),
    pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Doors are listed on Linux only."),
]

EVIL = "evil.example"  # another site; another port of 127.0.0.1 is the same site, but another origin
NAMES = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
LOOPBACK = "0100007F"


@pytest.fixture(scope="module")
def page():
    with browser_page(flags=[NAMES]) as opened:
        yield opened


@contextmanager
def attacked(command):
    """A UI, and the port of a site whose page attacks it."""
    with dagster_dev(command=command) as ui, hostile_site(ui.url) as port:
        yield ui, port


@pytest.fixture(scope="module")
def guarded():
    with attacked(STEDI_DEV) as served:
        yield served


def outcome(page, host, port, attack):
    """What the hostile page saw; an image of which the answer is no image is an error for it."""
    page.goto(f"http://{host}:{port}/{attack}")
    page.wait_for_function("document.title != 'Kittens'")
    return page.title()


def events(ui):
    return set(ui.materializations())


@pytest.mark.parametrize("host", [EVIL, "127.0.0.1", "localhost"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_page_changes_nothing(guarded, page, attack, host):
    ui, port = guarded
    statuses = []

    def note(response):
        if response.url.startswith(ui.url):
            statuses.append(response.status)

    page.on("response", note)
    seen = outcome(page, host, port, attack)
    page.remove_listener("response", note)
    # The browser hides from everyone what an image or a script gets that is none.
    assert seen == "error" or statuses == [403]
    assert (ui.runs(), events(ui)) == ({}, set())


def test_a_rebound_name_reaches_nothing(guarded, page):
    """The page of the attacker comes from a name that resolves to this machine a moment later."""
    ui, _ = guarded
    response = page.goto(f"http://{EVIL}:{ui.port}/runs")
    assert response.status == 403
    asked = page.evaluate("fetch('/graphql?query={version}').then(answer => answer.status)")
    posted = page.evaluate("fetch('/graphql', {method: 'POST', body: '{}'}).then(answer => answer.status)")
    assert (asked, posted) == (403, 403)


def test_a_link_on_another_site_opens_the_ui(guarded, page):
    ui, port = guarded
    page.goto(f"http://{EVIL}:{port}/")
    page.click("#link")
    page.wait_for_url(f"{ui.url}/runs**")
    page.get_by_text("You have not launched any runs yet.").wait_for()


def test_the_ui_itself_works_and_opens_websockets(guarded, page):
    ui, _ = guarded
    frames = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    open_lineage(page, ui)
    run, status = materialize_all(page, ui)
    assert (status, ui.problems(run)) == ("SUCCESS", [])
    assert frames


def is_refused(port):
    """Whether a port answers a page of another site with 403, or speaks no HTTP, as that of an engine."""
    try:
        return answer(port, {"Host": EVIL})[0] == 403
    except (HTTPException, ConnectionError):
        return True


def test_no_unguarded_port_is_open(guarded):
    ui, _ = guarded
    processes = descendants(ui.server.pid)
    assert tcp_ports(processes) == {(LOOPBACK, ui.port)}
    assert is_refused(ui.port)
    code_servers = unix_sockets(processes)
    assert code_servers
    for file in code_servers:
        assert not file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH), file


def test_no_unguarded_port_is_open_while_a_run_works(guarded):
    ui, _ = guarded
    known, doors = set(ui.runs()), set()
    ui.ask(launch("refresh", "{full: true}"))
    while not {status for run, status in ui.runs().items() if run not in known} & FINISHED:
        doors |= tcp_ports(descendants(ui.server.pid))
    assert {address for address, _ in doors} == {LOOPBACK}
    assert len(doors) > 1  # that of the engine was seen
    assert all(is_refused(port) for _, port in doors)


def test_the_home_is_for_its_owner(guarded):
    ui, _ = guarded
    assert stat.S_IMODE(ui.home.stat().st_mode) == 0o700


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left(end):
    with dagster_dev() as ui:
        idle = descendants(ui.server.pid)
        ui.ask(launch("maintain"))
        while len(started := descendants(ui.server.pid)) <= len(idle):
            time.sleep(0.1)
        ui.server.send_signal(end)
        ui.server.wait(60)
        while end == signal.SIGKILL and alive(started):
            time.sleep(0.1)
        assert alive(started) == []


def test_bare_dagster_dev_obeys_the_page_and_says_so_once(page):
    """The attacks are real ones, so the other tests would notice if the guard let them pass."""
    with attacked(BARE_DEV) as (ui, port):
        assert ui.log.read_text().count(SENTENCE) == 1
        for number, attack in enumerate(("image", "fetch_get", "fetch_post", "form", "script"), start=1):
            outcome(page, EVIL, port, attack)
            assert len(ui.runs()) == number, attack
        assert outcome(page, EVIL, port, "websocket") == "answered"
        assert outcome(page, EVIL, port, "report") == "sent"
        assert events(ui) == {"customer_trusted"}
