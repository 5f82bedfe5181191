"""Windows of readings: equally long pieces of one subject's recording, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

GAP_PERIODS = 5.0
"""A recording ends when the next reading comes later than this many typical periods."""


@dataclass(frozen=True)
class Windows:
    """Windows of readings.

    Attributes:
        values: The readings, an array of windows × samples × channels.
        subjects: The subject of each window.
        starts: Time of the first reading of each window, epoch ms.
        channels: The columns behind the last axis.
        period: Typical time between two readings, ms.
    """

    values: np.ndarray
    subjects: np.ndarray
    starts: np.ndarray
    channels: tuple[str, ...]
    period: float

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.values)


def windows_of(
    rows: pa.Table, seconds: float, hop: float, channels: Sequence[str], gap: float | None
) -> Windows:
    """Cuts readings into windows that cross neither a gap nor a subject nor a split.

    A window has as many readings as fit into its length at the typical period, the median time between two
    readings of a subject.

    Args:
        rows: Readings in any order, with `subject_id`, `split`, `timestamp` and the channels.
        seconds: Length of a window.
        hop: Seconds from the beginning of a window to that of the next one.
        channels: Columns of the values.
        gap: Seconds without a reading that end a recording; None for `GAP_PERIODS` periods.
    """
    order = pc.sort_indices(rows, [(name, "ascending") for name in ("subject_id", "split", "timestamp")])
    rows = rows.take(order)
    times = rows["timestamp"].to_numpy()
    person = rows["subject_id"].combine_chunks().dictionary_encode()
    part = rows["split"].combine_chunks().dictionary_encode()
    whose = person.indices.to_numpy().astype("int64") * max(len(part.dictionary), 1) + part.indices.to_numpy()
    apart, elsewhere = np.diff(times), np.diff(whose) != 0
    within = apart[~elsewhere & (apart > 0)]
    period = float(np.median(within)) if len(within) else 0.0
    samples = max(1, round(seconds * 1000 / period)) if period else 1
    step = max(1, round(hop * 1000 / period)) if period else 1
    longest = gap * 1000 if gap is not None else GAP_PERIODS * period
    ends = np.flatnonzero(elsewhere | (apart > longest)) + 1
    recordings = zip([0, *ends], [*ends, len(times)], strict=True)
    firsts = np.concatenate(
        [np.arange(begin, end - samples + 1, step) for begin, end in recordings if end - begin >= samples]
        or [np.empty(0, dtype="int64")]
    ).astype("int64")
    values = np.column_stack([rows[name].to_numpy().astype("float64") for name in channels])
    return Windows(
        values=values[firsts[:, None] + np.arange(samples)],
        subjects=np.asarray(rows["subject_id"].take(pa.array(firsts)).to_pylist(), dtype=object),
        starts=times[firsts],
        channels=tuple(channels),
        period=period,
    )
