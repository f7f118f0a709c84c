"""`make smoke`: a small campaign through the running system, from the outside ports to the document.

Its shop and campaign are new each time and its events belong to the day before yesterday, so no other campaign is
touched; the campaign file is as before afterwards. Only in rehearsal mode: a live purchaser would buy.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import yaml

from demo.campaign import COMPANY
from demo.campaign_file import CampaignFile
from demo.records import TOPIC_SETTINGS, Record
from demo.send import end_offsets, send_records
from shared.errors import OffsetsError
from shared.settings import TopicSettings
from tests.container.compose import HTTP, ROOT, Compose, wait_for

EVENTS = {"site": 200, "email": 50, "ads": 50, "delivery": 20}
BODIES: dict[str, dict[str, Any]] = {
    "site": {"kind": "view", "device": "desktop", "bytes_transferred": 2_000_000},
    "email": {"kind": "marketing", "recipients": 1_000, "bytes": 75_000},
    "ads": {"format": "display", "impressions": 1_000, "payload_bytes": 150_000, "buying": "direct"},
    "delivery": {
        "status": "created",
        "weight_g": 400,
        "origin": {"country": "FR", "postal_code": "75011"},
        "destination": {"country": "FR", "postal_code": "69001"},
        "carrier": "colissimo",
    },
}


def records(shop: str, moment: datetime, now_ms: int) -> Iterator[Record]:
    """Every event once, all at one moment of the campaign's day."""
    for setting, (channel, number) in zip(TOPIC_SETTINGS, EVENTS.items(), strict=True):
        for n in range(number):
            event_id = f"{shop}-{channel}-{n}"
            event = {"event_id": event_id, "occurred_at": moment.isoformat(), "shop": shop, "country": "FR"}
            if channel == "delivery":
                event |= {"shipment_id": event_id, "ordered_at": moment.isoformat()}
            yield Record(setting, event_id.encode(), json.dumps(event | BODIES[channel]).encode(), now_ms)


def campaign(name: str, day: datetime) -> dict[str, Any]:
    """A campaign of one day and one shop, due long ago; what arrives late is bought all the same."""
    return {
        "id": name,
        "name": "Smoke test",
        "legal_entity": COMPANY,
        "shops": [name],
        "zone": "UTC",
        "first_day": day.date(),
        "last_day": day.date(),
        "channels": list(EVENTS),
        "late_unprovable": "buy",
        "true_up_days": 0,
        "wait_at_most": "3650d",
        "legs": [{"provider": "sandbox", "price_per_tonne": 22.00, "currency": "EUR"}],
    }


def run(compose: Compose) -> dict[str, Any]:
    """Send, settle, compare; returns the campaign day of the purchaser's report. Raises ``AssertionError``."""
    # Of the container, not of .env: a variable of the shell that started it stands above the file.
    mode = compose.run("offset-purchaser", "printenv", "PURCHASER_MODE").strip()
    if mode != "rehearsal":
        raise AssertionError(f"the purchaser is {mode}: a smoke test would buy. Set PURCHASER_MODE=rehearsal, make up")
    for service in HTTP:
        wait_for(f"{service} ready", lambda name=service: _healthy(compose, name))  # type: ignore[misc]
    now = datetime.now(UTC)
    name, day = f"smoke-{now:%Y%m%d-%H%M%S}", now - timedelta(days=2)
    before = compose.campaigns.read_bytes()
    others = yaml.safe_load(before)
    topics = TopicSettings()
    file = CampaignFile(compose.campaigns, [campaign(name, day)], topics)
    try:
        file.write(opens_after=None)
        _add(compose, others)
        asyncio.run(send_records(compose.kafka, topics, records(name, day, int(time.time() * 1000))))
        ends = asyncio.run(end_offsets(compose.kafka, [topics.name(setting) for setting in TOPIC_SETTINGS]))
        file.write(opens_after=ends)
        _add(compose, others)
        found: dict[str, Any] = {}

        def complete() -> bool:
            days = [entry for entry in compose.report()["days"] if entry["campaign"] == name]
            found.update(days[0] if days else {})
            return bool(days) and all(s["state"] == "complete" for s in found["settlements"])

        wait_for("the settlement complete", complete, 180)
    finally:
        compose.campaigns.write_bytes(before)
    events = {channel: entry["events"] for channel, entry in found["channels"].items()}
    assert events == EVENTS, f"sent {EVENTS}, counted {events}"
    return found


def _healthy(compose: Compose, service: str) -> bool:
    return httpx.get(compose.url(service, "/health/ready"), timeout=10).status_code == 200


def _add(compose: Compose, others: Mapping[str, Any]) -> None:
    """Put the other campaigns beside the smoke test's, for as long as it runs."""
    own = yaml.safe_load(compose.campaigns.read_bytes())
    both = dict(others) | {"campaigns": [*others["campaigns"], *own["campaigns"]]}
    compose.campaigns.write_text(yaml.safe_dump(both, sort_keys=False, allow_unicode=True))


def main() -> None:
    """`make smoke`; ends with a sentence where the system is not up and where something did not happen."""
    if not (ROOT / ".env").exists():
        sys.exit("There is no .env here, so nothing was started: make up, then make smoke.")
    if shutil.which("docker") is None:
        sys.exit("make smoke asks the running containers through the command docker, which is not on the PATH.")
    compose = Compose.of_make_up()
    if "offset-purchaser" not in compose.command("ps", "--services", "--status", "running", check=False).split():
        sys.exit("The purchaser does not run: make up, then make smoke. What is there: docker compose ps --all")
    try:
        settlement = run(compose)["settlements"][0]
    except (AssertionError, OffsetsError, subprocess.TimeoutExpired) as error:
        sys.exit(f"The smoke test failed: {error}")
    sys.stdout.write(
        f"All services are ready. {sum(EVENTS.values())} events counted once, {settlement['quantity_g']} g bought "
        f"for {settlement['amount']} {settlement['currency']}, document {settlement['document']}.\n"
    )


if __name__ == "__main__":
    main()
