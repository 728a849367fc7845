"""Shows a variable of a function to whoever runs it, in one line: watch("lines", len(lines)).

For components made by componentize-py, whose world includes fathom:watch/watching. The values are summed up inside the
component; the host fetches them by the exported interface `watched`, which `Watched` implements: import it where your
exports are. Elsewhere, in an ordinary Python, nothing is different but that somebody keeps six numbers per name.
"""

from dataclasses import dataclass


@dataclass
class Observation:
    """The values that a variable was given."""

    name: str
    count: int
    first: int
    last: int
    min: int
    max: int
    sum: float


_seen: dict[str, Observation] = {}


def watch(name: str, value: int) -> None:
    """Shows an integer of up to 64 bits, or a bool."""
    value = int(value)
    seen = _seen.get(name)
    if seen is None:
        _seen[name] = Observation(name, 1, value, value, value, value, float(value))
        return
    seen.count += 1
    seen.last = value
    seen.min = min(seen.min, value)
    seen.max = max(seen.max, value)
    seen.sum += value


class Watched:
    """The exported interface."""

    def take(self) -> list[Observation]:
        taken = list(_seen.values())
        _seen.clear()
        return taken
