"""``replay run`` from its command line to the document: small files always, the real ones when they are there."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.real_files import real_file

ROOT = Path(__file__).resolve().parents[2]
REPLAY = Path(sys.executable).parent / "replay"
pytestmark = pytest.mark.timeout(600)

CHANNELS = ("site", "email", "ads", "delivery")


def replay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would; its output is in the failure when it fails."""
    return subprocess.run(
        [REPLAY, "run", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "150"},
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )


def totals(summary: dict[str, Any]) -> dict[str, tuple[int, Decimal]]:
    """Events and grams of every channel over all days."""
    found = dict.fromkeys(CHANNELS, (0, Decimal(0)))
    for day in summary["days"]:
        for name, channel in day["channels"].items():
            events, grams = found[name]
            found[name] = events + channel["events"], grams + Decimal(channel["emissions_g"]["central"])
    return found


def small_files(folder: Path) -> list[str | Path]:
    line = '192.0.2.{n} - - [{day}/Nov/2025:21:{n:02d}:00 +0100] "GET /p/{n} HTTP/1.1" 200 {size} "-" "Mozilla/5.0"\n'
    lines = [line.format(n=n % 60, day=27 + n % 3, size=1_000_000 + n) for n in range(300)]
    (folder / "access.log.gz").write_bytes(gzip.compress("".join([*lines, "garbage\n"]).encode()))
    (folder / "parcels.csv").write_text(
        "Order No,Line,Order Date,Goods Issue Date,Gross Weight,Weight Unit,Ship To Country,Carrier\n"
        + "".join(f"{n},1,2025-11-27,2025-11-2{8 + n % 2},{n + 1},LB,FR,DPD\n" for n in range(40))
        + "99,1,2025-11-27,someday,1,LB,FR,DPD\n"
    )
    (folder / "mailings.csv").write_text(
        "Campaign,Sent,Recipients,Opens,Size (KB)\nBlack Friday,27/11/2025 09:00,25000000,5000000,90\n"
    )
    return [
        *("--log", folder / "access.log.gz", "--shipments", folder / "parcels.csv"),
        *("--emails", folder / "mailings.csv", "--zone", "Europe/Paris", "--shop", "FR"),
        *("--out", folder / "out", "--history", folder / "replayed.json", "--wait", "450"),
    ]


def test_small_files_of_every_kind_go_through_the_whole_main_job(tmp_path: Path) -> None:
    arguments = small_files(tmp_path)
    done = replay(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "comparisons with the files, none different" in done.stdout
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [day["day"] for day in summary["days"]] == ["2025-11-27", "2025-11-28", "2025-11-29"]
    found = totals(summary)
    assert {name: events for name, (events, _) in found.items()} == {"site": 300, "email": 3, "ads": 0, "delivery": 40}
    assert all(grams > 0 for name, (_, grams) in found.items() if name != "ads")
    accounts = {entry["path"]: (entry["rows"], entry["sent"], entry["rejected"]) for entry in summary["files"]}
    assert accounts == {"access.log.gz": (301, 300, 1), "parcels.csv": (41, 40, 1), "mailings.csv": (1, 1, 0)}
    assert sorted((tmp_path / "out" / "rejected.csv").read_text().splitlines()[1:]) == [
        "access.log.gz,301,time,there is no [time]",
        "parcels.csv,42,occurred_at,Goods Issue Date: 'someday' is not a date like %d.%m.%Y or %d/%m/%Y or 2026-11-27",
    ]
    (order,) = summary["orders"]
    bought = sum(settlement["quantity_g"] for day in summary["days"] for settlement in day["settlements"])
    assert order["quantity_g"] == bought > 0
    assert Decimal(order["amount"]) > 0
    assert (tmp_path / "out" / "documents" / f"{order['document']}.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "out" / "report.html").exists()

    refused = replay(*arguments)
    assert refused.returncode == 2
    assert "access.log.gz was replayed on" in refused.stderr
    assert "--again" in refused.stderr


def test_the_real_files_go_through_the_whole_main_job(tmp_path: Path) -> None:
    done = replay(
        *("--log", real_file("web-access-2015.log.gz")),
        *("--shipments", real_file("shipments-scms-2006-2015.csv.gz")),
        *("--out", tmp_path, "--history", tmp_path.parent / f"{tmp_path.name}-replayed.json", "--wait", "450"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10,000 rows = 9,956 sent + 44 not traffic + 0 rejected; 9,956 events and 2,747,282,740 bytes" in done.stdout
    assert "10,324 rows = 10,324 sent + 0 not traffic + 0 rejected; 10,324 events" in done.stdout
    summary = json.loads((tmp_path / "summary.json").read_text())
    balance = summary["balance"]
    assert balance["site-traffic"] == {"consumed": 9_956, "counted": 9_956, "duplicates": 0, "rejected": 0}
    assert balance["shipments"] == {"consumed": 10_324, "counted": 10_324, "duplicates": 0, "rejected": 0}
    assert len(summary["days"]) == 3_423
    assert {name: events for name, (events, _) in totals(summary).items()} == {
        **{"site": 9_956, "email": 0, "ads": 0, "delivery": 10_324},
    }
    assert len(summary["orders"]) == 1
