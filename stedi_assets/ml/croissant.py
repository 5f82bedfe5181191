"""The description of an export in Croissant 1.1, which loaders of data sets and search engines read.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stedi_assets.lake.iceberg.arrow_snapshot import Column
from stedi_assets.ml.data_card import POLICIES, USE
from stedi_assets.ml.pinned_readings import Readings

CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TYPES = {"long": "sc:Integer", "double": "sc:Float", "date": "sc:Date", "string": "sc:Text"}
"""Types by those of Iceberg."""


@dataclass(frozen=True)
class ExportedFile:
    """A file of an export.

    Attributes:
        path: Path below the export.
        split: The split that it holds; empty for a file without readings.
        rows: Readings in it.
        bytes: Its size.
        sha256: Hash of its bytes.
    """

    path: str
    split: str
    rows: int
    bytes: int
    sha256: str


def described(readings: Readings, files: Sequence[ExportedFile], licence: str) -> dict[str, Any]:
    """The description as JSON-LD.

    Args:
        readings: The readings, all splits.
        files: Their files, one per split.
        licence: URL or text of the licence.
    """
    record = readings.files.record
    consent = "" if record is None else POLICIES[record.policy]
    inputs = {} if record is None else record.snapshots
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "stedi-step-readings",
        "description": "Pairs of an accelerometer reading and a distance reading of one person in the same "
        f"millisecond, to train models that detect steps. {consent}".strip(),
        "url": f"https://stedi.invalid/{readings.snapshot}",
        "license": licence,
        "usageInfo": USE,
        "citeAs": readings.citation,
        "version": f"1.0.0+{readings.snapshot}",
        "datePublished": readings.files.published_on.isoformat(),
        "creator": {"@type": "sc:Organization", "name": "STEDI", "url": "https://stedi.invalid"},
        "keywords": ["step detection", "accelerometer", "distance sensor", "balance"],
        "rai:dataCollection": "Sensors of the Step Trainer and the accelerometer of a phone, in daily use.",
        "rai:dataUseCases": USE,
        "rai:personalSensitiveInformation": "Pseudonyms; an instant may single out one person for those who "
        "hold the lake.",
        "prov:wasDerivedFrom": [{"@id": f"stedi:{name}@{number}"} for name, number in sorted(inputs.items())],
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.split,
                "name": file.split,
                "description": f"The file of the split {file.split}.",
                "contentUrl": file.path,
                "contentSize": f"{file.bytes} B",
                "encodingFormat": "application/x-parquet",
                "sha256": file.sha256,
            }
            for file in files
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "splits",
                "name": "splits",
                "description": "The splits; a person is in one of them.",
                "dataType": "cr:Split",
                "key": {"@id": "splits/name"},
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": "splits/name",
                        "name": "name",
                        "description": "Name of the split.",
                        "dataType": "sc:Text",
                    }
                ],
                "data": [{"splits/name": file.split} for file in files],
            },
            *(
                {
                    "@type": "cr:RecordSet",
                    "@id": f"{file.split}_readings",
                    "name": f"{file.split}_readings",
                    "description": f"The readings of the split {file.split}.",
                    "field": [_field(file, column) for column in readings.files.columns],
                }
                for file in files
            ),
        ],
    }


def _field(file: ExportedFile, column: Column) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{file.split}_readings/{column.name}",
        "name": column.name,
        "description": column.meaning,
        "dataType": TYPES[column.type],
        "source": {"fileObject": {"@id": file.split}, "extract": {"column": column.name}},
        **({"references": {"field": {"@id": "splits/name"}}} if column.name == "split" else {}),
    }
