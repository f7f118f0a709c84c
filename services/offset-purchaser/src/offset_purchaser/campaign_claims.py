"""Claims in what people and providers name: such names stand on documents, pages and mails. Pure.

A name of somebody else's (a project, a partner) is theirs to answer for and must be printed as it is, so a claim in it
is a warning and never keeps a document back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from offset_purchaser.campaign import Campaign
from offset_purchaser.campaign_file import Loaded
from offset_purchaser.claims import every_claim
from offset_purchaser.documents import DocumentContent
from offset_purchaser.terms import LegalEntity

Named = tuple[tuple[str | int, ...], str]
"""(path of keys, text)."""


def claim_warnings(loaded: Loaded) -> Iterator[str]:
    """One sentence for each text in a campaign file that holds a listed claim, in whatever language."""
    for n, entity in enumerate(loaded.file.legal_entities):
        for path, why in _claims(_of_entity(entity)):
            yield f"{loaded.place('legal_entities', n, *path)}: legal entity {entity.id}: {why}"
    for n, campaign in enumerate(loaded.file.campaigns):
        for path, why in _claims(_of_campaign(campaign)):
            yield f"{loaded.place('campaigns', n, *path)}: campaign {campaign.id}: {why}"


def claims_in(campaign: Campaign, entity: LegalEntity) -> list[str]:
    """The same for one campaign as it is in force, by key."""
    found = [*_claims(_of_campaign(campaign)), *_claims(_of_entity(entity))]
    return [f"{'.'.join(map(str, path))}: {why}" for path, why in found]


def claims_of_others(content: DocumentContent) -> list[str]:
    """Claims in what a provider named on a document: its projects, and how it words them."""
    named: list[Named] = []
    for line in content.lines:
        project = line.project
        named += [(("project",), text) for text in (project.name, project.type, project.methodology, line.standard)]
        named += [(("certificate",), text) for item in line.certificates for text in (item.beneficiary, item.reason)]
    return list(dict.fromkeys(f"{'.'.join(map(str, path))}: {why}" for path, why in _claims(named)))


def _of_campaign(campaign: Campaign) -> Iterator[Named]:
    yield ("name",), campaign.title
    for n, leg in enumerate(campaign.legs):
        yield ("legs", n, "name"), leg.name
        for key, party in (("supplier", leg.supplier), ("fallback_supplier", leg.fallback_supplier)):
            if party is not None:
                yield ("legs", n, key, "name"), party.name
        if leg.vat is not None:
            yield ("legs", n, "vat", "exemption_text"), leg.vat.exemption_text
        if leg.agreement is not None:
            yield ("legs", n, "agreement", "reference"), leg.agreement.reference
        yield ("legs", n, "payment", "terms"), leg.payment.terms
        yield from ((("legs", n, "payment", "notes", m, "text"), note.text) for m, note in enumerate(leg.payment.notes))


def _of_entity(entity: LegalEntity) -> Iterator[Named]:
    yield ("party", "name"), entity.party.name
    yield from ((("party", "address_lines", n), line) for n, line in enumerate(entity.party.address_lines))


def _claims(named: Iterable[Named]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for path, text in named:
        found = {claim.phrase: claim.why for claim in every_claim(text)} if text else {}
        for phrase, why in found.items():
            yield path, f'"{phrase}" would stand on documents: {why}'
