"""The machine-learning hand-off: a pinned, consented data set in two lines.

    from stedi_assets.ml import open_readings
    train = open_readings("path/of/the/lake", split="train").to_pandas()

Here belongs what reads the table machine_learning_curated for training; it starts neither Dagster nor an
engine, needs no pseudonym key and writes nothing. How the table is made belongs to `assets`.
"""

from typing import TYPE_CHECKING

from stedi_assets.lake._lazy import lazy

if TYPE_CHECKING:
    from stedi_assets.ml.pinned_readings import GoneSubjects, Readings, open_readings
    from stedi_assets.ml.windowing import Windows

__all__ = ["GoneSubjects", "Readings", "Windows", "open_readings"]

__getattr__ = lazy(
    __name__,
    {
        "GoneSubjects": f"{__name__}.pinned_readings",
        "Readings": f"{__name__}.pinned_readings",
        "Windows": f"{__name__}.windowing",
        "open_readings": f"{__name__}.pinned_readings",
    },
)
