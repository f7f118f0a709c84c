"""Field types of the contract with their limits, named once.

Each limit keeps ten million of the largest admissible values below 2**63, so that a register of a busy quarter-hour
cannot overflow a PostgreSQL ``bigint``. Products that a register sums are limited too (``PRODUCT_MAX``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, GetPydanticSchema, Strict, StringConstraints, WithJsonSchema
from pydantic_core import core_schema

from shared.countries import CONTINENTS

COUNTRY_CODES = frozenset(CONTINENTS) - {"CS"}
"""The codes in use; the former Serbia and Montenegro is not among them."""

BOOKING_DAYS_MAX = 400
"""A booking of out-of-home faces starts at most this many days before or after it is reported."""

PRODUCT_MAX = 900_000_000_000
"""Largest product of two fields that a register sums: 10**7 of them stay below 2**63."""

SCHEMA_VERSION = 1

VALUE_BYTES_MAX = 1_048_588
"""Kafka's own limit of a message. A compressed one may unpack to a thousand times as much, which is no event."""


NO_NUL = r"^[^\x00]*$"
"""JSON can say U+0000 (``\\u0000``), PostgreSQL's texts cannot hold it: no text of the contract has it."""

EventId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=128, pattern=NO_NUL)]
Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=128, pattern=NO_NUL)]
Text = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1024, pattern=NO_NUL)]
Shop = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
Country = Annotated[str, StringConstraints(strict=True, pattern="^(?:" + "|".join(sorted(COUNTRY_CODES)) + ")$")]
"""ISO 3166-1 alpha-2, and XK for Kosovo; ``UK`` and ``EU`` are no countries and are rejected."""
_AWARE = core_schema.datetime_schema(
    tz_constraint="aware",
    ge=datetime(1, 1, 1, tzinfo=UTC),
    le=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
"""Beyond these years a moment cannot be turned into UTC. Checked without a call of Python: this is the hot path."""
_YEAR_FIRST = core_schema.custom_error_schema(
    core_schema.str_schema(pattern="^[0-9]{4}-", strict=True),
    custom_error_type="moment",
    custom_error_message="a time is a text that begins with the year, as 2026-11-27T20:59:12+01:00",
)
"""pydantic alone reads a text of digits as seconds since the epoch."""
_MOMENT_TEXT = core_schema.chain_schema([_YEAR_FIRST, _AWARE])

Moment = Annotated[
    datetime,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.json_or_python_schema(_MOMENT_TEXT, {**_AWARE, "strict": True})
    ),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""ISO 8601 with an offset; in JSON always a text that begins with the year. Numbers, also as text, are rejected."""

Bytes = Annotated[int, Field(strict=True, ge=0, le=100_000_000_000)]
MessageBytes = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
PayloadBytes = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
DwellMs = Annotated[int, Field(strict=True, ge=0, le=86_400_000)]
ViewMs = Annotated[int, Field(strict=True, ge=0, le=3_600_000)]
Recipients = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Impressions = Annotated[int, Field(strict=True, ge=0, le=100_000_000)]
AdsTxtLines = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Faces = Annotated[int, Field(strict=True, ge=1, le=30_000)]
Days = Annotated[int, Field(strict=True, ge=1, le=366)]
AreaCm2 = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Flag = Annotated[bool, Strict()]
LitHours = Annotated[float, Field(strict=True, ge=0, le=24, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
WeightG = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
VolumeCm3 = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
EmissionsG = Annotated[int, Field(strict=True, ge=0, le=900_000_000_000)]
Revision = Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)]
