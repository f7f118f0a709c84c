"""Counting shipments: hold validated rows until the flush, then decide each against its newest state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from delivery_emissions.assess import Assessment, assess
from delivery_emissions.channel import MEASURES
from delivery_emissions.purge import purged_among
from delivery_emissions.shipment import Booking, ShipmentState, apply, country_of, day_moment, quarter_s_of
from delivery_emissions.store import Held, Stored, lock_shipments, new_event_ids, write_shipments
from delivery_emissions.tables import Tables
from shared.meter.identity import identity
from shared.meter.lateness import OUTSIDE, outside
from shared.meter.position import Counts, Position
from shared.meter.register import Delta, RegisterKey
from shared.meter.stretch import Record, Replay, Sealed, kept_bytes_of
from shared.meter.tally import Tally
from shared.moments import epoch_ms
from shared.postgres import Connection
from shared.readings import detail_text

DUPLICATE = "outcome=duplicate"
PURGED = "outcome=purged"
"""An event of a shipment that was anonymised: it counts and books nothing, because nobody can say what it changes."""


class ShipmentTally(Tally):
    """Judges lateness at once; duplicates and states are decided inside the fenced transaction."""

    def count(
        self, records: Sequence[Record], log_ms: list[int], rows: list[dict[str, Any]], times_ms: list[int]
    ) -> None:
        """Hold valid rows, or reject those whose day lies outside the limits."""
        held = [(record, row) for record, row in zip(records, rows, strict=True) if self._admit(record, row)]
        self.held += held
        self.kept_bytes += sum(kept_bytes_of(record) for record, _ in held)

    def replay(self, source: str, record: Record, row: dict[str, Any], occurred_ms: int) -> None:
        """Hold a replayed row apart until its position is known to be free."""
        if self._admit(record, row):
            self._replays.append(Replay(source, record, row, occurred_ms, duplicate=False))
            self.kept_bytes += kept_bytes_of(record)

    def _admit(self, record: Record, row: dict[str, Any]) -> bool:
        moment, name = day_moment(row)
        lateness = self.rules.judge(record.timestamp, epoch_ms(moment))
        if lateness in OUTSIDE:
            self.reject(record, name, outside(lateness, self.rules))
            return False
        return True

    def with_replays(self, sealed: Sealed, fresh: set[int]) -> Sealed:
        """Rows of free positions are decided like all others; event ids still tell which of them are duplicates."""
        counts = replace(sealed.counts, duplicate=sealed.counts.duplicate + len(sealed.replays) - len(fresh))
        free = [(replay.record, replay.row) for i, replay in enumerate(sealed.replays) if i in fresh]
        return replace(sealed, counts=counts, held=[*sealed.held, *free])


def settle_with(tables: Tables, rules_grace_ms: int) -> Callable[[Connection, Position, Sealed], Awaitable[Sealed]]:
    """The decision of this meter inside the fenced transaction, over place and vehicle tables loaded once."""

    async def settle(connection: Connection, position: Position, sealed: Sealed) -> Sealed:
        held = [Held(identity(row["event_id"]), record, row) for record, row in sealed.held]
        fresh = await new_event_ids(connection, [item.identity for item in held])
        named = {item.row["shipment_id"] for item in held}
        stored = await lock_shipments(connection, sorted(named - await purged_among(connection, named)))
        counts, deltas = _decide(held, fresh, stored, sealed, tables, rules_grace_ms)
        await write_shipments(connection, position, [item for item in stored.values() if item.changed])
        return replace(sealed, counts=counts, deltas=deltas)

    return settle


def recount_with(tables: Tables, grace_ms: int) -> Callable[[Sequence[Sealed]], dict[RegisterKey, Delta]]:
    """The same decision in memory over all partitions of the topic, for audits."""

    def recount(stretches: Sequence[Sealed]) -> dict[RegisterKey, Delta]:
        rows = [Held(identity(row["event_id"]), record, row) for sealed in stretches for record, row in sealed.held]
        stored = {item.row["shipment_id"]: Stored(item.row["shipment_id"], ShipmentState(), -1) for item in rows}
        deltas: dict[RegisterKey, Delta] = {}
        if stretches:
            _, deltas = _decide(rows, {item.identity for item in rows}, stored, stretches[0], tables, grace_ms)
        return deltas

    return recount


def _decide(
    held: Sequence[Held],
    fresh: set[int],
    stored: dict[str, Stored],
    sealed: Sealed,
    tables: Tables,
    grace_ms: int,
) -> tuple[Counts, dict[RegisterKey, Delta]]:
    counts = replace(sealed.counts)
    deltas = {key: replace(delta) for key, delta in sealed.deltas.items()}
    for item in held:
        record, row = item.record, item.row
        if item.identity not in fresh:
            counts.duplicate += 1
            _delta(deltas, _register(row, DUPLICATE)).duplicates += 1
            continue
        fresh.discard(item.identity)  # its twin in the same stretch is a duplicate
        late = record.timestamp - epoch_ms(day_moment(row)[0]) > grace_ms
        counts.counted += 1
        counts.late += late
        counts.duplicate_unprovable += record.key != row["shipment_id"].encode()
        known = stored.get(row["shipment_id"])
        outcome = PURGED if known is None else _apply(known, item, deltas, tables)
        delta = _delta(deltas, _register(row, outcome))
        delta.events += 1
        delta.late += late
    return counts, deltas


def _apply(stored: Stored, item: Held, deltas: dict[RegisterKey, Delta], tables: Tables) -> str:
    """Book the difference an event makes; gives back the detail it counts under."""
    row = item.row
    assessment = assess(_Fields(row), tables)
    booking = Booking(
        quarter_s_of(row),
        row.get("shop", "default"),
        country_of(row),
        row.get("offset_paid_by") or "",
        detail_text(dict(assessment.detail)),
        tuple(assessment.activity.get(name, 0) for name in MEASURES),
    )
    change = apply(stored.state, row, booking, _explanation(row, assessment))
    stored.state = change.state
    stored.changed = True
    stored.offset = max(stored.offset, item.record.offset)
    for entry, sign in ((change.booked, 1), (change.unbooked, -1)):
        if entry is not None:
            key = RegisterKey(entry.quarter_s, entry.shop, entry.country, entry.payer, entry.detail)
            delta = _delta(deltas, key)
            for index, value in enumerate(entry.activity):
                delta.activity[index] += sign * value
    return change.outcome


def _register(row: Mapping[str, Any], detail: str) -> RegisterKey:
    return RegisterKey(
        quarter_s_of(row), row.get("shop", "default"), country_of(row), row.get("offset_paid_by") or "", detail
    )


def _delta(deltas: dict[RegisterKey, Delta], key: RegisterKey) -> Delta:
    delta = deltas.get(key)
    if delta is None:
        delta = deltas[key] = Delta(activity=[0] * len(MEASURES))
    return delta


def _explanation(row: Mapping[str, Any], assessment: Assessment) -> dict[str, Any]:
    """What ``explain`` needs to say why this number, without anything personal."""
    flags = list(assessment.flags)
    _, basis = day_moment(row)
    if basis != "ordered_at" and row.get("direction", "outbound") == "outbound":
        flags.append(f"day_from_{basis}")
    return {
        "detail": dict(assessment.detail),
        "activity": dict(assessment.activity),
        "flags": flags,
        "data_quality": assessment.data_quality,
        "distance_method": assessment.distance_method,
        "inputs": assessment.inputs,
        "country": country_of(row),
        "direction": row.get("direction", "outbound"),
        "return_of": row.get("return_of"),
        "order_id": row.get("order_id"),
        "offset_reference": row.get("offset_reference"),
    }


class _Fields:
    """A row as an object: absent fields read as their contract default."""

    __slots__ = ("_row",)

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row.get(name, "outbound" if name == "direction" else None)
