"""Ten random faults on real parts; ``make chaos FAULTS=200 SEED=…`` runs as many as you like."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.chaos.run import chaos
from tests.support import Sandbox


@pytest.mark.timeout(600)
async def test_whatever_breaks_the_integers_are_exact(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1 << 32))
    with capsys.disabled():
        print(f"\nchaos: CHAOS_SEED={seed}")
    assert await chaos(sandbox, faults=10, seed=seed, rate=500) == []
