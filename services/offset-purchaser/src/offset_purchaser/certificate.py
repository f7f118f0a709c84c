"""Retirement certificates: the eight fields an auditor asks for, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.units import G_PER_T


class Certificate(BaseModel):
    """A retirement at a registry: registry, project, vintage, serials, tonnes, date, beneficiary, reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: Annotated[str, Field(min_length=1, max_length=200)]
    registry: Annotated[str, Field(min_length=1, max_length=200)]
    project_id: Annotated[str, Field(min_length=1, max_length=200)]
    project: Annotated[str, Field(min_length=1, max_length=500)]
    vintage: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{4})?$")]
    serial_first: Annotated[str, Field(min_length=1, max_length=200)]
    serial_last: Annotated[str, Field(min_length=1, max_length=200)]
    unit_g: Annotated[int, Field(ge=1)] = G_PER_T
    """Grams of one serial number: a tonne at every public registry, a gram at the sandbox."""
    quantity_t: Annotated[Decimal, Field(gt=0)]
    retired_on: date
    beneficiary: Annotated[str, Field(min_length=1, max_length=500)]
    reason: str = ""
    url: str = ""

    @property
    def quantity_g(self) -> int:
        """Grams retired."""
        return int(self.quantity_t * G_PER_T)


def serial_count(first: str, last: str) -> int | None:
    """How many serial numbers a block holds, by the last number in each; ``None`` when they do not form a block."""
    one, other = re.fullmatch(r"(.*?)(\d+)", first), re.fullmatch(r"(.*?)(\d+)", last)
    if not one or not other or one[1] != other[1]:
        return None
    count = int(other[2]) - int(one[2]) + 1
    return count if count > 0 else None


def faults(certificate: Certificate, *, bought_g: int, beneficiary: str, used: Collection[tuple[str, str, str]]) -> str:
    """What is wrong with a certificate for an order, as a sentence; ``""`` when it fits.

    ``used`` holds (registry, first, last) of every serial block accepted so far.
    """
    block = (certificate.registry, certificate.serial_first, certificate.serial_last)
    count = serial_count(certificate.serial_first, certificate.serial_last)
    if certificate.quantity_g != bought_g:
        return f"certificate {certificate.reference} is for {certificate.quantity_g} g, the order bought {bought_g} g"
    if count is None:
        return f"the serial numbers {certificate.serial_first} and {certificate.serial_last} do not form a block"
    if count * certificate.unit_g != certificate.quantity_g:
        return f"the serial block holds {count} units, the certificate states {certificate.quantity_t} t"
    if certificate.beneficiary.strip().casefold() != beneficiary.strip().casefold():
        return f"the beneficiary is {certificate.beneficiary}, not {beneficiary}"
    if any(_overlap(block, other) for other in used):
        return f"the serial block {block[1]} to {block[2]} of {block[0]} was already used"
    return ""


def _overlap(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    if one[0] != other[0]:
        return False
    a, b, c, d = (re.fullmatch(r"(.*?)(\d+)", serial) for serial in (*one[1:], *other[1:]))
    if not a or not b or not c or not d or a[1] != c[1]:
        return one == other
    return int(a[2]) <= int(d[2]) and int(c[2]) <= int(b[2])
