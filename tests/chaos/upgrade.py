"""``make upgrade``: from an older version to this one and back, by the runbook's order, while records keep coming.

The older version is the code of a commit of this repository, run as it was, with this checkout's packages: at first on
its own tables, then beside this version on the newer ones. Every integer must come out, whoever counted it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import time
from pathlib import Path

from local_stack import LocalStack
from tests.chaos.compare import compared
from tests.chaos.faults import Scene
from tests.chaos.fleet import METERS, PURCHASER, Fleet
from tests.chaos.producer import ChaosProducer
from tests.chaos.run import audited, first_known, recovered
from tests.conftest import ROOT
from tests.support import Sandbox

SERVICES = (PURCHASER, *METERS)
"""In the order of an upgrade; the way back is the opposite."""
APPLIED = "SELECT count(*) AS n FROM _yoyo_migration"


def before_the_newest_migration() -> str:
    """The last commit without the newest migration."""
    argv = ["git", "log", "-1", "--format=%h", "--diff-filter=A", "--", "*/migrations/*.sql"]
    found = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return f"{found}^"


def known(commit: str) -> bool:
    """Whether the name is that of a commit here."""
    argv = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{commit}^{{commit}}"]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, check=False).returncode == 0


def code_of(commit: str, folder: Path) -> dict[str, str]:
    """Unpack a commit; returns the environment in which processes run its code instead of this checkout's."""
    folder.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit, "shared", "services"], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return {
        "PYTHONPATH": ":".join(str(path) for path in sorted(folder.glob("s*/src")) + sorted(folder.glob("s*/*/src")))
    }


async def applied(sandbox: Sandbox) -> int:
    """Migrations in the tables of all services."""
    schemas = (service.replace("-", "_") for service in SERVICES)
    return sum([int((await sandbox.rows(schema, APPLIED))[0]["n"]) for schema in schemas])


async def rolled(scene: Scene, service: str) -> None:
    """Replace the processes of a service one by one, as an orchestrator does: both versions count side by side."""
    for number in range(len(scene.fleet.running[service])):
        await asyncio.to_thread(scene.fleet.replace_oldest, service)
        print(f"    {service} {number + 1}: replaced, all known after {await recovered(scene):.1f} s", flush=True)


async def upgraded(sandbox: Sandbox, fleet: Fleet, old: dict[str, str], rate: int, seed: int) -> list[str]:
    """Forward and back under traffic; returns every difference."""
    producer = ChaosProducer(sandbox, rate, seed)
    scene = Scene(sandbox, fleet, producer, random.Random(seed))
    producing = asyncio.create_task(producer.run())
    print(f"the older version counts, all known after {await first_known(scene):.1f} s", flush=True)
    before = await applied(sandbox)
    for service in SERVICES:
        await asyncio.to_thread(sandbox.prepare, service)
    print(f"tables: {before} migrations became {await applied(sandbox)}; the older version goes on", flush=True)
    print(f"    all known after {await recovered(scene):.1f} s", flush=True)
    for environment, order, word in ((dict[str, str](), SERVICES, "forward"), (old, SERVICES[::-1], "back")):
        fleet.environment = environment
        print(word, flush=True)
        for service in order:
            await rolled(scene, service)
    producer.running = False
    await producing
    await recovered(scene)
    differences = await compared(sandbox, producer.sums)
    if fleet.restarts:
        differences.append(f"{fleet.restarts} processes ended by themselves")
    await asyncio.to_thread(fleet.close)
    for service in METERS:
        differences += await asyncio.to_thread(audited, sandbox, service, producer.sums.records)
    print(f"{producer.sums.records} records, {len(differences)} differences", flush=True)
    return differences


def main() -> None:
    """The command; the exit code is 0 when nothing differs."""
    parser = argparse.ArgumentParser(prog="upgrade", description=__doc__)
    parser.add_argument("--from", dest="commit", default="", help="commit; else the last before the newest migration")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--out", type=Path, default=Path("var/upgrade"), help="where the older code and the logs go")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    commit = options.commit or before_the_newest_migration()
    if not known(commit):
        sys.exit(
            f"FROM={commit} is no commit of this repository: git log --oneline shows them, git fetch brings others."
        )
    folder = (options.out / f"{int(time.time())}").resolve()
    old = code_of(commit, folder / "older")
    print(f"upgrade: from {commit} to this checkout; logs in {folder}", flush=True)
    with LocalStack.ephemeral() as stack, Sandbox.create(stack, "upgrade-", folder) as sandbox:
        fleet = Fleet(sandbox, environment=old)
        fleet.open()
        differences = asyncio.run(upgraded(sandbox, fleet, old, options.rate, options.seed))
    print("\n".join(differences), flush=True)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
