"""Every operation of the API, fuzzed from its own description over the real application on real tables."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.purchaser.calling import Api
from tests.integration.purchaser.feeding import CAMPAIGN, progress, reading
from tests.integration.purchaser.world import everything, free_port

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))
"""For each of some 35 operations, with fitting and with unfitting data: under half a minute."""
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def fuzz(schema: Any, base_url: str, secret: str, real: dict[str, str]) -> set[tuple[str, int]]:
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
                for name in case.path_parameters or {}:
                    if existing and name in real:
                        case.path_parameters[name] = real[name]
                headers = {"Authorization": f"Bearer {secret}"}
                if case.method.upper() == "POST" and number % 5:
                    headers["Idempotency-Key"] = f"{label.replace(' ', '')}-{number}"
                answer = case.call(base_url=base_url, headers=headers)
                case.validate_response(answer, checks=CHECKS)
                seen.add((label, answer.status_code))

            one()
    return seen


async def test_no_operation_fails_and_every_answer_fits_the_description(api: Api) -> None:
    await api.world.campaigns(CAMPAIGN + "    expected_files: []\n")
    await api.world.feed(reading(grams=1_000_000), progress())
    await everything(api.world)
    pool = api.world.pool
    order = await pool.fetchval("SELECT order_id::text FROM orders")
    real = {
        "campaign": "bf", "day": "2026-11-27", "number": "1", "order_id": order,
        "sha256": await pool.fetchval("SELECT sha256 FROM certificates"),
    }  # fmt: skip
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(api.app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    anna = await api.caller()
    openapi = (await api.client.get("/v1/openapi.json")).json()
    schema = schemathesis.openapi.from_dict(openapi)
    try:
        seen = await asyncio.to_thread(fuzz, schema, f"http://127.0.0.1:{port}", anna.secret, real)
    finally:
        server.should_exit = True
        await serving
    assert {label for label, _ in seen} == {f"{m.upper()} {p}" for p, found in openapi["paths"].items() for m in found}
    assert not [found for found in seen if found[1] >= 500]
    read = {label for label, status in seen if status == 200}
    assert "GET /v1/campaigns/{campaign}/days/{day}" in read
    assert "GET /v1/orders/{order_id}" in read
    assert await pool.fetchval("SELECT count(*) FROM orders WHERE state = 'confirmed'") == 1
