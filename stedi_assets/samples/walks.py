"""Invented readings: how people walk, and the landing lines their phones and step trainers write.

Everything is integer arithmetic on the raw output of PCG64 and one rounded sine table: floating-point
signals and numpy's distributions may differ in the last digit between processors and versions, and the
committed sample zone must come out the same everywhere. Only `generate` imports this module, while it
runs, because numpy and pyarrow take long to import.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stedi_assets.samples.people import DAY_MS, FIRST_INSTANT, Customer

INSTANTS_PER_DAY = 40
"""Instants of one customer and day, on average; a step-trainer reading each."""

Ints = NDArray[np.int64]

_TURN = 4096  # one step of the gait, in parts
_SINE = np.array([round(1000 * math.sin(2 * math.pi * part / _TURN)) for part in range(_TURN)], np.int64)
_READINGS_OF_INSTANT = np.array([2, 3, 3, 4], np.int64)
_LONGEST_WALK_MS = 10_000
_GAIT, _WALK = 1, 2  # what a random stream is for; first in its key, because zeros at the end do not count


class _Stream:
    """A random stream of its own for every (seed, purpose, …), so that no draw depends on another file."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def raw(self, size: int) -> Ints:
        """Integers of 63 random bits."""
        bits: NDArray[np.uint64] = self._bits.random_raw(size) >> np.uint64(1)
        return bits.astype(np.int64)

    def between(self, low: int, high: int, size: int) -> Ints:
        """Integers from `low` to `high`, both included."""
        return low + self.raw(size) % (high - low + 1)


class Walkers:
    """A block of customers who walk together: their gait and the unchanging parts of their lines."""

    def __init__(self, customers: Sequence[Customer], seed: int, block: int) -> None:
        """Draws the gait of each of `customers`, the block numbered `block`."""
        self._size = size = len(customers)
        self._seed, self._block = seed, block
        stream = _Stream(_GAIT, block, seed)
        self._cadence = stream.between(1500, 2500, size)  # steps per second, in thousandths
        self._phase = stream.between(0, _TURN - 1, size)
        self._spacing = stream.between(110, 140, size)  # milliseconds between instants
        self._bounce = stream.between(200, 450, size)  # thousandths of g
        self._distance = stream.between(420, 640, size)  # millimetres
        self._stride = stream.between(100, 240, size)  # millimetres
        self._users = pa.array([f'{{"user":{json.dumps(c.email)},"timestamp":' for c in customers])
        self._serials = pa.array(
            [f',"serialNumber":"{c.serial_number}","distanceFromObject":' for c in customers]
        )

    def lines(self, day: int, walk: int, walks: int) -> tuple[memoryview, int, memoryview, int]:
        """The readings of everyone's walk number `walk` of the `walks` of a day.

        Returns:
            Accelerometer text and its number of lines, step-trainer text and its number of lines.
        """
        stream = _Stream(_WALK, self._block, day, walk, self._seed)
        slot = DAY_MS // walks
        first = FIRST_INSTANT + day * DAY_MS + walk * slot
        start = first + stream.between(0, slot - _LONGEST_WALK_MS, self._size)

        usual = INSTANTS_PER_DAY * (walk + 1) // walks - INSTANTS_PER_DAY * walk // walks
        instants = stream.between(usual - usual // 10, usual + usual // 10, self._size)
        walker = np.repeat(np.arange(self._size), instants)
        number = np.arange(len(walker)) - np.repeat(np.cumsum(instants) - instants, instants)
        elapsed = number * self._spacing[walker] + stream.between(0, 9, len(walker))
        turn = elapsed * self._cadence[walker] * _TURN // 1_000_000 + self._phase[walker]

        accelerometer, count = self._accelerometer(stream, walker, start[walker] + elapsed, turn)
        step_trainer = self._step_trainer(stream, walker, start[walker] + elapsed, turn)
        return accelerometer, count, step_trainer, len(walker)

    def _accelerometer(
        self, stream: _Stream, walker: Ints, instant: Ints, turn: Ints
    ) -> tuple[memoryview, int]:
        """Gravity and the bounce of each step on z, a push on x, the sway of two steps on y."""
        bounce = self._bounce[walker]
        signal_x = bounce * _sine(turn + _TURN // 4) // 2000
        signal_y = bounce * _sine(turn // 2) // 3000
        signal_z = 1000 + bounce * _sine(turn) // 1000

        readings = _READINGS_OF_INSTANT[stream.raw(len(walker)) % 4]
        at = np.repeat(np.arange(len(walker)), readings)
        number = np.arange(len(at)) - np.repeat(np.cumsum(readings) - readings, readings)
        noise = stream.raw(len(at))
        # The last two bits of x number the readings of an instant, so that no two are exact duplicates.
        x = (signal_x[at] + _noise(noise)) // 4 * 4 + number
        y = signal_y[at] + _noise(noise >> 12)
        z = signal_z[at] + _noise(noise >> 24)
        text = _join(
            self._users.take(pa.array(walker[at])),
            pc.cast(pa.array(instant), pa.string()).take(pa.array(at)),
            *(texts.take(pa.array(axis + _REACH)) for texts, axis in zip(_AXES, (x, y, z), strict=True)),
        )
        return text, len(at)

    def _step_trainer(self, stream: _Stream, walker: Ints, instant: Ints, turn: Ints) -> memoryview:
        """The foot swings to and fro once in two steps."""
        swing = self._stride[walker] * _sine(turn // 2) // 1000
        distance = self._distance[walker] + swing + stream.between(-10, 10, len(walker))
        return _join(
            '{"sensorReadingTime":',
            pc.cast(pa.array(instant), pa.string()),
            self._serials.take(pa.array(walker)),
            pc.cast(pa.array(distance), pa.string()),
            "}\n",
        )


_REACH = 2000
"""Greatest possible |value| of an axis, in thousandths of g."""

_AXES = tuple(
    pa.array([f"{before}{value / 1000}{after}" for value in range(-_REACH, _REACH + 1)])
    for before, after in ((',"x":', ""), (',"y":', ""), (',"z":', "}\n"))
)


def _sine(turn: Ints) -> Ints:
    """Sine in thousandths."""
    return _SINE[turn % _TURN]


def _noise(bits: Ints) -> Ints:
    """Bell-shaped noise of up to 63 thousandths of g."""
    return (bits & 63) + ((bits >> 6) & 63) - 63


def _join(*parts: object) -> memoryview:
    """The text of all lines, one after the other, as Arrow holds it: nothing is copied."""
    lines = pc.binary_join_element_wise(*parts, "")
    _, offsets, text = lines.buffers()
    end = np.frombuffer(offsets, np.int32)[len(lines)]
    return memoryview(text)[:end]
