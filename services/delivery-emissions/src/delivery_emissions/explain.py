"""Why this number: a shipment's newest state, what was assumed, and the method's steps to its grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from delivery_emissions.channel import MEASURES
from shared.errors import Rejected
from shared.estimate import ChannelName, Estimate, Method, Subject
from shared.explain import step_json
from shared.factors import load_factor_set
from shared.readings import detail_labels
from shared.schedule import MethodSchedule, choose_method
from shared.units import decimal_text


def explain(row: Mapping[str, Any], methods: Sequence[Method], schedule: MethodSchedule) -> dict[str, Any]:
    """A stored shipment as JSON-able explanation. Raises ``Rejected`` when no method accepts what it is booked as."""
    head = {
        "shipment_id": row["shipment_id"],
        "status": row["status"],
        "booked": bool(row["detail"]),
        "day_from": row["quarter"].isoformat(),
        "country": row["country"],
        "paid_by": row["payer"] or None,
        "record": f"{row['topic']}[{row['partition']}]@{row['record_offset']}",
        "assessment": row["explanation"],
    }
    if not row["detail"]:
        return {**head, "emissions_g": {"low": "0", "central": "0", "high": "0"}}
    subject = Subject(row["country"], detail_labels(row["detail"]))
    entry = schedule.entry_for(ChannelName.DELIVERY, row["quarter"].date())
    method = choose_method(entry, methods, subject)
    if method is None:
        raise Rejected(f"no scheduled method accepts {row['detail']}", field="method")
    activity = dict(zip(MEASURES, row["activity"], strict=True))
    factors = load_factor_set(row.get("restated_with") or entry.factor_set)
    return {**head, **_estimate(method.estimate(subject, activity, factors))}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    grams = estimate.emissions_g
    return {
        "emissions_g": {name: decimal_text(getattr(grams, name)) for name in ("low", "central", "high")},
        "segments_g": {name: decimal_text(value) for name, value in estimate.segments_g.items()},
        "method": f"{estimate.method} {estimate.method_version}",
        "factor_set": estimate.factor_set,
        "factor_set_sha256": estimate.factor_set_sha256,
        "factors": list(estimate.factors),
        "flags": list(estimate.flags),
        "data_quality": estimate.data_quality,
        "trail": [step_json(step) for step in estimate.trail],
    }
