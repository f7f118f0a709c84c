"""Every metric of the purchaser, by name, in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

LEADER = Gauge("purchaser_leader", "1 when this instance has the right to act", registry=REGISTRY)
EPOCH = Gauge("purchaser_epoch", "Epoch of the last term of this instance", registry=REGISTRY)
READINGS = Counter("purchaser_readings", "Readings taken in", registry=REGISTRY)
UNREADABLE = Counter("purchaser_readings_unreadable", "Messages of meter-readings not understood", registry=REGISTRY)
CAMPAIGN_FILE_OK = Gauge("purchaser_campaign_file_ok", "1 when the campaign file is in force", registry=REGISTRY)
SETTLEMENTS_FROZEN = Counter("purchaser_settlements_frozen", "Settlements frozen", ["campaign"], registry=REGISTRY)
SETTLEMENTS = Gauge("purchaser_settlements", "Settlements by state", ["campaign", "state"], registry=REGISTRY)
OVERDUE = Gauge(
    "purchaser_settlement_overdue_seconds", "Longest time a due settlement has waited", ["campaign"], registry=REGISTRY
)
WAITING_FOR = Gauge(
    "purchaser_settlements_waiting_for", "Due settlements by whom they wait for", ["campaign", "who"], registry=REGISTRY
)
OLDEST_ORDER = Gauge(
    "purchaser_order_oldest_open_seconds",
    "Age of the oldest order without its end or certificate",
    ["provider"],
    registry=REGISTRY,
)
ORDERS = Counter("purchaser_orders", "Orders that ended, by how", ["provider", "state"], registry=REGISTRY)
ORDERS_BY_STATE = Gauge("purchaser_orders_open", "Orders by state", ["provider", "state"], registry=REGISTRY)
ORDERS_UNKNOWN = Counter("purchaser_orders_unanswered", "Attempts without a trustworthy answer", registry=REGISTRY)
DOCUMENTS = Counter("purchaser_documents", "Documents issued", ["kind"], registry=REGISTRY)
DELIVERIES = Gauge(
    "purchaser_document_deliveries",
    "Places that a document has not reached: waiting to be tried again, or refused until a person looks",
    ["channel", "state"],
    registry=REGISTRY,
)
OUTBOX = Gauge("purchaser_outbox", "Announcements not yet on Kafka (500 means 500 or more)", registry=REGISTRY)
BEHIND = Gauge("purchaser_behind", "Announced orders and documents that our tables lack", registry=REGISTRY)
CAP = Gauge("purchaser_cap_grams", "Cap of a campaign: cap is day or campaign", ["campaign", "cap"], registry=REGISTRY)
CAP_USED = Gauge(
    "purchaser_cap_used_grams",
    "What counts against a cap: ordered or to be ordered, and what open days owe so far; of days the greatest",
    ["campaign", "cap"],
    registry=REGISTRY,
)
SOURCE_SILENT = Gauge(
    "purchaser_source_silent_seconds",
    "Time without an event on a channel of which the running campaign expects some",
    ["campaign", "channel"],
    registry=REGISTRY,
)
BROKEN = Gauge(
    "purchaser_reconciliation_broken", "Things about which books, orders and documents disagree", registry=REGISTRY
)
COUNTED = Gauge(
    "purchaser_counted_grams", "Central CO2e of the running campaign day", ["campaign", "channel"], registry=REGISTRY
)
FORECAST = Gauge(
    "purchaser_forecast_grams",
    "CO2e that the running campaign day is expected to have, by now and at its end",
    ["campaign", "channel", "at"],
    registry=REGISTRY,
)
UNSHIPPED = Gauge(
    "purchaser_expected_deliveries", "Orders of the running campaign day not shipped", ["campaign"], registry=REGISTRY
)
WEBHOOKS = Counter(
    "purchaser_webhook_attempts", "Attempts at sending webhooks, by how they ended", ["outcome"], registry=REGISTRY
)
FAILURES = Counter("purchaser_failures", "Work on one thing that failed; see the log", ["where"], registry=REGISTRY)
TICK_SECONDS = Histogram("purchaser_tick_seconds", "One look at everything there is to do", registry=REGISTRY)

for where in (
    *("settle", "order", "overcharged", "set_aside", "document", "credit note", "render", "delivery", "live", "watch"),
):
    FAILURES.labels(where)  # an alert on an increase must see the zero before it
