"""What people see and decide through the API: the same handlers as the commands, with the key's name as the actor."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.integration.purchaser.calling import Api, Caller, reasons
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import SellerThread, World, everything

from offset_purchaser.documents.dossier_check import verify_dossier
from offset_purchaser.handlers.people import Confirmation, confirm_order
from offset_purchaser.keys import Role
from shared.clock import system_clock

SETTLEMENT = "/v1/settlements/bf/2026-11-27/1"
TWO_PEOPLE = CAMPAIGN + "    approval: {above_amount: 10, people: 2}\n"
ADS = CAMPAIGN.replace("channels: [site]", "channels: [site, ads]").replace("true_up_days: 0", "true_up_days: 1")
SUPPLIER = "{name: GoodPlanet, address_lines: [1 allee], city: Paris, country: FR, vat_id: FR00000000000}"
MANUAL = CAMPAIGN.replace("provider: sandbox", f"provider: manual, buy: per_day, supplier: {SUPPLIER}")
SELF_BILLED = CAMPAIGN.replace(
    "currency: EUR",
    "currency: EUR, document: self_billed, vat: {category: S, rate: 20, exemption_text: ''}, "
    f"agreement: {{reference: A-1, signed_on: 2026-01-05}}, supplier: {SUPPLIER}",
)


ANSWER = {
    "reference": "GP-1",
    "progress": "confirmed",
    "filled_g": 2_000_000,
    "price_per_tonne": "22",
    "currency": "EUR",
    "amount": "44.00",
}


def upload(name: str, content: bytes) -> dict[str, str]:
    return {"filename": name, "content": base64.b64encode(content).decode()}


async def bought(api: Api, text: str = CAMPAIGN, grams: int = 1_000_000) -> Caller:
    await api.world.campaigns(text)
    await api.world.feed(reading(grams=grams), progress())
    await everything(api.world)
    return await api.caller(Role.APPROVE)


async def the_order(anna: Caller) -> dict[str, Any]:
    page = (await anna.get("/v1/orders")).json()
    assert page["total"] == 1
    found: dict[str, Any] = page["items"][0]
    return found


async def test_a_settled_day_can_be_followed_to_its_papers(api: Api, tmp_path: Path) -> None:
    anna = await bought(api)
    page = (await anna.get("/v1/settlements", params={"campaign": "bf", "state": "complete"})).json()
    assert [(e["quantity_g"], e["amount"], e["document"]) for e in page["items"]] == [
        (1_000_000, "22.00", "R-ST-RETAIL-FR-2026-00001")
    ]
    assert (await anna.get("/v1/settlements", params={"state": "held"})).json()["items"] == []
    one = (await anna.get(SETTLEMENT)).json()
    assert (one["state"], one["frozen"]["owed_g"], len(one["legs"]), len(one["orders"])) == (
        "complete",
        1_000_000,
        1,
        1,
    )
    assert "request" not in one["orders"][0]
    proof = (await anna.get(f"{SETTLEMENT}/verification")).json()
    assert proof["same"] is True
    assert {"what": "owed g", "stored": "1000000", "recomputed": "1000000", "same": True} in proof["checks"]
    order = await the_order(anna)
    assert (order["state"], order["amount"], order["certified"]) == ("confirmed", "22.00", True)
    certificate = (await anna.get(f"/v1/orders/{order['order_id']}/certificates")).json()[0]
    file = await anna.get(f"/v1/orders/{order['order_id']}/certificates/{certificate['sha256']}")
    assert hashlib.sha256(file.content).hexdigest() == certificate["sha256"]
    document = (await anna.get("/v1/documents")).json()["items"][0]
    page_ = await anna.get(f"/v1/documents/{document['number']}/pdf")
    assert hashlib.sha256(page_.content).hexdigest() == document["sha256"]
    assert page_.headers["content-disposition"] == f'attachment; filename="{document["filename"]}"'
    assert (await anna.get(f"/v1/documents/{document['number']}/xml")).status_code == 404
    audit = await anna.get(f"{SETTLEMENT}/dossier")
    path = tmp_path / "audit.zip"
    path.write_bytes(audit.content)
    assert all(finding.ok for finding in verify_dossier(path))
    assert "settlement.json" in zipfile.ZipFile(io.BytesIO(audit.content)).namelist()


async def test_a_self_billed_invoice_gives_its_structured_part(api: Api) -> None:
    anna = await bought(api, SELF_BILLED)
    number = (await anna.get("/v1/documents")).json()["items"][0]["number"]
    xml = await anna.get(f"/v1/documents/{number}/xml")
    assert (xml.status_code, xml.headers["content-type"]) == (200, "application/xml")
    assert b"CrossIndustryInvoice" in xml.content
    assert number.encode() in xml.content


async def test_what_has_not_frozen_has_no_proof_and_no_audit_file(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    anna = await api.caller(Role.READ)
    for path in (f"{SETTLEMENT}/verification", f"{SETTLEMENT}/dossier", "/v1/settlements/bf/2026-11-27/9"):
        assert (await anna.get(path)).status_code == 404


async def test_two_approvals_are_two_names_however_many_keys_a_person_has(api: Api) -> None:
    anna = await bought(api, TWO_PEOPLE)
    order = await the_order(anna)
    path = f"/v1/orders/{order['order_id']}/approve"
    assert order["state"] == "held"
    first = await anna.post(path, {})
    assert [approval["by"] for approval in first.json()["approvals"]] == ["Anna"]
    again = await (await api.caller(Role.ADMIN, "anna")).post(path, {})
    assert (again.status_code, again.json()["detail"]) == (
        409, f"anna has approved order {order['order_id']} already; a second approval needs a second person",
    )  # fmt: skip
    await everything(api.world)
    assert (await the_order(anna))["state"] == "held"
    assert (await (await api.caller(Role.APPROVE, "Ben")).post(path, {})).status_code == 200
    await everything(api.world)
    assert (await the_order(anna))["state"] == "confirmed"


async def test_a_release_names_the_key_and_stands_on_the_settlement(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN)
    await api.world.feed(reading())
    await everything(api.world)
    anna = await api.caller(Role.APPROVE)
    body = {"without": ["site-traffic"], "reason": "the meter is gone"}
    assert (await anna.post(f"{SETTLEMENT}/release", body)).json()["by"] == "Anna"
    await everything(api.world)
    one = (await anna.get(SETTLEMENT)).json()
    assert one["frozen"]["gaps"][0]["by"] == "Anna"
    late = await anna.post(f"{SETTLEMENT}/release", body)
    assert (late.status_code, late.json()["detail"]) == (
        409, "settlement 1 of 2026-11-27 in campaign bf is not waiting or held",
    )  # fmt: skip


async def test_a_partners_order_is_confirmed_and_certified_by_people(api: Api) -> None:
    anna = await bought(api, MANUAL)
    order = await the_order(anna)
    path = f"/v1/orders/{order['order_id']}"
    assert order["state"] == "placed"
    confirmed = await anna.post(f"{path}/confirm", {"reference": "GP-2026-17"})
    assert (confirmed.json()["state"], confirmed.json()["reference"]) == ("confirmed", "GP-2026-17")
    fields = {
        "reference": "C-1", "registry": "Gold Standard", "project_id": "GS1", "project": "Stoves", "vintage": "2025",
        "serial_first": "GS1-1", "serial_last": "GS1-1", "quantity_t": "1", "retired_on": str(system_clock().date()),
        "beneficiary": "Somebody else",
    }  # fmt: skip
    wrong = await anna.post(f"{path}/certificate", {"certificate": fields})
    assert (wrong.status_code, "not Exemple SAS" in wrong.json()["detail"]) == (409, True)
    body = {"certificate": fields | {"beneficiary": "Exemple SAS"}, "file": upload("c.pdf", b"%PDF certificate")}
    kept = await anna.post(f"{path}/certificate", body)
    assert [c["sha256"] for c in kept.json()] == [hashlib.sha256(b"%PDF certificate").hexdigest()]
    assert (await anna.get(path)).json()["certified"] is True


async def test_an_order_that_left_is_resolved_or_tried_again(api: Api) -> None:
    anna = await bought(api, MANUAL)
    path = f"/v1/orders/{(await the_order(anna))['order_id']}"
    refused = await anna.post(f"{path}/retry", {})
    assert (refused.status_code, "only refused or cancelled orders" in refused.json()["detail"]) == (409, True)
    bad = await anna.post(f"{path}/resolve", {"outcome": "bought", "reason": "mail"})
    assert bad.status_code == 422


async def test_a_line_counts_with_the_keys_name_as_its_author(api: Api) -> None:
    await api.world.campaigns(ADS)
    await api.world.feed(reading(grams=1000), progress(), progress(0, topic="ad-impressions", channel="ads"))
    anna = await api.caller(Role.APPROVE, "Anna Martin")
    body: dict[str, Any] = {
        "campaign": "bf", "day": "2026-11-27", "channel": "ads", "kg": "500", "high_kg": "800", "format": "ooh_poster",
        "description": "posters", "evidence": upload("report.pdf", b"%PDF evidence"),
    }  # fmt: skip
    line = (await anna.post("/v1/lines", body)).json()
    assert (line["author"], line["low_kg"], line["high_kg"]) == ("Anna Martin", "500", "800")
    evidence = await anna.get(f"/v1/lines/{line['line']}/evidence")
    assert (evidence.content, evidence.headers["content-disposition"]) == (
        b"%PDF evidence", 'attachment; filename="report.pdf"',
    )  # fmt: skip
    live = (await anna.get("/v1/campaigns/bf/days/2026-11-27")).json()
    assert live["emissions"]["channels"]["ads"]["emissions_g"]["central"] == "500000"
    for changes, field in (
        ({"kg": "0"}, "kg"), ({"kg": "NaN"}, "kg"), ({"channel": "tv"}, "channel"), ({"author": "Ben"}, "author"),
        ({"evidence": {"filename": "../x", "content": "eA=="}}, "evidence.filename"),
        ({"evidence": {"filename": "x", "content": "%%"}}, "evidence.content"),
        ({"description": "a\nb"}, "description"),
    ):  # fmt: skip
        answer = await anna.post("/v1/lines", body | changes)
        assert (answer.status_code, list(reasons(answer))) == (422, [field]), changes
    assert (await anna.post("/v1/lines", body | {"campaign": "none"})).status_code == 404
    taken = await anna.post(f"/v1/lines/{line['line']}/withdraw", {"reason": "the screens sent events"})
    assert (taken.json()["withdrawn_by"], taken.json()["withdrawn_reason"]) == (
        "Anna Martin", "the screens sent events",
    )  # fmt: skip
    assert (await anna.get("/v1/lines")).json()["total"] == 1


async def test_a_held_order_is_cancelled_by_the_keys_name_and_tried_again(api: Api) -> None:
    anna = await bought(api, TWO_PEOPLE)
    path = f"/v1/orders/{(await the_order(anna))['order_id']}"
    cancelled = await anna.post(f"{path}/cancel", {"reason": "called off"})
    assert (cancelled.json()["state"], cancelled.json()["reason"]) == ("cancelled", "cancelled by Anna: called off")
    again = await anna.post(f"{path}/retry", {})
    assert (await anna.get(f"/v1/orders/{again.json()['order_id']}")).json()["attempt"] == 2


async def test_unknown_things_are_not_found(api: Api) -> None:
    anna = await api.caller()
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (
        f"/v1/orders/{nobody}",
        "/v1/documents/R-1/pdf",
        f"/v1/lines/{nobody}/evidence",
        "/v1/campaigns/none/days",
    ):
        assert (await anna.get(path)).status_code == 404
    for what, body in (("approve", {}), ("retry", {}), ("confirm", {"reference": "x"})):
        assert (await anna.post(f"/v1/orders/{nobody}/{what}", body)).status_code == 404


async def test_who_decided_what_is_kept_with_the_key(api: Api) -> None:
    anna = await bought(api, TWO_PEOPLE)
    order = await the_order(anna)
    await anna.post(f"/v1/orders/{order['order_id']}/approve", {}, key="yes")
    rows = await api.world.pool.fetch("SELECT key_id, idempotency_key, path, status, body FROM api_requests")
    assert [(row["key_id"], row["idempotency_key"], row["status"]) for row in rows] == [(anna.key_id, "yes", 200)]
    assert json.loads(rows[0]["body"])["approvals"][0]["by"] == "Anna"


async def test_a_cancellation_without_an_answer_stays_with_the_order(
    api: Api, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASER_SANDBOX_URL", seller.url)
    seller.conduct(confirm_after_s=3600)
    anna = await bought(api)
    path = f"/v1/orders/{(await the_order(anna))['order_id']}"
    seller.stop()
    lost = await anna.post(f"{path}/cancel", {"reason": "called off"}, key="c1")
    assert lost.status_code == 502, lost.text
    order = (await anna.get(path)).json()
    assert order["state"] == "placed"
    assert [(one["asked_by"], one["reason"]) for one in order["cancellations"]] == [("Anna", "called off")]
    assert "gave no answer about cancelling" in order["cancellations"][0]["said"]
    again = await anna.post(f"{path}/cancel", {"reason": "called off"}, key="c2")
    assert again.status_code == 502
    assert len((await anna.get(path)).json()["cancellations"]) == 2


async def test_a_wrong_field_is_422_and_named(api: Api) -> None:
    anna = await bought(api, MANUAL, 2_000_000)
    path = f"/v1/orders/{(await the_order(anna))['order_id']}"
    line = {"campaign": "bf", "day": "2026-11-27", "channel": "site", "kg": "1", "description": "d"}
    line |= {"evidence": upload("e.pdf", b"%PDF")}  # type: ignore[dict-item]
    for wrong, field in (
        (anna.post(f"{path}/confirm", {"reference": "r", "filled_g": 2_000_001}), "filled_g"),
        (anna.post(f"{path}/confirm", {"reference": "r", "price_per_tonne": "22.01"}), "price_per_tonne"),
        (anna.post("/v1/lines", line | {"day": "2026-11-28"}), "day"),
        (anna.post("/v1/lines", line | {"channel": "email"}), "channel"),
        (anna.post("/v1/lines", line | {"low_kg": "2"}), "low_kg"),
        (anna.post("/v1/lines", line | {"high_kg": "0.5"}), "high_kg"),
        (
            anna.post(f"{path}/resolve", {"outcome": "bought", "reason": "r", "answer": ANSWER | {"currency": "USD"}}),
            "answer",
        ),
    ):
        answer = await wrong
        assert (answer.status_code, list(reasons(answer))) == (422, [field]), answer.text


async def test_a_provider_s_no_to_a_cancellation_is_409_and_stays_with_the_order(
    api: Api, seller: SellerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PURCHASER_SANDBOX_URL", seller.url)
    seller.conduct(confirm_after_s=3600)
    anna = await bought(api)
    path = f"/v1/orders/{(await the_order(anna))['order_id']}"
    seller.conduct(confirm_after_s=0.0)
    assert [order["progress"] for order in seller.orders()] == ["retired"]
    refused = await anna.post(f"{path}/cancel", {"reason": "called off"}, key="c1")
    assert refused.status_code == 409, (refused.text, seller.orders())
    assert "did not cancel" in (await anna.get(path)).json()["cancellations"][0]["said"]
    replayed = await anna.post(f"{path}/cancel", {"reason": "called off"}, key="c1")
    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (409, "true")
    assert len((await anna.get(path)).json()["cancellations"]) == 1


async def test_what_a_leg_s_credits_do_stands_where_neither_provider_nor_certificate_says_it(world: World) -> None:
    await world.campaigns(MANUAL.replace("provider: manual,", "provider: manual, effect: removal,"))
    await world.feed(reading(grams=2_000_000), progress())
    await everything(world)
    order = str(await world.pool.fetchval("SELECT order_id FROM orders"))
    await confirm_order(world.pool, order, Confirmation("GP-17"), by="Anna")
    await everything(world)
    content = await world.pool.fetchval("SELECT content FROM documents")
    assert json.loads(content)["lines"][0]["project"]["effect"] == "removal"
