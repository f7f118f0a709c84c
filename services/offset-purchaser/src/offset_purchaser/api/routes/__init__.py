"""Every router, listed once. A new noun is a file here plus a line in ``ROUTERS``."""

from __future__ import annotations

from fastapi import APIRouter

from offset_purchaser.api.routes import campaigns, documents, lines, orders, settlements, webhooks

ROUTERS: tuple[APIRouter, ...] = (
    campaigns.router,
    settlements.router,
    orders.router,
    documents.router,
    lines.router,
    webhooks.router,
)
