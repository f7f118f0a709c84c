"""Sustainable Web Design Model v4 (sustainablewebdesign.org; constants and behaviour of CO2.js 0.19.0).

Each segment is gigabytes x energy x grid; what is embodied always counts at the world intensity. Real bytes are known,
so there is no visit mix: caching is already in them. Not covered: the time a page is looked at (see ``device-time``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from traffic_meter.methods.grids import grid

SEGMENTS = ("data_centre", "network", "device")
WORLD = "web.swd4.grid.world"
KINDS = ("view", "asset", "engagement")


class SwdV4(LinearMethod):
    """Bytes to grams by segment; the method that is bought on."""

    id = "swd-v4"
    title = "Sustainable Web Design v4"
    channel = ChannelName.SITE
    measures: ClassVar[Mapping[str, str]] = {"bytes_transferred": "byte", "unmeasured_events": "event"}

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("kind") in KINDS

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        per_byte(subject, model, SEGMENTS)
        site_flags(subject, model)


def per_byte(subject: Subject, model: ModelBuilder, segments: tuple[str, ...]) -> None:
    """State the operational and embodied grams per byte of some of the three segments."""
    grids = segment_grids(subject, model)
    factor = visit_factor(model)
    world = model(WORLD)
    for segment in segments:
        operational = model(f"web.swd4.op.{segment}") * grids[segment]
        if segment == "data_centre" and "green_hosting_factor" in model.options:
            operational *= _not_green(model)
        state_per_byte(subject, model, f"operational.{segment}", operational, factor)
    for segment in segments:
        state_per_byte(subject, model, f"embodied.{segment}", model(f"web.swd4.emb.{segment}") * world, factor)


def state_per_byte(subject: Subject, model: ModelBuilder, name: str, per_gb: Term, factor: Term | None) -> None:
    """Add grams per byte, and per event without bytes at the default size of its kind."""
    amount = per_gb * factor if factor else per_gb
    model.add(name, "bytes_transferred", amount)
    size = model(f"project.site.default_bytes.{subject.detail['kind']}")
    if size.value:
        model.add(name, "unmeasured_events", amount * size)


def segment_grids(subject: Subject, model: ModelBuilder) -> dict[str, Term]:
    """Data centre at the host's country, network and device at the visitor's; the caller may set any of them."""
    hosting = subject.detail.get("hosting", "")
    grids = {"data_centre": grid(model, hosting, unknown=WORLD, role="hosting", option="grid.data_centre")}
    for segment in ("network", "device"):
        grids[segment] = grid(model, subject.country, unknown=WORLD, role="visitor", option=f"grid.{segment}")
    return grids


def visit_factor(model: ModelBuilder) -> Term | None:
    """``first + return x reload`` when the caller gives a visit mix; nothing when real bytes speak for themselves."""
    if not any(name.startswith("visits.") for name in model.options):
        return None
    first = model.option("visits.first_share", "web.swd4.default.first")
    again = model.option("visits.return_share", "web.swd4.default.return")
    reload = model.option("visits.reload_ratio", "web.swd4.default.reload")
    return first + again * reload


def site_flags(subject: Subject, model: ModelBuilder) -> None:
    """What was missing or assumed about the events themselves."""
    if subject.detail["kind"] != "engagement":  # an engagement transfers nothing
        model.flag(f"bytes-missing:default-size-of-{subject.detail['kind']}", 3, "unmeasured_events")
    if subject.detail.get("device") == "bot":
        model.flag("bot")
    if subject.detail.get("late") == "unprovable":
        model.flag("late-unprovable")


def _not_green(model: ModelBuilder) -> Term:
    share = model.option("green_hosting_factor", "web.swd4.default.return")
    return model.trail.constant(1) - share
