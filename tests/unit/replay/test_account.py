"""Identity, memory and account: no row vanishes, no file is replayed twice by mistake."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.records import Record
from replay.account import Lists, Tally, Unbalanced
from replay.files import Content, examine
from replay.history import History, insist_on_different, target
from replay.identity import RowIds
from replay.rows import Parsed, State, not_traffic, rejected
from shared.errors import Rejected


def test_an_event_id_is_the_hash_of_content_and_row() -> None:
    content = hashlib.sha256(b"the file").hexdigest()
    ids = RowIds(content)
    assert ids(17) == hashlib.sha256(f"{content}:17".encode()).hexdigest()
    assert ids(17, 2) == hashlib.sha256(f"{content}:17:2".encode()).hexdigest()


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 50)), unique=True, max_size=200))
def test_rows_and_parts_never_share_an_id(places: list[tuple[int, int]]) -> None:
    ids = RowIds("ab" * 32)
    assert len({ids(row, part) for row, part in places}) == len(places)


def content(
    path: str = "a.log", sha256: str = "aa", size: int = 10, begins_with: dict[int, str] | None = None
) -> Content:
    return Content(Path(path), sha256, size, 1, begins_with or {})


def test_a_file_replayed_before_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    history = History(tmp_path / "replayed.json")
    history.begin([content()])
    history.finish([content()])
    with pytest.raises(Rejected, match=r"renamed\.log was replayed on .* \(as a\.log\); --again"):
        History(tmp_path / "replayed.json").check(content("renamed.log"))
    History(tmp_path / "replayed.json").check(content(sha256="bb"))


def test_a_file_that_was_begun_and_not_finished_is_refused_and_says_so(tmp_path: Path) -> None:
    History(tmp_path / "replayed.json").begin([content()])
    with pytest.raises(Rejected, match="was begun and not finished"):
        History(tmp_path / "replayed.json").check(content())


def test_a_log_that_has_grown_since_it_was_replayed_is_refused(tmp_path: Path) -> None:
    history = History(tmp_path / "replayed.json")
    history.begin([content()])
    assert history.sizes() == [10]
    with pytest.raises(Rejected, match=r"begins with all of a\.log"):
        history.check(content("today.log", "cc", 30, {10: "aa"}))
    history.check(content("other.log", "dd", 30, {10: "ee"}))


def test_a_part_of_a_log_that_was_replayed_is_refused(tmp_path: Path) -> None:
    def log(name: str, text: bytes) -> Content:
        (tmp_path / name).write_bytes(text)
        return examine(tmp_path / name, beginnings=True)

    lines = b"".join(b"line %d of the log\n" % number for number in range(2_000))
    History(tmp_path / "h.json").begin([log("whole.log", lines)])
    history = History(tmp_path / "h.json")
    for size in (4_097, 10_000, len(lines) - 1):
        with pytest.raises(Rejected, match=r"part\.log begins as whole\.log does, which is longer"):
            history.check(log("part.log", lines[:size]))
    history.check(log("other.log", b"x" + lines[:10_000]))


def test_what_one_target_got_does_not_stop_another(tmp_path: Path) -> None:
    rehearsal, real = target(None, "rehearsal-"), target("b:9092,A:9092", "")
    assert (rehearsal, real) == ("the embedded stack", "a:9092,b:9092")
    assert target("a:9092", "rehearsal-") == "a:9092 rehearsal-"
    path = tmp_path / "h.json"
    History(path, rehearsal).begin([content()])
    other = History(path, real)
    other.check(content())
    History(path, rehearsal).begin([content(sha256="bb")])  # while the other run has the file open
    other.begin([content(sha256="cc")])
    for into, sha256 in ((rehearsal, "aa"), (rehearsal, "bb"), (real, "cc")):
        with pytest.raises(Rejected, match="was begun and not finished"):
            History(path, into).check(content(sha256=sha256))


@pytest.mark.parametrize("text", ["", "[]", '{"into": 3}', "nonsense"])
def test_a_damaged_memory_stops_with_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "replayed.json").write_text(text)
    with pytest.raises(Rejected, match="is damaged"):
        History(tmp_path / "replayed.json")


def test_the_same_content_twice_in_one_run_is_refused() -> None:
    with pytest.raises(Rejected, match=r"b\.log and a\.log have the same content"):
        insist_on_different([content("a.log"), content("b.log")])


ROW = st.sampled_from(
    [
        Parsed(1, State.SENT, (Record("site_traffic", b"k", b"v", 0),), bytes=5, flags=("cut",)),
        Parsed(1, State.SENT, (Record("shipments", b"k", b"v", 0),) * 3),
        not_traffic(1, "blank line"),
        rejected(1, "size", "no"),
    ]
)


@given(st.lists(ROW, max_size=60))
def test_the_account_adds_up_and_the_lists_hold_every_row_that_was_not_sent(rows: list[Parsed]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        out, tally = Path(folder), Tally("a.log")
        with Lists(out) as lists:
            records = list(lists.records(iter(rows), tally))
        tally.check(len(rows))
        listed = sum(len(list(csv.DictReader((out / name).open()))) for name in ("rejected.csv", "not-traffic.csv"))
    assert len(rows) == tally.rows == tally.sent + listed
    assert len(records) == tally.events
    assert tally.bytes == sum(row.bytes for row in rows)


def test_a_lost_row_is_an_error_of_the_program() -> None:
    tally = Tally("a.log")
    tally.add(not_traffic(1, "blank line"))
    tally.check(1)
    with pytest.raises(Unbalanced, match=r"a\.log: 2 rows, but 0 sent \+ 1 not traffic \+ 0 rejected = 1"):
        tally.check(2)


def test_rejected_csv_names_file_row_field_and_reason(tmp_path: Path) -> None:
    with Lists(tmp_path) as lists:
        list(lists.records(iter([rejected(12, "size", 'is "huge", really')]), Tally("a.log")))
    assert (tmp_path / "rejected.csv").read_text() == 'file,row,field,reason\na.log,12,size,"is ""huge"", really"\n'


def test_the_summary_of_a_file_is_json() -> None:
    tally = Tally("a.log", "aa")
    tally.add(Parsed(1, State.SENT, (Record("shipments", b"k", b"v", 0),), bytes=7, flags=("x",)))
    tally.add(not_traffic(2, "blank line"))
    assert json.loads(json.dumps(tally.summary())) == {
        **{
            "path": "a.log",
            "sha256": "aa",
            "rows": 2,
            "sent": 1,
            "not_traffic": 1,
            "rejected": 0,
            "bytes": 7,
            "events": 1,
        },
        **{"rejected_by_field": {}, "not_traffic_by_reason": {"blank line": 1}, "flags": {"x": 1}},
    }
