"""Reads dashboards by Grafana's own types, as its makers publish them for Python, and says what does not fit: a word that they
do not know (it is gone after a round trip), a value of another type, a word that is none of an enumeration, a unit that there
is not. Of transformations the types keep everything as it came. Says nothing of how a dashboard looks."""

import enum
import json
import re
import sys
import types
import typing

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.runtime import panelcfg_config
from grafana_foundation_sdk.models import dashboard, units

UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}


def lost(ours, theirs, at=""):
    """What is not there any more after the round trip."""
    if isinstance(ours, dict):
        if not isinstance(theirs, dict):
            return [f"{at}: {ours!r} became {theirs!r}"]
        # A word without a value is as good as none.
        return [
            line
            for key, value in ours.items()
            if value is not None
            for line in ([f"{at}.{key}: nobody knows it"] if key not in theirs else lost(value, theirs[key], f"{at}.{key}"))
        ]
    if isinstance(ours, list):
        if not isinstance(theirs, list) or len(ours) != len(theirs):
            return [f"{at}: {ours!r} became {theirs!r}"]
        return [line for index, (a, b) in enumerate(zip(ours, theirs)) for line in lost(a, b, f"{at}[{index}]")]
    return [] if ours == theirs else [f"{at}: {ours!r} became {theirs!r}"]


def fits(value, hint):
    """Whether a value is what its type says."""
    if hint is typing.Any or hint is object:
        return True
    if isinstance(hint, typing.TypeAliasType if hasattr(typing, "TypeAliasType") else ()):
        return fits(value, hint.__value__)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in args)
    if origin is typing.Literal:
        return value in args
    if origin is list:
        return isinstance(value, list) and all(fits(one, args[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, args[1]) for one in value.values())
    if not isinstance(hint, type):
        return True
    if issubclass(hint, enum.Enum):
        return value in [one.value for one in hint]
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    # What they keep as it came.
    if hint.__module__.startswith("grafana_foundation_sdk") and isinstance(value, dict):
        return True
    return isinstance(value, hint)


def misfits(thing, at=""):
    """Values of another type than theirs, in all that is below."""
    if isinstance(thing, list):
        return [line for index, one in enumerate(thing) for line in misfits(one, f"{at}[{index}]")]
    if isinstance(thing, dict):
        return [line for key, one in thing.items() for line in misfits(one, f"{at}.{key}")]
    if not type(thing).__module__.startswith("grafana_foundation_sdk"):
        return []
    if isinstance(thing, enum.Enum):
        return []
    module = sys.modules[type(thing).__module__]
    hints = typing.get_type_hints(type(thing), vars(module))
    found = []
    for name, value in vars(thing).items():
        if name in hints and not fits(value, hints[name]):
            found.append(f"{at}.{name}: {value!r} is no {hints[name]}")
        found += misfits(value, f"{at}.{name}")
    return found


def unknown_units(thing):
    """Units that Grafana has not, wherever they are; of its own making are those that say so."""
    if isinstance(thing, dict):
        found = [thing["unit"]] if isinstance(thing.get("unit"), str) else []
        if thing.get("id") == "unit":
            found.append(thing["value"])
        found = [f"no unit: {unit}" for unit in found if unit not in UNITS and not re.match("(si|suffix|prefix):", unit)]
        return found + [line for value in thing.values() for line in unknown_units(value)]
    if isinstance(thing, list):
        return [line for value in thing for line in unknown_units(value)]
    return []


plugins.register_default_plugins()
problems = []
for path in sys.argv[1:]:
    ours = json.load(open(path))
    read = dashboard.Dashboard.from_json(ours)
    theirs = json.loads(json.dumps(read, cls=JSONEncoder))
    strange = {panel["type"] for panel in ours["panels"]} - {"row"}
    strange = [f"no panel: {kind}" for kind in strange if panelcfg_config(kind) is None]
    for line in strange + lost(ours, theirs) + misfits(read) + unknown_units(ours):
        problems.append(f"{path}: {line}")
    print(path, len(ours["panels"]))
print("\n".join(problems))
sys.exit(1 if problems else 0)
