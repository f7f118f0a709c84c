"""Sustainable Web Design Model v3 (as in CO2.js 0.19.0), for comparison only.

Gigabytes x 0.81 kWh x the share of the segment x grid; production always at the world intensity. Superseded by v4,
whose energy per gigabyte is less than half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from traffic_meter.methods.grids import grid
from traffic_meter.methods.swd_v4 import KINDS, site_flags, state_per_byte

WORLD = "grid.ember.WORLD"


class SwdV3(LinearMethod):
    """Bytes to grams by segment; a green data centre counts at 50 g/kWh."""

    id = "swd-v3"
    title = "Sustainable Web Design v3"
    channel = ChannelName.SITE
    measures: ClassVar[Mapping[str, str]] = {"bytes_transferred": "byte", "unmeasured_events": "event"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("kind") in KINDS

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        energy = model("web.swd3.kwh_per_gb")
        factor = _visit_factor(model)
        for segment, intensity in _grids(subject, model).items():
            per_gb = energy * model(f"web.swd3.share.{segment}") * intensity
            state_per_byte(subject, model, segment, per_gb, factor)
        site_flags(subject, model)


def _grids(subject: Subject, model: ModelBuilder) -> dict[str, Term]:
    grids: dict[str, Term] = {}
    if model.options.get("green_hosting") is True:
        grids["data_centre"] = model("web.swd3.green_grid")
    else:
        hosting = subject.detail.get("hosting", "")
        grids["data_centre"] = grid(model, hosting, unknown=WORLD, role="hosting", option="grid.data_centre")
    for segment in ("network", "device"):
        grids[segment] = grid(model, subject.country, unknown=WORLD, role="visitor", option=f"grid.{segment}")
    grids["production"] = model(WORLD)
    return grids


def _visit_factor(model: ModelBuilder) -> Term | None:
    if not any(name.startswith("visits.") for name in model.options):
        return None
    first = model.option("visits.first_share", "web.swd3.first")
    again = model.option("visits.return_share", "web.swd3.return")
    return first + again * model.option("visits.reload_ratio", "web.swd3.reload")
