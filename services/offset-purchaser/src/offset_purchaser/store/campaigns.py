"""Campaigns in force, their versions, and the settlement rows of their timetables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from offset_purchaser.campaign import Campaign, timetable
from offset_purchaser.terms import LegalEntity
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class InForce:
    """A campaign as the purchaser follows it, whatever the file says today."""

    campaign: Campaign
    entity: LegalEntity
    version: int
    sha256: str
    stopped: bool
    """Missing from the file: nothing new is settled; what was ordered goes on."""
    refusal: str
    """Why the file's newer content is not in force; ``""`` when it is."""


async def in_force(connection: Connection | Pool, campaign: str | None = None) -> list[InForce]:
    """Every campaign (or one) with the version in force."""
    rows = await connection.fetch(
        """
        SELECT v.content, v.sha256, c.version, c.stopped, c.refusal
        FROM campaigns c JOIN campaign_versions v USING (campaign, version)
        WHERE $1::text IS NULL OR campaign = $1 ORDER BY campaign
        """,
        campaign,
    )
    found = []
    for row in rows:
        content = json.loads(row["content"])
        found.append(
            InForce(
                Campaign.model_validate(content["campaign"]),
                LegalEntity.model_validate(content["legal_entity"]),
                row["version"],
                row["sha256"],
                row["stopped"],
                row["refusal"],
            )
        )
    return found


def content_json(campaign: Campaign, entity: LegalEntity) -> str:
    """What is stored of a version: the campaign and the party that buys."""
    content = {"campaign": campaign.model_dump(mode="json"), "legal_entity": entity.model_dump(mode="json")}
    return json.dumps(content, sort_keys=True)


async def install(
    connection: Connection, campaign: Campaign, entity: LegalEntity, version: int, sha256: str, now: datetime
) -> None:
    """Put a version in force and write its timetable. Settlements of days it no longer has are taken away."""
    await connection.execute(
        "INSERT INTO campaign_versions VALUES ($1, $2, $3, $4::jsonb, $5)",
        *(campaign.id, version, now, content_json(campaign, entity), sha256),
    )
    await connection.execute(
        """
        INSERT INTO campaigns (campaign, version) VALUES ($1, $2)
        ON CONFLICT (campaign) DO UPDATE SET version = excluded.version, stopped = false, refusal = ''
        """,
        *(campaign.id, version),
    )
    rows = timetable(campaign)
    await connection.execute(
        """
        INSERT INTO settlements AS s (campaign, day, number, due_at, state)
        SELECT $1, d.day, d.number, d.due_at, 'waiting'
        FROM unnest($2::date[], $3::int[], $4::timestamptz[]) AS d(day, number, due_at)
        ON CONFLICT (campaign, day, number) DO UPDATE SET due_at = excluded.due_at
        WHERE s.state IN ('waiting', 'held') AND s.due_at <> excluded.due_at
        """,
        *(campaign.id, [r.day for r in rows], [r.number for r in rows], [r.due_at for r in rows]),
    )
    await connection.execute(
        """
        DELETE FROM settlements s WHERE campaign = $1 AND state = 'waiting' AND NOT EXISTS (
            SELECT 1 FROM unnest($2::date[], $3::int[]) AS d(day, number) WHERE d.day = s.day AND d.number = s.number)
        """,
        *(campaign.id, [r.day for r in rows], [r.number for r in rows]),
    )


async def refuse(connection: Connection, campaign: str, refusal: str) -> None:
    """Remember why the file's content is not in force."""
    await connection.execute("UPDATE campaigns SET refusal = $2 WHERE campaign = $1", campaign, refusal)


async def stop_missing(connection: Connection, present: Sequence[str]) -> list[str]:
    """Stop campaigns that are no longer in the file; returns their names."""
    rows = await connection.fetch(
        "UPDATE campaigns SET stopped = true WHERE NOT stopped AND NOT campaign = ANY($1) RETURNING campaign",
        list(present),
    )
    return [row["campaign"] for row in rows]


async def resume(connection: Connection, campaign: str) -> None:
    """A stopped campaign is in the file again."""
    await connection.execute("UPDATE campaigns SET stopped = false WHERE campaign = $1", campaign)


async def overview(pool: Pool, campaign: str | None) -> list[dict[str, Any]]:
    """Campaigns for people: version, hash, whether stopped or refused, settlements by state, content."""
    rows = await pool.fetch(
        """
        SELECT c.campaign, c.version, v.sha256, c.stopped, c.refusal, v.loaded_at, v.content,
               (SELECT jsonb_object_agg(state, n) FROM (SELECT state, count(*) AS n FROM settlements s
                WHERE s.campaign = c.campaign GROUP BY state) AS found) AS settlements
        FROM campaigns c JOIN campaign_versions v USING (campaign, version)
        WHERE $1::text IS NULL OR c.campaign = $1 ORDER BY c.campaign
        """,
        campaign,
    )
    return [
        dict(row) | {"content": json.loads(row["content"]), "settlements": json.loads(row["settlements"] or "{}")}
        for row in rows
    ]
