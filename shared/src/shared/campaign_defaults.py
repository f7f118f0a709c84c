"""Named campaign defaults: what a campaign knows better than the factor set about inputs that its events leave out.

A default belongs to a factor set's name: ``2026.1+read_share=0.231`` is the set 2026.1 whose mailings without a read
share were opened by 23.1 %. Such a set has a hash of its own, and every reading, document and dossier names it, so that
a figure that comes later (opens, a week after the mailing) is a restatement like any other edition of the factors:
``traffic-meter restate --day 2026-11-27 --channel email --factor-set 2026.1+read_share=0.231``. Not promised: a
default per shop; days and channels are what a restatement knows.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING

from shared.errors import Rejected
from shared.units import decimal_text

if TYPE_CHECKING:
    from shared.factors import Factor, FactorSet

CAMPAIGN_DEFAULTS: Mapping[str, str] = {
    "read_share": "project.email.read_share",
    "view_bytes": "project.site.default_bytes.view",
    "asset_bytes": "project.site.default_bytes.asset",
    "ads_txt_lines": "ads.iab.adstxt.default",
    "display_payload_mb": "ads.iab.payload.display",
    "video_payload_mb": "ads.iab.payload.video",
    "display_view_seconds": "ads.iab.view.display",
    "video_view_seconds": "ads.iab.view.video",
    "lit_hours": "project.ooh.lit_hours",
    "screen_hours": "ooh.screen.hours",
}
"""Name of a default and the parameter of the factor set that it replaces, in that parameter's unit."""

FILE = "campaign-defaults.csv"
SOURCE = "campaign default"
_HIGHEST = {"ratio": Decimal(1), "h/day": Decimal(24)}
_LIMIT = Decimal(10) ** 9
LONGEST_SHOWN = 80
"""Characters of a wrong name or value that an error repeats."""
SMALLEST_EXPONENT = -12
"""Decimal places that a default may have: it is part of a name."""
_SEPARATOR = "+"


def split_id(set_id: str) -> tuple[str, dict[str, Decimal]]:
    """The factor set and the defaults of ``2026.1+read_share=0.231``.

    Raises ``Rejected`` for an unknown name, a name given twice, or a value that is no plain number.
    """
    base, *parts = set_id.split(_SEPARATOR)
    given: dict[str, Decimal] = {}
    for part in parts:
        name, _, text = part.partition("=")
        if name not in CAMPAIGN_DEFAULTS:
            raise Rejected(
                f"{name[:LONGEST_SHOWN]!r} is no campaign default; there are {', '.join(CAMPAIGN_DEFAULTS)}",
                field=name[:LONGEST_SHOWN],
            )
        if name in given:
            raise Rejected("given twice", field=name)
        try:
            given[name] = Decimal(text)
        except InvalidOperation as error:
            raise Rejected(f"{text[:LONGEST_SHOWN]!r} is not a number", field=name) from error
    return base, given


def with_defaults(factors: FactorSet, given: Mapping[str, Decimal]) -> FactorSet:
    """The set with some parameters replaced; its id, hash and files say so. The same set when nothing is given.

    Raises ``Rejected`` when a value is not finite, negative, or more than its unit allows.
    """
    if not given:
        return factors
    changed = [_replaced(factors.get(CAMPAIGN_DEFAULTS[name]), name, given[name]) for name in sorted(given)]
    content = defaults_csv(changed)
    files = {**factors.files, FILE: hashlib.sha256(content).hexdigest()}
    texts = [f"{name}={decimal_text(given[name])}" for name in sorted(given)]
    return replace(
        factors,
        id=_SEPARATOR.join([factors.id, *texts]),
        sha256=files_sha256(files),
        factors=MappingProxyType({**factors.factors, **{factor.id: factor for factor in changed}}),
        files=MappingProxyType(files),
    )


def defaults_csv(factors: list[Factor]) -> bytes:
    """Factors as a data file of a set, in the order given."""
    rows = [
        {**asdict(item), "value": decimal_text(item.value), "uncertainty_pct": decimal_text(item.uncertainty_pct)}
        for item in factors
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def files_sha256(files: Mapping[str, str]) -> str:
    """The hash of a set, over the names and hashes of its data files."""
    return hashlib.sha256("".join(f"{name} {sha}\n" for name, sha in sorted(files.items())).encode()).hexdigest()


def _replaced(factor: Factor, name: str, value: Decimal) -> Factor:
    highest = _HIGHEST.get(factor.unit, _LIMIT)
    if not value.is_finite() or not 0 <= value <= highest:
        raise Rejected(f"must lie between 0 and {highest} {factor.unit}", field=name)
    if int(value.as_tuple().exponent) < SMALLEST_EXPONENT:
        raise Rejected(f"must have at most {-SMALLEST_EXPONENT} decimal places", field=name)
    note = f"instead of {decimal_text(factor.value)} {factor.unit} ({factor.source})"
    return replace(factor, value=value, source=SOURCE, note=note)
