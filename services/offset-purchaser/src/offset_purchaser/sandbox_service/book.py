"""The sandbox's memory: orders and idempotency keys in one SQLite file, so that a restart forgets nothing.

How an order stands is a function of the stored row and the time; nothing runs in the background.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL, outcome TEXT NOT NULL,
    serial INTEGER NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, body_sha256 TEXT NOT NULL, status INTEGER NOT NULL, response TEXT NOT NULL, at REAL NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How this sandbox behaves."""

    confirm_after_s: float = 0.0
    retire_after_s: float = 0.0
    key_lifetime_s: float = 86_400.0
    listing_delay_s: float = 0.0
    prices: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """A response kept under a key."""

    status: int
    body: dict[str, Any]
    same_body: bool


class Book:
    """Orders and keys. One process, one connection; every method is one short transaction."""

    def __init__(self, path: str, conduct: Conduct) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
        self.conduct = conduct

    def remembered(self, key: str, body: bytes, now: float) -> Stored | None:
        """The response kept under a key, unless its lifetime is over."""
        row = self._db.execute("SELECT body_sha256, status, response, at FROM keys WHERE key = ?", (key,)).fetchone()
        if row is None or now - row[3] > self.conduct.key_lifetime_s:
            return None
        return Stored(row[1], json.loads(row[2]), row[0] == hashlib.sha256(body).hexdigest())

    def remember(self, key: str, body: bytes, status: int, response: dict[str, Any], now: float) -> None:
        """Keep a response under its key."""
        digest = hashlib.sha256(body).hexdigest()
        values = (key, digest, status, json.dumps(response), now)
        self._db.execute("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)", values)

    def forget(self) -> None:
        """Forget every key at once, as a provider does that promised too much."""
        self._db.execute("DELETE FROM keys")

    def reset(self) -> None:
        """Forget orders too: for tests that start over."""
        self._db.executescript("DELETE FROM keys; DELETE FROM orders;")

    def create(
        self, key: str, body: bytes, order: dict[str, Any], outcome: dict[str, Any], now: float
    ) -> dict[str, Any]:
        """Book an order and keep its response under the key, in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            count, serial = self._db.execute("SELECT count(*), coalesce(max(serial), 0) FROM orders").fetchone()
            row_id, last = f"sbx-{count + 1:06d}", serial + int(order["quantity_g"])
            values = (row_id, key, json.dumps(order), now, json.dumps(outcome), last)
            self._db.execute(
                "INSERT INTO orders (id, key, body, created, outcome, serial) VALUES (?,?,?,?,?,?)", values
            )
            response = self._answer((*values, 0), now)
            self.remember(key, body, 201, response, now)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return response

    def get(self, row_id: str, now: float) -> dict[str, Any] | None:
        """One order as it stands now."""
        row = self._db.execute("SELECT * FROM orders WHERE id = ?", (row_id,)).fetchone()
        return None if row is None else self._answer(row, now)

    def listing(self, key: str, now: float) -> list[dict[str, Any]]:
        """Orders, oldest first, those the listing already shows; of one key when it is given."""
        rows = self._db.execute("SELECT * FROM orders WHERE ? IN ('', key) ORDER BY created, id", (key,))
        shown = now - self.conduct.listing_delay_s
        return [self._answer(row, now) for row in rows.fetchall() if row[3] <= shown]

    def cancel(self, row_id: str, now: float) -> dict[str, Any] | None:
        """Cancel an order whose credits are not retired yet."""
        answer = self.get(row_id, now)
        if answer and answer["progress"] != "retired":
            self._db.execute("UPDATE orders SET cancelled = 1 WHERE id = ?", (row_id,))
        return self.get(row_id, now)

    def _answer(self, row: Any, now: float) -> dict[str, Any]:
        row_id, _key, body, created, outcome_text, serial, cancelled = row
        order, outcome = json.loads(body), json.loads(outcome_text)
        progress = self._progress(outcome, now - created, bool(cancelled))
        filled = int(Decimal(order["quantity_g"]) * Decimal(str(outcome.get("fill", "1"))))
        filled = 0 if progress == "cancelled" else filled
        price = self.conduct.prices.get(order["currency"], Decimal(order["price_per_tonne"]))
        substituted = outcome.get("kind") == "substituted"
        answer = {
            "reference": row_id,
            "order_id": order["order_id"],
            "progress": progress,
            "filled_g": filled,
            "price_per_tonne": str(price),
            "currency": order["currency"],
            "amount": str((Decimal(filled) * price / 1_000_000).quantize(Decimal("0.01"), ROUND_HALF_UP)),
            "project": "Sandbox mangroves" if substituted else "Sandbox cookstoves",
            "project_id": "SBX-2" if substituted else "SBX-1",
            "project_country": "KE",
            "project_type": "mangroves" if substituted else "cookstoves",
            "effect": "removal" if substituted else "reduction",
            "vintage": "2025",
            "registry": "Sandbox registry",
            "standard": "none (sandbox)",
            "certificates": [],
        }
        if progress == "retired":
            answer["certificates"] = [_certificate(answer, order, serial, created)]
        return answer

    def _progress(self, outcome: dict[str, Any], age: float, cancelled: bool) -> str:
        kind = outcome.get("kind", "")
        if cancelled or kind == "cancelled":
            return "cancelled"
        delay = float(outcome.get("delay_s", 0))
        if age < self.conduct.confirm_after_s + delay:
            return "delayed" if delay and age >= self.conduct.confirm_after_s else "placed"
        if age < self.conduct.confirm_after_s + self.conduct.retire_after_s + delay:
            return kind if kind in ("partly_filled", "substituted") else "confirmed"
        return "retired"


def _certificate(answer: dict[str, Any], order: dict[str, Any], serial: int, created: float) -> dict[str, Any]:
    filled = int(answer["filled_g"])
    first = serial - int(order["quantity_g"]) + 1
    return {
        "reference": f"{answer['reference']}-RET",
        "registry": answer["registry"],
        "project_id": answer["project_id"],
        "project": answer["project"],
        "vintage": answer["vintage"],
        "serial_first": f"SBX-2025-{first}",
        "serial_last": f"SBX-2025-{first + filled - 1}",
        "unit_g": 1,
        "quantity_t": str(Decimal(filled) / 1_000_000),
        "retired_on": datetime.fromtimestamp(created, UTC).date().isoformat(),
        "beneficiary": order["beneficiary"],
        "reason": "voluntary contribution (sandbox, not a real credit)",
    }
