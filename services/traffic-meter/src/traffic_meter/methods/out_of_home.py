"""Out of home: digital screens (ADEME, Base Carbone 28315) and posters (Scope3 open methodology, July 2026).

A screen is the source's 2 m2 LCD, whatever its area, with build and use shared by the loop. A poster is paper, print,
transport, structure, light and the media owner's overhead. Panels on vehicles and in stations have no structure and no
light of their own, and the vehicle's fuel is not charged to the poster. Not covered: creative production.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from shared.units import decimal_text
from traffic_meter.methods.grids import ADEME_FRANCE, grid

CARRIED = ("bus", "metro", "tram", "train", "taxi")
"""Panels on vehicles and in stations."""


class OutOfHome(LinearMethod):
    """Faces, area, days and hours to grams."""

    id = "out-of-home"
    title = "Out of home (ADEME screens, Scope3 posters)"
    channel = ChannelName.ADS
    measures: ClassVar[Mapping[str, str]] = {
        "faces": "face",
        "face_days": "day",
        "area_cm2_faces": "cm2",
        "area_cm2_face_days": "cm2.day",
        "lit_cm2_hours": "cm2.h",
        "lit_unknown_cm2_days": "cm2.day",
        "screen_ppm_hours": "ppm.h",
        "screen_ppm_days": "ppm.day",
        "screen_hours_unknown_ppm_days": "ppm.day",
        "impressions": "impression",
    }

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("format") in ("ooh_screen", "ooh_poster")

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 3
        electricity = grid(
            model,
            subject.country,
            unknown="grid.ember.WORLD",
            role="panel",
            option="local_grid_kg_per_kwh",
            france=ADEME_FRANCE,
            unit="kgCO2e/kWh",
        )
        if subject.detail["format"] == "ooh_screen":
            _screen(model, electricity)
        else:
            _poster(subject, model, electricity)
        if subject.detail.get("late") == "unprovable":
            model.flag("late-unprovable")


def _screen(model: ModelBuilder, electricity: Term) -> None:
    use = model("ooh.screen.power") * electricity
    model.add("screen.use", "screen_ppm_hours", use)
    model.add("screen.use", "screen_hours_unknown_ppm_days", use * model("ooh.screen.hours"))
    hours = decimal_text(model("ooh.screen.hours").value)
    model.flag(f"screen-hours-unknown:{hours}-a-day", 3, "screen_hours_unknown_ppm_days")
    model.add("screen.build", "screen_ppm_days", model("ooh.screen.build") / model("ooh.screen.years"))
    model.add("selection", "impressions", model("ooh.s3.dooh.select"))
    model.flag("screen:taken-as-2-m2")


def _poster(subject: Subject, model: ModelBuilder, electricity: Term) -> None:
    if model.options.get("material") == "unknown":
        model.add("production", "area_cm2_faces", model("ooh.s3.ad.m2"))
        model.flag("material-unknown:per-m2", 2)
    else:
        paper = model("ooh.s3.paper.mass") * model("ooh.s3.loss")
        life = model.trail.total(model(f"ooh.s3.paper.{stage}") for stage in ("prod", "print", "eol"))
        haul = model("ooh.s3.print.km") * model("ooh.s3.print.freight")
        model.add("paper", "area_cm2_faces", paper * life)
        model.add("transport.print", "area_cm2_faces", paper * haul)
    model.add("transport.site", "faces", model("ooh.s3.site.km") * model("ooh.s3.site.vkm"))
    panel = subject.detail.get("panel", "street")
    if panel in CARRIED:
        model.flag(f"panel={panel}:no-structure-no-own-light")
    else:
        model.add("structure", "area_cm2_face_days", model("ooh.s3.struct.m2") / model("ooh.s3.struct.years"))
        light = model("ooh.s3.light") * electricity
        model.add("light", "lit_cm2_hours", light)
        model.add("light", "lit_unknown_cm2_days", light * model("project.ooh.lit_hours"))
        hours = decimal_text(model("project.ooh.lit_hours").value)
        model.flag(f"lit-hours-unknown:{hours}-a-day", 3, "lit_unknown_cm2_days")
    if model.options.get("overhead") is False:
        model.flag("media-owner-overhead-left-out")
    else:
        model.add("overhead", "face_days", model("ooh.s3.corp"))
