"""The parcels of the weekend: orders, the states they pass through, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from demo.shapes import (
    BUYING_HOURS,
    CAMPAIGN_SHOPS,
    COUNTRIES,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    PARIS,
    SHOPS,
    Curve,
    Mix,
    new_id,
)

Body = dict[str, Any]


class Goods(NamedTuple):
    """A category with its usual weight and how bulky it is."""

    name: str
    weight_g: int
    cm3_per_g: float


GOODS: Mix[Goods] = Mix(
    [
        (Goods("phone", 420, 2.4), 47),
        (Goods("tablet", 850, 2.6), 11),
        (Goods("laptop", 2700, 2.9), 14),
        (Goods("console", 4300, 3.2), 9),
        (Goods("headphones", 320, 5.0), 9),
        (Goods("watch", 240, 3.0), 5),
        (Goods("tv", 14_500, 6.5), 3),
        (Goods("appliance", 38_000, 4.5), 0.6),
        (Goods("", 900, 3.0), 1.4),
    ]
)
PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "FR": (
        ("75011", "Paris"),
        ("69003", "Lyon"),
        ("13008", "Marseille"),
        ("31000", "Toulouse"),
        ("59000", "Lille"),
        ("44000", "Nantes"),
        ("67000", "Strasbourg"),
        ("33000", "Bordeaux"),
    ),
    "GB": (("SW1A 1AA", "London"), ("M1 1AE", "Manchester"), ("B1 1AA", "Birmingham"), ("EH1 1BB", "Edinburgh")),
    "DE": (("10115", "Berlin"), ("20095", "Hamburg"), ("80331", "Munich"), ("50667", "Cologne")),
    "ES": (("28013", "Madrid"), ("08002", "Barcelona"), ("46002", "Valencia"), ("41001", "Sevilla")),
    "IT": (("20121", "Milan"), ("00184", "Rome"), ("10121", "Turin")),
    "US": (("10001", "New York"), ("60601", "Chicago")),
}
SELLERS: Mix[str] = Mix([("FR", 48), ("GB", 16), ("DE", 20), ("ES", 12), ("IT", 4)])
AT_HOME = 0.55
"""How many parcels come from a seller in the buyer's own country."""
CARRIERS: Mix[str] = Mix([("colissimo", 34), ("dpd", 24), ("ups", 14), ("royal-mail", 12), ("relais", 16)])
OPTIONS: Mix[str] = Mix([("home", 52), ("pickup_point", 37), ("click_and_collect", 5), ("", 6)])
PAYERS: Mix[str] = Mix([("carrier", 50), ("shopper", 35), ("seller", 15)])


@dataclass(slots=True)
class State:
    """One message about a parcel: when it was written, its bytes and the moment by which the parcel is counted."""

    base_ms: int
    occurred_ms: int
    key: bytes
    value: bytes
    inside: bool
    standing: bool
    """On the message that decides: this parcel is not voided."""


def parcels(random: Random, count: int) -> Iterator[State]:
    """The states of ``count`` parcels and of what is returned, in no particular order between parcels."""
    covering = ""
    for ordered_ms in Curve(BUYING_HOURS, openings=True).moments(random, count):
        parcel = _Parcel(random, ordered_ms, covering)
        yield from parcel.states()
        if not parcel.voided:
            covering = parcel.body["shipment_id"]


class _Parcel:
    def __init__(self, random: Random, ordered_ms: int, covering: str) -> None:
        self._random = random
        number = random.random
        self.shop = SHOPS.pick(number())
        self.goods = GOODS.pick(number())
        self.at_once = number() < 0.4
        """The label is printed as the order comes in; otherwise when somebody packs it."""
        delay = 10_000 + number() * 220_000 if self.at_once else HOUR_MS * (1.0 + 29.0 * number() ** 2)
        self.created_ms = ordered_ms + int(delay)
        times = number()
        self.ordered_ms = ordered_ms if self.at_once or times < 0.97 else None
        self.shipped_ms = None if self.at_once or times > 0.99 else self.created_ms - int(number() * 45 * MINUTE_MS)
        first = self.ordered_ms if self.ordered_ms is not None else self.shipped_ms
        self.counted_ms = first if first is not None else self.created_ms
        self.voided = number() < 0.03
        self.body = self._body(covering)

    def states(self) -> Iterator[State]:
        """Created, then whatever becomes of it."""
        random = self._random
        yield self._state("created", self.created_ms, 1, standing=not self.voided)
        at_ms, revision = self.created_ms, 1
        for share in (0.08, 0.1):
            if random.random() >= share:
                break
            at_ms, revision = at_ms + int((0.2 + random.random()) * 20 * HOUR_MS), revision + 1
            if "weight_g" in self.body:
                self.body["weight_g"] = max(60, int(self.body["weight_g"] * random.uniform(0.8, 1.4)))
            yield self._state("updated", at_ms, revision)
        if self.voided:
            early = random.random() < 0.1  # the cancellation overtakes the creation on its way
            after = -2 * MINUTE_MS if early and not self.at_once else int((0.2 + random.random()) * 16 * HOUR_MS)
            yield self._state("voided", max(at_ms + after, self.counted_ms), revision + 1)
        elif random.random() < 0.04:
            yield from self._return(at_ms, revision)

    def _return(self, at_ms: int, revision: int) -> Iterator[State]:
        """Back within a day when it was collected in a shop, else within ten days."""
        random = self._random
        away_ms = (0.4 + random.random()) * DAY_MS if random.random() < 0.4 else (2 + 8 * random.random()) * DAY_MS
        back_ms = at_ms + int(away_ms)
        yield self._state("returned", back_ms, revision + 1)
        sent = {name: value for name, value in self.body.items() if name not in ("ordered_at", "covered_by_shipment")}
        outbound = sent["shipment_id"]
        sent |= {"shipment_id": _shipment_id(random), "direction": "return", "return_of": outbound}
        sent |= {"origin": self.body["destination"], "destination": self.body["origin"]}
        sent |= {"shipped_at": PARIS.text(back_ms)}
        self.body, self.counted_ms = sent, back_ms
        yield self._state("created", back_ms + int(random.random() * HOUR_MS), 1, standing=True)

    def _state(self, status: str, at_ms: int, revision: int, *, standing: bool = False) -> State:
        own = {"schema_version": 1, "event_id": new_id(self._random), "occurred_at": PARIS.text(at_ms)}
        if "ordered_at" not in self.body and "shipped_at" not in self.body:
            own["occurred_at"] = PARIS.text(self.counted_ms)  # its only time: every state keeps it
        body = own | self.body | {"status": status, "revision": revision}
        value = json.dumps(body, separators=(",", ":")).encode()
        inside = self.shop in CAMPAIGN_SHOPS
        return State(at_ms, self.counted_ms, str(body["shipment_id"]).encode(), value, inside, standing)

    def _body(self, covering: str) -> Body:
        random, goods = self._random, self.goods
        number = random.random
        country = COUNTRIES[self.shop].pick(number()) or self.shop
        seller = country if country in PLACES and number() < AT_HOME else SELLERS.pick(number())
        weight_g = max(60, int(random.lognormvariate(0.0, 0.28) * goods.weight_g))
        optional: Body = {
            "ordered_at": PARIS.text(self.ordered_ms) if self.ordered_ms is not None else None,
            "shipped_at": PARIS.text(self.shipped_ms) if self.shipped_ms is not None else None,
            "category": goods.name,
            "delivery_option": OPTIONS.pick(number()),
            "weight_g": weight_g if number() < 0.92 else None,
            "volume_cm3": int(weight_g * goods.cm3_per_g) if number() < 0.78 else None,
            "mode": "road" if number() < 0.5 else None,
            "covered_by_shipment": covering if number() < 0.007 else None,
        }
        if seller != country and number() < 0.08:
            optional |= {"mode": "air", "air": "inside_europe"}
        if number() < 0.06:
            optional["carrier_emissions_g"] = 180 + int(weight_g * random.uniform(0.15, 0.4))
        if number() < 0.05:
            payer = PAYERS.pick(number())
            optional |= {"offset_paid_by": payer, "offset_reference": f"{payer}-{random.getrandbits(32):08x}"}
        return {
            "shop": self.shop,
            "source_system": "shipping",
            "country": country,
            "shipment_id": _shipment_id(random),
            "order_id": f"O-{random.getrandbits(40):010x}",
            "direction": "outbound",
            "seller_id": f"seller-{1 + int(number() * 400)}",
            "carrier": CARRIERS.pick(number()),
            "origin": _place(random, seller),
            "destination": _place(random, country),
        } | {name: value for name, value in optional.items() if value}


def _shipment_id(random: Random) -> str:
    return f"S-{random.getrandbits(48):012x}"


def _place(random: Random, country: str) -> Body:
    """A place as well as the sender knows it: mostly with postal code and city, sometimes the country alone."""
    known = PLACES.get(country)
    if known is None or random.random() < 0.04:
        return {"country": country}
    postal_code, city = known[int(random.random() * len(known))]
    return {"country": country, "postal_code": postal_code, "city": city}
