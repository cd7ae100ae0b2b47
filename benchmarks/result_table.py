"""The Markdown table of results that a benchmark prints."""

from collections.abc import Sequence
from dataclasses import dataclass

_HEADER = ("measurement", "songpop_tf", "reference", "result", "target")


@dataclass(frozen=True)
class Row:
    """One row of a table of results.

    Attributes:
        measurement: what is measured.
        songpop_tf: the value of this project.
        reference: the value that it is compared with.
        result: the number to compare with the target, usually the ratio of the two values.
        unit: of the result and the target.
        minimum, maximum: the target; None for no limit.
    """

    measurement: str
    songpop_tf: str = ""
    reference: str = ""
    result: float | None = None
    unit: str = "x"
    minimum: float | None = None
    maximum: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The formatted cells, in the order of the columns."""
        return (
            self.measurement,
            self.songpop_tf,
            self.reference,
            self._format_result(),
            self._format_target(),
        )

    def _format_result(self) -> str:
        return "" if self.result is None else f"{format_number(self.result)} {self.unit}"

    def _format_target(self) -> str:
        if self.result is None:
            return ""
        targets = []
        if self.minimum is not None:
            targets.append((f"≥ {self.minimum:g} {self.unit}", self.result >= self.minimum))
        if self.maximum is not None:
            targets.append((f"≤ {self.maximum:g} {self.unit}", self.result <= self.maximum))
        return ", ".join(f"{limit}: {verdict(is_met)}" for limit, is_met in targets)


def verdict(is_met: bool) -> str:
    """What a table says of a target."""
    return "met" if is_met else "missed"


def format_number(number: float) -> str:
    """Format with three significant digits; from 100 up, as a whole number."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows as a Markdown table on standard output."""
    lines = [_HEADER, ("---",) * len(_HEADER), *(row.cells() for row in rows)]
    print("\n".join(f"| {' | '.join(cells)} |" for cells in lines), flush=True)
