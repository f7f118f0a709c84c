"""IAB Europe's methodology for digital advertising (January 2026, part of GMSF v1.2): four stages of an impression.

Programmatic selling grows with the lines of the publisher's ads.txt, the most sensitive input. Payload and view time
are taken as measured when they are given. Not covered: production of the creative, the publisher's own page.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from shared.countries import CONTINENTS
from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import LinearMethod
from shared.trail import Term
from shared.units import decimal_text
from traffic_meter.methods.grids import grid

DEVICES = ("mobile", "tablet", "pc", "tv")
MEDIA = ("hdd", "ssd", "cloud", "tape")
MINIMUM_VIEW_MS: Mapping[str, int] = {"display": 1000, "video": 2000}
"""View times below the viewability minimum count as the minimum (factors ``ads.iab.view.minimum.*``)."""
FOREIGN = {"EU": "EU", "NA": "NA", "SA": "SA", "AS": "AS", "AF": "AF", "OC": "OC"}
CONNECTIONS = {"EU": "EU", "AS": "APAC", "OC": "APAC", "SA": "LATAM"}
NORTH = ("US", "CA")


class IabEurope(LinearMethod):
    """Impressions with payload, view time and ads.txt lines to grams by stage."""

    id = "iab-europe"
    title = "IAB Europe / GMSF v1.2"
    channel = ChannelName.ADS
    measures: ClassVar[Mapping[str, str]] = {
        "impressions": "impression",
        "payload_bytes": "byte",
        "payload_unknown_impressions": "impression",
        "view_ms": "ms",
        "view_unknown_impressions": "impression",
        "ads_txt_lines": "line",
        "lines_unknown_impressions": "impression",
        "hdd_copy_gb": "GB",
        "ssd_copy_gb": "GB",
        "cloud_copy_gb": "GB",
        "tape_copy_gb": "GB",
    }

    def accepts(self, subject: Subject) -> bool:
        return subject.detail.get("format") in ("display", "video")

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        if subject.detail.get("late") == "unprovable":
            model.flag("late-unprovable")
        if subject.detail.get("own_site") == "yes":
            model.flag("own-site:already-in-the-page-bytes")
            model.empty("own_site")
            _storage(model)
            return
        local, mixed = _grids(subject, model)
        kind = subject.detail["format"]
        _selection(subject, model, kind, mixed)
        _delivery(subject, model, kind, local)
        _consumption(model, kind, local)
        _storage(model)


def _storage(model: ModelBuilder) -> None:
    """The masters, wherever their copies are shown: a page's bytes do not have them."""
    for medium in MEDIA:
        model.add(f"storage.{medium}", f"{medium}_copy_gb", model(f"ads.iab.storage.{medium}"))


def _grids(subject: Subject, model: ModelBuilder) -> tuple[Term, Term]:
    """The viewer's grid and the mean with the data centres of the region; the global value alone when unknown."""
    kilograms = {"unit": "kgCO2e/kWh"}
    known = subject.country in model.factors.grids or "local_grid_kg_per_kwh" in model.options
    local = grid(
        model,
        subject.country,
        unknown="ads.iab.foreign.global",
        role="viewer",
        option="local_grid_kg_per_kwh",
        **kilograms,
    )
    regional = model.options.get("regional_grid_kg_per_kwh")
    if not known and not isinstance(regional, Decimal):
        return local, local
    if isinstance(regional, Decimal):
        foreign = model.trail.input("option.regional_grid_kg_per_kwh", regional, "kgCO2e/kWh").to("gCO2e/kWh")
    else:
        region = FOREIGN.get(CONTINENTS.get(subject.country, ""), "global")
        if region == "global":
            model.flag("viewer-region-unknown:global-data-centres", 2)
        foreign = model(f"ads.iab.foreign.{region}").to("gCO2e/kWh")
    return local, model("ads.iab.local_share") * local + model("ads.iab.foreign_share") * foreign


def _selection(subject: Subject, model: ModelBuilder, kind: str, mixed: Term) -> None:
    buying = subject.detail.get("buying", "")
    if not buying:
        model.flag("buying-unknown:programmatic", 3)
    if buying in ("direct", "platform"):
        counts = [("impressions", model(f"ads.iab.{buying}.servers"), model(f"ads.iab.{buying}.calls"))]
    else:
        servers, calls = model(f"ads.iab.{kind}.srv"), model(f"ads.iab.{kind}.call")
        lines = model("ads.iab.adstxt.default")
        counts = [("ads_txt_lines", servers, calls), ("lines_unknown_impressions", servers * lines, calls * lines)]
        model.flag(f"ads-txt-lines-unknown:{decimal_text(lines.value)}", 2, "lines_unknown_impressions")
    payload = model("ads.iab.rtb")
    for measure, servers, calls in counts:
        model.add("selection.server_use", measure, servers * model("ads.iab.server.use") * mixed)
        model.add("selection.server_build", measure, servers * model("ads.iab.server.emb"))
        model.add("selection.network_use", measure, calls * payload * model("ads.iab.net.fixed.use") * mixed)
        model.add("selection.network_build", measure, calls * payload * model("ads.iab.net.fixed.emb"))


def _delivery(subject: Subject, model: ModelBuilder, kind: str, local: Term) -> None:
    mobile, fixed = _connections(subject, model)
    default = model(f"ads.iab.payload.{kind}") + model(f"ads.iab.overhead.{kind}")
    for segment, part in (("delivery.use", "use"), ("delivery.build", "emb")):
        per_mb = (
            mobile * model(f"ads.iab.net.mobile.{part}")
            + fixed * model(f"ads.iab.net.fixed.{part}")
            + model(f"ads.iab.edge.{part}")
        )
        per_mb = per_mb * local if part == "use" else per_mb
        model.add(segment, "payload_bytes", per_mb)
        model.add(segment, "payload_unknown_impressions", per_mb * default)
    model.flag(f"payload-unknown:{decimal_text(default.value)}-MB", 3, "payload_unknown_impressions")


def _connections(subject: Subject, model: ModelBuilder) -> tuple[Term, Term]:
    if subject.country in NORTH:
        region = "NA"
    elif CONTINENTS.get(subject.country) == "NA":
        region = "LATAM"
    else:
        region = CONNECTIONS.get(CONTINENTS.get(subject.country, ""), "")
    if not region:
        region = "EU"
        if not {"mobile_share", "fixed_share"} <= set(model.options):
            model.flag("connection-mix:europe", 3)
    mobile = model.option("mobile_share", f"ads.iab.mix.mobile.{region}")
    return mobile, model.option("fixed_share", f"ads.iab.mix.fixed.{region}")


def _consumption(model: ModelBuilder, kind: str, local: Term) -> None:
    default = model(f"ads.iab.view.{kind}")
    use, build = [], []
    for device in DEVICES:
        share = model.option(f"device_mix.{device}", f"ads.iab.mixdev.{device}")
        use.append(share * model(f"ads.iab.dev.{device}.use"))
        build.append(share * model(f"ads.iab.dev.{device}.emb"))
    for segment, per_second in (
        ("consumption.use", model.trail.total(use) * local),
        ("consumption.build", model.trail.total(build)),
    ):
        model.add(segment, "view_ms", per_second)
        model.add(segment, "view_unknown_impressions", per_second * default)
    model.flag(f"view-time-unknown:{decimal_text(default.value)}-s", 3, "view_unknown_impressions")
    if not any(name.startswith("device_mix.") for name in model.options):
        model.flag("device-mix:default", 3, "view_ms", "view_unknown_impressions")
