"""One line of ``estimate`` about site traffic: the event's fields, and what a caller may set instead of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shared import fields as limits
from shared.errors import Rejected
from shared.estimate import Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.events import Device
from shared.methods_common import LinearMethod
from shared.trail import Term, Trail
from traffic_meter.methods.device_time import DeviceTime
from traffic_meter.methods.one_byte import OneByte
from traffic_meter.methods.swd_v3 import SwdV3
from traffic_meter.methods.swd_v4 import KINDS, SEGMENTS, SwdV4

METHODS: Mapping[str, LinearMethod] = {item.id: item for item in (SwdV4(), SwdV3(), OneByte(), DeviceTime())}
DEFAULT = "swd-v4"
GRID_LIMIT = 10_000
"""g/kWh; no grid on Earth comes near."""


def site_case(fields: Fields, method_id: str | None = None) -> Case:
    """Read a line. Raises ``Rejected`` with the field's name."""
    chosen = fields.choice("method", tuple(METHODS))
    method = METHODS[method_id or chosen or DEFAULT]
    transferred = fields.integer("bytes_transferred", 0, ceiling(limits.Bytes))
    dwell = fields.integer("dwell_ms", 0, ceiling(limits.DwellMs))
    kind = fields.choice("kind", KINDS)
    if kind is None:
        kind = "engagement" if transferred is None and dwell is not None else "view"
    detail = {
        "kind": kind,
        "device": fields.choice("device", tuple(Device)) or "unknown",
        "hosting": fields.country("hosting_country") or "",
    }
    options = _options(fields, method)
    activity = {
        "dwell_ms": dwell or 0,
        "bytes_transferred": transferred or 0,
        "unmeasured_events": int(transferred is None),
    }

    def derive(trail: Trail) -> dict[str, Term]:
        return {
            name: trail.input(name, activity[name], unit) for name, unit in method.measures.items() if name in activity
        }

    return Case(method, Subject(fields.country("country") or "", detail), derive, options, _flags(options))


def _options(fields: Fields, method: LinearMethod) -> dict[str, Decimal | str | bool]:
    options: dict[str, Decimal | str | bool] = {}
    green = _green_share if method.id in (SwdV4.id, DeviceTime.id) else _green_or_not
    green(fields, method, options)
    for name, value in _numbers(fields, "grid_g_per_kwh", SEGMENTS, GRID_LIMIT).items():
        options[f"grid.{name}"] = value
    for name, value in _numbers(fields, "visits", ("first_share", "return_share", "reload_ratio"), 1).items():
        options[f"visits.{name}"] = value
    return options


def _numbers(fields: Fields, member: str, names: tuple[str, ...], high: int) -> dict[str, Decimal]:
    """The numbers of an inner object."""
    inner = fields.inner(member)
    if inner is None:
        return {}
    found = {name: inner.number(name, 0, high) for name in names}
    inner.close()
    return {name: value for name, value in found.items() if value is not None}


def _green_share(fields: Fields, _: LinearMethod, options: dict[str, Decimal | str | bool]) -> None:
    share, green = fields.share("green_hosting_factor"), fields.flag("green_hosting")
    if green is True or (share is None and green is not None):
        share = Decimal(int(green))
    if share is not None:
        options["green_hosting_factor"] = share


def _green_or_not(fields: Fields, method: LinearMethod, options: dict[str, Decimal | str | bool]) -> None:
    share, green = fields.share("green_hosting_factor"), fields.flag("green_hosting")
    if green is None and share is not None:
        if share not in (0, 1):
            raise Rejected(f"{method.id} knows green_hosting true or false only", field="green_hosting_factor")
        green = bool(share)
    if green is not None:
        options["green_hosting"] = green


def _flags(options: Mapping[str, object]) -> tuple[str, ...]:
    if any(name.startswith("visits.") for name in options):
        return ("visit-mix-given:caching-would-already-be-in-measured-bytes",)
    return ()
