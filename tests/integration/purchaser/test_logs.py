"""What the purchaser writes about people: nothing, whatever they put into messages, requests, files and mail."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from typing import Any

import httpx
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.process import Purchaser, publish
from tests.mailbox import mail_server
from tests.support import until

from local_stack import LocalStack

PEOPLE = ("Jane", "Roe", "roe@", "Rue de la Paix", "75002", "Zoë", "Müller", "Hauptstraße", "+33 6 12")
CAMPAIGNS = CAMPAIGN.replace("2026-11-27", "2026-11-20").replace(
    "    party: {name: Exemple SAS, address_lines: [1 rue], country: FR}",
    "    documents_to: [jane.roe@example.com]\n"
    "    party: {name: Jane Roe SAS, address_lines: [12 Rue de la Paix, 75002 Paris], country: FR}",
)
HELD = """\
  - id: held
    name: Zoë Müller's own sale
    legal_entity: retail-fr
    shops: [DE]
    zone: Europe/Paris
    first_day: 2026-11-20
    last_day: 2026-11-20
    channels: [site]
    grace: 6h
    true_up_days: 0
    caps: {per_day_t: 0.5}
    legs: [{provider: sandbox, price_per_tonne: 22, currency: EUR}]
"""
STRANGE = (
    b"Jane Roe, jane.roe@example.com",
    '{"schema_version": 1, "topic": "Zoë Müller", "channel": "75002"}'.encode(),
    b'{"kind": "reading", "shop": "12 Rue de la Paix", "events": "Jane Roe"}',
    b"\xff\xfeJ\x00a\x00n\x00e\x00",
    None,
)
"""Messages on meter-readings that are no readings."""
MAKE_KEY = ("keys", "create", "--role", "admin", "--name", "Jane Roe")
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/lines", {"campaign": "bf", "text": "Jane Roe", "evidence": "Zoë Müller, Hauptstraße 5"}),
    ("POST", "/v1/webhooks", {"url": "https://jane.roe@example.com/75002", "events": ["Jane Roe"]}),
    ("POST", "/v1/orders/Jane Roe/resolve", {"rejected": True, "reason": "Zoë Müller called, +33 6 12"}),
    ("POST", "/v1/settlements/bf/2026-11-20/9/release", {"without": ["75002"], "reason": "Jane Roe"}),
    ("GET", "/v1/campaigns/Zoë Müller/days/75002", None),
    ("GET", "/v1/orders?state=Jane%20Roe&campaign=Müller", None),
    ("DELETE", "/Jane Roe/Rue de la Paix", None),
)


async def test_no_name_address_or_word_of_a_person_reaches_the_log_and_every_line_is_json(
    purchaser: Purchaser, stack: LocalStack
) -> None:
    (purchaser.folder / "campaigns.yaml").write_text(CAMPAIGNS + HELD)
    topic, at = purchaser.prefix + "site-traffic", reading().quarter.replace(day=20)
    with mail_server() as box:
        box.answers += ["450 <jane.roe@example.com> is away", "550 <jane.roe@example.com>: Jane Roe has left"]
        purchaser.environment |= {
            "LOG_LEVEL": "debug",
            "PURCHASER_SMTP_URL": box.url,
            "PURCHASER_SMTP_FROM": "zoe.mueller@example.de",
            "PURCHASER_RETRY_FIRST_S": "0.5",
        }
        purchaser.start()
        purchaser.wait_ready()
        bought = reading(10, 1_000_000, topic=topic, quarter=at)
        held = reading(10, 1_000_000, topic=topic, quarter=at, shop="DE")
        await publish(stack, purchaser.prefix + "meter-readings", *STRANGE, bought, held, progress(20, topic=topic))
        secret = await asyncio.to_thread(purchaser.command, *MAKE_KEY)
        headers = {
            "Authorization": f"Bearer {secret.strip()}",
            "User-Agent": "Jane Roe",
        }
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{purchaser.port}", headers=headers) as client:
            await requests(client)
        await until(lambda: asyncio.to_thread(_events, purchaser), lambda found: "document refused" in found)
    (purchaser.folder / "campaigns.yaml").write_text(CAMPAIGNS + "  - {id: Jane Roe, shops: 75002, zone: Zoë Müller}\n")
    events = await until(lambda: asyncio.to_thread(_events, purchaser), lambda found: "campaign file refused" in found)
    assert purchaser.end(signal.SIGTERM) < 5
    assert events >= {
        "unreadable messages",
        "order held",
        "order closed",
        "document not delivered yet",
        "document issued",
    }
    text = (purchaser.folder / "purchaser.log").read_text()
    assert [
        line for word in PEOPLE for line in text.splitlines() if word in line or json.dumps(word)[1:-1] in line
    ] == []
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["service"] for line in lines} == {"offset-purchaser"}
    unreadable = [line for line in lines if line["event"] == "unreadable messages"]  # one a batch
    assert unreadable[0]["first"] == f"{purchaser.prefix}meter-readings/0/0"
    assert {line["campaign"] for line in lines if line["event"] in ("settlements frozen", "document issued")} == {
        "bf",
        "held",
    }


async def requests(client: httpx.AsyncClient) -> None:
    """A held order that a person cancels, and requests that fail in every way."""

    async def held() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await client.get("/v1/orders?state=held")).json().get("items", [])
        return found

    (order,) = await until(held, lambda found: len(found) == 1)
    body = {"reason": "Zoë Müller wrote: Jane Roe, 75002, no longer wants it"}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    done = await client.post(f"/v1/orders/{order['order_id']}/cancel", json=body, headers=key)
    assert done.status_code == 200, done.text
    for method, path, content in REQUESTS:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = await client.request(method, path, json=content, headers=key)
        assert 400 <= answer.status_code < 500, (path, answer.text)
    for content in (b"{Jane Roe", b"\xff\xfe", "Zoë".encode()):
        answer = await client.post("/v1/lines", content=content, headers={"Idempotency-Key": str(uuid.uuid4())})
        assert 400 <= answer.status_code < 500


def _events(purchaser: Purchaser) -> set[str]:
    text = (purchaser.folder / "purchaser.log").read_text()
    return {json.loads(line)["event"] for line in text.splitlines() if line.startswith("{") and line.endswith("}")}
