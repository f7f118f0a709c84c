"""What every handler needs: the store, the clock, the settings, the right to act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from offset_purchaser.providers.base import Provider
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import purchases
from offset_purchaser.store.leadership import Term, fence
from shared.clock import Clock
from shared.estimate import ChannelName
from shared.postgres import Connection, Pool, transaction
from shared.settings import TopicSettings

CHANNEL_TOPICS: tuple[tuple[ChannelName, str], ...] = (
    (ChannelName.SITE, "site_traffic"),
    (ChannelName.EMAIL, "emails_sent"),
    (ChannelName.ADS, "ad_impressions"),
    (ChannelName.DELIVERY, "shipments"),
)
"""Which source topic (by the name of its setting) a channel's events come from."""


@dataclass(frozen=True, slots=True)
class Context:
    """Passed to every handler; built in ``app``."""

    pool: Pool
    settings: PurchaserSettings
    topics: TopicSettings
    clock: Clock
    providers: Mapping[str, Provider]

    @property
    def orders_topic(self) -> str:
        """Where orders are announced."""
        return self.topics.name("offset_orders")

    @property
    def documents_topic(self) -> str:
        """Where documents are announced."""
        return self.topics.name("offset_documents")

    def source_topics(self) -> dict[ChannelName, str]:
        """The full name of each channel's source topic."""
        return source_topics(self.topics)


def source_topics(topics: TopicSettings) -> dict[ChannelName, str]:
    """The full name of each channel's source topic."""
    return {channel: topics.name(setting) for channel, setting in CHANNEL_TOPICS}


@asynccontextmanager
async def acting(context: Context, term: Term, *, snapshot: bool = False) -> AsyncIterator[Connection]:
    """A transaction conditional on the term; with ``snapshot`` every query in it sees the same moment."""
    async with transaction(context.pool) as connection:
        if snapshot:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            await purchases.lock(connection)  # before the first query, so that the moment seen lies after the lock
            await connection.execute("SET LOCAL work_mem = '128MB'")  # 10^5 lines are sorted for their hash
        await fence(connection, term)
        yield connection
