"""Who uses files only pays for files only."""

import subprocess
import sys

import pytest

from stedi_assets.lake import ingestion, storage

NOT_NEEDED = {"dagster", "dagster_pyspark", "pyspark", "pandera"}


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {*done.stdout.split()}


def test_storage_needs_no_dagster_and_no_engine() -> None:
    names = ", ".join(storage.__all__)
    loaded = loaded_by(
        f"from stedi_assets.lake.storage import {names}\n"
        "import os; os.environ |= {'AWS_ACCESS_KEY_ID': 'a', 'AWS_SECRET_ACCESS_KEY': 'b'}\n"
        "open_storage('s3://bucket/folder', Aws('eu-west-1')).aws.s3"
    )
    assert "boto3" in loaded
    assert not loaded & NOT_NEEDED


@pytest.mark.parametrize("face", [storage, ingestion], ids=lambda face: face.__name__)
def test_a_face_is_small_and_every_name_of_it_is_there(face: object) -> None:
    names = face.__all__  # type: ignore[attr-defined]
    assert 0 < len(names) <= 8
    assert all(getattr(face, name).__name__ for name in names)
    with pytest.raises(AttributeError, match="has no attribute 'typo'"):
        face.typo  # type: ignore[attr-defined]  # noqa: B018
