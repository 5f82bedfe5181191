"""Eight Dagster assets in the same graph that do nothing: what Dagster itself costs.

In one process, like `stedi run`: the default executor starts one for each asset, a far lower bar.

Run: DAGSTER_HOME=$(mktemp -d) dagster asset materialize --select '*' -f idle_assets.py
"""

import dagster as dg

INPUTS: dict[str, list[str]] = {
    "customer_landing": [],
    "accelerometer_landing": [],
    "step_trainer_landing": [],
    "customer_trusted": ["customer_landing"],
    "accelerometer_trusted": ["accelerometer_landing", "customer_trusted"],
    "customer_curated": ["customer_trusted", "accelerometer_trusted"],
    "step_trainer_trusted": ["step_trainer_landing", "customer_curated", "customer_landing"],
    "machine_learning_curated": ["accelerometer_trusted", "step_trainer_trusted", "customer_curated"],
}


def idle_asset(name: str, inputs: list[str]) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=inputs)
    def idle() -> None:
        pass

    return idle


defs = dg.Definitions(
    assets=[idle_asset(name, inputs) for name, inputs in INPUTS.items()],
    executor=dg.in_process_executor,
)
