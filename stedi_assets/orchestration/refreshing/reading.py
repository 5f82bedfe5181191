"""How a table is read, with SQL and with Python: what its page says first."""

import dagster as dg

from stedi_assets.orchestration.naming import Naming
from stedi_assets.tables import TableSpec


def how_to_read(spec: TableSpec, naming: Naming) -> dg.MetadataValue:
    """The commands for a table of this lake, in Markdown.

    Args:
        spec: The table.
        naming: Names of the lake's tables.
    """
    policy = "" if naming.policy == "strict" else f" --policy {naming.policy}"
    return dg.MetadataValue.md(
        f"""```sh
stedi sql "SELECT * FROM {spec.name} LIMIT 5"{policy}
```
```python
from pyiceberg.catalog import load_catalog

catalog = load_catalog("stedi", {_properties(naming)})
catalog.load_table("{naming.database}.{spec.name}").scan(limit=5).to_arrow()
```"""
    )


def _properties(naming: Naming) -> str:
    """The arguments that open the catalog, whose URI never holds a password."""
    if naming.catalog == "glue":
        return 'type="glue"'
    kind = "rest" if naming.catalog.startswith("http") else "sql"
    return f'type="{kind}", uri="{naming.catalog}", warehouse="{naming.lake}"'
