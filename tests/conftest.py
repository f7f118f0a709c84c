"""Fixtures every suite shares: one real Kafka and PostgreSQL for the whole run, a database and topics for each test."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local_stack import LocalStack
from tests.support import Sandbox

settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("default")


def pytest_configure() -> None:
    """Processes started here must hear Ctrl-C, even when the suite itself runs in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """Kafka and PostgreSQL as processes of this machine, started once, gone at the end."""
    with LocalStack.ephemeral() as running:
        yield running


_numbers = itertools.count(1)


@pytest.fixture
def sandbox(stack: LocalStack, tmp_path: Path) -> Iterator[Sandbox]:
    """A database and a topic prefix of this test's own; processes it started are stopped at its end."""
    with Sandbox.create(stack, f"t{next(_numbers)}-", tmp_path) as own:
        yield own


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT
