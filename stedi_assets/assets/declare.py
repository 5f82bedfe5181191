"""The declaration of a table: its spec with its transform, its rules and its removal.

Everything that is true of one table only is in its declaration. Here belongs what a declaration consists of;
the declarations themselves are in `landing`, `trusted` and `curated`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from stedi_assets.contracts import Contract, RemovalRule, RuleGroup, Withdrawal
from stedi_assets.errors import DeclarationError
from stedi_assets.lake import Facts, Transform
from stedi_assets.settings import Policy
from stedi_assets.tables import Tables, TableSpec


@dataclass(frozen=True)
class LakeTable:
    """A declared table.

    Attributes:
        spec: The table.
        accounting: Rules that explain its rows by its inputs.
        transform: Makes its rows; a table of the landing zone has none.
        privacy: Rules about the people whose rows may be in it; a table of the landing zone has none.
        removal: Says whose rows leave when a consent ends; a table of the landing zone has none.
        facts: Facts about people or devices that a table of readings depends on besides readings.
        next_change: Computes the time at which time alone changes the rows.
        reports_consent: Whether its page tells how many people consent.
    """

    spec: TableSpec
    accounting: tuple[RuleGroup, ...]
    transform: Transform | None = None
    privacy: tuple[RuleGroup, ...] = ()
    removal: RemovalRule | None = None
    facts: Facts | None = None
    next_change: Transform | None = None
    reports_consent: bool = False

    def contract(self, policy: Policy) -> Contract:
        """All rules of the table under a policy."""
        return Contract(self.spec, policy, (*self.privacy, *self.accounting))

    def withdrawal(self, policy: Policy) -> Withdrawal:
        """Finds the rows of withdrawn people under a policy; for tables with a removal."""
        assert self.removal is not None
        return Withdrawal(self.spec, policy, self.removal)

    @property
    def missing(self) -> list[str]:
        """The parts that the declaration lacks: without them, no rule finds rows of people who withdrew."""
        parts = {"accounting rules (accounting=)": self.accounting}
        if self.spec.source is None:
            parts["a transform"] = self.transform  # type: ignore[assignment]
            parts["privacy rules (privacy=)"] = self.privacy
            parts["a removal (removal=)"] = self.removal  # type: ignore[assignment]
        return [name for name, part in parts.items() if not part]


@dataclass(frozen=True)
class Declared:
    """The registry of declared tables, in the order of the work."""

    by_name: Mapping[str, LakeTable]

    @classmethod
    def of(cls, tables: Iterable[LakeTable]) -> "Declared":
        """Checks declarations and puts them in order.

        Raises:
            DeclarationError: A declaration lacks a part, names a table that is not declared, or tables need
                each other.
        """
        tables = list(tables)
        names = {table.spec.name for table in tables}
        for table in tables:
            if table.missing:
                raise DeclarationError(
                    f"{table.spec.name} is declared without {' and '.join(table.missing)}: "
                    "add them to its declaration, as docs/extending.md shows."
                )
            if table.facts is not None and table.facts.activity_of not in names:
                raise DeclarationError(
                    f"{table.spec.name} asks for the activity of {table.facts.activity_of}, which is not "
                    "declared: name a landing table."
                )
        by_name = {table.spec.name: table for table in tables}
        return cls({name: by_name[name] for name in Tables.of(table.spec for table in tables)})

    @cached_property
    def specs(self) -> Tables:
        """The specs of the tables."""
        return Tables({name: table.spec for name, table in self.by_name.items()})

    @property
    def removal_order(self) -> list[LakeTable]:
        """The tables that people leave, downstream first: the tables that most people read come first."""
        return [table for table in reversed(list(self.by_name.values())) if table.removal is not None]

    def __getitem__(self, name: str) -> LakeTable:
        return self.by_name[name]

    def __iter__(self) -> Iterator[LakeTable]:
        return iter(self.by_name.values())


def landing_table(spec: TableSpec, *, accounting: tuple[RuleGroup, ...]) -> LakeTable:
    """Declares a table of the landing zone, whose rows are the records of its landing files."""
    return LakeTable(spec, accounting)


def lake_table(
    spec: TableSpec,
    *,
    privacy: tuple[RuleGroup, ...] = (),
    accounting: tuple[RuleGroup, ...] = (),
    removal: RemovalRule | None = None,
    facts: Facts | None = None,
    next_change: Transform | None = None,
    reports_consent: bool = False,
) -> Callable[[Callable[..., object]], LakeTable]:
    """Declares a table around the function that makes its rows.

    The function takes the inputs as frames by their names, `subjects` if the spec says so, and `run`. See
    `LakeTable` for the arguments; a declaration that lacks one of the first three does not load.
    """

    def declare(function: Callable[..., object]) -> LakeTable:
        return LakeTable(
            spec,
            accounting,
            transform=lambda frames, run: function(**frames, run=run),  # type: ignore[arg-type,return-value]
            privacy=privacy,
            removal=removal,
            facts=facts,
            next_change=next_change,
            reports_consent=reports_consent,
        )

    return declare
