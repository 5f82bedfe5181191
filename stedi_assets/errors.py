"""The errors that a person reads: one sentence that names the culprit and the fix, and no data."""

from stedi_assets.inert import inert


class StediError(Exception):
    """Something a person can fix; its text is one sentence without personal data.

    Args:
        sentence: The sentence. Names in it may come from other people, so it is kept as inert text.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(inert(sentence))


class SettingError(StediError):
    """A setting is unknown, malformed or contradicts another one."""


class DeclarationError(StediError):
    """The declaration of a table lacks something or contradicts another one; nothing is loaded."""


class LakeError(StediError):
    """The lake cannot do what was asked; every table is as it was before."""
