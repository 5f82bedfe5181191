"""Invented landing zones: the sample data in `data/`, test fixtures and benchmarks of any size.

Here belongs everything that makes input up: people, readings, and the awkward lines that real exports
contain. Nothing here reads a lake, knows Dagster or holds a real person's value; the rules by which a
line is judged live with the schemas and transforms, so that these can disagree with what is made here.
"""

from stedi_assets.samples.awkward import CASES, accounting, as_markdown, write_awkward
from stedi_assets.samples.case import Case
from stedi_assets.samples.zone import Generated, generate

__all__ = ["CASES", "Case", "Generated", "accounting", "as_markdown", "generate", "write_awkward"]
