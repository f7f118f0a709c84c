"""Every provider, listed once. A new one is a file here plus a line in ``PROVIDERS``."""

from __future__ import annotations

from offset_purchaser.providers.base import Provider, ProviderKind
from offset_purchaser.providers.manual import MANUAL
from offset_purchaser.providers.sandbox import SANDBOX
from offset_purchaser.providers.stripe_climate import STRIPE_CLIMATE
from offset_purchaser.settings import PurchaserSettings
from shared.errors import Rejected

PROVIDERS: tuple[ProviderKind, ...] = (SANDBOX, MANUAL, STRIPE_CLIMATE)


def provider_kind(name: str) -> ProviderKind:
    """A provider by name. Raises ``Rejected`` that lists the ones there are."""
    for kind in PROVIDERS:
        if kind.traits.name == name:
            return kind
    known = ", ".join(kind.traits.name for kind in PROVIDERS)
    raise Rejected(f"there is no provider {name}; known are {known}", field="provider")


def open_providers(settings: PurchaserSettings) -> dict[str, Provider]:
    """Every provider that this installation is configured for."""
    wanted = [kind for kind in PROVIDERS if kind.traits.name in settings.providers and not kind.lacks(settings)]
    return {kind.traits.name: kind.open(settings) for kind in wanted}
