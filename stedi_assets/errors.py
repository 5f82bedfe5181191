"""The errors that a person reads: one sentence that names the culprit and the fix, and no data.

Names in it are chosen by other people, as are file names, landing lines and queries; `inert` makes such text
safe to show wherever it is shown.
"""

import json


def inert(text: str) -> str:
    r"""Escapes the characters that are not printable, as `\x1b` or `\u202e`.

    These are control characters, line ends, bidirectional marks, other invisible characters, spaces other
    than the plain one, and bytes of a file name that are not UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def inert_json(text: str) -> str:
    """Escapes the same characters in JSON text, which stays JSON; they can only stand in its strings."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def counted_words(number: int, singular: str, plural: str) -> str:
    """A number and what it counts."""
    return f"{number:,} {singular if number == 1 else plural}"


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
