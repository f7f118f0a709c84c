"""Values of a row to events: helpers resolved, quantities split where one event may not hold them, validated."""

from __future__ import annotations

import calendar
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from annotated_types import Le
from pydantic import BaseModel

from demo.records import Record
from replay.access.request import to_moment
from replay.sheets.fields import EventKind
from replay.sheets.mapping import SheetMapping
from replay.sheets.places import Found
from shared import fields as f
from shared.decode import why_not

LATEST_ORDER = timedelta(days=35)
"""Meters refuse a shipment whose order is older; the replay leaves the order's time out instead and says so."""
AHEAD = timedelta(minutes=5)
LONG_AGO, AFTERWARDS = "ordered_more_than_35_days_before_left_out", "ordered_afterwards_left_out"
MORE_OPENS, SPLIT = "opens_above_recipients_taken_as_all", "split_into_several_events"
PARTS = 10_000
"""Events that one row may become: a larger quantity is a slip of the keyboard."""


def limit_of(kind: Any) -> int:
    """The greatest number that a field of the contract takes."""
    limit: Any = next(rule.le for rule in kind.__metadata__[0].metadata if isinstance(rule, Le))
    return int(limit)


LARGEST = {"recipients": limit_of(f.Recipients), "impressions": limit_of(f.Impressions), "faces": limit_of(f.Faces)}
PRODUCTS = {
    "recipients": ("bytes",),
    "impressions": ("payload_bytes", "view_ms", "ads_txt_lines"),
    "faces": ("area_cm2",),
}
"""Quantities that can be split over several events, and what each is multiplied with; the product has a limit too."""


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """What a sheet cannot say about itself."""

    shop: str = "default"
    zone: str = "UTC"
    source_system: str | None = None
    """Stands in events; the mapping's name when absent."""
    country: str | None = None
    move: Callable[[datetime], datetime] | None = None
    """Moves times for a rehearsal."""
    revision: int | None = None
    """Sends shipments as newer states (``updated``) of ones that were sent before."""
    not_after: datetime | None = None
    """A row that happened after this moment has a wrong time."""


class Refused(Exception):
    """A row that cannot become events: field and reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Shaper:
    """Builds the events of one sheet's rows."""

    def __init__(self, mapping: SheetMapping, ids: Callable[..., str], options: SheetOptions) -> None:
        self._mapping = mapping
        self._ids = ids
        self._options = options
        self._zone = ZoneInfo(mapping.zone or options.zone)
        self._base: dict[str, Any] = {
            "schema_version": f.SCHEMA_VERSION,
            "shop": options.shop,
            "source_system": options.source_system or mapping.name,
        }
        if options.country:
            self._base["country"] = options.country

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times without an offset."""
        return self._zone

    def complete(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The contract's fields from the mapped ones, and flags. Raises ``Refused``."""
        values = self._base | {name: value for name, value in given.items() if value is not None}
        flags: list[str] = []
        for end in ("origin", "destination"):
            _nest(values, end)
        self._insist_on_the_past(values)
        if self._mapping.event == "email":
            flags += _read_share(values)
        elif self._mapping.event == "ad":
            _days(values)
        elif self._mapping.event == "shipment":
            values.setdefault("status", "created")
            if self._options.revision is not None:
                values |= {"status": "updated", "revision": self._options.revision}
            if "month" not in values:
                flags += _order_time(values)
        return values, tuple(flags)

    def _insist_on_the_past(self, values: Mapping[str, Any]) -> None:
        latest = self._options.not_after
        if latest is None:
            return
        for name in ("occurred_at", "shipped_at"):
            if isinstance(moment := values.get(name), datetime) and moment > latest:
                raise Refused(name, f"{moment.isoformat()} lies in the future")
        if isinstance(month := values.get("month"), date) and _noon(month, self._zone) > latest:
            raise Refused("month", f"{month:%Y-%m} lies in the future")

    def records(self, row: int, values: dict[str, Any]) -> tuple[Record, ...]:
        """The records of a row, validated by the contract. Raises ``Refused``."""
        kind = self._mapping.kind
        parts = list(self._spread(values) if self._mapping.spread else _split(values))
        return tuple(self._record(kind, {"event_id": self._ids(row, part)} | one) for part, one in enumerate(parts))

    def _record(self, kind: EventKind, values: dict[str, Any]) -> Record:
        if "occurred_at" not in values:
            raise Refused("occurred_at", "the row has no date")
        values = {name: self._moved(value) for name, value in values.items()}
        try:
            moment = to_moment(values["occurred_at"])
        except (ValueError, OverflowError) as error:
            raise Refused("occurred_at", str(error)) from None
        value = encode(kind.model, values)
        key = str(values["shipment_id"] if kind.topic == "shipments" else values["event_id"])
        return Record(kind.topic, key.encode(), value, moment.ms)

    def _moved(self, value: Any) -> Any:
        if self._options.move is None:
            return value
        if isinstance(value, datetime):
            return self._options.move(value)
        if isinstance(value, date):
            return self._options.move(_noon(value, self._zone)).astimezone(self._zone).date()
        return value

    def _spread(self, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A month as one event a day, its quantities in whole units that add up to the row's."""
        month: date | None = values.get("month")
        if month is None:
            raise Refused("month", "the row has no month")
        values = {name: value for name, value in values.items() if name not in ("month", "parcels")}
        days = calendar.monthrange(month.year, month.month)[1]
        totals = {name: values[name] for name in ("carrier_emissions_g", "weight_g") if name in values}
        for day in range(days):
            shares = {name: total // days + (day < total % days) for name, total in totals.items()}
            noon = _noon(month + timedelta(days=day), self._zone)
            yield values | shares | {"occurred_at": noon, "shipment_id": f"{values['shipment_id']}-{day + 1:02d}"}


def span(values: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """First and last moment to which meters book a row; ``None`` when the row has no time."""
    if isinstance(month := values.get("month"), date):
        last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
        return _noon(month, zone), _noon(last, zone)
    starts, days = values.get("starts_on"), values.get("days")
    if isinstance(starts, date) and isinstance(days, int) and 0 < days < 10_000:
        return _noon(starts, zone), _noon(starts + timedelta(days=days - 1), zone)
    moment = values.get("ordered_at") or values.get("shipped_at") or values.get("occurred_at")
    return (moment, moment) if isinstance(moment, datetime) else None


def _noon(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(12), zone)


def encode(model: type[BaseModel], values: Mapping[str, Any]) -> bytes:
    """An event as it is sent. Raises ``Refused`` with the contract's reason when the model does not accept it."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=_as_text)
    value = text.encode("utf-8", "replace")
    if not _accepts(model, value):
        why = why_not(model, value)
        raise Refused(why.field, why.reason)
    return value


def _accepts(model: type[BaseModel], value: bytes) -> bool:
    try:
        model.__pydantic_validator__.validate_json(value)
    except ValueError:
        return False
    return True


def _as_text(value: Any) -> str:
    return str(value.isoformat())


def _nest(values: dict[str, Any], end: str) -> None:
    """``origin.country`` and the like to ``origin``; a place from free text fills what no column gave."""
    parts = {name: values.pop(f"{end}.{name}", None) for name in ("country", "postal_code", "city", "site")}
    site: Found | None = parts.pop("site")
    if site is not None and parts["country"] in (None, site.country):
        parts["country"] = site.country
        parts["city"] = parts["city"] or site.city
    if parts["country"]:
        values[end] = {name: value for name, value in parts.items() if value}


def _read_share(values: dict[str, Any]) -> list[str]:
    opens, recipients = values.pop("opens", None), values.get("recipients")
    if opens is None or not recipients or "read_share" in values:
        return []
    values["read_share"] = min(1.0, opens / recipients)
    return [MORE_OPENS] if opens > recipients else []


def _days(values: dict[str, Any]) -> None:
    ends, starts = values.pop("ends_on", None), values.get("starts_on")
    if ends is None or starts is None:
        return
    if ends < starts:
        raise Refused("ends_on", f"{ends} is before {starts}")
    values.setdefault("days", (ends - starts).days + 1)


def _order_time(values: dict[str, Any]) -> list[str]:
    ordered, happened = values.get("ordered_at"), values.get("occurred_at")
    if ordered is None or happened is None:
        return []
    if happened - ordered > LATEST_ORDER:
        flag = LONG_AGO
    elif ordered - happened > AHEAD:
        flag = AFTERWARDS
    else:
        return []
    del values["ordered_at"]
    return [flag]


def _split(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Equal parts of a mailing or a placement that is larger than one event may be."""
    for name, factors in PRODUCTS.items():
        total = values.get(name)
        if not isinstance(total, int):
            continue
        hours = 24 if name == "faces" else 1
        factor = max([hours * int(values.get(other) or 0) for other in factors] + [1])
        largest = max(1, min(LARGEST[name], f.PRODUCT_MAX // factor))
        parts = -(-total // largest)
        if parts > PARTS:
            raise Refused(name, f"{total} is more than {PARTS} events can hold")
        if parts > 1:
            yield from (values | {name: total // parts + (part < total % parts)} for part in range(parts))
            return
    yield values
