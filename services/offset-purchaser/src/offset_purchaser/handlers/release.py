"""What people decide about days: go on without somebody, a file has arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from offset_purchaser.handlers.context import source_topics
from offset_purchaser.printed import printed_text
from offset_purchaser.settlement import Release, unnameable
from offset_purchaser.store import campaigns, manual, settlements
from shared.errors import Rejected
from shared.postgres import Pool
from shared.settings import TopicSettings


async def release_settlement(
    pool: Pool, campaign: str, day: date, number: int, decision: Release, now: datetime
) -> None:
    """Let a waiting or held settlement freeze without somebody; the gap, reason and name stand on every document.

    Raises ``Rejected``, naming the field, for a reason or name that no document can print or that holds a claim.
    """
    if not decision.reason.strip() or not decision.by.strip() or not decision.without:
        raise Rejected("a release needs a reason, a name, and whom to go on without", field="reason")
    reason, by = printed_text(decision.reason, "reason"), printed_text(decision.by, "by")
    printed = replace(decision, reason=reason, by=by)
    found = await campaigns.in_force(pool, campaign)
    if not found:
        raise Rejected(f"there is no campaign {campaign}", field="campaign")
    topics = source_topics(TopicSettings.load())
    if why := unnameable(found[0].campaign, [topics[channel] for channel in found[0].campaign.channels], decision):
        raise Rejected(why, field="without")
    if not await settlements.release(pool, campaign, day, number, printed, now):
        raise Rejected(f"settlement {number} of {day} in campaign {campaign} is not waiting or held")


async def file_arrived(pool: Pool, campaign: str, name: str, *, by: str, now: datetime) -> bool:
    """Note that an expected file has been loaded; false when that was noted before."""
    found = await campaigns.in_force(pool, campaign)
    if not found or name not in found[0].campaign.expected_files:
        raise Rejected(f"campaign {campaign} does not expect a file {name}", field="name")
    return await manual.arrive(pool, campaign, name, by, now)
