"""What the code of the shipments' meter may write to its log: positions, reasons and counts, never a shipment's fields.

The events themselves are looked at in the integration tests of the logs; this finds a log call that begins to say more.
"""

from __future__ import annotations

import ast
from pathlib import Path

SAYS = {
    *("topic", "partition", "offset", "field", "letters", "reason", "error"),
    *("requested_at", "needed_mb", "limit_mb", "host", "port"),
}
"""``field`` is the name of a field at fault and not its value; ``reason`` and ``error`` are of Kafka and PostgreSQL."""
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def said(code: str) -> tuple[set[str], list[str]]:
    """The fields of all log calls, and the sentences that are put together from variables."""
    fields: set[str] = set()
    made: list[str] = []
    tree = ast.parse(code)
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in LEVELS:
            continue
        if "log" not in ast.unparse(call.func.value):
            continue
        fields |= {keyword.arg for keyword in call.keywords if keyword.arg}
        made += [ast.unparse(argument) for argument in call.args if not isinstance(argument, ast.Constant)]
    return fields, made


def test_no_log_call_of_the_meter_of_shipments_names_a_field_of_a_shipment(repository: Path) -> None:
    folders = ("services/delivery-emissions/src", "shared/src/shared")
    found = [said(path.read_text()) for folder in folders for path in (repository / folder).rglob("*.py")]
    assert set().union(*(fields for fields, _ in found)) <= SAYS
    assert {"topic", "partition", "offset"} <= set().union(*(fields for fields, _ in found))
    assert [sentence for _, made in found for sentence in made] == ["f'{task.get_name()} ended'"]


def test_a_call_that_says_where_a_parcel_goes_would_be_found() -> None:
    fields, made = said("_log.info(f'to {city}', postal_code=event.destination.postal_code)")
    assert fields - SAYS == {"postal_code"}
    assert made == ["f'to {city}'"]
