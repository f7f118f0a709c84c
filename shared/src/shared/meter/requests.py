"""Requests to send all recent readings again, from a purchaser that starts from nothing or misses some."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.errors import Transient
from shared.kafka import client_options, stop_consumer
from shared.retry import retried
from shared.settings import KafkaSettings
from shared.telemetry import log

_log = log(__name__)

RESEND_S_MAX = 60.0
"""A database away for longer ends the counting anyway, and with it this process."""


class ResendRequest(BaseModel):
    """Topic ``meter-requests``: every meter sends the registers that changed recently, and its progress, again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["resend"]
    requested_at: AwareDatetime


async def request_resend(settings: KafkaSettings, topic: str, now: datetime) -> None:
    """Ask every meter to send its recent readings again. Raises ``Transient``; asking again is harmless."""
    producer = AIOKafkaProducer(**client_options(settings), acks="all")
    request = ResendRequest(type="resend", requested_at=now)
    try:
        await producer.start()
        await producer.send_and_wait(topic, request.model_dump_json().encode())
    except (KafkaError, OSError) as error:
        raise Transient(f"readings were not asked for again: {error!r}; ask with the command: resend") from error
    finally:
        await producer.stop()


async def follow_requests(settings: KafkaSettings, topic: str, resend: Callable[[], Awaitable[None]]) -> None:
    """Call ``resend`` for every request that arrives from now on, until cancelled.

    Every instance reads every request, without a group. Not promised: an answer to requests from before the start; on
    assignment everything is sent anyway. After a gap in reading, everything is sent once: a request may lie in it.
    """
    missed = False
    while True:
        consumer = AIOKafkaConsumer(
            topic,
            **client_options(settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",  # older requests were answered by the assignment that followed them
        )
        try:
            await consumer.start()
            if missed:
                await retried(resend, seconds_max=RESEND_S_MAX)
                missed = False
            async for record in consumer:
                try:
                    request = ResendRequest.model_validate_json(record.value or b"")
                except ValidationError:
                    _log.warning("not a request", topic=topic, offset=record.offset)
                    continue
                _log.info("sending readings again", requested_at=request.requested_at.isoformat())
                await retried(resend, seconds_max=RESEND_S_MAX)
        except (KafkaError, OSError, Transient) as error:
            _log.warning("requests not read", error=repr(error))
            missed = True
            await asyncio.sleep(1.0)
        finally:
            await stop_consumer(consumer)
