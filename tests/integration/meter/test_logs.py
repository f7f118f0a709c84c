"""What a meter writes about events that hold more than they should: where they were, never what they said."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
from tests.integration.meter.test_meters import counted, parcel, view
from tests.support import Message, Sandbox, encoded, until

PERSONAL = ("jane@example.com", "203.0.113.7", "Rue de la Paix", "session-4711", "Jane Roe")


async def test_the_log_names_topic_partition_and_offset_of_bad_records_and_nothing_personal(sandbox: Sandbox) -> None:
    sandbox.prepare("traffic-meter")
    more = {"session_id": "session-4711", "page": "/Rue de la Paix"}
    bad: list[Message] = [
        view(1, device="jane@example.com", **more),
        view(2, bytes_transferred="203.0.113.7", **more),
        ("site-traffic", b"Jane Roe", b"Jane Roe, jane@example.com", None),
    ]
    await sandbox.send([view(0, **more), *bad])
    process = sandbox.start("traffic-meter", LOG_LEVEL="debug")
    await counted(sandbox, "traffic_meter", "site-traffic", 4)
    assert sandbox.stop(process) == 0
    text = next(sandbox.folder.glob("traffic-meter-*.log")).read_text()
    assert [word for word in PERSONAL if word in text] == []
    password = urlsplit(sandbox.dsn("traffic_meter")).password
    assert password
    assert password not in text
    lines = [json.loads(line) for line in text.splitlines()]
    letters = [line for line in lines if line["event"] == "records not counted, the first at"]
    assert {line["field"] for line in letters} == {"device", "bytes_transferred", "unreadable"}
    for line in letters:
        assert line["topic"] == sandbox.prefix + "site-traffic"
        assert (line["partition"] in (0, 1), line["offset"] >= 0, line["service"]) == (True, True, "traffic-meter")


PEOPLE = (
    *("Jane", "Roe", "jane.roe@example.com", "12 Rue de la Paix", "75002", "+33 6 12 34 56 78"),
    *("Zoë", "Müller", "Hauptstraße 5", "10115", "zoe@example.de", "203.0.113.7", "Dupont", "FR7630006000011"),
)
"""Of recipients: names, addresses, telephone and account numbers, postal codes."""


def personal_parcels() -> list[Message]:
    """Shipments as senders who know no better fill them: unknown fields, free ones, ids, keys, broken bytes."""
    more = {
        "recipient": {"name": "Jane Roe", "street": "12 Rue de la Paix", "email": "jane.roe@example.com"},
        "phone": "+33 6 12 34 56 78", "iban": "FR7630006000011234567890189",
    }  # fmt: skip
    free = {"order_id": "Zoë Müller", "seller_id": "Dupont", "carrier": "Dupont Hauptstraße 5", "mode": "Zoë",
            "service": "for Jane Roe", "category": "zoe@example.de", "offset_reference": "Jane Roe, 75002"}  # fmt: skip
    place = {"country": "DE", "postal_code": "10115", "city": "Zoë Müller"}
    wrong: list[dict[str, Any]] = [
        {"weight_g": "Jane Roe"},
        {"status": "jane.roe@example.com"},
        {"destination": {"country": "12 Rue de la Paix", "postal_code": "75002"}},
        {"destination": {"country": "FR", "postal_code": ["75002", "Jane Roe"]}},
        {"destination": "Zoë Müller, Hauptstraße 5, 10115"},
        {"occurred_at": "Jane Roe"},
        {"event_id": {"name": "Jane Roe"}},
        {"return_of": "Jane Roe" * 200},
        {"air": "203.0.113.7"},
    ]
    found: list[Message] = []
    for n, values in enumerate([more, free, {"destination": place, "origin": place}, *wrong] * 4):
        topic, key, value, _ = parcel(n, 1, "created", 400)
        event = json.loads(value or b"") | more | values
        found.append((topic, key if n % 2 else b"Jane Roe 75002 %d" % n, encoded(event), None))
    broken = ["{Jane Roe, jane.roe@example.com", '{"recipient": "Zoë Müller"', "Dupont;75002", '["Jane Roe"]', '"Jane"']
    found += [("shipments", b"Jane Roe %d" % n, text.encode(), None) for n, text in enumerate(broken * 4)]
    return [*found, *found[:20], ("shipments", "Zoë".encode(), b"\xff\xfeJ\x00a\x00n\x00e\x00", None)]


async def test_two_delivery_meters_log_every_line_as_json_with_positions_and_no_word_of_the_recipients(
    sandbox: Sandbox,
) -> None:
    sandbox.prepare("delivery-emissions")
    await sandbox.send(personal_parcels())
    key = "e" * 40
    levels = ("debug", "info")
    processes = [sandbox.start("delivery-emissions", LOG_LEVEL=level, EXPLAIN_KEY=key) for level in levels]
    await counted(sandbox, "delivery_emissions", "shipments", len(personal_parcels()))
    balance = await sandbox.balance("delivery_emissions", "shipments")
    assert balance["counted"] >= 12
    assert balance["rejected"] >= 50
    port = await until(lambda: asyncio.to_thread(sandbox.port, 0, "delivery-emissions"), lambda found: found > 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for path in ("/v1/explanations?shipment_id=Jane Roe", "/Jane Roe/75002", "/v1/explanations?Dupont=10115"):
            await client.get(path, headers={"Authorization": f"Bearer {key}", "User-Agent": "Jane Roe"})
    assert [sandbox.stop(process) for process in processes] == [0, 0]
    lines: list[dict[str, Any]] = []
    for path in sandbox.folder.glob("delivery-emissions-*.log"):
        text = path.read_text()
        assert [word for word in PEOPLE if word in text or json.dumps(word)[1:-1] in text] == [], path.name
        assert key not in text
        lines += [json.loads(line) for line in text.splitlines()]
    letters = [line for line in lines if line["event"] == "records not counted, the first at"]
    assert {"weight_g", "status", "destination", "occurred_at", "event_id"} <= {
        line["field"].partition(".")[0] for line in letters
    }
    for line in letters:
        assert (line["service"], line["topic"]) == ("delivery-emissions", sandbox.prefix + "shipments")
        assert line["partition"] in (0, 1)
        assert line["offset"] >= 0
