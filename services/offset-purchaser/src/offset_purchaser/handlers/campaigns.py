"""The campaign file into force: read when its bytes change, refused with a sentence where it may not change."""

from __future__ import annotations

from offset_purchaser import metrics
from offset_purchaser.campaign import refuse_edit
from offset_purchaser.campaign_file import Loaded, load
from offset_purchaser.handlers.context import Context, acting
from offset_purchaser.providers import provider_kind
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import campaigns
from offset_purchaser.store.leadership import Term
from shared.clock import local_day
from shared.errors import Rejected
from shared.telemetry import log


class CampaignWatch:
    """Remembers which bytes were applied; everything else is in the store."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen = ""
        self._complaint = ""

    async def look(self, term: Term) -> bool:
        """Apply the file when it changed; true when it did. A bad file changes nothing and is reported once."""
        try:
            loaded = load(self._context.settings.campaigns_file)
            if loaded.sha256 == self._seen:
                return False
            check_providers(loaded, self._context.settings)
        except Rejected as error:
            metrics.CAMPAIGN_FILE_OK.set(0)
            if str(error) != self._complaint:
                log(__name__).error("campaign file refused", reason=str(error))
            self._complaint = str(error)
            return False
        await apply(self._context, term, loaded)
        self._seen, self._complaint = loaded.sha256, ""
        metrics.CAMPAIGN_FILE_OK.set(1)
        return True


def check_providers(loaded: Loaded, settings: PurchaserSettings) -> None:
    """Raises ``Rejected`` when a leg names a provider that does not exist or is not configured here."""
    for campaign in loaded.file.campaigns:
        for leg in campaign.legs:
            for name in (leg.provider, *((leg.fallback,) if leg.fallback else ())):
                kind = provider_kind(name)
                lacking = kind.lacks(settings) if name in settings.providers else "PURCHASER_PROVIDERS"
                if lacking:
                    raise Rejected(f"campaign {campaign.id}: provider {name} is not configured here: set {lacking}")


async def apply(context: Context, term: Term, loaded: Loaded) -> None:
    """Put every campaign of a file in force that may be; stop those it no longer has."""
    async with acting(context, term) as connection:
        current = {found.campaign.id: found for found in await campaigns.in_force(connection)}
        for campaign in loaded.file.campaigns:
            entity = loaded.file.entity(campaign)
            old = current.get(campaign.id)
            if old is None:
                await campaigns.install(connection, campaign, entity, 1, campaign.sha256(), context.clock())
                log(__name__).info("campaign in force", campaign=campaign.id, sha256=campaign.sha256())
                continue
            if old.campaign == campaign and old.entity == entity:
                await campaigns.resume(connection, campaign.id)
                await campaigns.refuse(connection, campaign.id, "")
                continue
            if why := refuse_edit(old.campaign, campaign, local_day(context.clock(), old.campaign.tz)):
                await campaigns.refuse(connection, campaign.id, why)
                log(__name__).error("campaign change refused", campaign=campaign.id, reason=why)
                continue
            now = context.clock()
            await campaigns.install(connection, campaign, entity, old.version + 1, campaign.sha256(), now)
            log(__name__).info("campaign changed", campaign=campaign.id, version=old.version + 1)
        for name in await campaigns.stop_missing(connection, [c.id for c in loaded.file.campaigns]):
            log(__name__).warning("campaign is no longer in the file: stopped", campaign=name)
