"""Tables of the curated zone."""

from pyspark.sql import DataFrame

from stedi_assets import tables
from stedi_assets.assets.declare import lake_table
from stedi_assets.contracts import accounting, consent_rules
from stedi_assets.lake import Facts, Run
from stedi_assets.transforms import consent, facts, machine_learning


@lake_table(
    tables.CUSTOMER_CURATED,
    privacy=(*consent_rules.CUSTOMERS.rules, consent_rules.PEOPLE_WITH_READINGS),
    accounting=(accounting.CuratedCustomers(tables.CUSTOMER_CURATED),),
    removal=consent_rules.CUSTOMERS.removal,
)
def customer_curated(
    customer_trusted: DataFrame,
    run: Run,
    accelerometer_trusted: DataFrame | None = None,
    activity: DataFrame | None = None,
) -> DataFrame:
    """Consenting people who have readings to share, by the activity or else by the readings."""
    if activity is not None:
        return consent.active_people(customer_trusted, activity, run.policy)
    assert accelerometer_trusted is not None
    return consent.people_with_readings(customer_trusted, accelerometer_trusted)


@lake_table(
    tables.MACHINE_LEARNING_CURATED,
    privacy=(*consent_rules.SUBJECTS.rules, consent_rules.Linkability()),
    accounting=(accounting.PairedReadings(),),
    removal=consent_rules.SUBJECTS.removal,
    facts=Facts(
        compute=lambda frames, run: facts.devices_of_people(frames["customer_curated"]),
        activity_of="accelerometer_landing",
        named=("changed person", "changed people"),
    ),
    reports_consent=True,
)
def machine_learning_curated(
    accelerometer_trusted: DataFrame,
    step_trainer_trusted: DataFrame,
    customer_curated: DataFrame,
    subjects: DataFrame,
    run: Run,
) -> DataFrame:
    """Pairs of readings that one person made in the same millisecond, pseudonymised."""
    return machine_learning.paired_readings(
        accelerometer_trusted, step_trainer_trusted, customer_curated, subjects, policy=run.policy
    )


TABLES = (customer_curated, machine_learning_curated)
