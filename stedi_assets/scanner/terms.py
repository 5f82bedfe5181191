"""What the scanner looks for: the ways in which a value may be written, as one pattern over bytes."""

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

SHORTEST = 4  # bytes; shorter values are everywhere
Trie = dict[int, "Trie"]
END = -1


class Terms:
    """Values by kind, and the pattern that finds them.

    Args:
        values: Values by kind, such as emails.
        explained: Longer values of others in which one of these occurs: there it is no finding.
        readings: Readings, each with its time first.
    """

    def __init__(
        self,
        values: Mapping[str, Iterable[str]],
        explained: Iterable[str] = (),
        readings: Iterable[Sequence[float]] = (),
    ) -> None:
        self.readings = frozenset(map(tuple, readings))
        self._kinds: dict[bytes, str | None] = {}
        for kind, listed in values.items():
            for value in listed:
                for form in spellings(value):
                    if len(form) >= SHORTEST:
                        self._kinds.setdefault(form, kind)
        for value in explained:
            for form in spellings(value):
                self._kinds.setdefault(form, None)
        self.longest = max(map(len, self._kinds), default=0)
        regex = _regex(self._kinds)
        self._pattern = re.compile(regex, re.DOTALL) if self._kinds else None
        self._quick = "".join(map(_latin, regex))

    def kinds_in(self, data: bytes) -> Iterator[str]:
        """The kind of each value that occurs in some bytes."""
        if self._pattern is not None and self._may_occur(data):
            for match in self._pattern.finditer(data.lower()):
                kind = self._kinds[match[0]]
                if kind is not None:
                    yield kind

    def _may_occur(self, data: bytes) -> bool:
        """Whether any value occurs; RE2, which Arrow has, reads bytes ten times as fast as `re`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        pieces = pa.array([data], pa.large_binary())
        try:
            return bool(pc.match_substring_regex(pieces, self._quick, ignore_case=True)[0].as_py())
        except pa.ArrowInvalid:  # too many values for RE2
            return True


def spellings(value: str) -> set[bytes]:
    """The ways in which a value may be written, in lower case as `bytes.lower` makes it."""
    texts = {unicodedata.normalize(form, text) for form in ("NFC", "NFD") for text in _cases(value)}
    found: set[bytes] = set()
    for text in texts:
        data = text.encode(errors="surrogatepass")
        found |= {
            data,
            quote(text, safe="", errors="replace").encode(),
            data.hex().encode(),
            json.dumps(text)[1:-1].encode(),
            text.encode("utf-16-le", errors="replace"),
            text.encode("utf-16-be", errors="replace"),
        }
        found |= {part.lower() for cased in _cases(text) for part in _base64(cased.encode(errors="replace"))}
    return {form.lower() for form in found if form}


def _cases(value: str) -> set[str]:
    return {value, value.lower(), value.upper(), value.title()}


def _base64(data: bytes) -> Iterator[bytes]:
    """The middle of the base64 of some bytes, wherever they begin in a longer text."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).rstrip(b"=")
        start = (0, 2, 3)[before]
        whole = encoded[start : (before + len(data)) * 8 // 6]
        if len(whole) >= 2 * SHORTEST:
            yield whole


def _regex(words: Iterable[bytes]) -> bytes:
    """A pattern that finds any of the words; those with the same beginning share it."""
    trie: Trie = {}
    for word in words:
        node = trie
        for byte in word:
            node = node.setdefault(byte, {})
        node[END] = {}
    return _branch(trie)


def _latin(byte: int) -> str:
    """A byte of a pattern as RE2 takes it for bytes."""
    return chr(byte) if byte < 0x80 else f"\\x{byte:02x}"


def _branch(node: Trie) -> bytes:
    ends = END in node
    parts = [re.escape(bytes([byte])) + _branch(rest) for byte, rest in node.items() if byte != END]
    if not parts:
        return b""
    if len(parts) == 1 and not ends:
        return parts[0]
    return b"(?:" + b"|".join(parts) + b")" + (b"?" if ends else b"")
