"""The purchaser's own settings, read from the environment (``PURCHASER_...``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from offset_purchaser.mail import DEFAULT_PORTS
from shared.settings import _FromEnvironment, checked_url

Mode = Literal["live", "rehearsal"]


class PurchaserSettings(_FromEnvironment):
    """What the purchaser reads, where it writes, and how often it looks. Every number says why it is that number."""

    model_config = SettingsConfigDict(env_prefix="PURCHASER_", frozen=True, extra="ignore")

    campaigns_file: Path = Path("campaigns.yaml")
    documents_folder: Path = Path("var/documents")
    mode: Mode = "rehearsal"
    """Buying for real is a deliberate act: set ``live``. The mode stands in every row and on every document."""
    providers: tuple[str, ...] = ("sandbox", "manual", "stripe-climate")
    """Providers this installation may buy from; a campaign that names another one is refused."""
    campaigns_poll_s: PositiveFloat = 1.0
    """A changed campaign file acts within a second; reading and hashing it costs less than a millisecond."""
    tick_s: PositiveFloat = 0.5
    """How often settlements, orders and documents are looked at: a few indexed queries each time."""
    ingest_wait_ms: int = Field(default=500, ge=1)
    """How long one read from Kafka waits for more; stopping takes at most this long."""
    ingest_batch: int = Field(default=5_000, ge=1)
    """Readings of one transaction: some 5 MB of text, written in about 200 ms."""
    lease_s: PositiveFloat = 5.0
    """Another instance takes over this long after the last renewal: under 10 s with its own look every second."""
    lease_renew_s: PositiveFloat = 1.0
    """A fifth of the lease, so that four lost renewals are survived."""
    http_timeout_s: PositiveFloat = 10.0
    """A provider answers in under a second; after ten the outcome counts as unknown and is looked up."""
    retry_first_s: PositiveFloat = 0.5
    retry_most_s: PositiveFloat = 60.0
    """Back-off between tries at a provider: doubles from the first to the most."""
    order_poll_s: PositiveFloat = 1.0
    """How often a placed order is asked about."""
    sandbox_url: str = "http://127.0.0.1:8089"
    stripe_api_key: SecretStr = SecretStr("")
    stripe_api_base: str = "https://api.stripe.com"
    manual_folder: Path = Path("var/manual-orders")
    """Where order documents for partners without an API are put, and their confirmations are looked for."""
    webhooks_private: bool = False
    """Whether webhooks may go to private addresses, and to http on loopback: only where everybody who registers one
    may reach those addresses anyway."""
    smtp_url: SecretStr = SecretStr("")
    """``smtp://user:password@host:port``, ``smtp+starttls://`` or ``smtps://``; empty: nothing can be mailed.
    Secret, because it holds the password."""
    smtp_from: str = ""
    """The sender of order documents and documents."""

    @field_validator("smtp_url")
    @classmethod
    def _can_be_read(cls, url: SecretStr) -> SecretStr:
        return checked_url(url, DEFAULT_PORTS) if url.get_secret_value() else url
