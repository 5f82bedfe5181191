"""The Iceberg room stands alone: its modules import neither Dagster nor PySpark."""

import subprocess
import sys

CODE = """
import importlib, pkgutil, sys
from stedi_assets.lake import iceberg
for module in pkgutil.iter_modules(iceberg.__path__):
    importlib.import_module(f"{iceberg.__name__}.{module.name}")
for name in iceberg.__all__:
    getattr(iceberg, name)
print(*sorted({"dagster", "pyspark", "pandera", "pyiceberg"}.intersection(sys.modules)))
"""


def test_the_iceberg_room_imports_neither_dagster_nor_pyspark():
    loaded = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
