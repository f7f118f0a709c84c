"""A stored shipment's explanation can be worked out again by another program, step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tests.unit.delivery.test_assess import of

from delivery_emissions.channel import MEASURES
from delivery_emissions.explain import explain
from delivery_emissions.methods import METHODS
from shared.explain import steps_from_json
from shared.readings import detail_text
from shared.schedule import default_schedule
from shared.trail import replay


def test_the_steps_of_a_stored_shipment_name_their_factors_and_replay_to_its_grams() -> None:
    found = of(weight_g=3000, volume_cm3=12000, category="cultural", delivery_option="home")
    row = {
        **{"shipment_id": "S-1", "status": "shipped", "country": "FR", "payer": "", "explanation": {}},
        **{"topic": "shipments", "partition": 0, "record_offset": 7},
        "quarter": datetime(2026, 11, 27, tzinfo=UTC),
        "detail": detail_text(found.detail),
        "activity": [found.activity.get(name, 0) for name in MEASURES],
    }

    answer = explain(row, METHODS, default_schedule())

    steps = steps_from_json(answer["trail"])
    assert replay(steps)["central"] == Decimal(answer["emissions_g"]["central"])
    assert {step.factor for step in steps if step.op == "factor"} <= set(answer["factors"])
    assert all(step.factor for step in steps if step.op == "factor")
