"""The awkward cases about readings and about the files that hold them.

All but one are readings of one invented, consenting person, so that every row here could be published.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from stedi_assets.samples.case import (
    WALKED,
    Case,
    Line,
    accelerometer,
    consents,
    newline_ended,
    person,
    step_trainer,
)
from stedi_assets.samples.people import DAY_MS, FIRST_INSTANT

_CLAY = person("Clay Syzygy", 60)
_UNKNOWN = person("Unknown Person", 61)
_OLDER_EXPORT = "awkward-older-export.json"
_READINGS = "awkward-readings.json"
_FAULTS = "awkward-faults.json"
_VALUES = "awkward-values.json"
_LIKE_ANY = "Rows like any other."
_MIDNIGHT = FIRST_INSTANT + DAY_MS
_PUBLISHABLE = "Landed and trusted."
_OUT_OF_RANGE = "`timestamp_in_range`, `sensorreadingtime_in_range`"


def _recased(line: Line, *keys: tuple[str, str]) -> Line:
    text = line.text
    for key, recased in keys:
        text = text.replace(f'"{key}"', f'"{recased}"')
    return Line(text)


def _pair(minute: int) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """An accelerometer and a step-trainer line at each of two instants of that minute after ten."""
    instants = (WALKED + minute * 60_000, WALKED + minute * 60_000 + 1000)
    return tuple(accelerometer(_CLAY, i) for i in instants), tuple(step_trainer(_CLAY, i) for i in instants)


def _of_form(name: str, why: str, minute: int, encode: Callable[[list[str]], bytes], file: str = "") -> Case:
    """A case of good readings in a file of another form."""
    readings, distances = _pair(minute)
    file = file or f"awkward-{name}.json"
    return Case(name, why, _LIKE_ANY, file, accelerometer=readings, step_trainer=distances, encode=encode)


def _gzip(lines: list[str]) -> bytes:
    """A gzip file with its text stored as it is: a compressor's output may change with its version."""
    text = newline_ended(lines)
    stored = b"\x01" + struct.pack("<HH", len(text), 0xFFFF - len(text)) + text
    trailer = struct.pack("<LL", zlib.crc32(text), len(text))
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + stored + trailer


_BLANK = tuple(Line(text, "empty") for text in ("", "  ", ""))

FORMS = (
    Case(
        "keys-in-other-case",
        "Older exports write `timeStamp`; customers and step trainers come with other case, too.",
        _LIKE_ANY,
        _OLDER_EXPORT,
        customer=(_recased(consents(_CLAY), ("email", "Email"), ("lastUpdateDate", "lastupdatedate")),),
        accelerometer=(_recased(accelerometer(_CLAY), ("timestamp", "timeStamp")),),
        step_trainer=(_recased(step_trainer(_CLAY), ("sensorReadingTime", "SENSORREADINGTIME")),),
    ),
    Case(
        "trailing-comma",
        "Older exports put a comma after each record.",
        _LIKE_ANY,
        _OLDER_EXPORT,
        customer=(Line(consents(_CLAY).text + ","),),
        accelerometer=tuple(Line(line.text + ",") for line in _pair(1)[0]),
        step_trainer=tuple(Line(line.text + ",") for line in _pair(1)[1]),
    ),
    Case(
        "unknown-keys",
        "Records with unknown keys, one of them an object.",
        "Rows like any other; the unknown keys are ignored, and counted.",
        _OLDER_EXPORT,
        customer=(consents(_CLAY, favouriteStar="Syzygy"),),
        accelerometer=(
            accelerometer(_CLAY, WALKED + 120_000, battery=0.93),
            Line(accelerometer(_CLAY, WALKED + 121_000).text[:-1] + ',"phone":{"model":"Pebble 2"}}'),
        ),
        step_trainer=(step_trainer(_CLAY, WALKED + 120_000, firmware="1.2"),),
    ),
    _of_form("gzip", "A compressed file, `.json.gz`.", 3, _gzip, "awkward-gzip.json.gz"),
    _of_form(
        "nested",
        "A file in folders below the landing folder.",
        4,
        newline_ended,
        "2024/03/awkward-nested.json",
    ),
    _of_form(
        "crlf", "Lines end with CR LF.", 5, lambda lines: newline_ended([line + "\r" for line in lines])
    ),
    _of_form(
        "bom",
        "The file begins with a UTF-8 byte order mark.",
        6,
        lambda ls: b"\xef\xbb\xbf" + newline_ended(ls),
    ),
    _of_form("no-final-newline", "No newline after the last line.", 7, lambda ls: "\n".join(ls).encode()),
    Case(
        "empty-lines",
        "Empty lines and one of spaces, between records and at the end.",
        "Counted as empty lines; the records are rows like any other.",
        "awkward-empty-lines.json",
        accelerometer=(_pair(8)[0][0], *_BLANK, _pair(8)[0][1], _BLANK[0]),
        step_trainer=(*_BLANK, *_pair(8)[1]),
    ),
    Case(
        "zero-bytes",
        "A file of no bytes.",
        "A landing file with no rows.",
        "awkward-zero-bytes.json",
        accelerometer=(),
        step_trainer=(),
    ),
)

_TWICE, _TWICE_DISTANCE = accelerometer(_CLAY, WALKED + 600_000), step_trainer(_CLAY, WALKED + 600_000)
_DAY_BOUNDS = (_MIDNIGHT - 1, _MIDNIGHT)

READINGS = (
    Case(
        "exact-duplicates",
        "The same reading three times in one file.",
        "Three rows landed, one trusted.",
        _READINGS,
        accelerometer=(_TWICE,) * 3,
        step_trainer=(_TWICE_DISTANCE,) * 3,
    ),
    Case(
        "duplicate-in-another-file",
        "The reading of `exact-duplicates` once more in another file.",
        "One more row landed, none more trusted.",
        "awkward-duplicate.json",
        accelerometer=(_TWICE,),
        step_trainer=(_TWICE_DISTANCE,),
    ),
    Case(
        "number-spellings",
        "One reading with x written as 1, 1.0 and 1e0.",
        "Three rows landed; equal in every column, so one trusted.",
        _READINGS,
        accelerometer=tuple(
            Line(accelerometer(_CLAY, WALKED + 660_000).text.replace('"x":0.1', f'"x":{one}'))
            for one in ("1", "1.0", "1e0")
        ),
    ),
    Case(
        "several-in-one-instant",
        "Three readings of one person at one instant that differ in x.",
        "Three rows landed and trusted: (user, timestamp) is not a key.",
        _READINGS,
        accelerometer=tuple(accelerometer(_CLAY, WALKED + 720_000, x) for x in (0.11, 0.12, 0.13)),
        step_trainer=(step_trainer(_CLAY, WALKED + 720_000),),
    ),
    Case(
        "around-midnight",
        "Readings at 23:59:59.999 UTC and at 00:00:00.000 UTC, one millisecond later.",
        f"{_PUBLISHABLE} Days 2024-03-01 and 2024-03-02.",
        _READINGS,
        accelerometer=tuple(accelerometer(_CLAY, instant) for instant in _DAY_BOUNDS),
        step_trainer=tuple(step_trainer(_CLAY, instant) for instant in _DAY_BOUNDS),
    ),
    Case(
        "before-1970",
        "Readings at -1 and 0, around the first instant that epoch milliseconds count from.",
        f"Quarantined: {_OUT_OF_RANGE}.",
        _READINGS,
        accelerometer=tuple(Line(accelerometer(_CLAY, at).text, "quarantined") for at in (-1, 0)),
        step_trainer=tuple(Line(step_trainer(_CLAY, at).text, "quarantined") for at in (-1, 0)),
    ),
    Case(
        "unknown-person-and-device",
        "Readings of a person and of a device that no customer line names.",
        "Landed, not trusted.",
        _READINGS,
        accelerometer=(accelerometer(_UNKNOWN),),
        step_trainer=(step_trainer(_UNKNOWN),),
    ),
)

_GOOD, _GOOD_DISTANCE = accelerometer(_CLAY, WALKED + 900_000), step_trainer(_CLAY, WALKED + 900_000)


def _fault(
    name: str,
    why: str,
    accelerometer: Callable[[str], str] | None = None,
    step_trainer: Callable[[str], str] | None = None,
    *,
    expected: str = "Quarantined.",
    file: str = _FAULTS,
) -> Case:
    """A case whose lines are a good line with one thing changed."""
    return Case(
        *(name, why, expected, file),
        accelerometer=(Line(accelerometer(_GOOD.text), "quarantined"),) if accelerometer else None,
        step_trainer=(Line(step_trainer(_GOOD_DISTANCE.text), "quarantined"),) if step_trainer else None,
    )


def _instant(value: str) -> Callable[[str], str]:
    return lambda text: text.replace(f":{WALKED + 900_000}", f":{value}")


def _x(value: str) -> Callable[[str], str]:
    return lambda text: text.replace('"x":0.1', f'"x":{value}')


def _distance(value: str) -> Callable[[str], str]:
    return lambda text: text.replace(":500", f":{value}")


def _broken(
    name: str,
    why: str,
    rules: str,
    accelerometer: Callable[[str], str] | None = None,
    step_trainer: Callable[[str], str] | None = None,
) -> Case:
    """A case of readings that are well written and cannot be true."""
    return _fault(name, why, accelerometer, step_trainer, expected=f"Quarantined: {rules}.", file=_VALUES)


FAULTS = (
    Case(
        *(
            "good-among-bad",
            "Good readings in the file of the lines that cannot become rows.",
            _LIKE_ANY,
            _FAULTS,
        ),
        accelerometer=(_GOOD,),
        step_trainer=(_GOOD_DISTANCE,),
    ),
    _fault("not-json", "A line that is no JSON.", lambda _: "-- end of export --", lambda _: "OK 200"),
    _fault("truncated", "A record cut off in the middle.", lambda t: t[:40], lambda t: t[:40]),
    _fault("not-an-object", "JSON, but no object: a number, and null.", lambda _: "7", lambda _: "null"),
    _fault(
        *("missing-field", "No z; no distanceFromObject."),
        *(lambda t: t.replace(',"z":0.98', ""), lambda t: t.replace(',"distanceFromObject":500', "")),
    ),
    _fault("null-field", "A field is null.", _x("null"), _distance("null")),
    _fault("quoted-instant", "The instant is a text.", *[_instant(f'"{WALKED}"')] * 2),
    _fault("fractional-instant", "The instant has a fraction.", *[_instant(f"{WALKED}.5")] * 2),
    _fault("text-for-a-number", "x, and the distance, is a text.", _x('"left"'), _distance('"far"')),
    _fault("quoted-number", "x, and the distance, is a number in quotes.", _x('"0.1"'), _distance('"500"')),
    _fault("fractional-distance", "The distance has a fraction.", step_trainer=_distance("500.5")),
    _fault("beyond-int64", "The instant is 2^63, one too many for a bigint.", *[_instant(f"{2**63}")] * 2),
    _fault("not-a-number", "x is NaN; the distance is Infinity.", _x("NaN"), _distance("Infinity")),
    _fault("impossible-instant", "The instant is 2^63 - 1, on no calendar.", *[_instant(f"{2**63 - 1}")] * 2),
    Case(
        *("true-among-untrue", "Good readings in the file of those that cannot be true.", _LIKE_ANY, _VALUES),
        accelerometer=_pair(16)[0],
        step_trainer=_pair(16)[1],
    ),
    _broken(
        "seconds", "The time is in seconds.", "`instant_in_seconds`", *[_instant(f"{WALKED // 1000}")] * 2
    ),
    _broken(
        "microseconds",
        "The time is in microseconds.",
        "`instant_in_microseconds`",
        *[_instant(f"{WALKED}000")] * 2,
    ),
    _broken("17-g", "x is 17 g, more than a phone can measure.", "`x_in_range`", _x("17")),
    _broken(
        "not-an-email",
        "The user is a name.",
        "`user_format`",
        lambda t: t.replace(_CLAY.email, "Clay Syzygy"),
    ),
    _broken(
        "too-far",
        "The distance is 4,001 mm.",
        "`distancefromobject_in_range`",
        step_trainer=_distance("4001"),
    ),
    _broken(
        "negative-distance",
        "The distance is -1 mm.",
        "`distancefromobject_in_range`",
        step_trainer=_distance("-1"),
    ),
)
