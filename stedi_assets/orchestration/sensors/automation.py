"""When a table is refreshed by itself: after an input got other rows in a run without the table.

Every run yields all tables that it looked at, also those that are up to date, so only data versions tell
whether there is anything to do.
"""

from typing import Any

import dagster as dg


def follows_inputs() -> dg.AutomationCondition[Any]:
    """The automation condition of a table that is computed from others.

    It is true once for every change, and covers what is further downstream in the same run.
    """
    condition = dg.AutomationCondition
    changed = (condition.data_version_changed() & ~condition.executed_with_root_target()).with_label(
        "got other rows in a run without this table"
    )
    input_changed = condition.any_deps_match(changed)
    # Rows of people who withdrew leave a table in runs of other tables. Dagster takes that for an update,
    # which must not pass for a refresh after the very change that made them leave.
    refreshed = condition.newly_updated() & ~input_changed
    handled = condition.newly_requested() | refreshed | condition.initial_evaluation()
    return (
        (input_changed | condition.any_deps_match(condition.will_be_requested())).since(handled)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("follows its inputs")
