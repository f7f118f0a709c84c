"""The address that explains a shipment: closed unless a key is set, and short with whoever has none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from delivery_emissions.explain_api import PATH, ExplainSettings, explanation_app
from shared.errors import Rejected
from shared.meter.definition import Opened

KEY = "k" * 32


async def ask(key: str = KEY, *, given: str = f"Bearer {KEY}", method: str = "GET", **params: Any) -> httpx.Response:
    app: Any = explanation_app(Opened().current, key)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://meter") as client:
        headers = {"Authorization": given} if given else {}
        return await client.request(method, PATH, params=params or {"shipment_id": "s1"}, headers=headers)


async def test_it_is_off_without_a_key() -> None:
    answer = await ask("", given="Bearer ")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "explanations over HTTP are off here: set EXPLAIN_KEY",
    )


async def test_a_caller_without_the_key_hears_nothing() -> None:
    for given in ("", "Bearer x", f"Basic {KEY}", f"Bearer {KEY}x", KEY):
        assert (await ask(given=given)).status_code == 401


async def test_a_strange_question_names_the_field() -> None:
    for value in ("a\x00b", "x" * 201, ["a", "b"], "\u202e"):
        answer = await ask(shipment_id=value)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "shipment_id")
    assert (await ask(method="POST")).status_code == 405


async def test_a_service_that_starts_says_so() -> None:
    answer = await ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["cache-control"] == "no-store"


def test_a_short_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAIN_KEY", "short")
    with pytest.raises(Rejected, match="EXPLAIN_KEY"):
        ExplainSettings.load()
