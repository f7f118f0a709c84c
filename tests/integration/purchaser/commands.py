"""The command line as people run it: a process of its own, with the database or without one."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).parent / "offset-purchaser"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


async def offset_purchaser(*words: str | Path, dsn: str = "") -> Done:
    """Run ``offset-purchaser`` in a folder that is not the tree's; without ``dsn`` it knows no database."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("POSTGRES", "KAFKA"))}
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *words,
        env=environment | ({"POSTGRES_DSN": dsn} if dsn else {}),
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())
