"""What was sent against what was counted, published and stored by the purchaser: integers, all equal."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.chaos.fleet import METERS, TOPICS
from tests.chaos.producer import SHIPMENTS, SITE, Sums
from tests.support import Sandbox, until

KEY = ("topic", "partition", "log_epoch", "quarter", "channel", "shop", "country", "payer", "detail")
REGISTERS = "SELECT * FROM registers"
STORED = "SELECT * FROM readings"
COMPLETE = """
SELECT p.topic, p.partition, p.log_epoch, p.counted, p.next_offset, coalesce(s.events, 0)::bigint AS stored
FROM progress p LEFT JOIN source_sums s USING (topic, partition, log_epoch)"""
BALANCES = """
SELECT *, next_offset - first_offset - counted - duplicate - rejected - skipped - lost AS difference,
    stopped <> '' AND log_epoch = max(log_epoch) OVER (PARTITION BY topic, partition) AS stands
FROM progress"""


async def compared(sandbox: Sandbox, sums: Sums) -> list[str]:
    """Every difference, as a sentence; none when all is well. The meters have counted everything that was sent."""
    views = await sandbox.rows("traffic_meter", REGISTERS)
    parcels = await sandbox.rows("delivery_emissions", REGISTERS)
    found = _views(views)
    differences = [
        f"{name}: {found[name]} instead of {wanted}"
        for name, wanted in _wanted_views(sums).items()
        if found[name] != wanted
    ]
    site = await sandbox.balance("traffic_meter", SITE)
    delivery = await sandbox.balance("delivery_emissions", SHIPMENTS)
    letters = {record.key for record in await sandbox.log(SITE + ".dead-letter")}
    grams = [grams for _, grams in sums.shipments.values() if grams]
    for name, is_, wanted in (
        ("views counted", site["counted"], sum(sums.views.values())),
        ("views late", site["late"], sums.late),
        ("views duplicate", site["duplicate"], sums.duplicates),
        ("views rejected", site["rejected"], sums.bad),
        ("dead letters", len(letters), sums.bad),
        ("offsets skipped", site["skipped"], sums.skipped),
        ("shipment events", delivery["counted"], sums.shipment_events - sums.shipment_duplicates),
        ("shipment duplicates", delivery["duplicate"], sums.shipment_duplicates),
        ("parcels", sum(row["activity"][0] for row in parcels if row["activity"]), len(grams)),
        ("grams", sum(row["activity"][1] for row in parcels if row["activity"]), sum(grams)),
    ):
        if is_ != wanted:
            differences.append(f"{name}: {is_} instead of {wanted}")
    for schema in METERS.values():
        for row in await sandbox.rows(schema, BALANCES):
            if row["difference"] or row["lost"] or row["stands"]:
                differences.append(f"balance of {row['topic']}[{row['partition']}] epoch {row['log_epoch']}: {row}")
    return differences + await _purchaser_differs(sandbox, [*views, *parcels])


def _views(rows: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        name = f"{row['country']}{' unprovable' if 'late=unprovable' in row['detail'] else ''}"
        found[f"views of {name}"] += row["events"]
        found[f"bytes of {name}"] += row["activity"][0] if row["activity"] else 0
    return found


def _wanted_views(sums: Sums) -> dict[str, int]:
    wanted = {}
    for (country, unprovable), events in sums.views.items():
        name = f"{country}{' unprovable' if unprovable else ''}"
        wanted[f"views of {name}"] = events
        wanted[f"bytes of {name}"] = sums.view_bytes[country, unprovable]
    return wanted


async def _purchaser_differs(sandbox: Sandbox, registers: list[dict[str, Any]]) -> list[str]:
    """Wait until the purchaser has what the meters committed; then every register and every partition must agree."""
    held = {tuple(row[name] for name in KEY): _shown(row) for row in registers}

    async def differences() -> list[str]:
        stored = {tuple(row[n] for n in KEY): _shown(row) for row in await sandbox.rows("offset_purchaser", STORED)}
        wrong = [f"reading {k}: {stored.get(k)} instead of {held[k]}" for k in held if stored.get(k) != held[k]]
        wrong += [f"a reading of no register: {key}" for key in stored.keys() - held.keys()]
        rows = await sandbox.rows("offset_purchaser", COMPLETE)
        wrong += [
            f"{row['topic']}[{row['partition']}] epoch {row['log_epoch']}: {row['stored']} of {row['counted']} events"
            for row in rows
            if row["stored"] != row["counted"]
        ]
        known = {(row["topic"], row["partition"]) for row in rows}
        expected = {(sandbox.prefix + topic, number) for topic in TOPICS.values() for number in (0, 1)}
        return wrong + [f"no progress of {place}" for place in sorted(expected - known)]

    try:
        await until(differences, lambda wrong: not wrong, seconds_max=40)
    except AssertionError:
        wrong = await differences()
        return [f"purchaser: {text}" for text in wrong[:20]] + [f"and {len(wrong) - 20} more"] * (len(wrong) > 20)
    return []


def _shown(row: dict[str, Any]) -> tuple[int, ...]:
    return (row["events"], row["late"], row["revision"], row["through_offset"])
