"""Which freight factor a mode and a distance stand for, in each of the two views."""

from __future__ import annotations

from collections.abc import Mapping

VIEWS = ("france", "iso")
DEFAULT_VIEW = "france"

_AIR: Mapping[str, tuple[tuple[int, str], ...]] = {
    "france": (
        (500_000, "freight.bc.air.43654"),
        (2_000_000, "freight.bc.air.43668"),
        (5_000_000, "freight.bc.air.43662"),
        (10**9, "freight.bc.air.43670"),
    ),
    "iso": (
        (500_000, "freight.bc.air.43655.wtw"),
        (2_000_000, "freight.bc.air.43669.wtw"),
        (5_000_000, "freight.bc.air.43663.wtw"),
        (10**9, "freight.bc.air.43671.wtw"),
    ),
}
"""Upper distance in metres and factor; with contrails in the French view, without in the ISO view. There is no row for
500 to 1,000 km: the next, higher one stands in."""

_SURFACE: Mapping[str, Mapping[str, str]] = {
    "france": {
        "road": "freight.bc.artic.34-40",
        "rail": "freight.bc.rail.avg",
        "sea": "freight.bc.sea.container",
        "van": "freight.bc.van.diesel",
        "rigid": "freight.bc.rigid.12-20",
    },
    "iso": {
        "road": "freight.bc.artic.34-40.wtw",
        "rail": "freight.bc.rail.avg.wtw",
        "sea": "freight.bc.sea.container",
        "van": "freight.bc.van.diesel.wtw",
        "rigid": "freight.bc.rigid.12-20.wtw",
    },
}


def main_factor(mode: str, distance_m: int, view: str = DEFAULT_VIEW) -> str:
    """The factor of the main haul."""
    if mode == "air":
        return next(factor for limit, factor in _AIR[view] if distance_m <= limit)
    return _SURFACE[view][mode]


def leg_factor(mode: str, distance_m: int, view: str = DEFAULT_VIEW) -> str | None:
    """The factor of a leg that a caller names by mode or vehicle; ``None`` when the name is not known here."""
    name = {"truck": "road"}.get(mode, mode)
    return main_factor(name, distance_m, view) if name == "air" else _SURFACE[view].get(name)


def last_factor(mode: str, weight_g: int, van_limit_g: int, view: str = DEFAULT_VIEW) -> str:
    """The factor of the last leg: a van, a rigid truck when too heavy, the lorry from a port or rail terminal."""
    if mode in ("sea", "rail"):
        return _SURFACE[view]["road"]
    return _SURFACE[view]["van" if weight_g <= van_limit_g else "rigid"]
