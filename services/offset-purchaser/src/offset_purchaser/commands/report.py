"""``offset-purchaser report``: a page for people, a table, or JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offset_purchaser.commands.common import AsJson, show_json, store, table
from shared.errors import Rejected

if TYPE_CHECKING:
    from offset_purchaser.campaign_report import Proof

HEAD = [
    "campaign",
    "day",
    "no",
    "state",
    "g CO2e",
    "bought g",
    "amount",
    "",
    "provider",
    "order",
    "document",
    "waiting for",
]
BALANCE = ["topic", "consumed", "counted", "duplicates", "rejected", "skipped", "lost"]


def report(
    campaign: Annotated[str | None, typer.Argument(help="Campaign id; all campaigns when left out.")] = None,
    *,
    out: Annotated[Path | None, typer.Option(help="Write a page for people and its charts into this folder.")] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(help="fr, en or de, repeatable; the first is report.html. Default: the company's."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Campaign to compare the page with. Default: the company's last one before.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option(help="JSON with compared, differing and restarts, of a run that knows what it sent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every campaign day: emissions per channel, what was bought for it, and the meters' balance.

    With --out, one page that needs nothing else: total and range, shares, hours, days, countries, what was not
    counted, against the campaign before; what refurbished devices avoid and what was bought, each apart.
    """
    if out is not None:
        _page(campaign, out, language or [], against, _proof(proof))
        return
    from offset_purchaser.report import build

    found = store(lambda pool: build(pool, campaign))
    if as_json:
        show_json(found)
        return
    rows = [
        [d["campaign"], d["day"], s["number"], s["state"], d["total_g"]["central"], s["quantity_g"], s["amount"],
         s["currency"], s["provider"], s["order_state"], s["document"], s["waiting_for"]]
        for d in found["days"] for s in d["settlements"]
    ]  # fmt: skip
    table("Campaign days", HEAD, rows)
    table("Balance", BALANCE, [[topic, *row.values()] for topic, row in found["balance"].items()])


def _page(campaign: str | None, out: Path, languages: list[str], against: str | None, proof: Proof | None) -> None:
    from offset_purchaser.campaign_report import LANGUAGES, write_report
    from offset_purchaser.handlers.campaign_report import campaign_page
    from offset_purchaser.settings import PurchaserSettings

    if campaign is None:
        raise Rejected("a page is of one campaign: offset-purchaser report CAMPAIGN --out DIR")
    if unknown := [one for one in languages if one not in LANGUAGES]:
        raise Rejected(f"there are no texts in {unknown[0]!r}; there are {', '.join(LANGUAGES)}", field="language")
    mode = PurchaserSettings.load().mode
    page, default = store(lambda pool: campaign_page(pool, campaign, against=against, mode=mode, proof=proof))
    try:
        for path in write_report(page, out, languages or [default]):
            typer.echo(path)
    except OSError as error:
        raise Rejected(f"{out}: {error.strerror}") from None


def _proof(path: Path | None) -> Proof | None:
    from offset_purchaser.campaign_report import Proof

    if path is None:
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Proof(int(found["compared"]), int(found["differing"]), int(found["restarts"]))
    except OSError as error:
        raise Rejected(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected(f"{path} is no JSON with compared, differing and restarts: {error}") from None
