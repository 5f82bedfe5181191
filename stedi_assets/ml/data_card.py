"""The data card: what a stranger must know of the readings of a snapshot, in Markdown.

Groups of fewer than five people are not counted, so that the card singles out no one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from stedi_assets.lake.iceberg.record import Record
from stedi_assets.ml.pinned_readings import CHANNELS, SPLITS, TABLE, Readings
from stedi_assets.ml.windowing import GAP_PERIODS

FEWEST = 5
"""People of a group that is counted."""
FEW = f"fewer than {FEWEST} people"
POLICIES = {
    "strict": "Every reading was taken while its own person agreed to research, and that person still does.",
    "reference": "The public course's joins: readings of people who did not agree at that time may be in it. "
    "For comparison with the course only.",
}
UNKNOWN = "Another program wrote the snapshot, so its policy is not known."
USE = "Research on movement and balance, as the people in it agreed. No attempt to find out who they are."


@dataclass(frozen=True)
class Group:
    """Readings that are counted together.

    Attributes:
        name: Its name.
        rows: Readings.
        people: People.
    """

    name: str
    rows: int
    people: int

    @property
    def shown(self) -> tuple[str, str, str]:
        """The group as a line of a table."""
        if self.people < FEWEST:
            return self.name, FEW, "not shown"
        return self.name, f"{self.people:,}", f"{self.rows:,}"


def data_card(readings: Readings) -> str:
    """The data card of a snapshot, all splits.

    Args:
        readings: The readings.
    """
    rows = readings.to_arrow(["subject_id", "split", "event_date", "timestamp", *CHANNELS])
    rows = rows.sort_by([("subject_id", "ascending"), ("timestamp", "ascending")])
    record = readings.files.record
    policy = "unknown" if record is None else record.policy
    parts = [
        "# STEDI step readings\n",
        f"`{readings.citation}`, published {readings.files.published_on}.\n",
        "## What it is\n",
        "Pairs of an accelerometer reading of a phone and a distance reading of a Step Trainer, taken of one "
        "person in the same millisecond. It is made to train and test models that detect steps.\n",
        _table(("column", "meaning"), ((column.name, column.meaning) for column in readings.files.columns)),
        "## Consent and use\n",
        f"{USE} Policy `{policy}`: {POLICIES.get(policy, UNKNOWN)}\n",
        "A person withdraws in the app; the next run removes their rows from the lake. An export is a copy "
        "that this does not reach: who holds it replaces it by a new one. The lake lists its exports when "
        "a person is erased.\n",
        "## How it was made\n",
        _table(("fact", "value"), _provenance(record)),
        "## How much\n",
        _table(("split", "people", "readings"), (group.shown for group in _groups(rows, "split", SPLITS))),
        _table(("day", "people", "readings"), (group.shown for group in _groups(rows, "event_date"))),
        "## What is in the signal\n",
        _table(("measure", "value"), _signal(rows)),
        "A correlation and an autocorrelation near 0 say that the channels carry no movement, as those of "
        "the public STEDI data: a model that does better than chance on such data has seen a leak.\n",
        "## Limits\n",
        "- Only instants at which both devices measured are in it; all others are gaps.\n"
        "- Nothing is known of age, health or sex of the people, so no claim about such groups holds.\n"
        "- Instants are those of the devices' clocks.\n"
        "- Pseudonyms are personal data for those who hold the lake: an instant may single out one person.\n",
        "## How to cite\n",
        f"`{readings.citation}`\n",
    ]
    return "\n".join(parts)


def _table(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    body = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in body) + "\n"


def _provenance(record: Record | None) -> list[tuple[str, object]]:
    made: list[tuple[str, object]] = [("table", TABLE)]
    if record is not None:
        made += [("policy", record.policy), ("code version", record.code_version)]
        made += [(f"snapshot of {name}", number) for name, number in sorted(record.snapshots.items())]
    return made


def _groups(rows: pa.Table, by: str, names: Sequence[str] = ()) -> list[Group]:
    """The readings by the values of a column; names without readings count too."""
    counted = rows.group_by(by).aggregate([("subject_id", "count"), ("subject_id", "count_distinct")])
    found = {
        str(line[by]): Group(str(line[by]), line["subject_id_count"], line["subject_id_count_distinct"])
        for line in counted.to_pylist()
    }
    return [found.get(name, Group(name, 0, 0)) for name in (names or sorted(found))]


def _signal(rows: pa.Table) -> list[tuple[str, str]]:
    """Measures of readings in the order of subjects and instants."""
    people, subjects = np.unique(rows["subject_id"].to_numpy(zero_copy_only=False), return_inverse=True)
    if len(people) < FEWEST:
        return [("all", FEW)]
    times = rows["timestamp"].to_numpy()
    following = subjects[1:] == subjects[:-1]
    apart = np.diff(times)[following]
    period = float(np.median(apart[apart > 0])) if (apart > 0).any() else 0.0
    distance = rows["distancefromobject"].to_numpy().astype(float)
    force = np.sqrt(sum(rows[axis].to_numpy() ** 2 for axis in "xyz"))
    return [
        ("period, median", f"{period:,.0f} ms"),
        ("gaps, more than five periods", f"{int((apart > GAP_PERIODS * period).sum()):,}"),
        ("correlation of acceleration and distance", _correlation(force, distance)),
        *(
            (f"autocorrelation of {name}, next reading", _correlation(of[:-1][following], of[1:][following]))
            for name, of in (("acceleration", force), ("distance", distance))
        ),
    ]


def _correlation(one: np.ndarray, other: np.ndarray) -> str:
    if len(one) < 2 or not one.std() or not other.std():
        return "not defined"
    return f"{np.corrcoef(one, other)[0, 1]:.3f}"
