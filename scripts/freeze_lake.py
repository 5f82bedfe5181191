"""Makes the small lake of a former version that the tests take over.

    git worktree add /tmp/former COMMIT
    python scripts/freeze_lake.py /tmp/former stedi_assets_tests/lake/frozen/lake.tar.gz

Iceberg metadata holds absolute paths, so the lake is made, and later unpacked, at PLACE. The ledger
knows landing files by size and modification time, so these times are whole seconds, which a tar file keeps.
All people are invented.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PLACE = Path("/tmp/stedi-frozen-lake")
AS_OF = 1_709_596_800_000  # 2024-03-05
EPOCH = 1_600_000_000_000
DAY = 24 * 3_600_000
DEVICES = {f"{name}@example.com": f"device-{name}" for name in ("ada", "bo", "cy", "di")}
ADA, BO, CY, DI = DEVICES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("former", help="folder with the former version")
    parser.add_argument("archive", help="the tar.gz to write")
    options = parser.parse_args()
    PLACE.mkdir()
    try:
        write_landing(
            "customer/landing/1.json", [customer(email, 0 if email == DI else 500) for email in DEVICES]
        )
        write_landing("accelerometer/landing/1.json", accelerations())
        write_landing("step_trainer/landing/1.json", [*steps(), {"serialNumber": "no reading"}])
        run(options.former)
        write_landing("customer/landing/2.json", [customer(CY, 0, updated=1_000_000)])
        run(options.former)
        with tarfile.open(options.archive, "w:gz") as archive:
            archive.add(PLACE, arcname=".")
    finally:
        shutil.rmtree(PLACE)


def customer(email: str, consent: int, updated: int = 1_000) -> dict[str, object]:
    """A customer record; times are milliseconds after EPOCH, a consent of zero is none."""
    return {
        "customerName": "Quill Fern", "email": email, "phone": "555-0100", "birthDay": "1980-01-01",
        "serialNumber": DEVICES[email], "registrationDate": EPOCH, "lastUpdateDate": EPOCH + updated,
        "shareWithResearchAsOfDate": EPOCH + consent if consent else 0,
    }  # fmt: skip


def accelerations() -> list[dict[str, object]]:
    """An accelerometer reading of every person on each of two days."""
    return [
        {"user": email, "timestamp": EPOCH + day * DAY + 1_000, "x": 0.1, "y": 0.2, "z": 0.3}
        for day in (0, 1)
        for email in DEVICES
    ]


def steps() -> list[dict[str, object]]:
    """A step-trainer reading of every device on each of two days."""
    return [
        {"sensorReadingTime": EPOCH + day * DAY + 1_000, "serialNumber": device, "distanceFromObject": 200}
        for day in (0, 1)
        for device in DEVICES.values()
    ]


def write_landing(path: str, records: list[dict[str, object]]) -> None:
    file = PLACE / "in" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    os.utime(file, (AS_OF // 1000, AS_OF // 1000))


def run(former: str) -> None:
    """Runs the former version, from a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "PYTHONPATH": former,
            "DAGSTER_HOME": f"{folder}/dagster",
            "STEDI_LANDING": f"{PLACE}/in",
            "STEDI_LAKE": f"{PLACE}/lake",
        }
        call = f"from stedi_assets.cli import main; main(['run', '--as-of', '{AS_OF}'])"
        subprocess.run([sys.executable, "-c", call], cwd=folder, env=os.environ | settings, check=True)


if __name__ == "__main__":
    main()
