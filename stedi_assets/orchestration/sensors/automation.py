"""The automation condition of derived tables: refresh after an input got other rows in a run without them.

Every run materializes all tables that it covers, also those that are up to date, so only a new data version
shows that there is work.
"""

from typing import Any

import dagster as dg


def follows_inputs() -> dg.AutomationCondition[Any]:
    """The automation condition of a table that is computed from others.

    It is true once for every change; tables further downstream are refreshed in the same run.
    """
    condition = dg.AutomationCondition
    changed = (condition.data_version_changed() & ~condition.executed_with_root_target()).with_label(
        "got other rows in a run without this table"
    )
    input_changed = condition.any_deps_match(changed)
    # Rows of people who withdrew leave a table in runs of other tables. Dagster counts that as an update, but
    # the table still has to be refreshed after the change that made the rows leave.
    refreshed = condition.newly_updated() & ~input_changed
    handled = condition.newly_requested() | refreshed | condition.initial_evaluation()
    return (
        (input_changed | condition.any_deps_match(condition.will_be_requested())).since(handled)
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("follows its inputs")
