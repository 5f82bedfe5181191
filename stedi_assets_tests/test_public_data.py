"""The counts of the design on the public STEDI data, which is not part of this repository."""

import pytest

from stedi_assets_tests.support.copies import sampled
from stedi_assets_tests.support.lakes import PUBLIC, TestLake
from stedi_assets_tests.support.public import AS_OF, COUNTS, public

pytestmark = public

# Rows that break a rule, none of which refuses anything: many people were born in 967 or so, and the
# reference policy shares what people did before they agreed, and pairs people.
BROKEN = {
    "strict": {
        "customer_landing.birthday_format": 906,
    },
    "reference": {
        "customer_landing.birthday_format": 906,
        "accelerometer_trusted.after_consent": 40_981 - 32_025,
        "step_trainer_trusted.after_consent": 14_460 - 11_297,
        "machine_learning_curated.after_consent": 9_244,
        "machine_learning_curated.one_person_per_row": 2_700,
    },
}


@pytest.mark.parametrize("policy", sampled(COUNTS, "strict", rest="slow"))
def test_the_public_data_gives_the_counts_of_the_design_and_breaks_no_other_rules(tmp_path, policy):
    lake = TestLake(tmp_path, PUBLIC, {"STEDI_POLICY": policy})
    result = lake.built(as_of=AS_OF)
    assert {name: table.rows for name, table in result.tables.items()} == COUNTS[policy]
    assert {name: sum(lake.rows(name).values()) for name in COUNTS[policy]} == COUNTS[policy]
    broken = {name: check for name, check in result.checks.items() if check["result"] != "passed"}
    assert {name: check["broken"] for name, check in broken.items()} == BROKEN[policy]
    assert {check["result"] for check in broken.values()} == {"warned"}
    if policy == "reference":
        assert broken["machine_learning_curated.one_person_per_row"]["checked"] == 43_681
