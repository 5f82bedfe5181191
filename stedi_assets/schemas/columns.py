"""Shared parts of the models: bounds and patterns of values, the sentences about them, metadata of columns.

Here belongs what several columns or tables have in common. Constants of it travel to the engine's workers, so
it imports nothing.
"""

from typing import Any

# 0001-01-01 to 9999-12-31 UTC in epoch milliseconds: the times that have a date.
FIRST_INSTANT, LAST_INSTANT = -62_135_596_800_000, 253_402_300_799_999
DAY_MS = 86_400_000

# White space by Unicode, spelled out because engines and Python define it differently.
WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Characters that no one sees and that change no email: soft hyphen, zero-width and direction marks, BOM.
INVISIBLE = "\u00ad\u034f\u061c\u180e\ufeff" + "".join(
    map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)))
)
SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

# Times from 2000 to 2099: readings in seconds would lie in 1970, those in microseconds far beyond.
READING_INSTANTS = {"min_value": 946_684_800_000, "max_value": 4_102_444_799_999}
# Records may be dated ahead, up to the last date.
RECORD_INSTANTS = {"min_value": 946_684_800_000, "max_value": LAST_INSTANT}
# Consents in seconds would lie here; zero and less mean no consent.
SECONDS = (1, 946_684_799_999)
EMAIL = f"^[{SPACES}]*[^@{SPACES}]+@[^@{SPACES}]+[{SPACES}]*$"
UUID = "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
PHONE = "^[+]?[0-9][0-9 ().x/-]{5,30}$"
BIRTHDAY = "^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
ACCELERATION = {"min_value": -16.0, "max_value": 16.0}
DISTANCE = {"min_value": 0, "max_value": 4_000}

IDENTITY = "Every source names a person by the email: without one, no consent can be looked up."
MILLISECONDS = "Sources send epoch milliseconds; seconds or microseconds would be decades away."
INSTANT = "a time from 2000 to 2099 in epoch milliseconds"
RECORD_INSTANT = "a time from 2000 to 9999 in epoch milliseconds"
CONSENT_INSTANT = "not a time between 1970 and 2000; null, zero or less means no consent"
DEVICE = "Serial numbers of STEDI's devices are UUIDs; other forms are matched, too."
SENSOR_RANGE = "The phone's accelerometer measures within 16 g of zero."
DISTANCE_RANGE = "The distance sensor sees as far as 4 metres."


def column(
    key: str | None = None,
    *,
    personal: bool = False,
    why: str = "",
    form: str = "",
    harmless: bool = False,
    instant: bool = False,
    email: bool = False,
) -> dict[str, Any]:
    """Returns the metadata of a column.

    Args:
        key: The JSON key as the sources spell it, if it has capitals.
        personal: Whether the column identifies or describes a person by itself.
        why: The reason for the rules of the column.
        form: The values that pass the column's rule, in words.
        harmless: Whether nothing depends on the column, so that no value of it costs a record.
        instant: Whether it is a time in epoch milliseconds.
        email: Whether it is an email, which names a person.
    """
    named = {} if key is None else {"key": key}
    return {
        **named,
        "personal": personal,
        "why": why,
        "form": form,
        "harmless": harmless,
        "instant": instant,
        "email": email,
    }
