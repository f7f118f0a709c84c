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
ROUNDING = Decimal("1e-9")
"""How far the shares of a visit mix may be from adding up to 1."""
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
    mix_flags = () if method.id == OneByte.id else _visits(fields, options)
    if method.id == DeviceTime.id and dwell is None:
        options["dwell_missing"] = True
    if method.id != DeviceTime.id:
        fields.unused("dwell_ms", *(("device",) if detail["device"] != "bot" else ()))
    activity = {
        "dwell_ms": dwell or 0,
        "bytes_transferred": transferred or 0,
        "unmeasured_events": int(transferred is None),
    }

    def derive(trail: Trail) -> dict[str, Term]:
        return {
            name: trail.input(name, activity[name], unit) for name, unit in method.measures.items() if name in activity
        }

    return Case(method, Subject(fields.country("country") or "", detail), derive, options, mix_flags)


def _options(fields: Fields, method: LinearMethod) -> dict[str, Decimal | str | bool]:
    options: dict[str, Decimal | str | bool] = {}
    if method.id == OneByte.id:
        _green_or_not(fields, method, options)
        return options
    green = _green_share if method.id in (SwdV4.id, DeviceTime.id) else _green_or_not
    green(fields, method, options)
    for name, value in _numbers(fields, "grid_g_per_kwh", SEGMENTS, GRID_LIMIT).items():
        options[f"grid.{name}"] = value
    return options


def _visits(fields: Fields, options: dict[str, Decimal | str | bool]) -> tuple[str, ...]:
    """Add the visit mix to the options; a share that is absent is what the other leaves, flagged."""
    mix = _numbers(fields, "visits", ("first_share", "return_share", "reload_ratio"), 1)
    if not mix:
        return ()
    flags = ["visit-mix-given:caching-would-already-be-in-measured-bytes"]
    first, again = mix.get("first_share"), mix.get("return_share")
    if first is not None and again is not None:
        if abs(first + again - 1) > ROUNDING:
            raise Rejected("first_share and return_share must add up to 1", field="visits")
    elif first is not None:
        mix["return_share"] = 1 - first
        flags.append("visits.return_share:1-minus-first_share")
    elif again is not None:
        mix["first_share"] = 1 - again
        flags.append("visits.first_share:1-minus-return_share")
    options.update({f"visits.{name}": value for name, value in mix.items()})
    return tuple(flags)


def _numbers(fields: Fields, member: str, names: tuple[str, ...], high: int) -> dict[str, Decimal]:
    """The numbers of an inner object."""
    inner = fields.inner(member)
    if inner is None:
        return {}
    found = {name: inner.number(name, 0, high) for name in names}
    inner.close()
    return {name: value for name, value in found.items() if value is not None}


def _green(fields: Fields) -> tuple[Decimal | None, bool | None]:
    """Both ways to say how green the hosting is. Raises ``Rejected`` when they disagree."""
    share, green = fields.share("green_hosting_factor"), fields.flag("green_hosting")
    if share is not None and green is not None and share != int(green):
        raise Rejected(f"contradicts green_hosting {str(green).lower()}", field="green_hosting_factor")
    return share, green


def _green_share(fields: Fields, _: LinearMethod, options: dict[str, Decimal | str | bool]) -> None:
    share, green = _green(fields)
    if share is None and green is not None:
        share = Decimal(int(green))
    if share is not None:
        options["green_hosting_factor"] = share


def _green_or_not(fields: Fields, method: LinearMethod, options: dict[str, Decimal | str | bool]) -> None:
    share, green = _green(fields)
    if green is None and share is not None:
        if share not in (0, 1):
            raise Rejected(f"{method.id} knows green_hosting true or false only", field="green_hosting_factor")
        green = bool(share)
    if green is not None:
        options["green_hosting"] = green
