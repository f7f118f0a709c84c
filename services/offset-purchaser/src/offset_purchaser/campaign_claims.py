"""Claims in what people name: a campaign's and a leg's name stand on documents, pages and mails. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from offset_purchaser.campaign_file import Loaded
from offset_purchaser.claims import every_claim


def claim_warnings(loaded: Loaded) -> Iterator[str]:
    """One sentence for each name in a campaign file that holds a listed claim, in whatever language."""
    for n, campaign in enumerate(loaded.file.campaigns):
        names: list[tuple[str, tuple[str | int, ...]]] = [(campaign.title, ("campaigns", n, "name"))]
        names += [(leg.name, ("campaigns", n, "legs", m, "name")) for m, leg in enumerate(campaign.legs)]
        for name, path in names:
            found = {claim.phrase: claim.why for claim in every_claim(name)}
            for phrase, why in found.items():
                yield f'{loaded.place(*path)}: campaign {campaign.id}: "{phrase}" would stand on documents: {why}'
