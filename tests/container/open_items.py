"""What a good campaign leaves empty: a running day, a held order, one without its certificate, a day that waits.

Sent and bought after the measured campaign is complete, so that every panel and every rule has something to show.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import yaml

from demo.campaign import BLACK_FRIDAY
from demo.campaign_file import CampaignFile
from demo.records import TOPIC_SETTINGS, Record
from demo.send import end_offsets, send_records
from shared.settings import TopicSettings
from tests.container.compose import Compose, wait_for
from tests.container.smoke import BODIES, campaign, records

SUPPLIER = {"name": "Partner", "address_lines": ["1 street"], "country": "FR"}


def campaigns(before: datetime, today: date) -> list[dict[str, Any]]:
    """Four campaigns of one shop each, named like it; the first runs today and tomorrow."""
    running = campaign("running", before) | {"first_day": today, "last_day": today + timedelta(days=1)}
    leg = {"provider": "manual", "buy": "per_day", "price_per_tonne": 30.00, "currency": "EUR", "supplier": SUPPLIER}
    return [
        running | {"expected": {"site": {"events_per_day": 1}}, "caps": {"per_day_t": 1, "per_campaign_t": 1}},
        campaign("held", before) | {"caps": {"per_day_t": 0.000001}},
        campaign("by-hand", before) | {"legs": [leg]},
        campaign("waiting", before) | {"expected": {"site": {"events_per_day": 1_000_000}}},
    ]


def mailing(shop: str, moment: datetime, stamp: int) -> Iterator[Record]:
    """Forty million e-mails: tonnes, because a partner without an API sells whole ones."""
    for n in range(40):
        event_id = f"{shop}-mailing-{n}"
        event = {"event_id": event_id, "occurred_at": moment.isoformat(), "shop": shop, "country": "FR"}
        event |= BODIES["email"] | {"recipients": 1_000_000}
        yield Record("emails_sent", event_id.encode(), json.dumps(event).encode(), stamp)


def leave_open(compose: Compose) -> None:
    """Send, and wait until each is where it stays."""
    now, topics = datetime.now(UTC), TopicSettings()
    before, stamp = now - timedelta(days=2), int(time.time() * 1000)
    moments = {"running": now, "held": before, "by-hand": before, "waiting": before}
    sent = chain.from_iterable(records(shop, moment, stamp) for shop, moment in moments.items())
    asyncio.run(send_records(compose.kafka, topics, chain(sent, mailing("by-hand", before, stamp))))
    ends = asyncio.run(end_offsets(compose.kafka, [topics.name(setting) for setting in TOPIC_SETTINGS]))
    file = CampaignFile(compose.campaigns, [BLACK_FRIDAY, *campaigns(before, now.date())], topics)
    file.write(opens_after=ends)
    wait_for("an order held by its cap", lambda: _orders(compose, "held", "held"))
    wait_for("an order placed by hand", lambda: _orders(compose, "by-hand", "placed"))


def order_later(compose: Compose) -> None:
    """What a backup made now does not know: the partner's confirmation, and another order by hand."""
    topics, stamp = TopicSettings(), int(time.time() * 1000)
    before = datetime.now(UTC) - timedelta(days=2)
    asyncio.run(send_records(compose.kafka, topics, mailing("by-hand-later", before, stamp)))
    content = yaml.safe_load(compose.campaigns.read_bytes())
    (first,) = [entry for entry in content["campaigns"] if entry["id"] == "by-hand"]
    ends = asyncio.run(end_offsets(compose.kafka, [topics.name("emails_sent")]))
    marks = [{"topic": t, "partition": p, "offset": n} for t, by in ends.items() for p, n in by.items()]
    later = first | {"id": "by-hand-later", "shops": ["by-hand-later"], "channels": ["email"], "opens_after": marks}
    content["campaigns"].append(later)
    compose.campaigns.write_text(yaml.safe_dump(content, sort_keys=False))
    (order,) = _orders(compose, "by-hand", "placed")
    compose.run(
        *("offset-purchaser", "offset-purchaser", "orders", "confirm", order["order_id"]),
        *("--reference", "GP-1", "--by", "anna"),
    )
    wait_for("the confirmed order", lambda: _orders(compose, "by-hand", "confirmed"))
    wait_for("the later order", lambda: _orders(compose, "by-hand-later", "placed"))


def _orders(compose: Compose, name: str, state: str) -> list[dict[str, Any]]:
    command = ("offset-purchaser", "orders", "list", "--campaign", name, "--state", state, "--json")
    found: list[dict[str, Any]] = json.loads(compose.run("offset-purchaser", *command))
    return found
