"""The public STEDI data, which is not part of this repository, and the counts of the design on it."""

import pytest

from stedi_assets_tests.support.lakes import PUBLIC

AS_OF = 1_767_225_600_000
"""2026-01-01, after every record of the public data."""


public = pytest.mark.skipif(
    not PUBLIC.is_dir(),
    reason="The public STEDI data is not in ../shared/stedi-public beside the repository.",
)


COUNTS = {
    "strict": {
        "customer_landing": 956,
        "accelerometer_landing": 81_273,
        "step_trainer_landing": 28_680,
        "customer_trusted": 482,
        "accelerometer_trusted": 32_025,
        "customer_curated": 464,
        "step_trainer_trusted": 11_297,
        "machine_learning_curated": 32_025,
    },
    "reference": {
        "customer_landing": 956,
        "accelerometer_landing": 81_273,
        "step_trainer_landing": 28_680,
        "customer_trusted": 482,
        "accelerometer_trusted": 40_981,
        "customer_curated": 482,
        "step_trainer_trusted": 14_460,
        "machine_learning_curated": 43_681,
    },
}
