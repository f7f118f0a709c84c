"""Make what `docker compose up` needs and git must not hold: passwords, `.env`, files to edit, pages with links.

    python3 deploy/compose/prepare.py                          # what is missing or empty; the rest is never touched
    python3 deploy/compose/prepare.py --rotate offset_purchaser  # a new password for one role, then `make up`

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import secrets
import shutil
from pathlib import Path

ROLES = ("traffic_meter", "delivery_emissions", "offset_purchaser")
"""Database roles of the services: each gets a file with its whole DSN."""
READER = "dashboards"
"""The role that only reads what Grafana shows: Grafana wants the password alone."""
DATABASE = "postgres:5432/campaign_offsets"
"""Host and name as containers see them."""
DEPLOY = Path(__file__).resolve().parents[1]
RUNBOOK = DEPLOY.parent / "docs" / "runbook.md"
PROMETHEUS = "http://127.0.0.1:9090"
"""Where the dashboards in git lead; those of an installation lead to its own Prometheus."""
GENERATED = ("POSTGRES_PASSWORD", "GRAFANA_PASSWORD")
"""Variables of `.env` that are filled in here while they are empty, as in the example."""


def main() -> None:
    """Fill in what is missing below the current folder; with ``--rotate`` also one new password."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("."), help="Where docker-compose.yml is.")
    parser.add_argument("--rotate", choices=(*ROLES, READER), help="Make a new password for this role.")
    chosen = parser.parse_args()
    prepare(chosen.root, chosen.rotate)


def prepare(root: Path, rotate: str | None = None) -> None:
    """See the module. Files with secrets are readable by their owner, the folder above them by nobody else."""
    write_environment(root / ".env", (root / ".env.example").read_text())
    values = read_environment(root / ".env")
    folder = root / values.get("SECRETS_FOLDER", "var/compose/secrets")
    folder.mkdir(parents=True, exist_ok=True)
    # The files are mounted into containers of another user, who must read them; the folder keeps others out.
    folder.chmod(0o700)
    for role in ROLES:
        path = folder / f"{role}_dsn"
        if role == rotate or not path.exists():
            replace(path, f"postgresql://{role}:{secrets.token_hex(24)}@{DATABASE}", 0o444)
    path = folder / f"{READER}_password"
    if rotate == READER or not path.exists():
        replace(path, secrets.token_hex(24), 0o444)
    if not (path := folder / "alertmanager_smtp_password").exists():
        replace(path, "", 0o444)  # for a mail server that asks for none
    copy_once(root / "campaigns.yaml", root / values.get("CAMPAIGNS_FOLDER", "var/compose/campaigns"))
    routes = DEPLOY / "alertmanager" / "alertmanager.yml"
    copy_once(routes, root / values.get("ALERTMANAGER_FOLDER", "var/compose/alertmanager"))

    local = f"http://127.0.0.1:{values.get('PROMETHEUS_PORT', '9090')}"
    boards = root / values.get("DASHBOARDS_FOLDER", "var/compose/dashboards")
    boards.mkdir(parents=True, exist_ok=True)
    for board in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        text = board.read_text(encoding="utf-8")
        linked = text.replace(PROMETHEUS, values.get("PROMETHEUS_URL", local).rstrip("/"))
        replace(boards / board.name, linked, 0o444)
    page = root / values.get("RUNBOOK_FOLDER", "var/compose/runbook") / "runbook.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    replace(page, runbook_page(RUNBOOK.read_text(encoding="utf-8")), 0o444)


def copy_once(example: Path, folder: Path) -> None:
    """Put a file that people edit where containers read it, unless it is there."""
    if not (path := folder / example.name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(example, path)


def runbook_page(text: str) -> str:
    """The runbook as Prometheus serves it, where alerts and panels lead: its text, each heading with its anchor."""
    lines = []
    for line in text.splitlines():
        words = html.escape(line)
        if heading := re.match(r"(#+) (.+)", line):
            anchor = re.sub(r"[^a-z0-9 -]", "", heading[2].lower()).replace(" ", "-")
            words = f'<b id="{anchor}">{words}</b>'
        words = re.sub(r"\[([^\]]+)\]\((#[\w-]+)\)", r'<a href="\2">\1</a>', words)  # other files are not served
        lines.append(words.replace("{{", '{{"{{"}}'))  # Prometheus reads the page as a template
    style = "pre{white-space:pre-wrap;max-width:60em;margin:2em auto}:target{background:#ff08}"
    head = f'<meta charset="utf-8"><title>Runbook</title><style>{style}</style>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body><pre>\n'
        + "\n".join(lines)
        + "\n</pre></body></html>\n"
    )


def write_environment(path: Path, example: str) -> None:
    """Copy the example unless the file is there, and give every password that is empty a value."""
    text = path.read_text() if path.exists() else example
    filled = text
    for name in GENERATED:
        filled = re.sub(rf"^{name}=[ \t]*$", f"{name}={secrets.token_hex(24)}", filled, flags=re.MULTILINE)
    if filled != text or not path.exists():
        replace(path, filled, 0o600)


def read_environment(path: Path) -> dict[str, str]:
    """The assignments of a `.env` file as docker compose reads them, but for expansions, which are not needed here."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    read = {name.strip(): _plain(value.strip()) for name, _, value in pairs}
    return {name: value for name, value in read.items() if value}


def _plain(written: str) -> str:
    """What a value means: the text between quotes, or what stands before a comment."""
    if quoted := re.match(r"""(['"])(.*?)\1""", written):
        return quoted[2]
    return re.split(r"(?:^|\s+)#", written, maxsplit=1)[0].strip()


def replace(path: Path, text: str, mode: int) -> None:
    """Write a file at once with its final rights: no moment in which others could read it."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.chmod(mode)
    os.replace(beside, path)


if __name__ == "__main__":
    main()
