"""What tables of readings depend on besides readings: facts about people and devices, from other inputs."""

from collections.abc import Mapping

from stedi_assets.lake import Follows
from stedi_assets.transforms import facts

FOLLOWS: Mapping[str, Follows] = {
    "accelerometer_trusted": Follows(
        lambda frames, run: facts.consents_of_people(frames["customer_trusted"]),
        activity_of="accelerometer_landing",
        named=("changed consent", "changed consents"),
    ),
    "step_trainer_trusted": Follows(
        lambda frames, run: facts.consents_of_devices(
            frames["customer_curated"], frames["customer_landing"], run.policy
        ),
        activity_of="step_trainer_landing",
        named=("changed device", "changed devices"),
    ),
    "machine_learning_curated": Follows(
        lambda frames, run: facts.devices_of_people(frames["customer_curated"]),
        activity_of="accelerometer_landing",
        named=("changed person", "changed people"),
    ),
}
