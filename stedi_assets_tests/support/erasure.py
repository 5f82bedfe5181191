"""People who are awkward to erase, the erasure of them, and a search for them that knows nothing of ours."""

import gzip
import json

from stedi_assets.assets import DECLARED
from stedi_assets.cli.commands.erase import refresher
from stedi_assets.erasure.plan import make_plan
from stedi_assets.lake.ingestion.faults import canonical
from stedi_assets.orchestration.erasing import erased, every_lake, run_now, work_folder
from stedi_assets_tests.support.lakes import AS_OF, customer, present_at, reading, step

ASKED = {
    "spelled": "Ada@Example.com", "sharing": "bo@example.com", "cut": "cut.off@example.com",
    "never": "never@example.com", "alone": "alone@example.com", "packed": "packed@example.com",
    "withdrawn": "gone.long.ago@example.com", "held": "held@example.com",
}  # fmt: skip
EVERYONE = tuple(ASKED.values())
STAYS = ("stays@example.com", "sharer@example.com", "also.held@example.com")
AT = 1_700_000_000_000


def zone():
    """Landing files in which the people who are asked for are as awkward as they come."""

    def both(*emails):
        return "".join(f"{reading(email, AT + number)}\n" for number, email in enumerate(emails))

    packed = gzip.compress(both("packed@example.com", "stays@example.com").encode())
    devices = ("d-ada", "d-stays", "d-shared", "d-never", "d-packed", "d-alone")
    return {
        "customer/landing/1.json": "".join(
            f"{line}\n"
            for line in (
                customer("ada@example.com", 500, serial="d-ada"),
                customer(" ADA@Example.COM ", 500, updated=1_500, serial="d-ada"),
                customer("stays@example.com", 500, serial="d-stays"),
                customer("never@example.com", None, serial="d-never"),
            )
        ),
        "customer/landing/shared.json": "\n".join(
            customer(email, 500, serial="d-shared") for email in ("bo@example.com", "sharer@example.com")
        ),
        "customer/landing/alone/only.json": customer("alone@example.com", 500, serial="d-alone"),
        "customer/landing/cut.json": customer("cut.off@example.com", 500, serial="d-cut")[:-30] + "\n",
        "customer/landing/held.json": '{"email": "held@example.com", "email": "also.held@example.com"}\n',
        "customer/landing/array.json": json.dumps(
            [
                json.loads(customer("packed@example.com", 500, serial="d-packed")),
                json.loads(customer("also.held@example.com", 500, serial="d-also")),
                json.loads(customer("gone.long.ago@example.com", 500, serial="d-gone")),
            ],
            indent=1,
        ),
        "customer/landing/gone.json": customer(
            "gone.long.ago@example.com", None, updated=9_000, serial="d-gone"
        ),
        "accelerometer/landing/1.json": both(
            "ADA@example.com", *STAYS[:2], "bo@example.com", "never@example.com"
        ),
        "accelerometer/landing/2.json.gz": packed,
        "accelerometer/landing/twin.json.gz": packed,
        "accelerometer/landing/faulty.json": '{"user": "Packed@example.com", "timestamp": "x"}\n'
        '{"user": "stays@example.com"}\n',
        "accelerometer/landing/2024/export_Ada@example.com.2024.json": both("ada@example.com", STAYS[0]),
        "step_trainer/landing/d-ada.json": f"{step(AT + 50, 'd-stays')}\n",
        "accelerometer/landing/alone.json": both("alone@example.com", "alone@example.com"),
        "step_trainer/landing/1.json": "".join(
            f"{step(AT + number, serial)}\n" for number, serial in enumerate(devices)
        ),
    }  # fmt: skip


ASKED_FORMS = {canonical(email) for email in ASKED.values()}
THEIR_DEVICES = {"d-ada", "d-never", "d-alone", "d-packed", "d-gone"}


def quiet(settings):
    return refresher(settings, lambda progress: None, DECLARED)


def planned(lake, people=EVERYONE):
    """Plans the erasure of some people; returns the plan and its digest."""
    settings = lake.environment
    with present_at(AS_OF), every_lake(settings, DECLARED) as lakes:
        named = [canonical(email) for email in people]
        plan, work = make_plan(lakes, named, "T-1", run_now(settings), lakes[0].erasure_key.read())
        work_folder(settings).save(work)
    return plan, work.digest


def erase_all(lake, people=EVERYONE):
    """Erases some people; returns the receipt and the scan."""
    plan, digest = planned(lake, people)
    assert not plan.blocked
    with present_at(AS_OF):
        return erased(lake.environment, DECLARED, digest, quiet(lake.environment))


def searched(folder, texts):
    """Every text that some file below a folder holds, with dictionaries of Parquet files decoded."""
    import pyarrow.parquet as pq

    found = set()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if data.startswith(b"PAR1"):
            data += repr(pq.read_table(path).to_pydict()).encode()
        if data.startswith(b"\x1f\x8b"):
            data += gzip.decompress(data)
        data = data.replace(b"also.held@example.com", b"")  # holds the email of another person
        found |= {(text, path.name) for text in texts if text.lower().encode() in data.lower()}
    return found
