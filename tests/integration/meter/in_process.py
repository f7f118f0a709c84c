"""Commands of the traffic meter run in the tests' own process: a second sooner than in one of their own."""

from __future__ import annotations

import asyncio

from click.testing import Result
from tests.support import Sandbox
from typer.testing import CliRunner

from shared.errors import OffsetsError
from traffic_meter.cli import app


async def ended(sandbox: Sandbox, *arguments: str) -> Result:
    """Run a command to its end, whatever that is; in a thread, because it runs a loop of its own."""
    runner = CliRunner(env=sandbox.environment("traffic-meter"))
    return await asyncio.to_thread(runner.invoke, app, arguments)


async def done(sandbox: Sandbox, *arguments: str) -> str:
    """What a command that succeeds prints."""
    result = await ended(sandbox, *arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


async def refused(sandbox: Sandbox, *arguments: str) -> str:
    """The sentence of a command that is refused."""
    result = await ended(sandbox, *arguments)
    assert isinstance(result.exception, OffsetsError), (result.output, result.exception)
    return str(result.exception)
