"""docs/rules.md agrees with the definitions."""

from scripts import rules_page


def test_the_page_is_not_stale():
    assert rules_page.PAGE.read_text() == rules_page.page(), "run `python -m scripts.rules_page`"


def test_the_page_says_what_a_privacy_officer_asks():
    section = rules_page.page().split("## machine_learning_curated")[1]
    rows = {row.split("`")[1]: row for row in section.splitlines() if row.startswith("| `")}
    assert rows["one_person_per_row"].startswith(
        "| `one_person_per_row` | failed, blocks | warned | Both halves"
    )
    assert rows["only_consenting_people"].split(" | ")[1:3] == ["failed, blocks", "the same"]
    assert rows["split_allowed"].split(" | ")[3].startswith("split is train, validation or test.")
    assert not any(sign in rules_page.page() for sign in ("None", "[0-9", "{0}"))
