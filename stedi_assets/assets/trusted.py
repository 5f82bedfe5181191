"""Tables of the trusted zone."""

from pyspark.sql import DataFrame

from stedi_assets import tables
from stedi_assets.assets.declare import lake_table
from stedi_assets.contracts import accounting, consent_rules
from stedi_assets.lake import Facts, Run
from stedi_assets.transforms import consent, facts, readings
from stedi_assets.transforms.held import held_people


@lake_table(
    tables.CUSTOMER_TRUSTED,
    privacy=(*consent_rules.CUSTOMERS.rules, consent_rules.Removals()),
    accounting=(accounting.Customers(tables.CUSTOMER_TRUSTED),),
    removal=consent_rules.CUSTOMERS.removal,
    next_change=lambda frames, run: consent.next_change(frames["customer_landing"], run.as_of),
    reports_consent=True,
)
def customer_trusted(customer_landing: DataFrame, quarantine: DataFrame, run: Run) -> DataFrame:
    """The latest record of every consenting person who is not held."""
    return consent.consenting_people(customer_landing, held_people(quarantine), run.as_of)


@lake_table(
    tables.ACCELEROMETER_TRUSTED,
    privacy=consent_rules.USERS.rules,
    accounting=(accounting.Accelerometer(tables.ACCELEROMETER_TRUSTED),),
    removal=consent_rules.USERS.removal,
    facts=Facts(
        compute=lambda frames, run: facts.consents_of_people(frames["customer_trusted"]),
        activity_of="accelerometer_landing",
        named=("changed consent", "changed consents"),
    ),
)
def accelerometer_trusted(
    accelerometer_landing: DataFrame, customer_trusted: DataFrame, run: Run
) -> DataFrame:
    """Accelerometer readings of consenting people."""
    return readings.consented_accelerometer(accelerometer_landing, customer_trusted, run.policy)


@lake_table(
    tables.STEP_TRAINER_TRUSTED,
    privacy=consent_rules.DEVICES.rules,
    accounting=(accounting.StepTrainer(tables.STEP_TRAINER_TRUSTED),),
    removal=consent_rules.DEVICES.removal,
    facts=Facts(
        compute=lambda frames, run: facts.consents_of_devices(
            frames["customer_curated"], frames["customer_landing"], run.policy, run.shared
        ),
        activity_of="step_trainer_landing",
        named=("changed device", "changed devices"),
    ),
)
def step_trainer_trusted(
    step_trainer_landing: DataFrame, customer_curated: DataFrame, customer_landing: DataFrame, run: Run
) -> DataFrame:
    """Step-trainer readings of consenting people's own devices."""
    return readings.consented_step_trainer(
        step_trainer_landing, customer_curated, customer_landing, run.policy, run.shared
    )


TABLES = (customer_trusted, accelerometer_trusted, step_trainer_trusted)
