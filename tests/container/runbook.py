"""The commands of docs/runbook.md as they stand there, run against a project of a test."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from tests.container.compose import ROOT, Compose

OF_THIS_PROJECT = """
docker() {{
  [ "$1" = compose ] || {{ command docker "$@"; return; }}
  shift
  {instead}
  (cd {root} && command docker compose --project-name {project} --env-file {folder}/.env "$@")
}}
python3() {{ command python3 {root}/"$1" --root {folder}; }}
"""
"""Before a block: its commands mean ``docker-compose.yml`` and the `.env` of their folder; tests have several."""

BUILD_INSTEAD = 'if [ "$1" = build ]; then {build} || exit 1; return; fi'


def blocks(heading: str) -> list[str]:
    """The fenced blocks of shell commands below a heading, in order."""
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^###? {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def run_block(compose: Compose, block: str, *, build: str = "") -> None:
    """Run a block in the project's folder. ``build``: a shell command for what ``docker compose build`` would do."""
    instead = BUILD_INSTEAD.format(build=build) if build else ""
    folder, root = shlex.quote(str(compose.folder)), shlex.quote(str(ROOT))
    head = OF_THIS_PROJECT.format(root=root, project=compose.project, folder=folder, instead=instead)
    argv = ["bash", "-euo", "pipefail", "-c", head + block]
    done = subprocess.run(argv, cwd=compose.folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"


def newer_images(folder: Path, tag: str, source: str = "local") -> str:
    """A shell command that makes images of a newer version: these, with one more migration for each service's tables.

    The migration does what an upgrade may: it adds, and the version before goes on beside it.
    """
    lines = []
    for image, packages in NEWER.items():
        context = folder / f"newer-{image}"
        context.mkdir()
        copies = []
        for package, sql in packages.items():
            (context / f"{package}.sql").write_text(sql)
            copies.append(f"COPY {package}.sql /app/lib/{package.replace('.', '/')}/migrations/9000_newer_version.sql")
        content = "\n".join([f"FROM campaign-offsets/{image}:{source}", *copies, ""])
        (context / "Dockerfile").write_text(content)
        lines.append(f"docker build --quiet --tag campaign-offsets/{image}:{tag} {shlex.quote(str(context))}")
    return " && ".join(lines)


METER = {"shared.meter": "ALTER TABLE registers ADD COLUMN newer integer NOT NULL DEFAULT 0;"}
PURCHASER = {"offset_purchaser": "ALTER TABLE orders ADD COLUMN newer integer NOT NULL DEFAULT 0;"}
NEWER = {
    "traffic-meter": METER,
    "delivery-emissions": METER,
    "offset-purchaser": PURCHASER,
    "set-up": METER | PURCHASER,
}
