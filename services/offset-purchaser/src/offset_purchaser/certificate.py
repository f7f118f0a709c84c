"""Retirement certificates: the eight fields an auditor asks for, checked. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from offset_purchaser.documents.values import Effect, Text, Told, Word
from shared.units import G_PER_T

G_MAX = 10**15
"""A billion tonnes: more than any order, and far inside a 64-bit integer."""
SANDBOX_REGISTRY = "Sandbox registry"
"""The only registry whose serial numbers stand for something else than a tonne."""


FIRST_VINTAGE = "1990"
"""The base year of the Kyoto protocol: no registry has credits of earlier years."""


def _written_day(value: object) -> object:
    if not isinstance(value, date) and not re.match(r"\d{4}-", str(value)):  # pydantic alone reads 0 as 1970-01-01
        raise ValueError(f"{value} is not a day; write 2026-12-10")
    return value


class Certificate(BaseModel):
    """A retirement at a registry: registry, project, vintage, serials, tonnes, date, beneficiary, reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: Word
    registry: Word
    project_id: Word
    project: Annotated[Text, Field(max_length=500)]
    vintage: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{4})?$")]
    serial_first: Word
    serial_last: Word
    unit_g: Annotated[int, Field(ge=1, le=G_MAX)] = G_PER_T
    """Grams of one serial number: a tonne at every public registry, a gram at the sandbox."""
    quantity_t: Annotated[Decimal, Field(gt=0, decimal_places=6, max_digits=18)]
    retired_on: Annotated[date, BeforeValidator(_written_day)]
    beneficiary: Annotated[Text, Field(max_length=500)]
    reason: Told = ""
    url: Told = ""
    standard: Told = ""
    methodology: Told = ""
    project_country: Told = ""
    """ISO 3166-1, two letters (``FR``): what decides the share of the European Union."""
    project_type: Told = ""
    effect: Effect = ""
    """Whether the project removes carbon or avoids emissions; ``""``: not stated."""
    retiring_account: Told = ""
    ccp_label: bool | None = None
    """Core Carbon Principles label of the ICVCM; ``None``: not stated."""
    host_country_authorised: bool | None = None
    """Authorised under Article 6 of the Paris Agreement; ``None``: not stated."""

    @property
    def quantity_g(self) -> int:
        """Grams retired."""
        return int(self.quantity_t * G_PER_T)


VERRA = re.compile(r"(\d+)-(\d+)-(\d+)-(vcs-.+)")
"""``0001-000001-000100-VCS-VCU-003-…``: the block stands inside the serial."""
ACR = re.compile(r"(acr-.+)-(\d+)-(\d+)")
"""``ACR-US-192-2010-203-1-5000``: the block stands at the end of the serial."""
PLAIN = re.compile(r"(.*?)(\d+)")


Family = tuple[str | int, ...]
"""What the numbers of a block belong to: its letters and its numbers in their order, however they are set apart."""


def serial_block(first: str, last: str) -> tuple[Family, int, int] | None:
    """(what the numbers belong to, first number, last number); ``None`` when the serials do not form a block.

    Registries write blocks as two serials, as a serial ``to`` a number (CAR), or inside one serial that is then given
    as first and last (Verra, ACR).
    """
    one, other = _set_apart(first), _set_apart(last)
    if one == other and (verra := VERRA.fullmatch(one)):
        found = (_family(f"{verra[1]}-{verra[4]}"), int(verra[2]), int(verra[3]))
    elif one == other and (acr := ACR.fullmatch(one)):
        found = (_family(acr[1]), int(acr[2]), int(acr[3]))
    else:
        a, b = PLAIN.fullmatch(one), PLAIN.fullmatch(other)
        if not a or not b or _family(b[1]) not in ((), _family(a[1])):
            return None
        found = (_family(a[1]), int(a[2]), int(b[2]))
    return found if found[1] <= found[2] else None


def _set_apart(serial: str) -> str:
    """Letters and numbers with one dash where anything else stands between them."""
    return re.sub(r"[\W_]+", "-", _plain(serial)).strip("-")


def _family(prefix: str) -> Family:
    return tuple(int(part) if part.isdecimal() else part for part in re.findall(r"\d+|[^\W\d_]+", prefix))


def serial_count(first: str, last: str) -> int | None:
    """How many serial numbers a block holds; ``None`` when they do not form a block."""
    block = serial_block(first, last)
    return None if block is None else block[2] - block[1] + 1


def faults(
    certificate: Certificate,
    *,
    today: date,
    bought_g: int,
    beneficiary: str,
    used: Collection[tuple[str, str, str]],
    before_g: int = 0,
) -> str:
    """What is wrong with a certificate for an order, as a sentence; ``""`` when it fits.

    One order may have several certificates: ``before_g`` are the grams that earlier ones certify. ``used`` holds
    (registry, first, last) of every serial block accepted so far.
    """
    return next(_faults(certificate, today, bought_g, beneficiary, used, before_g), "")


def retired_before(certificate: Certificate, buy_day: date, today: date) -> str:
    """Whether a retirement lies before the days that an order was bought for, as a sentence: it was not for this order.

    A clock that lags behind the campaign (a rehearsal of days to come) is no reproach.
    """
    first = min(buy_day, today)
    return f"retired_on: {certificate.retired_on} is before {first}, so not for this order" * (
        certificate.retired_on < first
    )


def _faults(
    certificate: Certificate,
    today: date,
    bought_g: int,
    beneficiary: str,
    used: Collection[tuple[str, str, str]],
    before_g: int,
) -> Iterator[str]:
    block = (certificate.registry, certificate.serial_first, certificate.serial_last)
    count = serial_count(certificate.serial_first, certificate.serial_last)
    if before_g + certificate.quantity_g > bought_g:
        certified = f", {before_g} g of them are certified" if before_g else ""
        what = f"certificate {certificate.reference} is for {certificate.quantity_g} g"
        yield f"{what}, the order bought {bought_g} g{certified}"
    if certificate.unit_g != G_PER_T and certificate.registry != SANDBOX_REGISTRY:
        yield f"unit_g: a serial number of {certificate.registry} is a tonne"
    if count is None:
        yield f"the serial numbers {certificate.serial_first} and {certificate.serial_last} do not form a block"
    elif count * certificate.unit_g != certificate.quantity_g:
        yield f"the serial block holds {count} units, the certificate states {certificate.quantity_t} t"
    if _plain(certificate.beneficiary) != _plain(beneficiary):
        yield f"the beneficiary is {certificate.beneficiary}, not {beneficiary}"
    yield from _names_and_days(certificate, today)
    if any(_overlap(block, other) for other in used):
        yield f"the serial block {block[1]} to {block[2]} of {block[0]} was already used"


def _names_and_days(certificate: Certificate, today: date) -> Iterator[str]:
    for name in ("reference", "registry", "project_id", "project"):
        if not any(c.isalnum() for c in getattr(certificate, name)):
            yield f"{name}: is required"
    first, last = certificate.vintage[:4], certificate.vintage[-4:]
    if certificate.retired_on > today:
        yield f"retired_on: {certificate.retired_on} has not come yet"
    if first < FIRST_VINTAGE:
        yield f"vintage: {certificate.vintage} is before {FIRST_VINTAGE}, when the first credits were counted"
    if not first <= last <= f"{certificate.retired_on.year:04}":
        yield f"the vintage {certificate.vintage} does not fit a retirement on {certificate.retired_on}"


def _plain(text: str) -> str:
    """Case, white space, kinds of hyphen and what nobody sees apart: a block is not a new one because somebody typed it
    differently."""
    seen = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join(
        "".join("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in seen).split()
    ).casefold()


def _overlap(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    """Serials that hold letters say themselves where they belong, however the registry's name is written; bare numbers
    belong to their registry, whether it is called one or not."""
    a, b = serial_block(*one[1:]), serial_block(*other[1:])
    if a is None or b is None:
        return one == other
    same = a[0] == b[0] and (any(isinstance(part, str) for part in a[0]) or _registry(one[0]) == _registry(other[0]))
    return same and a[1] <= b[2] and b[1] <= a[2]


GENERIC = frozenset({"the", "registry", "register", "standard", "impact", "carbon", "program", "programme", "inc"})
"""Words that come and go in the names of registries: Verra, the Verra Registry; Gold Standard Impact Registry."""


def _registry(name: str) -> str:
    words = _plain(name).replace(".", " ").replace(",", " ").split()
    return " ".join(word for word in words if word not in GENERIC) or " ".join(words)
