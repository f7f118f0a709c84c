"""Folding many rows at once adds what folding each of them adds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.meter.channel import Channel
from traffic_meter.channels import CHANNELS
from traffic_meter.channels.site import SITE

FIELDS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["view", "asset", "engagement"]), "device": st.sampled_from(["laptop", "tv", "bot"])},
    optional={
        "country": st.sampled_from(["FR", None]),
        "bytes_transferred": st.sampled_from([0, 1, 2_000, None]),
        "dwell_ms": st.sampled_from([0, 7, None]),
        "hosting_country": st.sampled_from(["DE", None]),
    },
)


@given(events=st.lists(FIELDS, min_size=1, max_size=8))
def test_many_page_views_add_what_each_adds(events: list[dict[str, Any]]) -> None:
    sent = [{"event_id": str(n), "occurred_at": "2025-11-28T20:59:12Z", **event} for n, event in enumerate(events)]
    rows = SITE.decoder().rows([json.dumps(event).encode() for event in sent])
    labels, measures = SITE.columns([row for row in rows if row is not None])
    each = [SITE.fold(event) for event in sent] if SITE.fold else []
    texts = [tuple(value or "" for value in one) for one in zip(*labels, strict=True)]
    assert texts == [one.labels for one in each]
    assert list(zip(*measures, strict=True)) == [one.measures for one in each]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_channel_fills_only_fields_that_its_event_may_lack(channel: Channel) -> None:
    assert all(not channel.event.model_fields[name].is_required() for name in channel.filled)
