"""What was wrong with an input, counted by reason: nothing is dropped in silence."""

from dataclasses import dataclass, field


@dataclass
class Fault:
    """A reason, how often, and where first (a line number, from 1, or an id)."""

    count: int = 0
    first: str = ""


@dataclass
class Faults:
    """Counts by reason, in the order of their first appearance."""

    by_reason: dict[str, Fault] = field(default_factory=dict)

    def add(self, reason: str, first: object = "", count: int = 1) -> None:
        """Counts `count` more of a reason; `first` is kept where it is the first."""
        if count <= 0:
            return
        fault = self.by_reason.setdefault(reason, Fault(0, str(first)))
        fault.count += count

    def update(self, other: "Faults", where: str = "") -> None:
        """Takes in the faults of another input, named `where`."""
        for reason, fault in other.by_reason.items():
            self.add(reason, f"{where}: {fault.first}" if where and fault.first else fault.first, fault.count)

    def report(self) -> dict[str, dict[str, object]]:
        """The faults for `report.json`."""
        return {reason: {"count": fault.count, "first": fault.first} for reason, fault in self.by_reason.items()}

    def lines(self) -> list[str]:
        """One sentence a reason."""
        return [
            f"{fault.count:,} × {reason}" + (f" (first: {fault.first})" if fault.first else "")
            for reason, fault in self.by_reason.items()
        ]
