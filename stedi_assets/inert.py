"""Text that is safe to show: no character of it moves a cursor, hides a character or turns a line around.

File names, landing lines and queries are chosen by other people. Here belongs how their characters are shown;
where text is shown belongs to the callers.
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
