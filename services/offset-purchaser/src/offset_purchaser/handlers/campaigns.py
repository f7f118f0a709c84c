"""The campaign file into force: read when its bytes change, refused with a sentence where it may not change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import product

from offset_purchaser import metrics
from offset_purchaser.campaign import Campaign, clash, refuse_edit
from offset_purchaser.campaign_claims import claims_in
from offset_purchaser.campaign_file import Loaded, load
from offset_purchaser.handlers.context import Context, acting, source_topics
from offset_purchaser.providers import provider_kind
from offset_purchaser.providers.sandbox import SANDBOX
from offset_purchaser.providers.stripe_climate import STRIPE_CLIMATE
from offset_purchaser.settings import PurchaserSettings
from offset_purchaser.store import campaigns, purchases
from offset_purchaser.store.campaigns import InForce, Rules
from offset_purchaser.store.leadership import Term
from offset_purchaser.terms import Leg, LegalEntity
from shared.clock import local_day
from shared.errors import OffsetsError, Rejected
from shared.postgres import RETRYABLE, Connection
from shared.settings import TopicSettings
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
            await apply(self._context, term, loaded)
        except Rejected as error:
            return self._refused(str(error))
        except (OffsetsError, *RETRYABLE):
            raise
        except Exception as error:  # whatever a file holds, the campaigns in force go on
            name = type(error).__name__
            return self._refused(f"{self._context.settings.campaigns_file}: cannot be used: {name}", name)
        self._seen, self._complaint = loaded.sha256, ""
        metrics.CAMPAIGN_FILE_OK.set(1)
        return True

    def _refused(self, reason: str, kind: str = "Rejected") -> bool:
        metrics.CAMPAIGN_FILE_OK.set(0)
        if reason != self._complaint:
            # Where, not what: a wrong value may be a person's name. `campaigns check` says the rest.
            places = [line.partition(": ")[0] for line in reason.splitlines()]
            log(__name__).error("campaign file refused", at=places[:10], errors=len(places), kind=kind)
        self._complaint = reason
        return False


def check_providers(loaded: Loaded, settings: PurchaserSettings) -> None:
    """Raises ``Rejected``, one line per error, when a leg names a provider that does not exist or is not configured
    here, or a lot that the provider does not sell."""
    found = []
    for n, campaign in enumerate(loaded.file.campaigns):
        for m, leg in enumerate(campaign.legs):
            for key, why in _leg_faults(leg, settings):
                found.append(f"{loaded.place('campaigns', n, 'legs', m, key)}: campaign {campaign.id}: {why}")
    if found:
        raise Rejected("\n".join(found))


def check_references(loaded: Loaded, topics: TopicSettings, stored: Collection[str]) -> None:
    """Raises ``Rejected``, one line per error, when a campaign waits for a topic that it does not read, or has its
    forecast from a campaign that is neither in the file nor among the ``stored`` ones."""
    sources, found = source_topics(topics), []
    known = {campaign.id for campaign in loaded.file.campaigns} | set(stored)
    for n, campaign in enumerate(loaded.file.campaigns):
        read = [sources[channel] for channel in campaign.channels]
        for m, passed in enumerate(campaign.opens_after):
            if passed.topic not in read:
                place = loaded.place("campaigns", n, "opens_after", m, "topic")
                found.append(f"{place}: {passed.topic} is none of the topics of {campaign.id}: {', '.join(read)}")
        if campaign.forecast_from and campaign.forecast_from not in known:
            place = loaded.place("campaigns", n, "forecast_from")
            found.append(f"{place}: there is no campaign {campaign.forecast_from}, in this file or in force")
    if found:
        raise Rejected("\n".join(found))


def _leg_faults(leg: Leg, settings: PurchaserSettings) -> Iterator[tuple[str, str]]:
    if STRIPE_CLIMATE.traits.name in (leg.provider, leg.fallback) and not leg.product:
        yield "provider", f"{STRIPE_CLIMATE.traits.name} needs product, the id of what to buy there"
    for key, name in (("provider", leg.provider), ("fallback", leg.fallback)):
        if not name:
            continue
        try:
            kind = provider_kind(name)
        except Rejected as error:
            yield key, error.reason
            continue
        if name != SANDBOX.traits.name and leg.seller(name) is None:
            yield key, f"{name} needs supplier, the party that its documents name"
        lacking = kind.lacks(settings) if name in settings.providers else "PURCHASER_PROVIDERS"
        if lacking:
            yield key, f"provider {name} is not configured here: set {lacking}"
        if leg.lot_g and leg.lot_g % kind.traits.lot_g:
            yield "lot_g", f"{leg.lot_g} g is no multiple of the {kind.traits.lot_g} g that {name} sells"


NO_CAMPAIGNS = (
    "{place}: the list is empty, which would stop every campaign, and days of {open} are still to be settled; "
    "write stop_buying: true into what is to buy nothing more; a campaign can be taken out while another one stays"
)
"""A file that lost its campaigns (a template without values, a wrong merge) must not look like a decision."""


async def apply(context: Context, term: Term, loaded: Loaded) -> None:
    """Put every campaign of a file in force that may be; stop those it no longer has.

    Raises ``Rejected``, and changes nothing, when a campaign would claim what another one has bought or still claims,
    or refers to what does not exist.
    """
    async with acting(context, term) as connection:
        current = {found.campaign.id: found for found in await campaigns.in_force(connection)}
        check_references(loaded, context.topics, current)
        if not loaded.file.campaigns and (open_ := await campaigns.unfinished(connection)):
            raise Rejected(NO_CAMPAIGNS.format(place=loaded.place("campaigns"), open=", ".join(open_)))
        changed = []
        for campaign in loaded.file.campaigns:
            entity = loaded.file.entity(campaign)
            if await _apply_one(context, connection, campaign, entity, current.get(campaign.id)):
                changed.append(campaign)
        for name in await campaigns.stop_missing(connection, [c.id for c in loaded.file.campaigns]):
            log(__name__).warning("campaign is no longer in the file: stopped", campaign=name)
        if changed:
            await _refuse_clashes(connection, changed)


async def _apply_one(
    context: Context, connection: Connection, campaign: Campaign, entity: LegalEntity, old: InForce | None
) -> bool:
    """True when a new version came into force."""
    now = context.clock()
    if old is None:
        await campaigns.install(connection, campaign, entity, 1, campaign.sha256(), now)
        log(__name__).info("campaign in force", campaign=campaign.id, sha256=campaign.sha256())
        _warn(campaign, entity)
        return True
    if old.campaign == campaign and old.entity == entity:
        await campaigns.resume(connection, campaign.id)
        await campaigns.refuse(connection, campaign.id, "")
        return old.stopped
    why = refuse_edit(old.campaign, campaign, local_day(now, old.campaign.tz))
    if not why:
        new = InForce(campaign, entity, old.version + 1, campaign.sha256(), stopped=False, refusal="")
        rules = await campaigns.rules(connection, campaign.id)
        why = stranded(
            Rules(new, (*rules.versions, (now, new))),
            await purchases.frozen_days(connection, campaign.id),
            await purchases.made(connection, campaign.id),
        )
    if why:
        await campaigns.refuse(connection, campaign.id, why)
        log(__name__).error("campaign change refused", campaign=campaign.id, reason=why)
        return False
    await campaigns.install(connection, campaign, entity, old.version + 1, campaign.sha256(), now)
    begun = str(local_day(now, campaign.tz)) if local_day(now, campaign.tz) >= campaign.first_day else ""
    log(__name__).info("campaign changed", campaign=campaign.id, version=old.version + 1, only_guards_through=begun)
    _warn(campaign, entity)
    return True


def _warn(campaign: Campaign, entity: LegalEntity) -> None:
    """Once for each version that comes into force."""
    for sentence in claims_in(campaign, entity):
        log(__name__).warning("a climate claim would stand on documents", campaign=campaign.id, claim=sentence)


def stranded(rules: Rules, frozen: Collection[date], made: Collection[tuple[str, date]]) -> str:
    """Why rules would leave a day without a purchase: its share belongs to one that is made already (``made``: leg and
    buying day); ``""`` when every day that is still to settle can be bought. Pure."""
    for day in rules.current.campaign.days():
        mine = rules.on(day).campaign
        for leg in mine.legs if day not in frozen else ():
            under = mine.buying_day(leg, day)
            if (leg.key, under) in made:
                return (
                    f"last_day: {day} is bought under {under} by the rules that it began with, and what {leg.key} buys "
                    "under that day is bought already: the campaign cannot have this day any more"
                )
    return ""


async def _refuse_clashes(connection: Connection, changed: Sequence[Campaign]) -> None:
    """The file agrees with itself; this holds it against refused changes that left an older version in force, against
    begun days that keep the scope they began with, and against days that a campaign settled which is no longer in the
    file."""
    going = [found.campaign.id for found in await campaigns.in_force(connection) if not found.stopped]
    claimed = {name: (await campaigns.rules(connection, name)).claims() for name in going}
    settled = await campaigns.settled_days(connection)
    for campaign in changed:
        others = [one for name, days in claimed.items() if name != campaign.id for one in days]
        others += [one for one in settled if one.id != campaign.id]
        for mine, other in product(claimed[campaign.id], others):
            if why := clash(mine, other):
                raise Rejected(f"campaign {campaign.id}: {why}")
