"""``traffic-meter estimate`` and ``factors``: a number with its range, factors and steps."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from shared.avoided import UNITS_LIMIT, avoided_report
from shared.compare import Reference, check_chart, compare_lines
from shared.console import input_lines, out
from shared.errors import Rejected
from shared.estimate import ChannelName
from shared.estimate_fields import Fields
from shared.estimate_lines import Case, run_lines
from shared.events import AdImpressions, EmailSent, SiteTraffic
from shared.factor_commands import add_factor_commands, set_for
from shared.factors import FactorSet
from traffic_meter.estimate_ads import ads_case
from traffic_meter.estimate_email import email_case
from traffic_meter.estimate_site import METHODS as SITE_METHODS
from traffic_meter.estimate_site import site_case

CHANNELS = (ChannelName.SITE, ChannelName.EMAIL, ChannelName.ADS)
CASES = {ChannelName.SITE: site_case, ChannelName.EMAIL: email_case, ChannelName.ADS: ads_case}

_TELLTALES: tuple[tuple[ChannelName, tuple[str, ...]], ...] = (
    (ChannelName.SITE, ("bytes_transferred", "dwell_ms", "hosting_country", "green_hosting", "green_hosting_factor")),
    (ChannelName.SITE, ("grid_g_per_kwh", "visits")),
    (ChannelName.ADS, ("format", "impressions", "masters_gb", "spend_eur", "ads_txt_lines", "faces")),
    (ChannelName.EMAIL, ("size_mb", "recipients", "bytes", "read_share", "writing_minutes", "storage_years")),
)
_KINDS = {"view": ChannelName.SITE, "asset": ChannelName.SITE, "engagement": ChannelName.SITE}
_KINDS |= {"marketing": ChannelName.EMAIL, "transactional": ChannelName.EMAIL}
_METHODS = dict.fromkeys(SITE_METHODS, ChannelName.SITE) | {"ademe-digital": ChannelName.EMAIL}
_METHODS |= dict.fromkeys(("iab-europe", "out-of-home", "ads-spend"), ChannelName.ADS)

KNOWN = frozenset(
    (
        *(name for event in (SiteTraffic, EmailSent, AdImpressions) for name in event.model_fields),
        *("channel", "method", "green_hosting", "green_hosting_factor", "grid_g_per_kwh", "visits", "size_mb"),
        *("read_share", "reading_seconds", "writing_minutes", "sender_network", "receiver_network", "storage_years"),
        *("grid_region", "payload_mb", "mobile_share", "fixed_share", "view_seconds", "device_mix", "overhead"),
        *("local_grid_kg_per_kwh", "regional_grid_kg_per_kwh", "masters_gb", "copies", "spend_eur", "own_site"),
        *("material", "panel"),
    )
)
"""Members that some line of this command reads; one that this line's method does not read is flagged as not used."""
EVENT_FIELDS = ("schema_version", "event_id", "occurred_at", "shop", "source_system", "session_id", "page", "template")


def channel_of(fields: Fields, default: ChannelName | None = None) -> ChannelName:
    """The channel a line names, or the one its fields give away. Raises ``Rejected`` when neither does."""
    named = fields.choice("channel", CHANNELS)
    if named is not None:
        return ChannelName(named)
    if default is not None:
        return default
    for channel, names in _TELLTALES:
        if fields.has(*names):
            return channel
    for member, known in (("method", _METHODS), ("kind", _KINDS)):
        word = fields.words(member)
        if word in known:
            return known[word]
    raise Rejected(f"say which: {', '.join(CHANNELS)}", field="channel")


def case_of(fields: Fields, default: ChannelName | None = None) -> Case:
    """The estimate that a line asks for."""
    fields.ignore(*EVENT_FIELDS, "placement_id")
    case = CASES[channel_of(fields, default)](fields)
    unused = [name for name in fields.unread() if name in KNOWN]
    fields.ignore(*unused)
    return replace(case, flags=(*case.flags, *(f"not-used:{name}" for name in unused)))


def all_cases(fields: Fields, default: ChannelName | None = None) -> list[Case]:
    """The same line by every method of its channel."""
    channel = channel_of(fields, default)
    if channel is ChannelName.SITE:
        return _bought_on_the_first([_labelled(site_case(fields, method), fields) for method in SITE_METHODS])
    if channel is ChannelName.ADS:
        cases = [ads_case(fields)]
        if fields.has("spend_eur") and cases[0].method.id != "ads-spend":
            cases.append(ads_case(fields, "ads-spend"))
        return _bought_on_the_first(cases)
    published = email_case(fields)
    if "storage_years" in published.options:
        return _bought_on_the_first([published])
    short = {**published.options, "storage_years": Decimal(1)}
    return [
        replace(published, label="ademe-digital, 10 years stored", bought=True),
        replace(published, options=short, label="ademe-digital, 1 year stored"),
    ]


def _bought_on_the_first(cases: list[Case]) -> list[Case]:
    return [replace(cases[0], bought=True), *cases[1:]]


def _labelled(case: Case, fields: Fields) -> Case:
    """Say in a comparison that time on the device is not all there without a dwell time."""
    if case.method.id == "device-time" and not fields.has("dwell_ms"):
        return replace(case, label="device-time (needs dwell_ms)", incomplete=True)
    return case


def references(fields: Fields, factors: FactorSet, default: ChannelName | None = None) -> list[Reference]:
    """Published orders of magnitude to show beside an e-mail; none for the others."""
    if channel_of(fields, default) is not ChannelName.EMAIL:
        return []
    mails = fields.integer("recipients", 1, 10**9) or 1
    return [Reference.of(factors, name, mails) for name in _EMAIL_REFERENCES]


_EMAIL_REFERENCES = (
    "email.site.email",
    "email.site.spam",
    "email.bc.mail",
    "email.bc.mail_pj",
    "email.mbl.2010.spam",
    "email.mbl.2010.mail",
    "email.mbl.2010.long",
    "email.mbl.2020.spam",
    "email.mbl.2020.short",
    "email.mbl.2020.long",
)

LONGEST_SHOWN = 80
"""Characters of a wrong argument that an error repeats."""

Channel = Annotated[str | None, typer.Option(help="site, email or ads, for lines that do not say.")]
Set = Annotated[str | None, typer.Option("--factor-set", help="Factor set; the current one when absent.")]
Compare = Annotated[bool, typer.Option("--compare", help="All methods of the channel side by side, as a table.")]
Chart = Annotated[
    Path | None, typer.Option(help="With --compare: the first line's chart (.svg); line 2 gets NAME-2.svg.")
]


def register(app: typer.Typer) -> None:
    """Add ``estimate`` and ``factors`` to the service's command line."""

    @app.command()
    def estimate(
        channel: Channel = None, factor_set: Set = None, compare: Compare = False, chart: Chart = None
    ) -> None:
        """Estimate NDJSON lines from standard input, one answer per line, each with the steps that lead to it.

        A refused line gives {"error": {"field", "reason"}, "line": n}; the exit code is 1 when there was one.

        Example: echo '{"bytes_transferred": 1500000, "country": "FR"}' | traffic-meter estimate

        Example: echo '{"size_mb": 0.5, "recipients": 1}' | traffic-meter estimate --compare --chart mail.svg
        """
        factors = set_for(factor_set)
        if channel is not None and channel not in CHANNELS:
            raise Rejected(f"must be one of {', '.join(CHANNELS)}", field="channel")
        default = ChannelName(channel) if channel else None
        check_chart(chart, compare=compare)
        if compare:
            refused = compare_lines(
                input_lines(),
                lambda fields: all_cases(fields, default),
                lambda fields, found: references(fields, found, default),
                factors,
                chart,
            )
        else:
            refused = run_lines(input_lines(), sys.stdout, lambda fields: case_of(fields, default), factors)
        if refused:
            raise typer.Exit(1)

    _register_avoided(app)
    add_factor_commands(app)


def _register_avoided(app: typer.Typer) -> None:
    @app.command()
    def avoided(
        units: Annotated[list[str], typer.Argument(help="kind=units, e.g. smartphone=1000.")],
        years: Annotated[str, typer.Option(help="Years that a device is used.")] = "1",
        factor_set: Set = None,
    ) -> None:
        """What refurbished devices avoid against new ones: shown apart, never netted with the footprint.

        Example: traffic-meter avoided smartphone=1000 laptop=200 --years 2
        """
        sold: dict[str, int] = {}
        for kind, count in map(_sold, units):
            if kind in sold:
                raise Rejected(f"{kind} is given twice", field="units")
            sold[kind] = count
        out.print_json(json.dumps(avoided_report(sold, _years(years), set_for(factor_set))))


def _sold(item: str) -> tuple[str, int]:
    kind, _, count = item.partition("=")
    if not (count.isascii() and count.isdecimal()):
        raise Rejected(f"{item[:LONGEST_SHOWN]!r} is not kind=units", field="units")
    if len(count.lstrip("0")) > len(str(UNITS_LIMIT)):
        raise Rejected(f"{kind}: must lie between 0 and {UNITS_LIMIT}", field="units")
    return kind, int(count)


def _years(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Rejected(f"{text[:LONGEST_SHOWN]!r} is not a number", field="years") from error
