"""The compose file as a test uses it: a project, ports, passwords and a campaign file of its own; gone at the end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from demo.session import free_port
from shared.settings import KafkaSettings

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("traffic-meter", "delivery-emissions", "offset-purchaser")
JOBS = ("roles", "migrations", "topics")
HTTP = (*SERVICES, "sandbox")
PORTS = (
    *("KAFKA_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT", "SANDBOX_PORT"),
    *(f"{name.upper().replace('-', '_')}_PORT" for name in SERVICES),
)


def load_script(path: str) -> Any:
    """A script of the repository that is not part of any package, as a module."""
    spec = spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PREPARE = load_script("deploy/compose/prepare.py")


def require_engine() -> None:
    """Skip without a container engine; with ``CI=true`` its absence is a failure."""
    found = shutil.which("docker") and _run(["docker", "compose", "version"], check=False).returncode == 0
    found = found and _run(["docker", "info"], check=False).returncode == 0
    if not found and os.environ.get("CI") == "true":
        pytest.fail("CI has no container engine with `docker compose`")
    if not found:
        pytest.skip("no container engine with `docker compose` here")


@dataclass
class Compose:
    """One project of the compose file. ``folder`` holds its `.env`; as a context it is started and removed again.

    An empty ``project``: the one that ``docker compose`` itself takes, by ``COMPOSE_PROJECT_NAME`` or the file.
    """

    folder: Path
    project: str
    settings: dict[str, str]

    @classmethod
    def of_make_up(cls) -> Self:
        """What ``make up`` started in this checkout: the variables of the shell stand above the `.env`."""
        settings = PREPARE.read_environment(ROOT / ".env")
        return cls(ROOT, "", settings | {name: os.environ[name] for name in settings if name in os.environ})

    @classmethod
    def of_its_own(cls, folder: Path, **settings: str) -> Self:
        """A project that shares nothing with any other: prepared as ``make up`` does, with free ports."""
        example = (ROOT / ".env.example").read_text()
        ports = {name: str(free_port()) for name in PORTS}
        kinds = ("SECRETS", "CAMPAIGNS", "RUNBOOK", "DASHBOARDS", "ALERTMANAGER")
        folders = {f"{kind}_FOLDER": str(folder / kind.lower()) for kind in kinds}
        settings = ports | folders | settings
        (folder / ".env.example").write_text(_with(example, settings))
        shutil.copyfile(ROOT / "campaigns.yaml", folder / "campaigns.yaml")
        PREPARE.prepare(folder)
        return cls(folder, f"offsets-test-{os.getpid()}", settings)

    def __enter__(self) -> Self:
        try:
            self.command("build", seconds_max=1500)
            self.command("up", "--detach", "--wait", "--wait-timeout", "300", seconds_max=400)
        except BaseException:
            print(self.logs(), file=sys.stderr)
            self.down()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            print(self.logs(), file=sys.stderr)
        self.down()

    def down(self) -> None:
        """End everything and remove the volumes."""
        self.command("down", "--volumes", "--timeout", "20", check=False)

    def command(self, *arguments: str, check: bool = True, seconds_max: float = 300) -> str:
        """Run a ``docker compose`` command for this project; returns what it printed."""
        done = _run([*self._head(), *arguments], check=check, seconds_max=seconds_max)
        return done.stdout

    def _head(self) -> list[str]:
        project = ["--project-name", self.project] if self.project else []
        return ["docker", "compose", *project, "--env-file", str(self.folder / ".env")]

    def logs(self, lines: int = 15) -> str:
        """The ends of all logs."""
        return self.command("logs", "--no-color", "--tail", str(lines), *SERVICES, *JOBS, "postgres", check=False)

    def run(self, service: str, *arguments: str) -> str:
        """Run a command inside a running service."""
        return self.command("exec", "-T", service, *arguments)

    def report(self) -> dict[str, Any]:
        """The purchaser's report."""
        found: dict[str, Any] = json.loads(self.run("offset-purchaser", "offset-purchaser", "report", "--json"))
        return found

    @property
    def kafka(self) -> KafkaSettings:
        """Kafka through its outside port."""
        return KafkaSettings(bootstrap_servers=f"127.0.0.1:{self.settings['KAFKA_PORT']}")

    @property
    def campaigns(self) -> Path:
        """The campaign file that the purchaser reads."""
        return self.folder / self.settings["CAMPAIGNS_FOLDER"] / "campaigns.yaml"

    def url(self, service: str, path: str = "") -> str:
        """A service's address through its outside port."""
        return f"http://127.0.0.1:{self.settings[service.upper().replace('-', '_') + '_PORT']}{path}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query at Prometheus. Raises ``httpx.HTTPStatusError`` when it is not understood."""
        answer = httpx.get(self.url("prometheus", "/api/v1/query"), params={"query": expression}, timeout=30)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["result"]
        return found

    def stop(self, service: str) -> int:
        """Stop a service as an upgrade does; returns the exit code of its leaving."""
        self.command("stop", service)
        inspected = _run(["docker", "inspect", "--format", "{{.State.ExitCode}}", self._container(service)])
        return int(inspected.stdout.strip())

    def start(self, service: str) -> None:
        """Start a stopped service again, alone: `docker compose start` would run its set-up jobs once more."""
        _run(["docker", "start", self._container(service)])

    def image(self, service: str) -> str:
        """The image of a running service, by name and tag."""
        shown = _run(["docker", "inspect", "--format", "{{.Config.Image}}", self._container(service)]).stdout.strip()
        return shown.removeprefix("docker.io/").removeprefix("localhost/")

    def _container(self, service: str) -> str:
        return self.command("ps", "--all", "--quiet", service).strip()


def image_bytes(image: str) -> int:
    """The size of a local image, its base included."""
    return int(_run(["docker", "image", "inspect", "--format", "{{.Size}}", image]).stdout)


def wait_for(what: str, probe: Callable[[], object], seconds_max: float = 60) -> None:
    """Ask until the answer is true. Fails naming what did not happen, with the last error."""
    deadline, last = time.monotonic() + seconds_max, "the answer was no"
    while time.monotonic() < deadline:
        try:
            if probe():
                return
        except (httpx.HTTPError, KeyError, subprocess.CalledProcessError) as error:
            last = repr(error)
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds_max:.0f} s; {last}")


def _with(example: str, settings: Mapping[str, str]) -> str:
    lines = [line for line in example.splitlines() if line.partition("=")[0] not in settings]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in settings.items()), ""])


def _run(argv: list[str], *, check: bool = True, seconds_max: float = 300) -> subprocess.CompletedProcess[str]:
    # One build at a time: the second and third find the packages of the first in the cache.
    environment = os.environ | {"COMPOSE_PARALLEL_LIMIT": "1"} if "build" in argv else None
    done = subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds_max, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done
