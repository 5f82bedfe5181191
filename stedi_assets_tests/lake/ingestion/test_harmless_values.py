"""A value on which nothing depends costs no record and no person: it lands as text or null, and warns."""

import json

from stedi_assets_tests.support.lakes import TestLake, counts, customer, write_landing

PEOPLE = {
    "null": {"birthDay": None},
    "number": {"birthDay": -63_072_000_000},
    "phone": {"phone": 8_015_551_212},
    "nameless": {"customerName": None, "registrationDate": "2023-11-14"},
    "plain": {},
}


def person(name: str, **values: object) -> str:
    record = json.loads(customer(f"{name}@example.com", 500, serial=name))
    return json.dumps(record | values) + "\n"


def test_people_stay_in_and_the_check_warns(tmp_path):
    lake = TestLake(tmp_path, write_landing(tmp_path / "in", {}))
    export = "".join(person(name, **values) for name, values in PEOPLE.items())
    # A key that no field has is no consent, whatever it is called.
    export += person("not-this-one", hasConsented=True, shareWithResearchAsOfDate=None)
    write_landing(lake.landing, {"customer/landing/pandas.json": export})
    result = lake.built()

    assert (counts(lake, "customer_landing")["rows"], counts(lake, "customer_landing")["coerced"]) == (6, 5)
    found = {row[1].partition("@")[0]: row for row in lake.rows("customer_trusted")}
    assert {*found} == {*PEOPLE}
    assert found["null"][3] is None
    assert (found["number"][3], found["phone"][2]) == ("-63072000000", "8015551212")
    assert (found["nameless"][0], found["nameless"][5]) == (None, None)
    check = result.checks["customer_landing.values_come_as_they_should"]
    assert (check["result"], check["broken"]) == ("warned", 5)
    assert not lake.built().tables["customer_landing"].changed
