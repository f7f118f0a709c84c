"""One line of ``estimate`` about advertising: digital impressions, out-of-home faces, or money alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shared import fields as limits
from shared.errors import Rejected
from shared.estimate import Subject
from shared.estimate_fields import Fields, ceiling
from shared.estimate_lines import Case
from shared.trail import Term, Trail
from traffic_meter.methods.ads_spend import AdsSpend
from traffic_meter.methods.iab_europe import DEVICES, MEDIA, MINIMUM_VIEW_MS, IabEurope
from traffic_meter.methods.out_of_home import CARRIED, OutOfHome

FORMATS = ("display", "video", "ooh_screen", "ooh_poster")
IAB, OUT_OF_HOME, SPEND = IabEurope(), OutOfHome(), AdsSpend()
DEVICE_NAMES: Mapping[str, str] = {
    "smartphone": "mobile",
    "mobile": "mobile",
    "tablet": "tablet",
    "laptop": "pc",
    "desktop": "pc",
    "pc": "pc",
    "tv": "tv",
}
MATERIALS = ("paper", "unknown")
"""What a poster is made of; the source's figure per square metre where nobody knows."""
KG_PER_KWH_LIMIT = 10
SPEND_LIMIT = 10**12
STORED_LIMIT = 10**9
ROUNDING = Decimal("1e-9")
"""How far shares that a caller gives may be from adding up to 1."""


def ads_case(fields: Fields, method_id: str | None = None) -> Case:
    """Read a line. Raises ``Rejected`` with the field's name."""
    chosen = method_id or fields.choice("method", (IAB.id, OUT_OF_HOME.id, SPEND.id))
    form = fields.choice("format", FORMATS)
    country = fields.country("country") or ""
    if chosen == SPEND.id or (form is None and fields.has("spend_eur") and not fields.has("impressions")):
        return _spend(fields, country)
    outdoor = form in ("ooh_screen", "ooh_poster")
    if form is None:
        if not fields.has("masters_gb") or fields.has("impressions"):
            raise Rejected(f"must be one of {', '.join(FORMATS)}", field="format")
        form = "display"
    if chosen is not None and (chosen == OUT_OF_HOME.id) != outdoor:
        raise Rejected(f"{chosen} does not know the format {form}", field="method")
    return _out_of_home(fields, country, form) if outdoor else _digital(fields, country, form)


def _spend(fields: Fields, country: str) -> Case:
    amount = fields.number("spend_eur", 0, SPEND_LIMIT)
    if amount is None:
        raise Rejected("is required by ads-spend", field="spend_eur")

    def derive(trail: Trail) -> dict[str, Term]:
        return {"spend_eur": trail.input("spend_eur", amount, "EUR")}

    return Case(SPEND, Subject(country, {"basis": "spend"}), derive)


def _digital(fields: Fields, country: str, form: str) -> Case:
    impressions = fields.integer("impressions", 0, ceiling(limits.Impressions))
    stored = _storage(fields)
    if impressions is None and not stored:
        raise Rejected("is required for display and video", field="impressions")
    buying = fields.choice("buying", ("programmatic", "direct", "platform")) or ""
    own = fields.flag("own_site") is True
    lines = fields.integer("ads_txt_lines", 0, ceiling(limits.AdsTxtLines))
    payload = _either(fields, ("payload_mb", "MB"), ("payload_bytes", "byte"), ceiling(limits.PayloadBytes), 10**6)
    view, flags = _view(fields, form)
    detail = {"format": form, "buying": buying, "own_site": "yes" if own else ""}
    options, filled = _digital_options(fields)
    fields.unused(*_without_part(fields, own=own, buying=buying))

    def derive(trail: Trail) -> dict[str, Term]:
        count = trail.input("impressions", impressions or 0, "impression")
        terms = {"impressions": count}
        for measure, unknown, given in (
            ("payload_bytes", "payload_unknown_impressions", payload),
            ("view_ms", "view_unknown_impressions", view),
            (
                "ads_txt_lines",
                "lines_unknown_impressions",
                None if lines is None else ("ads_txt_lines", Decimal(lines), "line"),
            ),
        ):
            if given is None:
                terms[unknown] = count * trail.constant(1)
            else:
                terms[measure] = count * trail.input(*given)
        for medium, (size, copies) in stored.items():
            copy = trail.input(f"copies.{medium}", copies, "copy")
            terms[f"{medium}_copy_gb"] = trail.input("masters_gb", size, "GB") * copy
        return terms

    return Case(IAB, Subject(country, detail), derive, options, flags + filled)


def _without_part(fields: Fields, *, own: bool, buying: str) -> tuple[str, ...]:
    """Members that a line gives and that this impression does not use."""
    if own:
        return ("buying", "ads_txt_lines", *DELIVERED)
    doubled = (("payload_mb", "payload_bytes"), ("view_seconds", "view_ms"))
    left_out = [event for given, event in doubled if fields.has(given)]
    return (*left_out, "ads_txt_lines") if buying in ("direct", "platform") else tuple(left_out)


DELIVERED = (
    *("payload_mb", "payload_bytes", "view_seconds", "view_ms", "device", "device_mix", "mobile_share", "fixed_share"),
    *("local_grid_kg_per_kwh", "regional_grid_kg_per_kwh"),
)
"""What an impression on somebody else's page is worked out from."""
Given = tuple[str, Decimal, str]
"""Name, value and unit of an input."""


def _either(fields: Fields, own: tuple[str, str], event: tuple[str, str], high: int, scale: int) -> Given | None:
    """The caller's member and unit, or the event's; the caller's wins."""
    value = fields.number(own[0], 0, Decimal(high) / scale)
    event_value = fields.integer(event[0], 0, high)
    if value is not None:
        return own[0], value, own[1]
    return None if event_value is None else (event[0], Decimal(event_value), event[1])


def _view(fields: Fields, form: str) -> tuple[Given | None, tuple[str, ...]]:
    """View time, not below the viewability minimum."""
    given = _either(fields, ("view_seconds", "s"), ("view_ms", "ms"), ceiling(limits.ViewMs), 1000)
    if given is None:
        return None, ()
    name, value, unit = given
    minimum = Decimal(MINIMUM_VIEW_MS[form]) / (1000 if unit == "s" else 1)
    if value < minimum:
        return (name, minimum, unit), ("view-time-raised-to-the-viewability-minimum",)
    return given, ()


def _storage(fields: Fields) -> dict[str, tuple[Decimal, Decimal]]:
    size = fields.number("masters_gb", 0, STORED_LIMIT)
    copies = fields.inner("copies")
    if size is None:
        if copies is not None:
            raise Rejected("is required beside copies", field="masters_gb")
        return {}
    if copies is None:
        raise Rejected("is required beside masters_gb: how many on hdd, ssd, cloud, tape", field="copies")
    found = {medium: copies.number(medium, 0, STORED_LIMIT) for medium in MEDIA}
    copies.close()
    return {medium: (size, count) for medium, count in found.items() if count is not None}


def _digital_options(fields: Fields) -> tuple[dict[str, Decimal | str | bool], tuple[str, ...]]:
    """What replaces defaults, and the flags of what follows from another input."""
    options: dict[str, Decimal | str | bool] = {}
    flags: list[str] = []
    for name in ("local_grid_kg_per_kwh", "regional_grid_kg_per_kwh"):
        value = fields.number(name, 0, KG_PER_KWH_LIMIT)
        if value is not None:
            options[name] = value
    given = {name: fields.share(name) for name in ("mobile_share", "fixed_share")}
    for name, other in (("mobile_share", "fixed_share"), ("fixed_share", "mobile_share")):
        value, rest = given[name], given[other]
        if value is not None:
            options[name] = value
        elif rest is not None:
            options[name] = 1 - rest
            flags.append(f"{name}:1-minus-{other}")
    if given["mobile_share"] is not None and given["fixed_share"] is not None:
        _check_sum("mobile_share", [given["mobile_share"], given["fixed_share"]])
    options.update({f"device_mix.{kind}": share for kind, share in _device_mix(fields).items()})
    return options, tuple(flags)


def _device_mix(fields: Fields) -> dict[str, Decimal]:
    """Shares of the devices; nothing for the default mix. A device beside a mix that says otherwise is refused."""
    mix = fields.inner("device_mix")
    device = fields.choice("device", (*DEVICE_NAMES, "average", "unknown", "bot"))
    alone = {kind: Decimal(int(kind == DEVICE_NAMES.get(device or ""))) for kind in DEVICES}
    if mix is None:
        return alone if device in DEVICE_NAMES else {}
    shares = dict.fromkeys(DEVICES, Decimal(0))
    for name, kind in DEVICE_NAMES.items():
        shares[kind] += mix.share(name) or 0
    mix.close()
    _check_sum("device_mix", list(shares.values()))
    if device not in (None, "unknown") and shares != alone:
        raise Rejected(f"contradicts device {device}: give one of them", field="device_mix")
    return shares


def _check_sum(name: str, shares: list[Decimal]) -> None:
    if abs(sum(shares, Decimal(0)) - 1) > ROUNDING:
        raise Rejected("the shares must add up to 1", field=name)


def _out_of_home(fields: Fields, country: str, form: str) -> Case:
    faces = fields.integer("faces", 1, ceiling(limits.Faces))
    days = fields.integer("days", 1, ceiling(limits.Days))
    area = fields.integer("area_cm2", 1, ceiling(limits.AreaCm2))
    hours = fields.number("lit_hours", 0, 24)
    screen = form == "ooh_screen"
    loop = fields.share("loop_share") if screen else None
    shown = fields.integer("impressions", 0, ceiling(limits.Impressions)) if screen else None
    panel = "" if screen else fields.choice("panel", ("street", *CARRIED)) or ""
    fields.words("starts_on")
    options: dict[str, Decimal | str | bool] = {}
    grid = fields.number("local_grid_kg_per_kwh", 0, KG_PER_KWH_LIMIT)
    if grid is not None:
        options["local_grid_kg_per_kwh"] = grid
    if not screen:
        options.update(_poster_options(fields))
    if panel in CARRIED:
        fields.unused("lit_hours", "local_grid_kg_per_kwh")
    defaults = (("faces", faces, "1"), ("days", days, "14"), ("area", area if form == "ooh_poster" else 0, "2-m2"))
    flags = [f"{name}-unknown:{default}" for name, value, default in defaults if value is None]
    if screen and loop is None:
        flags.append("loop-share-unknown:1")

    def derive(trail: Trail) -> dict[str, Term]:
        count = trail.input("faces", faces or 1, "face")
        period = _or_factor(trail, "days", days, "day", "ooh.s3.days")
        if screen:
            return _screen_terms(trail, count, period, hours, loop, shown)
        return _poster_terms(
            trail, count, period, _or_factor(trail, "area_cm2", area, "cm2", "project.ooh.area"), hours
        )

    return Case(OUT_OF_HOME, Subject(country, {"format": form, "panel": panel}), derive, options, tuple(flags))


def _poster_options(fields: Fields) -> dict[str, str | bool]:
    """What a poster is made of, and whether the media owner's overhead counts."""
    given = {"material": fields.choice("material", MATERIALS), "overhead": fields.flag("overhead")}
    return {name: value for name, value in given.items() if value is not None}


def _or_factor(trail: Trail, name: str, value: int | None, unit: str, factor_id: str) -> Term:
    return trail.factor(factor_id) if value is None else trail.input(name, value, unit)


def _screen_terms(
    trail: Trail, faces: Term, days: Term, hours: Decimal | None, loop: Decimal | None, shown: int | None
) -> dict[str, Term]:
    share = trail.constant(1) if loop is None else trail.input("loop_share", loop, "ratio")
    running = faces * days * share
    terms = {"screen_ppm_days": running}
    if hours is None:
        terms["screen_hours_unknown_ppm_days"] = running * trail.constant(1)
    else:
        terms["screen_ppm_hours"] = running * trail.input("lit_hours", hours, "h/day")
    if shown is not None:
        terms["impressions"] = trail.input("impressions", shown, "impression")
    return terms


def _poster_terms(trail: Trail, faces: Term, days: Term, area: Term, hours: Decimal | None) -> dict[str, Term]:
    surface = faces * area
    exposed = surface * days
    terms = {
        "faces": faces,
        "face_days": faces * days,
        "area_cm2_faces": surface,
        "area_cm2_face_days": exposed,
    }
    if hours is None:
        terms["lit_unknown_cm2_days"] = exposed * trail.constant(1)
    else:
        terms["lit_cm2_hours"] = exposed * trail.input("lit_hours", hours, "h/day")
    return terms
