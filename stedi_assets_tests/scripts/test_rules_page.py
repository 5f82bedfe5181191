"""docs/rules.md agrees with the definitions."""

from scripts import rules_page


def test_the_page_is_not_stale():
    assert rules_page.PAGE.read_text() == rules_page.page(), "run `python -m scripts.rules_page`"


def test_the_page_says_what_a_privacy_officer_asks():
    section = rules_page.page().split("## machine_learning_curated")[1]
    cells = [row.strip("| ").split(" | ") for row in section.splitlines() if row.startswith("| ")]
    rows = {row[-4].strip("`"): row for row in cells}
    check, _rule, strict, reference, why = rows["one_person_per_row"]
    assert (check, strict, reference) == ("`privacy_one_person_per_row`", "failed, blocks", "warned")
    assert why.startswith("Both halves")
    assert rows["only_consenting_people"][-3:-1] == ["failed, blocks", "the same"]
    assert rows["split_allowed"][-1].startswith("split is train, validation or test.")
    assert not any(sign in rules_page.page() for sign in ("None", "[0-9", "{0}"))
