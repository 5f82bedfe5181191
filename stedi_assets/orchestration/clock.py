"""The present: the time at which a run judges consent.

A run publishes the present only, so no option, launch config or setting leads here. Tests replace `present`.
"""


def present(started: float) -> int:
    """The time at which a run judges consent, epoch ms.

    Args:
        started: Start of the run, epoch seconds.
    """
    return int(started * 1000)
