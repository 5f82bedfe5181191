"""Tables of the landing zone."""

from stedi_assets import tables
from stedi_assets.assets.declare import landing_table
from stedi_assets.contracts import accounting

TABLES = (
    landing_table(tables.CUSTOMER_LANDING, accounting=(accounting.CUSTOMER_RECORDS,)),
    landing_table(tables.ACCELEROMETER_LANDING, accounting=(accounting.READING_RECORDS,)),
    landing_table(tables.STEP_TRAINER_LANDING, accounting=(accounting.READING_RECORDS,)),
)
