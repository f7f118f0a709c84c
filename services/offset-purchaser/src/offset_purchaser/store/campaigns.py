"""Campaigns in force, their versions, and the settlement rows of their timetables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from offset_purchaser.campaign import Campaign, claims, rules_of_day, timetable, with_guards_of
from offset_purchaser.terms import LegalEntity
from shared.clock import local_day
from shared.errors import Rejected
from shared.postgres import Connection, Pool


@dataclass(frozen=True, slots=True)
class InForce:
    """A campaign as the purchaser follows it, whatever the file says today."""

    campaign: Campaign
    entity: LegalEntity
    version: int
    sha256: str
    stopped: bool
    """Missing from the file: nothing new is settled and nothing more is sent; what left goes on to its end."""
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
    return [_in_force(row) for row in rows]


def _in_force(row: Any) -> InForce:
    content = json.loads(row["content"])
    return InForce(
        Campaign.model_validate(content["campaign"]),
        LegalEntity.model_validate(content["legal_entity"]),
        row["version"],
        row["sha256"],
        row["stopped"],
        row["refusal"],
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """A campaign as it is in force now, and every version of it, so that a day keeps the rules it began with."""

    current: InForce
    versions: tuple[tuple[datetime, InForce], ...]

    def version_on(self, day: date) -> int:
        """The number of the version that a day is settled and bought by."""
        return self._on(day).version

    def on(self, day: date) -> InForce:
        """The version that a day is settled and bought by, under today's guards."""
        chosen = self._on(day)
        return replace(chosen, campaign=with_guards_of(chosen.campaign, self.current.campaign))

    def claims(self) -> list[Campaign]:
        """The days of the campaign, each span of them under the rules it keeps."""
        return claims(self.current.campaign, self._campaigns())

    def _on(self, day: date) -> InForce:
        return self.versions[rules_of_day(day, self._campaigns())][1]

    def _campaigns(self) -> list[tuple[datetime, Campaign]]:
        return [(at, found.campaign) for at, found in self.versions]


async def rules(connection: Connection | Pool, campaign: str) -> Rules:
    """One campaign with all of its versions. Raises ``Rejected`` when there is no such campaign."""
    rows = await connection.fetch(
        """
        SELECT v.content, v.sha256, v.version, v.loaded_at, c.stopped, c.refusal, v.version = c.version AS current
        FROM campaigns c JOIN campaign_versions v USING (campaign) WHERE campaign = $1 ORDER BY v.version
        """,
        campaign,
    )
    if not rows:
        raise Rejected(f"there is no campaign {campaign}")
    found = [(row["loaded_at"], _in_force(row)) for row in rows]
    return Rules(next(one for (_, one), row in zip(found, rows, strict=True) if row["current"]), tuple(found))


async def settled_days(connection: Connection) -> list[Campaign]:
    """What was frozen so far, each day as a campaign of one day under the rules it froze by."""
    rows = await connection.fetch(
        """
        SELECT v.content, array_agg(DISTINCT f.day) AS days FROM frozen_settlements f JOIN campaign_versions v
        ON v.campaign = f.campaign AND v.version = f.campaign_version GROUP BY v.campaign, v.version
        """
    )
    found = []
    for row in rows:
        one = Campaign.model_validate(json.loads(row["content"])["campaign"])
        found += [one.model_copy(update={"first_day": day, "last_day": day}) for day in row["days"]]
    return found


def content_json(campaign: Campaign, entity: LegalEntity) -> str:
    """What is stored of a version: the campaign and the party that buys."""
    content = {"campaign": campaign.model_dump(mode="json"), "legal_entity": entity.model_dump(mode="json")}
    return json.dumps(content, sort_keys=True)


async def install(
    connection: Connection, campaign: Campaign, entity: LegalEntity, version: int, sha256: str, now: datetime
) -> None:
    """Put a version in force and write its timetable. Settlements of days it no longer has are taken away.

    Days that have begun keep their settlements and when the first of them is due.
    """
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
    today = local_day(now, campaign.tz)
    await connection.execute(
        """
        INSERT INTO settlements AS s (campaign, day, number, due_at, state)
        SELECT $1, d.day, d.number, d.due_at, 'waiting'
        FROM unnest($2::date[], $3::int[], $4::timestamptz[]) AS d(day, number, due_at)
        ON CONFLICT (campaign, day, number) DO UPDATE SET due_at = excluded.due_at
        WHERE s.state IN ('waiting', 'held') AND s.due_at <> excluded.due_at AND (s.number > 1 OR s.day > $5)
        """,
        *(campaign.id, [r.day for r in rows], [r.number for r in rows], [r.due_at for r in rows], today),
    )
    await connection.execute(
        """
        DELETE FROM settlements s WHERE campaign = $1 AND state = 'waiting' AND day > $4 AND NOT EXISTS (
            SELECT 1 FROM unnest($2::date[], $3::int[]) AS d(day, number) WHERE d.day = s.day AND d.number = s.number)
        """,
        *(campaign.id, [r.day for r in rows], [r.number for r in rows], today),
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


async def unfinished(connection: Connection) -> list[str]:
    """Campaigns that are not stopped and have settlements that are not complete."""
    rows = await connection.fetch(
        """
        SELECT campaign FROM campaigns c WHERE NOT stopped AND EXISTS (
            SELECT 1 FROM settlements s WHERE s.campaign = c.campaign AND s.state <> 'complete') ORDER BY campaign
        """
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
