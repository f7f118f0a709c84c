"""The checklist before a campaign: what a command can look at by itself. Changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import httpx

from offset_purchaser.campaign_file import Loaded, load
from offset_purchaser.handlers.campaigns import check_providers
from offset_purchaser.handlers.context import Context
from offset_purchaser.sources import topic_state
from offset_purchaser.store import books, campaigns, observe
from offset_purchaser.store.readings import partition_states
from shared.errors import OffsetsError, Rejected
from shared.kafka import announcement_topics, partition_counts
from shared.settings import KafkaSettings

FRESH = timedelta(minutes=2)
"""Meters say every second how far they are; two minutes behind on a quiet evening is a fault."""
FREE_BYTES_MIN = 1_000_000_000
"""Ten thousand documents of 100 kB."""


class Mark(StrEnum):
    """What a check found."""

    OK = "ok"
    LOOK = "look"
    """Right for some: a person must know."""
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Checked:
    """One line of the checklist."""

    what: str
    mark: Mark
    says: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the checks look at."""

    context: Context
    kafka: KafkaSettings
    prometheus: str
    """Its address; empty: not asked."""


Check = Callable[[Surroundings], Awaitable[tuple[Mark, str]]]


async def run_checklist(around: Surroundings) -> AsyncIterator[Checked]:
    """Every check in turn; one that cannot be made is bad and says why."""
    for what, check in CHECKS:
        try:
            yield Checked(what, *await check(around))
        except (OffsetsError, OSError, httpx.HTTPError) as error:
            yield Checked(what, Mark.BAD, str(error) or type(error).__name__)


def _file(around: Surroundings) -> Loaded:
    loaded = load(around.context.settings.campaigns_file)
    check_providers(loaded, around.context.settings)
    return loaded


async def _campaign_file(around: Surroundings) -> tuple[Mark, str]:
    found = _file(around).file.campaigns
    if not found:
        return Mark.BAD, "it has no campaign"
    ahead = [c for c in found if c.last_day >= around.context.clock().astimezone(c.tz).date()]
    says = ", ".join(f"{c.id} from {c.first_day} to {c.last_day} ({c.zone})" for c in ahead)
    return (Mark.OK, says) if ahead else (Mark.LOOK, "every campaign in it is over")


async def _in_force(around: Surroundings) -> tuple[Mark, str]:
    stored = {found.campaign.id: found for found in await campaigns.in_force(around.context.pool)}
    for campaign in _file(around).file.campaigns:
        found = stored.get(campaign.id)
        if found is None or found.sha256 != campaign.sha256():
            why = found.refusal if found else "the service has not read the file yet"
            return Mark.BAD, f"{campaign.id} is not in force as the file says: {why}"
    return Mark.OK, f"{len(stored)} campaigns, as the file says"


async def _mode(around: Surroundings) -> tuple[Mark, str]:
    if around.context.settings.mode == "live":
        return Mark.OK, "live: credits are bought for money"
    return Mark.LOOK, "rehearsal: nothing is bought for money; set PURCHASER_MODE=live for the campaign"


async def _somebody_acts(around: Surroundings) -> tuple[Mark, str]:
    holder = await observe.acting_holder(around.context.pool)
    return (Mark.OK, holder) if holder else (Mark.BAD, "no instance has the right to act: is the service running?")


async def _topics(around: Surroundings) -> tuple[Mark, str]:
    topics = around.context.topics
    sources, readings = list(around.context.source_topics().values()), topics.name("meter_readings")
    announced = [spec.name for spec in announcement_topics(topics)]
    found = await partition_counts(around.kafka, [*sources, readings, *announced])
    if missing := [name for name in (*sources, readings, *announced) if name not in found]:
        return Mark.BAD, f"missing: {', '.join(missing)}; run topics create"
    largest = max(found[name] for name in sources)
    if found[readings] < largest:
        return Mark.BAD, f"{readings} has {found[readings]} partitions, a source has {largest}: topics grow"
    return Mark.OK, ", ".join(f"{name} {found[name]}" for name in sources)


async def _meters(around: Surroundings) -> tuple[Mark, str]:
    names = around.context.source_topics()
    states = await partition_states(around.context.pool, list(names.values()))
    now, late = around.context.clock(), []
    for channel, topic in names.items():
        state = topic_state(channel, topic, states)
        late += [f"{reason.who}: {reason.why}" for reason in state.missing]
        if not state.missing and (state.as_of is None or now - state.as_of > FRESH):
            late.append(f"{topic}: counted as of {_shown(state.as_of)} only")
    return (Mark.BAD, "; ".join(late)) if late else (Mark.OK, "every partition is counted up to now")


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "never"


async def _orders(around: Surroundings) -> tuple[Mark, str]:
    stuck = await observe.orders_that_wait_for_people(around.context.pool)
    if not stuck:
        return Mark.OK, "none is held or unknown"
    says = ", ".join(f"{number} {state}" for state, number in sorted(stuck.items()))
    return (Mark.BAD if "unknown" in stuck else Mark.LOOK), f"{says}: offset-purchaser orders list"


async def _books(around: Surroundings) -> tuple[Mark, str]:
    broken = (await books.reconciled(around.context.pool, None)).broken
    return (Mark.BAD, broken[0]) if broken else (Mark.OK, "emitted, bought, documented and booked agree")


async def _documents_folder(around: Surroundings) -> tuple[Mark, str]:
    folder = around.context.settings.documents_folder
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".checklist"
    probe.write_bytes(b"")
    probe.unlink()
    free = shutil.disk_usage(folder).free
    says = f"{folder} is writable, {free / 1e9:.1f} GB free"
    return (Mark.OK if free >= FREE_BYTES_MIN else Mark.BAD), says


async def _monitoring(around: Surroundings) -> tuple[Mark, str]:
    if not around.prometheus:
        return Mark.LOOK, "not asked: give --prometheus http://prometheus:9090"
    async with httpx.AsyncClient(base_url=around.prometheus, timeout=10) as client:
        targets = (await client.get("/api/v1/targets", params={"state": "active"})).raise_for_status().json()["data"]
        alerts = (await client.get("/api/v1/alerts")).raise_for_status().json()["data"]["alerts"]
    down = sorted({t["labels"]["job"] for t in targets["activeTargets"] if t["health"] != "up"})
    firing = sorted({a["labels"]["alertname"] for a in alerts if a["state"] == "firing"})
    if down or firing:
        said = [*(f"{job} is down" for job in down), *(f"{name} is firing" for name in firing)]
        return Mark.BAD, ", ".join(said)
    return Mark.OK, f"{len(targets['activeTargets'])} targets up, no alert firing"


CHECKS: tuple[tuple[str, Check], ...] = (
    ("campaign file", _campaign_file),
    ("in force", _in_force),
    ("mode", _mode),
    ("an instance acts", _somebody_acts),
    ("topics", _topics),
    ("meters", _meters),
    ("orders", _orders),
    ("books", _books),
    ("documents folder", _documents_folder),
    ("monitoring", _monitoring),
)


def worst(marks: list[Mark]) -> Mark:
    """Of all marks the one that counts. Raises ``Rejected`` when there is none."""
    if not marks:
        raise Rejected("nothing was checked")
    return max(marks, key=list(Mark).index)
