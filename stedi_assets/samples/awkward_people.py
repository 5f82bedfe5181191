"""The awkward cases about customers: who is whom, whose device it is, and who consents.

Every person is invented and appears in one case only.
"""

from __future__ import annotations

from collections.abc import Callable

from stedi_assets.samples.case import (
    AGREED,
    FAR_FUTURE,
    WALKED,
    Case,
    Line,
    Person,
    accelerometer,
    consents,
    people_case,
    person,
    record,
    step_trainer,
)
from stedi_assets.samples.people import DAY_MS

_IDENTITY = "awkward-identity.json"
_CONSENT = "awkward-consent.json"
_FAULTS = "awkward-faults.json"
_OUT = "Landed; not in customer_trusted, no reading trusted."

_SHARES = person("Oak Perihelion", 1)
_SHARED_TOO = (person("Elm Perihelion", 1), person("Ash Perihelion", 1))
_ADA = person("Ada Tealeaf", 2)
_ADA_SPELT_OTHERWISE = person("Ada Tealeaf", 2, " ada.tealeaf@EXAMPLE.com ")
_BASIL = person("Basil Nimbus", 3)
_BASIL_SPELT_OTHERWISE = person("Basil Nimbus", 3, "BASIL.NIMBUS@example.com ")
_JUERGEN = person("Jürgen Sternmoos", 4, "jürgen.sternmoos@example.com")
_PHYLLOS = person("Φύλλος Αστερόεις", 5, "ΦΎΛΛΟΣ@example.org")
_PHYLLOS_LOWER_CASE = person("Φύλλος Αστερόεις", 5, "φύλλος@example.org")
_OLD = person("Yew Quasar", 6)
_OLDER = person("Box Quasar", 7)
_ODD = Person("Yarrow Quasar", "Yarrow.Quasar@example.com", "ST-8")

IDENTITY = (
    people_case(
        "several-owners",
        "Three people registered one device; one of them consents.",
        "Landed; the consenting person's accelerometer readings are trusted, nothing of the device is.",
        _IDENTITY,
        *(consents(_SHARES), *(record(who) for who in _SHARED_TOO)),
        walkers=(_SHARES,),
    ),
    people_case(
        "two-spellings",
        "Readings come under the customer's email with other case and with spaces around it.",
        "One person: the readings are trusted, and keep their spelling.",
        _IDENTITY,
        consents(_ADA),
        walkers=(_ADA_SPELT_OTHERWISE,),
    ),
    people_case(
        "withdrawn-in-another-spelling",
        "A consenting customer's latest record is without consent and spells the email otherwise.",
        _OUT,
        _IDENTITY,
        *(consents(_BASIL), record(_BASIL_SPELT_OTHERWISE, WALKED)),
        walkers=(_BASIL,),
    ),
    Case(
        "unicode",
        "An email with ü, written as such and as `\\u00fc`; a Greek one in capitals and in lower case.",
        "Two people; all their readings are trusted.",
        _IDENTITY,
        customer=(consents(_JUERGEN), consents(_PHYLLOS)),
        accelerometer=(
            accelerometer(_JUERGEN),
            Line(accelerometer(_JUERGEN, WALKED + 1000).text.replace("ü", "\\u00fc")),
            accelerometer(_PHYLLOS),
            accelerometer(_PHYLLOS_LOWER_CASE, WALKED + 1000),
        ),
        step_trainer=(step_trainer(_JUERGEN), step_trainer(_PHYLLOS)),
    ),
    people_case(
        "odd-birthdays",
        "Birthdays 0967-01-01 and 967-01-01.",
        "Landed unchanged; both customers and their readings are trusted.",
        _IDENTITY,
        *(consents(_OLD, birthDay="0967-01-01"), consents(_OLDER, birthDay="967-01-01")),
        walkers=(_OLD, _OLDER),
    ),
    people_case(
        "odd-phone-and-serial-number",
        "A phone number that is none, and a serial number that is no UUID.",
        "Rows like any other: such rules only warn.",
        _IDENTITY,
        consents(_ODD, phone="ask Yarrow"),
        walkers=(_ODD,),
    ),
)


_MakeLine = Callable[[Person], Line]


def _no(updated: int = AGREED) -> _MakeLine:
    """A record without the consent key."""
    return lambda who: record(who, updated)


def _yes(to: int | None = AGREED, updated: int = AGREED) -> _MakeLine:
    """A record with that consent."""
    return lambda who: consents(who, updated, to)


def _one(name: str, why: str, expected: str, who: Person, *records: _MakeLine) -> Case:
    """A case of one customer with `records` and readings."""
    return people_case(name, why, expected, _CONSENT, *(record(who) for record in records), walkers=(who,))


_BETWEEN = WALKED + 500  # after the first instant of the readings, before the second
_LATER = WALKED + DAY_MS
_LATEST = WALKED + 2 * DAY_MS
_SECOND_ONLY = "In customer_trusted; of the readings only those of the second instant are trusted."
_EDGE = person("Ivy Zenith", 30)

CONSENT = (
    _one("consent-missing", "The consent key is missing.", _OUT, person("Rue Nadir", 20), _no()),
    _one("consent-null", "Consent is null.", _OUT, person("Dill Nadir", 21), _yes(None)),
    _one("consent-zero", "Consent is 0.", _OUT, person("Reed Nadir", 22), _yes(0)),
    _one("consent-negative", "Consent is a negative instant.", _OUT, person("Sage Nadir", 23), _yes(-AGREED)),
    _one(
        "consent-far-future",
        "Consent is in the year 3000.",
        _OUT,
        person("Hop Nadir", 24),
        _yes(FAR_FUTURE),
    ),
    _one(
        "withdrawn",
        "A record with consent and a later one without.",
        _OUT,
        person("Flax Zenith", 25),
        _yes(),
        _no(updated=_LATER),
    ),
    _one(
        "given-again",
        "Consent withdrawn before the readings and given again between them.",
        _SECOND_ONLY,
        person("Hemp Zenith", 26),
        _yes(),
        _no(updated=AGREED + 1),
        _yes(_BETWEEN, updated=_LATER),
    ),
    _one(
        "tie-without-consent",
        "Three records with the greatest lastUpdateDate; the one in the middle is without consent.",
        _OUT,
        person("Teak Zenith", 27),
        _yes(updated=_LATER),
        _no(updated=_LATER),
        _yes(updated=_LATER),
    ),
    _one(
        "tie-of-two-consents",
        "Two records with the greatest lastUpdateDate, one consenting before, one between the readings.",
        f"The later consent counts. {_SECOND_ONLY}",
        person("Gorse Zenith", 28),
        _yes(_BETWEEN, updated=_LATER),
        _yes(updated=_LATER),
    ),
    _one(
        "record-from-the-future",
        "The only record with consent has its lastUpdateDate in the year 3000.",
        _OUT,
        person("Broom Zenith", 29),
        _no(),
        _yes(updated=FAR_FUTURE),
    ),
    Case(
        "consent-to-the-millisecond",
        "Readings one millisecond before the consent, at it, and one after.",
        "In customer_trusted; the readings at and after the consent are trusted, the one before is not.",
        _CONSENT,
        customer=(consents(_EDGE, WALKED, WALKED),),
        accelerometer=tuple(accelerometer(_EDGE, WALKED + offset) for offset in (-1, 0, 1)),
        step_trainer=tuple(step_trainer(_EDGE, WALKED + offset) for offset in (-1, 0, 1)),
    ),
    _one(
        "customer-after-readings",
        "The customer registered and consented a day after the readings.",
        "In customer_trusted; no reading trusted, so not in customer_curated.",
        person("Larch Zenith", 31),
        _yes(_LATER, updated=_LATER),
    ),
    _one(
        "many-records",
        "Six records in no order; the latest one consents.",
        "In customer_trusted once; all readings trusted.",
        person("Alder Zenith", 32),
        _no(updated=_LATER),
        _yes(),
        _yes(updated=_LATEST),
        _no(),
        _yes(WALKED, updated=WALKED),
        _yes(updated=AGREED + 1),
    ),
)

_HELD = person("Hazel Parallax", 40)
_NOBODY = person("", 41, " ")
_SECONDS = person("Rowan Parallax", 42)

FAULTS = (
    people_case(
        "held",
        "A consenting customer's later line has a text where the consent instant belongs.",
        "The later line is quarantined and holds the customer: not in customer_trusted, no reading trusted.",
        _FAULTS,
        *(consents(_HELD), Line(consents(_HELD, _LATER, "yes").text, "quarantined")),
        walkers=(_HELD,),
    ),
    people_case(
        "consent-in-seconds",
        "A consenting customer's later line tells the instant of consent in seconds.",
        "As in `held`, for the reason `instant_in_seconds`.",
        _FAULTS,
        *(consents(_SECONDS), Line(consents(_SECONDS, _LATER, AGREED // 1000).text, "quarantined")),
        walkers=(_SECONDS,),
    ),
    Case(
        "names-nobody",
        "Customer lines that name no person: no email, a blank one, cut off before it, no JSON at all.",
        "Quarantined, and counted as nameless: they hold no one.",
        "awkward-names-nobody.json",
        customer=tuple(
            Line(text, "quarantined")
            for text in (
                consents(_NOBODY).text.replace('"email": " ", ', ""),
                consents(_NOBODY).text,
                '{"customerName": "Heather Paral',
                "-- end of export --",
            )
        ),
    ),
)
