"""Tables of the landing zone."""

from stedi_assets import tables
from stedi_assets.orchestration.refreshing.factory import landing_table

TABLES = (
    landing_table(tables.CUSTOMER_LANDING),
    landing_table(tables.ACCELEROMETER_LANDING),
    landing_table(tables.STEP_TRAINER_LANDING),
)
