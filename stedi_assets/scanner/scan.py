"""Scanning places: every file below a folder, every version of every object below a prefix."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, cast

from stedi_assets.locations import LOCAL, S3
from stedi_assets.scanner.decoding import contents, readings
from stedi_assets.scanner.terms import Terms

IN_MEMORY = 32 * 1024**2


@dataclass
class Scan:
    """What a scan found.

    Attributes:
        files: Files and versions of objects that were opened.
        bytes: Their size.
        hits: How often values of a kind occur, by place and kind.
        unreadable: Files that could not be opened, by place.
    """

    files: int = 0
    bytes: int = 0
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether nothing was found, and everything could be read."""
        return not self.hits and not self.unreadable


def scan(
    places: Mapping[str, str],
    terms: Terms,
    s3: Any = None,
    on_file: Callable[[str, int], None] = lambda place, files: None,
) -> Scan:
    """Looks for values in every byte below some places.

    Args:
        places: URIs of folders, files or prefixes, by the names under which they are reported.
        terms: The values.
        s3: A client of boto3, for places in S3.
        on_file: Receives the name of the place and the number of files so far.
    """
    done = Scan()
    for place, uri in places.items():
        for name, size, opened in _objects(uri, s3):
            done.files += 1
            done.bytes += size
            on_file(place, done.files)
            done.hits.update((place, kind) for kind in terms.kinds_in(os.fsencode(name)))
            try:
                with opened() as stream:
                    done.hits.update((place, kind) for kind in _kinds(contents(stream), terms))
                    if terms.readings:
                        stream.seek(0)
                        found = sum(reading in terms.readings for reading in readings(stream))
                        done.hits.update({(place, "readings"): found} if found else {})
            except FileNotFoundError:
                continue  # another program deleted it
            except OSError:
                done.unreadable[place] += 1
    return done


def _kinds(pieces: Iterable[bytes], terms: Terms) -> Iterator[str]:
    """The kinds of the values in a stream, also where they lie across two pieces."""
    tail = b""
    for piece in pieces:
        if not piece:
            tail = b""
            continue
        across = tail + piece[: terms.longest]
        inside = Counter(terms.kinds_in(piece))
        yield from inside.elements()
        if tail:
            extra = Counter(terms.kinds_in(across))
            extra.subtract(terms.kinds_in(tail))
            extra.subtract(terms.kinds_in(piece[: terms.longest]))
            yield from (+extra).elements()
        tail = piece[-terms.longest :]


Opened = tuple[str, int, Callable[[], Any]]


def _objects(uri: str, s3: Any) -> Iterator[Opened]:
    if uri.startswith(S3):
        yield from _versions(uri, s3)
        return
    path = uri.removeprefix(LOCAL)
    if os.path.isfile(path):
        yield os.path.basename(path), os.path.getsize(path), partial(open, path, "rb")
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            file = os.path.join(folder, name)
            if os.path.isfile(file):
                yield os.path.relpath(file, path), os.path.getsize(file), partial(open, file, "rb")


def _versions(uri: str, s3: Any) -> Iterator[Opened]:
    """Every version of every object below a prefix, or of the object itself."""
    bucket, _, prefix = uri.removeprefix(S3).partition("/")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for found in page.get("Versions", []):
            key = found["Key"]
            if key == prefix or key.startswith(f"{prefix}/"):
                known = {} if found["VersionId"] == "null" else {"VersionId": found["VersionId"]}
                name = key.removeprefix(f"{prefix}/")
                yield name, found["Size"], partial(_fetched, s3, bucket, key, known)


def _fetched(s3: Any, bucket: str, key: str, version: Mapping[str, str]) -> BinaryIO:
    held = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed by who reads it
    body = s3.get_object(Bucket=bucket, Key=key, **version)["Body"]
    for block in body.iter_chunks(1024**2):
        held.write(block)
    held.seek(0)
    return cast(BinaryIO, held)
