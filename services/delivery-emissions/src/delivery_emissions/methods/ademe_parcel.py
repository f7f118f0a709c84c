"""ADEME's per-parcel model (Impact CO2 "livraison" 0.7.0, from the ECEL study of 2023).

Order, packaging, warehouse, two platforms, two lorry legs, a van leg, then the round to the door, or the point or shop
and the shopper's trip. Everything grows linearly with weight, volume and trip. Not covered: anything before the
warehouse, failed deliveries; electricity and gas are the model's own, older values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from delivery_emissions.methods.flags import note_assumptions
from delivery_emissions.methods.legs import freight, is_freight
from shared.estimate import ChannelName, Subject
from shared.linear_model import ModelBuilder
from shared.methods_common import FREIGHT, LinearMethod
from shared.trail import Term

SCENARIOS = ("home", "pickup_point", "click_and_collect")
CLASSES = ("groceries", "clothing", "cultural", "bulky", "other")
AIR = ("none", "inside_europe", "outside_europe")
TRIPS = {
    "car": "liv.car.ice",
    "electric_car": "liv.car.ev",
    "bus": "liv.trip.bus",
    "light_electric": "liv.trip.light_electric",
    "walk": "liv.trip.walk",
    "bicycle": "liv.trip.bicycle",
}
EXTENDED = "model-truck"
"""Label ``main`` when ``main_kg_hm`` holds road distance beyond the model's own legs."""


class AdemeParcel(LinearMethod):
    """Parcels, grams, cubic centimetres, carton surface and trip metres to grams by stage."""

    id = "ademe-parcel"
    title = "ADEME per parcel"
    channel = ChannelName.DELIVERY
    ghg = FREIGHT
    measures: ClassVar[Mapping[str, str]] = {
        "parcels": "parcel",
        "weight_g": "g",
        "volume_cm3": "cm3",
        "carton_mm2": "mm2",
        "trip_m": "m",
        "main_kg_hm": "kg.hm",
    }

    def accepts(self, subject: Subject) -> bool:
        detail = subject.detail
        return (
            detail.get("method") == self.id
            and detail.get("scenario") in SCENARIOS
            and detail.get("category") in CLASSES
            and detail.get("air", "none") in AIR
            and (detail["scenario"] == "home" or detail.get("trip", "car") in TRIPS)
            and (detail.get("main", EXTENDED) == EXTENDED or is_freight(detail["main"]))
        )

    def build(self, subject: Subject, model: ModelBuilder) -> None:
        model.quality = 4
        note_assumptions(subject, model)
        scenario, category = subject.detail["scenario"], subject.detail["category"]
        model.add("order", "parcels", model(f"liv.category.{category}.order"))
        model.add("packaging", "carton_mm2", model("liv.card.gsm") * model("liv.card.adjustment") * model("liv.card"))
        model.add("warehouse", "volume_cm3", _warehouse(model, category, "liv.grid.FRA"))
        model.add("platforms", "parcels", model("liv.platform") * model("liv.platform.passages"))
        model.add("truck_1", "weight_g", _road(model, "truck", model("liv.dist.trunk1")))
        model.add("truck_2", "weight_g", _road(model, "truck", model("liv.dist.trunk2")))
        model.add("van", "weight_g", _road(model, "van", model("liv.dist.van")))
        if scenario == "home":
            model.add("round", "weight_g", _road(model, "van", model("liv.dist.tour")))
        else:
            self._collection(subject, model, scenario)
        self._abroad(subject, model, category)
        model.flag("boundary:wtw+vehicle-build+infrastructure")
        if subject.country != "FR":
            model.flag("model-of-another-country:FR", 3)

    def _collection(self, subject: Subject, model: ModelBuilder, scenario: str) -> None:
        if scenario == "pickup_point":
            model.add("point", "volume_cm3", _point(model))
        else:
            model.add("shop", "volume_cm3", _shop(model))
        model.add("trip", "trip_m", model(TRIPS[subject.detail.get("trip", "car")]))

    def _abroad(self, subject: Subject, model: ModelBuilder, category: str) -> None:
        air = subject.detail.get("air", "none")
        if air != "none":
            intensity, electricity = {
                "outside_europe": ("liv.air.long", "liv.grid.CHN"),
                "inside_europe": ("liv.air.mid", "liv.grid.EUR"),
            }[air]
            model.add("air", "weight_g", model(f"liv.air.distance.{air}") * model(intensity))
            model.add("warehouse_abroad", "volume_cm3", _warehouse(model, category, electricity))
            model.flag("air:without-contrails")
        main = subject.detail.get("main")
        if main == EXTENDED:
            model.add("truck_beyond", "main_kg_hm", _road(model, "truck", None))
            model.flag("distance-beyond-the-model:by-lorry", 3, "main_kg_hm")
        elif main is not None:
            model.add("main_haul", "main_kg_hm", freight(model, main)[0])


def _road(model: ModelBuilder, vehicle: str, distance: Term | None) -> Term:
    """Grams per mass (per mass and distance without ``distance``) of a road leg at the model's average load."""
    curve = {"van": "liv.veh.van30", "truck": "liv.veh.truck60"}[vehicle]
    empty = model.trail.constant(1) - model("liv.empty")
    exhaust = model(curve) * (model("liv.daf") / empty) / model(f"liv.load.{vehicle}")
    per_distance = model("liv.road") + model(f"liv.build.{vehicle}") + exhaust
    return per_distance if distance is None else per_distance * distance


def _energy(model: ModelBuilder, electricity: Term, grid: str) -> Term:
    """Electricity and heating gas of a building per area and time."""
    return electricity * model(grid) + model("liv.heat") * model("liv.gas")


def _warehouse(model: ModelBuilder, category: str, grid: str) -> Term:
    """Grams per volume of the days that goods wait in a warehouse."""
    area = model("liv.warehouse.spacing") / model("liv.warehouse.capacity")
    building = model("liv.warehouse.build") / model("liv.warehouse.life")
    per_area = building + _energy(model, model("liv.warehouse.electricity"), grid)
    return per_area * area * model(f"liv.category.{category}.days")


def _point(model: ModelBuilder) -> Term:
    """Grams per volume of the days in a pick-up point."""
    building = model("liv.point.build") / model("liv.point.life")
    per_area = building + _energy(model, model("liv.point.electricity"), "liv.grid.FRA")
    return per_area * model("liv.point.days") / model("liv.point.capacity")


def _shop(model: ModelBuilder) -> Term:
    """Grams per volume of the weeks on the shelves of a shop."""
    energy = model("liv.shop.energy")
    electric = model("liv.shop.electric_share") * energy * model("liv.grid.FRA")
    gas = model("liv.shop.gas_share") * energy * model("liv.gas")
    per_area = model("liv.point.build") / model("liv.point.life") + electric + gas
    shelf_time = model("liv.shop.shelf") * model("liv.shop.weeks_per_year")
    place = model("liv.warehouse.spacing") * model("liv.shop.weeks") / shelf_time
    return per_area * model("liv.shop.area") * place
