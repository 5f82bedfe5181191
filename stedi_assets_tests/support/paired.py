"""People whose two sensors measured in the same milliseconds, so that all of their readings are paired."""

import json

from stedi_assets_tests.support.lakes import customer, write_landing

PEOPLE = {f"{name}@example.com": f"device-{name}" for name in ("ada", "bo", "cy", "di", "ed", "fay", "gus")}
FIRST = 1_700_000_000_000
DAY = 86_400_000


def readings(email, device):
    """Thirty paired readings on two days."""
    times = [FIRST + day * DAY + number * 100 for day in range(2) for number in range(15)]
    phone = [{"user": email, "timestamp": at, "x": at % 7 / 7, "y": 0.2, "z": 0.3} for at in times]
    steps = [{"sensorReadingTime": at, "serialNumber": device, "distanceFromObject": 200} for at in times]
    return {
        f"accelerometer/landing/{device}.json": "\n".join(map(json.dumps, phone)),
        f"step_trainer/landing/{device}.json": "\n".join(map(json.dumps, steps)),
    }


def land(lake):
    """Lands all of them."""
    for email, device in PEOPLE.items():
        files = {f"customer/landing/{device}.json": customer(email, 500, serial=device)}
        write_landing(lake.landing, files | readings(email, device))
