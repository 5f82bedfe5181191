"""Records in a text of any JSON shape: one per line, many on a line, in arrays, over many lines.

A record is a JSON object that is not inside another one. Line ends, commas and brackets between records mean
nothing. A faulty record costs itself only: it ends where its braces close, or where the next record clearly
begins. Whether a record can become a row is decided in `ingestion.records`.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stedi_assets.schemas.columns import WHITESPACE

DEEPEST = 200  # levels of lists and objects; a record has one
SMALL = 4_096  # characters of an unfinished record that are scanned again with every line
BETWEEN = f"{WHITESPACE}\ufeff,[]"
"""What may stand between two records."""
BLANK = re.compile(f"[{re.escape(BETWEEN)}]*")
TOKEN = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|[{}\[\],:"\n]|[^\s"{}\[\],:]+')
BEGINNING = re.compile(r'\{\s*"([A-Za-z]+)"\s*:')


@dataclass(frozen=True)
class Found:
    """A piece of a text.

    Attributes:
        text: The record, or what stands in the place of one; its beginning if it is too long. Empty for a
            line without a record.
        line: The line on which it begins, from 1.
        fault: A reason code, if it has no end: `truncated`, `record_too_long`, `nesting_too_deep`.
    """

    text: str
    line: int
    fault: str | None = None


class Finder:
    """Finds the records of a text that comes piece by piece.

    Args:
        longest: Bytes that a record may have; not much more is held in memory.
        fields: Names of fields, in lower case, whose values are never objects.

    Attributes:
        longest: See above.
        line: The line that comes next, from 1, while the finder is `at_rest`.
    """

    def __init__(self, longest: int, fields: Collection[str] = ()) -> None:
        self.line = 1
        self.longest = longest
        self._fields = frozenset(fields)
        self._decode = json.JSONDecoder().raw_decode  # made here, as it cannot travel to workers
        self._parts: list[str] = []  # what is not dealt with yet
        self._size = self._scanned = 0  # characters of it, now and when they were scanned last
        self._bare = True  # no record begins on this line so far
        self._skipping = False

    @property
    def at_rest(self) -> bool:
        """Whether the next piece begins a line, and no record goes on in it."""
        return self._bare and not self._parts and not self._skipping

    def pass_line(self) -> None:
        """Leaves out the line that comes next; only `at_rest`."""
        self.line += 1

    def feed(self, piece: str) -> Iterator[Found]:
        """Takes a piece of the text, and returns the records that end in it.

        Args:
            piece: A line with its line feed, or a part of a long one.
        """
        if self._skipping:  # the rest of a line on which a record was too long
            if not piece.endswith("\n"):
                return
            piece, self._skipping = "\n", False
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > self.longest or not self._scanned or self._may_end(piece):
            yield from self._drained(last=False)

    def finish(self) -> Iterator[Found]:
        """Returns the rest when the text has ended."""
        yield from self._drained(last=True)

    def _may_end(self, piece: str) -> bool:
        """Whether to scan an unfinished record again: one of many lines is not scanned with each of them."""
        return "}" in piece and (self._size <= SMALL or self._size > 1.25 * self._scanned)

    def _drained(self, *, last: bool) -> Iterator[Found]:
        text, at = "".join(self._parts), 0
        while at < len(text):
            between = BLANK.match(text, at)
            assert between is not None
            for _ in range(between[0].count("\n")):
                if self._bare:
                    yield Found("", self.line)
                self.line, self._bare = self.line + 1, True
            at = between.end()
            if at == len(text):
                if self._bare and last and between[0].rpartition("\n")[2]:
                    yield Found("", self.line)
                break
            extent = self._record(text, at, last) if text[at] == "{" else self._other(text, at, last)
            if extent is None:
                break
            end, fault = extent
            yield Found(text[at:end], self.line, fault)
            self.line, self._bare = self.line + text.count("\n", at, end), False
            at = end
        self._parts = [text[at:]] if at < len(text) else []
        self._size = self._scanned = len(text) - at

    def _record(self, text: str, at: int, last: bool) -> tuple[int, str | None] | None:
        """The end of the record that begins at a brace, and its fault; None if it may go on."""
        try:
            _, size = self._decode(text[at : at + SMALL])  # an error counts the lines before it
        except (ValueError, RecursionError):
            pass
        else:
            return at + size, self._too_long(text, at, at + size)
        scanned = _end_of(text, at, last, self._fields)
        if scanned is not None:
            end, fault = scanned
            return end, self._too_long(text, at, end) or fault
        if not last and len(text) - at <= self.longest:
            return None
        if (begins := text.find("\n{", at)) >= 0:  # an object inside a record would be indented
            return begins, "truncated"
        return self._rest(text, at, "truncated")

    def _other(self, text: str, at: int, last: bool) -> tuple[int, str | None] | None:
        """The end of a text that is no record, by its line or the next record; None if it may go on."""
        line_end = _line_end(text, at)
        begins = _next_record(text, at, line_end, self._fields)
        if begins is not None:
            return begins, None
        if line_end == len(text) and not last and len(text) - at <= self.longest:
            return None
        if line_end < len(text):
            return line_end, self._too_long(text, at, line_end)
        return self._rest(text, at, None)

    def _rest(self, text: str, at: int, fault: str | None) -> tuple[int, str | None]:
        """Takes all that is left; if that is too long, what follows on its line is skipped."""
        too_long = self._too_long(text, at, len(text))
        self._skipping = bool(too_long) and not text.endswith("\n")
        return len(text), too_long or fault

    def _too_long(self, text: str, at: int, end: int) -> str | None:
        if (end - at) * 4 <= self.longest:
            return None
        size = len(text[at:end].rstrip().encode(errors="surrogateescape"))
        return "record_too_long" if size > self.longest else None


def _end_of(text: str, at: int, last: bool, fields: frozenset[str]) -> tuple[int, str | None] | None:
    """The end of a record that is not JSON, and its fault; None if the text ends before it.

    It ends where its braces close. If another record begins before that, or a string is not closed on its
    line, the record was cut off.

    Args:
        text: The text.
        at: The place of the first brace.
        last: Whether nothing follows the text.
        fields: See `Finder`.
    """
    opened: list[str] = []
    before, key, string, string_at, deep = "", "", "", at, False
    for match in TOKEN.finditer(text, at):
        token = match[0]
        if token == "{" and opened and not _may_be_value(opened[-1], before, key in fields):
            return match.start(), "truncated"
        if token in "{[":
            opened.append(token)
            deep = deep or len(opened) > DEEPEST
        elif token in "}]":
            opened.pop()
            if not opened:
                return match.end(), "nesting_too_deep" if deep else None
        elif token == "\n" and deep:
            return match.start(), "nesting_too_deep"
        elif token == '"':
            return _cut_off(text, at, match.start(), last, fields)
        elif token == ":":
            key = string
        elif token[0] == '"':
            string, string_at = token[1:-1].lower(), match.start()
        elif before and before[0] == '"' and len(before) > 1:  # a word behind a string that swallowed a brace
            begins = _next_record(text, string_at, match.end() + 2, fields)
            if begins is not None:
                return begins, "truncated"
        if token != "\n":
            before = token
    return (len(text), "nesting_too_deep") if deep and last else None


def _may_be_value(inside: str, before: str, flat: bool) -> bool:
    """Whether an object may begin here: not as the value of a field that is never one."""
    return before == ":" and not flat if inside == "{" else before in ("[", ",")


def _cut_off(
    text: str, at: int, quote: int, last: bool, fields: frozenset[str]
) -> tuple[int, str | None] | None:
    """The end of a record with a string that is not closed on its line."""
    line_end = _line_end(text, quote)
    if line_end == len(text) and not last:
        return None
    begins = _next_record(text, at + 1, line_end, fields)
    return (line_end if begins is None else begins), "truncated"


def _next_record(text: str, at: int, end: int, fields: frozenset[str]) -> int | None:
    """The place of the first record that begins in a part of a text and is not a value inside another one."""
    for match in BEGINNING.finditer(text, at, end):
        if match[1].lower() in fields and not text[at : match.start()].rstrip().endswith(":"):
            return match.start()
    return None


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
