"""What providers, partners and registries say: bounded where it could break something, carried on to documents."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from tests.unit.purchaser.test_certificate import certificate

from offset_purchaser.handlers import cancel
from offset_purchaser.handlers.content import certificate_of, stated
from offset_purchaser.order import Order, OrderState
from offset_purchaser.providers.base import Answer
from shared.errors import OutcomeUnknown, Transient

ORDER = Order(
    *(UUID(int=7), "rehearsal", "retail-fr", "bf", date(2026, 11, 27), 1, "sandbox", 1, "sandbox", OrderState.PLACED),
    *(1_000_000, Decimal(22), "EUR", Decimal(22), None, None, "R-1", False, False, 0, 0, None, "", None),
)


def answer(**changes: object) -> Answer:
    values = {
        "reference": "R-1", "progress": "confirmed", "filled_g": 1_000_000, "price_per_tonne": "22", "currency": "EUR",
        "amount": "22",
    }  # fmt: skip
    return Answer.model_validate(values | changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "1e40"}, {"amount": "NaN"}, {"price_per_tonne": "1e40"}, {"price_per_tonne": "-1"},
        {"amount": "0." + "1" * 60}, {"filled_g": 10**30}, {"reference": "a\0b"}, {"reference": "x" * 201},
        {"reference": " "}, {"currency": "EU\0"},
    ],
)  # fmt: skip
def test_an_answer_that_no_table_could_hold_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        answer(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"reference": "a\0"}, {"project": "a\x1bb"}, {"serial_first": "a\0"}, {"beneficiary": "\0"}, {"unit_g": 10**30},
     {"quantity_t": "1e40"}, {"effect": "both"}],
)  # fmt: skip
def test_a_certificate_that_no_table_could_hold_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        certificate(**wrong)


def test_a_description_never_makes_an_answer_unreadable() -> None:
    assert answer(project="Cook\0stoves\n in  Kenya").project == "Cook stoves in Kenya"
    assert answer(project="x" * 10_000).project == "x" * 500
    assert certificate(reason="Black\nFriday").reason == "Black Friday"


def stored(**changes: Any) -> dict[str, Any]:
    content = certificate(
        standard="Gold Standard", methodology="TPDDTEC", project_country="KE", project_type="Cookstoves",
        effect="reduction", retiring_account="Exemple SAS", ccp_label=True, host_country_authorised=False, **changes,
    ).model_dump_json()  # fmt: skip
    return {"content": content, "reference": "GS-RET-1", "serial_first": "1", "serial_last": "2", "sha256": "a" * 64}


def test_what_a_certificate_states_stands_on_the_document_where_the_provider_said_nothing() -> None:
    details = json.loads(answer(project="Stoves for Nairobi", project_country="TZ").model_dump_json())
    assert stated(details, [stored()]) == {
        "project": "Stoves for Nairobi", "project_id": "GS1247", "project_country": "TZ", "project_type": "Cookstoves",
        "methodology": "TPDDTEC", "effect": "reduction", "vintage": "2024", "registry": "Gold Standard",
        "standard": "Gold Standard",
    }  # fmt: skip
    assert set(stated({}, []).values()) == {""}


def test_labels_and_accounts_of_a_certificate_are_passed_on() -> None:
    found = certificate_of(stored())
    assert (found.ccp_approved, found.host_country_authorised, found.retiring_account) == (True, False, "Exemple SAS")


def test_a_certificate_of_before_states_less_and_is_read_all_the_same() -> None:
    row = stored()
    kept = {name: value for name, value in json.loads(row["content"]).items() if not name.startswith(("ccp", "host"))}
    found = certificate_of(row | {"content": json.dumps(kept)})
    assert (found.ccp_approved, found.host_country_authorised) == (None, None)


@pytest.mark.parametrize("error", [Transient("no answer: ReadTimeout"), OutcomeUnknown("answered 500")])
async def test_a_cancellation_without_an_answer_is_not_a_refusal(error: Exception) -> None:
    class Silent:
        async def cancel(self, order: Order) -> Answer:
            raise error

    context: Any = SimpleNamespace(providers={"sandbox": Silent()})
    with pytest.raises(OutcomeUnknown, match="sandbox gave no answer about cancelling order"):
        await cancel.ask(context, replace(ORDER), "cancelled by Anna")
