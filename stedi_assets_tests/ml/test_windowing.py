"""Windows cross neither a gap nor a subject nor a split, whatever the recordings are."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stedi_assets.ml.windowing import windows_of

PERIOD, GAP = 100, 1_000
SCHEMA = pa.schema(
    [("subject_id", pa.string()), ("split", pa.string()), ("timestamp", pa.int64()), ("x", pa.float64())]
)


def table(rows):
    columns = zip(*rows, strict=True) if rows else [[]] * 4
    return pa.table([list(column) for column in columns], schema=SCHEMA)


def expected(rows, samples, step):
    """The windows by definition: subject, time and values of each."""
    found, recording = [], []
    for row in [*sorted(rows, key=lambda row: row[:3]), None]:
        if recording and (row is None or row[:2] != recording[-1][:2] or row[2] - recording[-1][2] > GAP):
            for first in range(0, len(recording) - samples + 1, step):
                part = recording[first : first + samples]
                found.append((part[0][0], part[0][2], [reading[3] for reading in part]))
            recording = []
        recording.append(row)
    return found


recordings = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bo", "cy"]),
        st.sampled_from(["train", "test"]),
        st.integers(0, 60).map(lambda number: number * PERIOD if number % 7 else number * 5 * GAP),
        st.floats(-1, 1),
    ),
    unique_by=lambda row: row[:3],
    max_size=60,
)


@given(recordings, st.integers(1, 5), st.integers(1, 5))
def test_windows_are_those_of_the_definition(rows, samples, step):
    rows = table(rows)
    cut = windows_of(rows, 1.0, 1.0, ["x"], GAP / 1000)
    if not cut.period:
        return
    seconds, hop = samples * cut.period / 1000, step * cut.period / 1000
    found = windows_of(rows, seconds, hop, ["x"], GAP / 1000)
    assert found.values.shape == (len(found), samples, 1)
    assert [
        (subject, start, list(values[:, 0]))
        for subject, start, values in zip(found.subjects, found.starts, found.values, strict=True)
    ] == expected([tuple(row.values()) for row in rows.to_pylist()], samples, step)


def test_a_table_without_rows_has_no_windows():
    found = windows_of(table([]), 1.0, 1.0, ["x"], None)
    assert (len(found), found.values.shape[2]) == (0, 1)
