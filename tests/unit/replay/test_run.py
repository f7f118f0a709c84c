"""Plans, shifts, pace and the command line, without Kafka."""

from __future__ import annotations

import json
import shlex
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from demo.records import Record
from offset_purchaser.campaign_file import parse
from replay.access.request import Moment
from replay.account import Lists
from replay.cli import app
from replay.history import History
from replay.inputs import Options
from replay.paced import due, speed_of
from replay.plan import Files, Plan, make_plan
from replay.sheets.shape import SheetOptions
from replay.shift import by_days, moments
from shared.errors import Rejected

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 5, 12, tzinfo=UTC)
LINE = '1.2.3.4 - - [{time}] "GET /{n} HTTP/1.1" 200 {n} "-" "-"\n'


def log(path: Path, *times: str) -> Path:
    path.write_text("".join(LINE.format(time=time, n=n) for n, time in enumerate(times, 1)))
    return path


def plan_of(tmp_path: Path, files: Files, *, shift_to: date | None = None, zone: str = "Europe/Paris") -> Plan:
    return make_plan(
        files, [], Options(zone=zone), History(tmp_path / "h.json"), again=False, shift_to=shift_to, now=NOW
    )


def test_the_campaign_covers_the_days_of_all_files_in_its_zone(tmp_path: Path) -> None:
    one = log(tmp_path / "one.log", "27/Nov/2026:22:59:59 +0000", "29/Nov/2026:10:00:00 +0000")
    two = log(tmp_path / "two.log", "30/Nov/2026:23:00:00 +0000")
    plan = plan_of(tmp_path, Files(logs=[one, two]))
    assert (plan.first_day, plan.last_day, plan.total) == (date(2026, 11, 27), date(2026, 12, 1), 3)
    campaign = plan.campaign("FR")
    read = parse(yaml.safe_dump({"campaigns": [campaign]}).encode(), "campaigns.yaml").campaigns[0]
    assert (read.zone, read.shops, [channel.value for channel in read.channels]) == ("Europe/Paris", ("FR",), ["site"])
    assert read.buy == "per_campaign"


def test_a_day_that_is_not_over_cannot_be_waited_for(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, Files(logs=[log(tmp_path / "one.log", "27/Nov/2026:22:00:00 +0100")]))
    with pytest.raises(Rejected, match=r"the last day, 2026-11-27, is not over"):
        plan.insist_on_days_that_are_over(datetime(2026, 11, 27, 22, 59, 59, tzinfo=UTC))
    plan.insist_on_days_that_are_over(datetime(2026, 11, 27, 23, tzinfo=UTC))


def test_several_files_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    one = log(tmp_path / "one.log", "27/Nov/2026:10:00:00 +0000", "27/Nov/2026:12:00:00 +0000")
    two = log(tmp_path / "two.log", "27/Nov/2026:11:00:00 +0000", "27/Nov/2026:13:00:00 +0000")
    sheet = tmp_path / "mails.csv"
    sheet.write_text("Title,Send Date,Recipients\nlate,2026-11-27 12:30:00,5\nearly,2026-11-27 09:30:00,5\n")
    plan = plan_of(tmp_path, Files(logs=[one, two], emails=[sheet]), zone="UTC")
    with Lists(tmp_path) as lists:
        hours = [datetime.fromtimestamp(r.timestamp_ms / 1000, UTC).strftime("%H:%M") for r in plan.records(lists)]
    assert hours == ["09:30", "10:00", "11:00", "12:00", "12:30", "13:00"]
    plan.check()


def test_a_shift_moves_every_file_by_the_same_whole_days(tmp_path: Path) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2015:21:00:00 +0100", "30/Nov/2015:09:00:00 +0100")
    plan = plan_of(tmp_path, Files(logs=[path]), shift_to=date(2026, 7, 1))
    assert (plan.first_day, plan.last_day) == (date(2026, 7, 1), date(2026, 7, 4))
    with Lists(tmp_path) as lists:
        records = list(plan.records(lists))
    assert [json.loads(record.value)["occurred_at"] for record in records] == [
        *("2026-07-01T21:00:00+02:00", "2026-07-04T09:00:00+02:00"),
    ]
    assert records[0].timestamp_ms == int(datetime(2026, 7, 1, 19, tzinfo=UTC).timestamp() * 1000)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)), st.integers(-4000, 4000))  # noqa: DTZ001
def test_the_clock_on_the_wall_stays(wall: datetime, days: int) -> None:
    moved = by_days(days, PARIS)(wall.replace(tzinfo=PARIS))
    assert (moved.replace(tzinfo=None, fold=0) - wall).days == days
    assert moved.time().replace(fold=0) == wall.time()
    assert moments(by_days(0, PARIS))(Moment("2026-07-01T10:00:00+00:00", 0)).text == "2026-07-01T12:00:00+02:00"


def test_speeds() -> None:
    assert (speed_of("max"), speed_of("1x"), speed_of("10x"), speed_of("0.5x")) == (None, 1.0, 10.0, 0.5)
    for text in ("fast", "10", "0x", "-1x", "nanx", "infx"):
        with pytest.raises(Rejected, match="is no speed"):
            speed_of(text)


@given(st.lists(st.integers(0, 10**9), max_size=50), st.sampled_from([1.0, 10.0]))
def test_no_record_is_due_before_its_time(times: list[int], speed: float) -> None:
    records = [Record("site_traffic", b"", b"", ms) for ms in times]
    for record, moment in due(records, speed, start=100.0):
        assert moment == pytest.approx(100 + max(0, record.timestamp_ms - times[0]) / 1000 / speed)


def test_a_dry_run_counts_everything_and_leaves_no_memory(tmp_path: Path) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2025:10:00:00 +0000", "x", "27/Nov/2025:12:00:00 +0000")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("summary.json", "rejected.csv", "not-traffic.csv"):
        (out / name).write_text("of a real run")
    for _ in range(2):
        result = CliRunner().invoke(app, ["run", "--log", str(path), "--dry-run", "--out", str(out)])
        assert result.exit_code == 0, result.output
        assert "3 rows = 2 sent + 0 not traffic + 1 rejected; 2 events and 4 bytes" in result.output
        assert "1  rejected for time (rejected.csv has every row)" in result.output
    dry = out / "dry-run"
    (entry,) = json.loads((dry / "summary.json").read_text())["files"]
    assert (entry["path"], entry["rows"], entry["sent"], entry["rejected"], entry["bytes"]) == ("one.log", 3, 2, 1, 4)
    assert (dry / "rejected.csv").read_text().splitlines()[1].startswith("one.log,2,time,")
    assert {path.read_text() for path in out.iterdir() if path.is_file()} == {"of a real run"}
    assert {path.name for path in dry.iterdir()} == {
        *(".campaign-offsets-run", "summary.json", "rejected.csv", "not-traffic.csv"),
    }


def test_a_folder_of_somebody_else_stops_a_run_before_anything_is_read_or_touched(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "summary.json").write_text("mine")
    result = CliRunner().invoke(app, ["run", "--log", "nowhere.log", "--out", str(out)])
    assert isinstance(result.exception, Rejected)
    assert "holds files and no mark of an earlier run (summary.json)" in str(result.exception)
    assert [path.name for path in out.iterdir()] == ["summary.json"]


def test_a_file_replayed_before_is_refused_unless_again(tmp_path: Path) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2026:10:00:00 +0000")
    first = plan_of(tmp_path, Files(logs=[path]))
    history = History(tmp_path / "h.json")
    history.begin([first.inputs[0].content])
    history.finish([first.inputs[0].content])
    with pytest.raises(Rejected, match="was replayed on"):
        plan_of(tmp_path, Files(logs=[path]))
    make_plan(Files(logs=[path]), [], Options(), History(tmp_path / "h.json"), again=True, shift_to=None, now=NOW)


def test_a_row_in_the_future_is_rejected_and_moves_no_day(tmp_path: Path) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2026:10:00:00 +0000", "27/Nov/2062:10:00:00 +0000")
    (tmp_path / "mails.csv").write_text("Title,Send Date,Recipients\na,2026-11-26,5\nb,2027-11-26,5\n")
    plan = plan_of(tmp_path, Files(logs=[path], emails=[tmp_path / "mails.csv"]), zone="UTC")
    assert (plan.first_day, plan.last_day) == (date(2026, 11, 26), date(2026, 11, 27))
    with Lists(tmp_path) as lists:
        assert len(list(plan.records(lists))) == 2
    plan.check()
    assert (tmp_path / "rejected.csv").read_text().splitlines()[1:] == [
        "mails.csv,3,occurred_at,2027-11-26T12:00:00+00:00 lies in the future",
        "one.log,2,time,lies in the future",
    ]


def test_a_row_that_is_rejected_moves_no_day(tmp_path: Path) -> None:
    (tmp_path / "mails.csv").write_text("Title,Send Date,Recipients\na,2026-11-26,5\nb,1999-11-26,0\n")
    plan = plan_of(tmp_path, Files(emails=[tmp_path / "mails.csv"]))
    assert (plan.first_day, plan.last_day) == (date(2026, 11, 26), date(2026, 11, 26))


def test_a_placement_that_is_not_over_says_which_file_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(
        "Placement;Format;Start;End;Faces;Area (m2)\nx;Poster;27/11/2026;05/12/2026;4;2,5\n"
    )
    plan = plan_of(tmp_path, Files(ads=[tmp_path / "plan.csv"]))
    with pytest.raises(Rejected, match=r"the last day, 2026-12-05, is not over \(plan\.csv\)"):
        plan.insist_on_days_that_are_over(NOW)


def test_an_id_that_stands_in_two_sheets_is_sent_once(tmp_path: Path) -> None:
    head = "Order No,Line,Goods Issue Date,Gross Weight,Ship To Country\n"
    (tmp_path / "a.csv").write_text(head + "1,1,2026-11-02,1,FR\n2,1,2026-11-03,1,FR\n")
    (tmp_path / "b.csv").write_text(head + "3,1,2026-11-04,1,FR\n2,1,2026-11-03,1,FR\n")
    plan = plan_of(tmp_path, Files(shipments=[tmp_path / "a.csv", tmp_path / "b.csv"]))
    with Lists(tmp_path) as lists:
        assert sorted(record.key for record in plan.records(lists)) == [b"erp-1-1", b"erp-2-1", b"erp-3-1"]
    assert (tmp_path / "rejected.csv").read_text().splitlines()[1:] == [
        "b.csv,3,shipment_id,'erp-2-1' is already the id of row 3 of a.csv",
    ]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("mailing-campaigns", "--mapping: mailing-campaigns is a mapping for --emails, but the run has --shipments"),
        ("carrier-statement", "--mapping: carrier-statement is a mapping for --statement, but the run has --shipments"),
        ("site", "--mapping: pages makes site events, which come from topics"),
        (
            "shipstation-export",
            r"lacks columns that the mapping shipstation-export needs: .* \(tried: ship",
        ),
    ],
)
def test_a_mapping_of_the_wrong_kind_stops_with_a_sentence(tmp_path: Path, mapping: str, says: str) -> None:
    (tmp_path / "a.csv").write_text(
        "Order No,Line,Goods Issue Date,Gross Weight,Ship To Country\n1,1,2026-11-02,1,FR\n"
    )
    if mapping == "site":
        mapping = str(tmp_path / "site.yaml")
        Path(mapping).write_text(
            "name: pages\nabout: x\nevent: site\nfields:\n  occurred_at: {column: t}\n  kind: {constant: view}\n"
            "  device: {constant: unknown}\n"
        )
    with pytest.raises(Rejected, match=says):
        make_plan(
            *(Files(shipments=[tmp_path / "a.csv"]), [mapping], Options(), History(tmp_path / "h.json")),
            again=False,
            shift_to=None,
            now=NOW,
        )


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "3000-01-01", "9999-12-31"])
def test_days_are_moved_only_where_kafka_has_times(tmp_path: Path, day: str) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2026:10:00:00 +0000")
    with pytest.raises(Rejected, match="--shift-to: days can be moved to 1970-01-02 to 2999-12-31"):
        plan_of(tmp_path, Files(logs=[path]), shift_to=date.fromisoformat(day))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (Files(), "name at least one file"),
        (Files(logs=[Path("nowhere.log")]), "nowhere.log cannot be read: No such file"),
    ],
)
def test_a_run_that_cannot_begin_says_so_in_a_sentence(tmp_path: Path, files: Files, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        plan_of(tmp_path, files)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(zone="Mars/Base"), "--zone: 'Mars/Base' is not a time zone"),
        (Options(zone="../etc/passwd"), "--zone: "),
        (Options(shop="my shop"), "--shop: String should match pattern"),
        (Options(hosting_country="France"), "--hosting-country: 'France' is not a country code of two letters"),
        (Options(source_system=""), "--source-system: String should have at least 1 character"),
    ],
)
def test_an_option_that_would_reject_every_row_stops_at_once(tmp_path: Path, options: Options, says: str) -> None:
    path = log(tmp_path / "one.log", "27/Nov/2026:10:00:00 +0000")
    with pytest.raises(Rejected, match=says):
        make_plan(Files(logs=[path]), [], options, History(tmp_path / "h.json"), again=False, shift_to=None, now=NOW)


def test_a_log_without_a_single_usable_time_cannot_have_a_campaign(tmp_path: Path) -> None:
    sheet = tmp_path / "mails.csv"
    sheet.write_text("Title,Send Date,Recipients\na,never,5\n")
    with pytest.raises(Rejected, match=r"no row of these files can be used; mails\.csv, row 2: occurred_at: .*'never'"):
        plan_of(tmp_path, Files(emails=[sheet]))


def test_mapping_check_shows_events_and_reasons(tmp_path: Path) -> None:
    sheet = tmp_path / "mails.csv"
    sheet.write_text("Title,Send Date,Recipients\na,2026-11-27,5\nb,never,5\n")
    result = CliRunner().invoke(app, ["mapping", "check", str(sheet), "mailing-campaigns"])
    assert result.exit_code == 0, result.output
    assert '"recipients": 5' in result.output
    assert "row 3: rejected, occurred_at: " in result.output


def test_mapping_list_and_show_name_what_is_packaged() -> None:
    assert "ooh-media-plan" in CliRunner().invoke(app, ["mapping", "list"], env={"COLUMNS": "200"}).output
    assert "event: shipment" in CliRunner().invoke(app, ["mapping", "show", "scms-shipments"]).output


def test_from_topic_takes_every_option_of_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr("replay.bridging.bridge_topic", lambda _console, *given, **more: calls.append((given, more)))
    options = ["--from-topic", "t", "--mapping", "m", "--bootstrap", "k:9092", "--zone", "Europe/Paris", "--shop", "FR"]
    options += ["--country", "FR", "--source-system", "old", "--out", "x", "--recorded", "--stop-at-end", "--skip-lost"]
    for command in ([], ["bridge"]):
        result = CliRunner().invoke(app, [*command, *options])
        assert result.exit_code == 0, result.output
    assert calls[0] == calls[1]
    given, more = calls[0]
    assert given == ("t", "m", "k:9092", SheetOptions("FR", "Europe/Paris", "old", "FR"), Path("x"))
    assert more == {"recorded": True, "stop_at_end": True, "skip_lost": True}


def test_an_option_of_a_bridge_before_a_command_is_not_ignored() -> None:
    result = CliRunner().invoke(app, ["--zone", "Europe/Paris", "mapping", "list"])
    assert result.exit_code == 2
    assert "--zone needs --from-topic" in result.output


def test_make_replay_hands_every_name_over_as_it_is() -> None:
    names = ["with space.log", "$(touch here)`id`;$HOME", "it's.xlsx", "a,b.csv"]
    given = [f"{name}={value}" for name, value in zip(("LOG", "SHIPMENTS", "EMAILS", "ADS"), names, strict=True)]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(["make", "-n", "replay", *given], cwd=root, capture_output=True, text=True, check=True)
    command = next(line for line in done.stdout.splitlines() if "replay run" in line)
    options = zip(("--log", "--shipments", "--emails", "--ads"), names, strict=True)
    assert shlex.split(command)[2:] == [word for option in options for word in option]


HEAD = "Placement,Format,Start,End,Faces,Area (m2)\n"


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        (["03/04/2026", "05/06/2026"], "Start: its 2 dates such as '03/04/2026' can be read with the day or the month"),
        (
            ["03/04/2026", "11/27/2026"],
            "Start: 1 of its dates, such as '11/27/2026', can only be read with the month first",
        ),
        (["03/04/2026", "27/11/2026"], ""),
        (["04/04/2026", "2026-04-03"], ""),
    ],
)
def test_dates_that_may_be_the_wrong_way_round_are_said(tmp_path: Path, dates: list[str], says: str) -> None:
    rows = "".join(f"p{n},OOH,{date},2026-12-31,4,2\n" for n, date in enumerate(dates))
    (tmp_path / "plan.csv").write_text(HEAD + rows)
    warnings = plan_of(tmp_path, Files(ads=[tmp_path / "plan.csv"])).warnings()
    assert len(warnings) == bool(says)
    assert all(warning.startswith(f"plan.csv: {says}") for warning in warnings)


def test_a_log_given_as_a_sheet_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    path = log(tmp_path / "access.log", "27/Nov/2026:10:00:00 +0000")
    with pytest.raises(Rejected, match="None of its first rows looks like a header") as caught:
        plan_of(tmp_path, Files(shipments=[path]))
    assert "1.2.3.4" not in str(caught.value)
    (tmp_path / "own.csv").write_text("Nummer;Tag;Gewicht\n1;2026-11-27;5\n")
    with pytest.raises(Rejected, match="Its nearest row has: Nummer, Tag, Gewicht"):
        plan_of(tmp_path, Files(shipments=[tmp_path / "own.csv"]))


def test_doubts_are_said_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.run.send_to", lambda *_: typer.echo("now it sends"))
    (tmp_path / "plan.csv").write_text(f"{HEAD}p,OOH,03/04/2020,2020-12-31,4,2\n")
    command = ["run", "--ads", str(tmp_path / "plan.csv"), "--bootstrap", "k:9092", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--history", str(tmp_path / "h.json")])
    assert result.exit_code == 0, result.output
    assert 0 < result.output.index("Warning: plan.csv: Start: ") < result.output.index("now it sends")
