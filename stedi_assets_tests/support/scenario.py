"""A small awkward world: people, their devices and their readings, each here for a reason.

Every person appears for one oddity only and has an own device; everyone walks at WALKED unless their
oddity says otherwise, so that a rule that mixes people up shows. Here belong data; their outcome
is written in the tests.
"""

from datetime import datetime, timezone

from stedi_assets_tests.support.lakes import KEY
from stedi_assets_tests.support.oracle import Acceleration, Customer, Keys, Step, World


def instant(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 instant in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def device(email: str) -> str:
    """The serial number of a person's device."""
    return f"device of {email}"


REGISTERED = instant("2024-03-01T08:00:00")
"""When people register and, unless their oddity says otherwise, consent."""

WALKED = instant("2024-03-05T10:00:00")
"""When people walk."""

LATER = instant("2024-03-06T00:00:00")
"""A midnight after WALKED: when people change their minds."""

LATEST = instant("2024-03-07T09:00:00")
"""When they change them once more."""

AS_OF = instant("2024-03-10T12:00:00")
"""When the run judges consent."""

KEYS = Keys(KEY.encode(), b"an invented salt")
OTHER_KEY = b"another invented key, of 40 letters too!"


def record(
    email: str, consent: int | None, updated: int = REGISTERED, *, serial: str | None = None, phone: str = "1"
) -> Customer:
    """A customer record; the device is the person's own unless `serial` says otherwise."""
    return Customer(
        customername="Invented",
        email=email,
        phone=phone,
        birthday="1967-01-01",
        serialnumber=device(email) if serial is None else serial,
        registrationdate=REGISTERED,
        lastupdatedate=updated,
        sharewithresearchasofdate=consent,
    )


def acceleration(email: str, at: int = WALKED, x: float = 0.5) -> Acceleration:
    """An accelerometer reading of a person."""
    return Acceleration(email, at, x, 0.0, -1.0)


def step(serial: str, at: int = WALKED, distance: int = 200) -> Step:
    """A reading of a device."""
    return Step(at, serial, distance)


# Who consents. -----------------------------------------------------------------------------------------

ADA = "ada@example.com"  # nothing about her is odd
MISSING = "missing@example.com"  # the consent was never given
ZERO = "zero@example.com"  # an export that writes "no" as 0
NEGATIVE = "negative@example.com"  # a consent before 1970 is an error of the source
FUTURE = "future@example.com"  # consent begins 1 ms after the run judges
NOW = "now@example.com"  # consent begins in the very millisecond of the run; "not after" includes it
EDGE = "edge@example.com"  # walks 1 ms before the consent, at it, and 1 ms after; the consent is a midnight
WITHDREW = "withdrew@example.com"  # consented, then withdrew
WITHDREW_WITH_ZERO = "withdrew-zero@example.com"  # the withdrawal is a 0, not a null
GAVE_AGAIN = "gave-again@example.com"  # withdrew, then consented again between two walks
WITHDRAWS_LATER = "withdraws-later@example.com"  # the withdrawal is dated 1 ms after the run: not yet
WITHDRAWS_NOW = "withdraws-now@example.com"  # the withdrawal is dated in the millisecond of the run
MANY_RECORDS = "many-records@example.com"  # six records in no order; only the latest counts
TIE_WITHOUT = "tie-without@example.com"  # of three records with one date, the middle one withdraws
TIE_OF_CONSENTS = "tie-of-consents@example.com"  # two records with one date, the later consent counts
TIE_OF_ALL = "tie-of-all@example.com"  # two records that differ in the phone number only
LATE = "late@example.com"  # registered and consented after all their readings
SILENT = "silent@example.com"  # consents, owns a device that walks, but has no accelerometer readings
HELD = "held@example.com"  # consents; a later line that no one can read may have withdrawn that
HELD_SHOUTED = " HELD@example.com\t"  # that line spells the email so

_CONSENT = [
    record(ADA, REGISTERED),
    record(MISSING, None),
    record(ZERO, 0),
    record(NEGATIVE, -REGISTERED),
    record(FUTURE, AS_OF + 1),
    record(NOW, AS_OF),
    record(EDGE, LATER),
    record(WITHDREW, REGISTERED),
    record(WITHDREW, None, LATER),
    record(WITHDREW_WITH_ZERO, REGISTERED),
    record(WITHDREW_WITH_ZERO, 0, LATER),
    record(GAVE_AGAIN, REGISTERED),
    record(GAVE_AGAIN, None, REGISTERED + 1),
    record(GAVE_AGAIN, LATER, LATER),
    record(WITHDRAWS_LATER, REGISTERED),
    record(WITHDRAWS_LATER, None, AS_OF + 1),
    record(WITHDRAWS_NOW, REGISTERED),
    record(WITHDRAWS_NOW, None, AS_OF),
    *(
        record(MANY_RECORDS, consent, updated, phone=phone)
        for consent, updated, phone in (
            (None, LATER, "3"),
            (REGISTERED, REGISTERED, "1"),
            (REGISTERED + 2, LATEST, "5"),
            (None, REGISTERED + 1, "2"),
            (LATER, LATER + 1, "4"),
            (0, REGISTERED - 1, "0"),
        )
    ),
    record(TIE_WITHOUT, REGISTERED, LATER),
    record(TIE_WITHOUT, None, LATER),
    record(TIE_WITHOUT, LATER, LATER),
    record(TIE_OF_CONSENTS, LATER, LATER),
    record(TIE_OF_CONSENTS, REGISTERED, LATER),
    record(TIE_OF_ALL, REGISTERED, phone="2"),
    record(TIE_OF_ALL, REGISTERED, phone="1"),
    record(LATE, LATER, LATER),
    record(SILENT, REGISTERED),
    record(HELD, REGISTERED),
]

_CONSENT_ACCELEROMETER = [
    *(
        acceleration(email)
        for email in dict.fromkeys(customer.email for customer in _CONSENT)
        if email not in (EDGE, SILENT)
    ),
    acceleration(GAVE_AGAIN, LATEST),
    acceleration(TIE_OF_CONSENTS, LATEST),
    acceleration(NOW, AS_OF),
    acceleration(EDGE, LATER - 1),
    acceleration(EDGE, LATER),
    acceleration(EDGE, LATER + 1),
]

_CONSENT_STEPS = [
    *(step(device(reading.user), reading.timestamp) for reading in _CONSENT_ACCELEROMETER),
    step(device(SILENT)),
]

# Who is whom. ------------------------------------------------------------------------------------------

BASIL = "basil@example.com"  # the customer record spells the email so
BASIL_SHOUTED = " Basil@EXAMPLE.com\t"  # the phone spells it so
SIGMA = "ΦΎΛΛΟΣ@example.org"  # a capital sigma, whose lower case depends on where it stands
SIGMA_LOWER_CASE = "φύλλος@example.org"  # the same email, ending in a final sigma
DOTTED = "İpek@example.org"  # a capital I with a dot: two characters in lower case
DOTTED_LOWER_CASE = "i\u0307pek@example.org"  # the same email in lower case
UNDOTTED = "ipek@example.org"  # someone else, who never consented
PADDED = "\u00a0pad@example.com\u3000"  # a no-break and an ideographic space, from a copied web page
BARE = "pad@example.com"  # the same email as the phone sends it
COY = "coy@example.com"  # consented so
COY_SHOUTED = "COY@example.com"  # withdrew so

_IDENTITY = [
    record(BASIL, REGISTERED),
    record(SIGMA, REGISTERED),
    record(DOTTED, REGISTERED),
    record(UNDOTTED, None),
    record(PADDED, REGISTERED),
    record(COY, REGISTERED),
    record(COY_SHOUTED, None, LATER, serial=device(COY)),
]

_IDENTITY_ACCELEROMETER = [
    acceleration(BASIL),
    acceleration(BASIL_SHOUTED),  # the same reading in another spelling is no exact duplicate
    acceleration(SIGMA_LOWER_CASE),
    acceleration(DOTTED_LOWER_CASE),
    acceleration(UNDOTTED),
    acceleration(BARE),
    acceleration(COY),
]

_IDENTITY_STEPS = [step(customer.serialnumber) for customer in _IDENTITY]

# Whose device it is. -----------------------------------------------------------------------------------

SHARED = "serial of many"  # the older exports have 30 serial numbers for 609 people
SHARER = "sharer@example.com"  # consents, and has the shared device
CONSENTING_SHARER = "consenting-sharer@example.com"  # consents too
REFUSING_SHARER = "refusing-sharer@example.com"  # never consented: anyone who owns it, theirs may be in there

HANDED_DOWN = "handed-down serial"  # once registered by SELLER, now by BUYER: whose steps are they?
SELLER = "seller@example.com"  # consents; their latest record names another device
BUYER = "buyer@example.com"  # consents

SOLD_LATER = (
    "serial sold later"  # a record dated after the run names a second owner: it was seen all the same
)
OWNER = "owner@example.com"  # consents
NEXT_OWNER = "next-owner@example.com"  # known from that record only

TWO_SPELLINGS = "serial in two spellings"  # registered by one person who spelt the email in two ways
CARA = "cara@example.com"
CARA_SHOUTED = "CARA@example.com"

FIRST_DEVICE, SECOND_DEVICE = "first serial", "second serial"
UPGRADER = "upgrader@example.com"  # has both devices; the latest record names the second one

UNREGISTERED = "serial that no one registered"

_DEVICES = [
    record(SHARER, REGISTERED, serial=SHARED),
    record(CONSENTING_SHARER, REGISTERED, serial=SHARED),
    record(REFUSING_SHARER, None, serial=SHARED),
    record(SELLER, REGISTERED, serial=HANDED_DOWN),
    record(SELLER, REGISTERED, LATER),
    record(BUYER, REGISTERED, LATER, serial=HANDED_DOWN),
    record(OWNER, REGISTERED, serial=SOLD_LATER),
    record(NEXT_OWNER, REGISTERED, AS_OF + 1, serial=SOLD_LATER),
    record(CARA, REGISTERED, serial=TWO_SPELLINGS),
    record(CARA_SHOUTED, REGISTERED, LATER, serial=TWO_SPELLINGS),
    record(UPGRADER, REGISTERED, serial=FIRST_DEVICE),
    record(UPGRADER, REGISTERED, LATER, serial=SECOND_DEVICE),
]

_DEVICE_ACCELEROMETER = [
    acceleration(email) for email in dict.fromkeys(customer.email for customer in _DEVICES)
]

_DEVICE_STEPS = [
    step(serial)
    for serial in (
        SHARED,
        HANDED_DOWN,
        device(SELLER),
        SOLD_LATER,
        TWO_SPELLINGS,
        FIRST_DEVICE,
        SECOND_DEVICE,
        UNREGISTERED,
    )
]

# Readings. ---------------------------------------------------------------------------------------------

TWICE = "twice@example.com"  # a reading delivered twice, and one that differs from it in one value
BUSY = "busy@example.com"  # three accelerometer and two step-trainer readings in one instant
NIGHT = "night@example.com"  # walks over midnight UTC
BEFORE_1970 = "before-1970@example.com"  # a phone with its clock before 1970

_READERS = [record(email, REGISTERED) for email in (TWICE, BUSY, NIGHT, BEFORE_1970)]

_READER_ACCELEROMETER = [
    acceleration(TWICE, x=0.5),
    acceleration(TWICE, x=0.5),
    acceleration(TWICE, x=0.25),
    acceleration(BUSY, x=0.1),
    acceleration(BUSY, x=0.2),
    acceleration(BUSY, x=0.3),
    acceleration(NIGHT, LATER - 1),
    acceleration(NIGHT, LATER),
    acceleration(BEFORE_1970, -1),
]

_READER_STEPS = [
    step(device(TWICE), distance=200),
    step(device(TWICE), distance=200),
    step(device(TWICE), WALKED + 1, distance=200),
    step(device(BUSY), distance=100),
    step(device(BUSY), distance=300),
    step(device(NIGHT), LATER - 1),
    step(device(NIGHT), LATER),
    step(device(BEFORE_1970), -1),
]

STRANGER = "stranger@example.com"  # has readings, but no customer record names them

WORLD = World(
    customers=[*_CONSENT, *_IDENTITY, *_DEVICES, *_READERS],
    accelerometer=[
        *_CONSENT_ACCELEROMETER,
        *_IDENTITY_ACCELEROMETER,
        *_DEVICE_ACCELEROMETER,
        *_READER_ACCELEROMETER,
        acceleration(STRANGER),
    ],
    step_trainer=[*_CONSENT_STEPS, *_IDENTITY_STEPS, *_DEVICE_STEPS, *_READER_STEPS],
    held=[HELD_SHOUTED],
)

EMPTY = World([], [], [])
"""A lake on its first day, or a landing zone of which every line went to the quarantine."""
