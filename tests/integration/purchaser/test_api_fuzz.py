"""Every operation of the API, fuzzed from its own description over the real application on real tables."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.purchaser.calling import Api
from tests.integration.purchaser.feeding import CAMPAIGN, NOON, progress, reading
from tests.integration.purchaser.test_api_decisions import MANUAL, upload
from tests.integration.purchaser.world import World, everything, free_port

from offset_purchaser.api.app import roles
from offset_purchaser.keys import Role

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
"""For each of some 37 operations, with fitting and with unfitting data: about half a minute."""
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
STATES = {"confirmed", "held", "placed"}


@dataclass(frozen=True)
class Real:
    """What exists: identifiers by the name of the path parameter, and keys by role."""

    named: Mapping[str, Sequence[str]]
    documents: Sequence[str]
    keys: Sequence[str]

    def of(self, path: str, name: str, number: int) -> str | None:
        known = self.documents if name == "number" and "/documents/" in path else self.named.get(name, ())
        return known[number % len(known)] if known else None


def fuzz(schema: Any, base_url: str, real: Real) -> set[tuple[str, int]]:
    """Call every operation; returns what (operation, status) was seen."""
    seen: set[tuple[str, int]] = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @seed(20261127)
            @settings(
                max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(operation.as_strategy(generation_mode=mode), st.booleans(), st.integers(0, 10**9))
            def one(case: Any, existing: bool, number: int) -> None:
                label = case.operation.label
                wrong = [place for place in ParameterLocation if case.meta and case.meta.is_negative_at(place)]
                for name in case.path_parameters or {} if existing and ParameterLocation.PATH not in wrong else ():
                    case.path_parameters[name] = real.of(label, name, number) or case.path_parameters[name]
                headers = {"Authorization": f"Bearer {real.keys[number % len(real.keys)]}"}
                if case.method.upper() == "POST" and number % 5 and ParameterLocation.HEADER not in wrong:
                    headers["Idempotency-Key"] = f"{label.replace(' ', '')}-{number}"
                answer = case.call(base_url=base_url, headers=headers)
                # Where the header alone was wrong, ours may have mended it.
                refusing = [negative_data_rejection] if set(wrong) - {ParameterLocation.HEADER} else []
                case.validate_response(answer, checks=[*CHECKS, *refusing])
                seen.add((label, answer.status_code))

            one()
    return seen


async def some_of_everything(world: World) -> None:
    """Three campaigns: one bought, one whose order a person must allow, one whose partner has to answer."""
    lines = CAMPAIGN.split("campaigns:\n")[1]
    held = lines.replace("- id: bf", "- id: held").replace("[FR]", "[GB]") + "    approval: {above_amount: 10}\n"
    partner = MANUAL.split("campaigns:\n")[1].replace("- id: bf", "- id: partner").replace("[FR]", "[DE]")
    await world.campaigns(CAMPAIGN + "    expected_files: []\n" + held + partner)
    await world.feed(
        reading(grams=1_000_000), reading(grams=2_000_000, shop="GB"), reading(grams=3_000_000, shop="DE"), progress(30)
    )
    await everything(world)
    states = await world.pool.fetch("SELECT DISTINCT state FROM orders")
    assert {row["state"] for row in states} == STATES


async def test_no_operation_fails_and_every_answer_fits_the_description(api: Api) -> None:
    await some_of_everything(api.world)
    pool = api.world.pool
    keys = [await api.caller(role) for role in (Role.ADMIN, Role.APPROVE, Role.ADMIN, Role.READ)]
    line = {"campaign": "bf", "day": "2026-11-28", "channel": "site", "kg": "1", "description": "d"}
    await keys[0].post("/v1/lines", line | {"evidence": upload("e.pdf", b"%PDF")})  # type: ignore[dict-item]
    named = {
        "campaign": ["bf", "held", "partner"],
        "day": [NOON.date().isoformat()],
        "number": ["1"],
        "order_id": [row["id"] for row in await pool.fetch("SELECT order_id::text AS id FROM orders ORDER BY state")],
        "sha256": [await pool.fetchval("SELECT sha256 FROM certificates")],
    }
    documents = [row["number"] for row in await pool.fetch("SELECT number FROM documents")]
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(api.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    openapi = (await api.client.get("/v1/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(openapi)
    try:
        real = Real(named, documents, [key.secret for key in keys])
        seen = await asyncio.to_thread(fuzz, schema, f"http://127.0.0.1:{port}", real)
    finally:
        server.should_exit = True
        await serving
    assert {label for label, _ in seen} == {f"{m.upper()} {p}" for p, found in openapi["paths"].items() for m in found}
    assert not [found for found in seen if found[1] >= 500]
    read = {label for label, status in seen if status == 200}
    assert "GET /v1/campaigns/{campaign}/days/{day}" in read
    assert "GET /v1/orders/{order_id}" in read
    assert "GET /v1/documents/{number}/credits" in read
    assert await pool.fetchval("SELECT count(*) FROM orders WHERE order_id = ANY($1)", named["order_id"]) == 3


async def test_every_operation_asks_for_a_key_its_role_and_a_method_that_exists(api: Api) -> None:
    reader, approver = await api.caller(Role.READ), await api.caller(Role.APPROVE)
    for (method, path), role in roles().items():
        address = path.format_map(dict.fromkeys(("order_id", "endpoint_id", "line"), "0" * 32) | _PLACES)
        for headers in ({}, {"Authorization": f"Bearer {reader.secret}x"}, {"Authorization": "Basic YTpi"}):
            answer = await api.client.request(method, address, headers={**headers, "Idempotency-Key": "k"})
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer realm="), (method, path)
        for who, allowed in ((reader, role is Role.READ), (approver, role is not Role.ADMIN)):
            key = {"Authorization": f"Bearer {who.secret}", "Idempotency-Key": "k"}
            answer = await api.client.request(method, address, headers=key)
            assert (answer.status_code == 403) is not allowed, (method, path, role, answer.text)
        await _no_other_method(api, address, reader.secret)


_PLACES = {"campaign": "bf", "day": "2026-11-27", "number": "1", "sha256": "0" * 64, "sequence": "1"}


async def _no_other_method(api: Api, address: str, secret: str) -> None:
    for other in ("PUT", "PATCH", "DELETE"):
        answer: httpx.Response = await api.client.request(
            other, address, headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
        )
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json"), (
            other,
            address,
        )
        assert answer.headers["allow"], address
