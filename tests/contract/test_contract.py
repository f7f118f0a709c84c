"""The contract: no drift from its published form, no hidden input, limits that registers can hold."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from delivery_emissions.channel import DELIVERY
from shared import fields
from shared.events import SOURCE_EVENTS, AdImpressions, EmailSent, Shipment, SiteTraffic
from shared.factors import available_factor_sets, load_factor_set
from shared.inputs import CARRIED, LABELS, MEASURES
from tests.contract import generate
from traffic_meter.channels import CHANNELS

ALL = (*CHANNELS, DELIVERY)
MODELS: dict[str, type[BaseModel]] = {str(channel.name): channel.event for channel in ALL}
REGISTER_MAX = 2**63 - 1


@pytest.mark.parametrize("name", generate.files())
def test_the_published_contract_is_the_one_in_the_code(name: str) -> None:
    assert (generate.FOLDER / name).read_text() == generate.files()[name], "run: make schemas"


@pytest.mark.parametrize("channel", ALL, ids=lambda channel: str(channel.name))
def test_every_measure_comes_from_event_fields_or_a_named_default(channel: Any) -> None:
    sources = MEASURES[channel.name]
    assert tuple(sources) == channel.measures
    for source in sources.values():
        assert set(source.fields) <= set(channel.event.model_fields)
        for set_id in available_factor_sets():
            if source.default:
                assert load_factor_set(set_id).get(source.default).source


@pytest.mark.parametrize("channel", ALL, ids=lambda channel: str(channel.name))
def test_every_field_of_an_event_is_used_or_says_why_it_is_carried(channel: Any) -> None:
    used = {field for source in MEASURES[channel.name].values() for field in source.fields}
    assert set(channel.event.model_fields) - used - set(LABELS[channel.name]) - set(CARRIED) == set()


@pytest.mark.parametrize("model", SOURCE_EVENTS)
def test_ten_million_of_the_largest_value_fit_a_register(model: type[BaseModel]) -> None:
    text = json.dumps(model.model_json_schema())
    limits = [int(limit) for limit in re.findall(r'"maximum": (\d+)', text)]
    assert limits
    assert all(limit * 10**7 <= REGISTER_MAX for limit in limits)
    assert fields.PRODUCT_MAX * 10**7 <= REGISTER_MAX


BOOKING = {"format": "ooh_poster", "faces": 3, "days": 366, "area_cm2": 10}
BASE = {"event_id": "a", "occurred_at": "2025-11-28T20:59:12+01:00"}


@pytest.mark.parametrize(
    ("model", "change", "field"),
    [
        (SiteTraffic, {"kind": "view", "device": "tv", "occurred_at": "2025-11-28T20:59:12"}, "occurred_at"),
        (SiteTraffic, {"kind": "view", "device": "tv", "occurred_at": 1764363552}, "occurred_at"),
        (SiteTraffic, {"kind": "view", "device": "tv", "bytes_transferred": -1}, "bytes_transferred"),
        (SiteTraffic, {"kind": "view", "device": "tv", "bytes_transferred": 1.5}, "bytes_transferred"),
        (SiteTraffic, {"kind": "view", "device": "tv", "country": "France"}, "country"),
        (EmailSent, {"kind": "marketing", "recipients": 0, "bytes": 1}, "recipients"),
        (EmailSent, {"kind": "marketing", "recipients": 1, "bytes": 1, "read_share": 1.01}, "read_share"),
        (AdImpressions, {"format": "display"}, ""),
        (AdImpressions, {"format": "ooh_poster", "faces": 1, "days": 1, "area_cm2": 1}, ""),
        (Shipment, {"shipment_id": "s", "status": "created", "weight_g": -1}, "weight_g"),
        (Shipment, {"shipment_id": "s", "status": "lost"}, "status"),
        (Shipment, {"shipment_id": "s", "status": "created", "covered_by_shipment": "s"}, ""),
        (SiteTraffic, {"kind": "view", "device": "tv", "country": "UK"}, "country"),
        (EmailSent, {"kind": "marketing", "recipients": 1, "bytes": 1, "read_share": "0.5"}, "read_share"),
        (EmailSent, {"kind": "marketing", "recipients": 1, "bytes": 1, "read_share": True}, "read_share"),
        (AdImpressions, {"format": "display", "impressions": 1, "own_site": "yes"}, "own_site"),
        (AdImpressions, {**BOOKING, "starts_on": "9999-12-30"}, ""),
        (AdImpressions, {**BOOKING, "starts_on": "0001-01-01"}, ""),
        (Shipment, {"shipment_id": "s", "status": "created", "destination": {"city": "Lyon"}}, "destination"),
    ],
)
def test_a_wrong_value_is_rejected_with_its_field(model: type[BaseModel], change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps({**BASE, **change}))
    where = caught.value.errors()[0]["loc"]
    assert (where[0] if where else "") == field


def test_unknown_fields_are_ignored_and_absent_ones_have_their_stated_defaults() -> None:
    event = SiteTraffic.model_validate_json(
        '{"event_id":"a","occurred_at":"2025-11-28T20:59:12+01:00","kind":"view","device":"tv","colour":"red"}'
    )
    assert (event.shop, event.country, event.bytes_transferred, event.schema_version) == ("default", None, None, 1)
