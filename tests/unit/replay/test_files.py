"""Files as lines: nothing is lost at the edges of pieces, and what cannot be read says so before anything is sent."""

from __future__ import annotations

import gzip
import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import real_files

from replay.files import CHUNK, Content, chunks, examine, line_batches, whole_lines
from shared.errors import Rejected


@given(st.binary(max_size=400), st.integers(1, 50), st.integers(1, 40))
def test_lines_do_not_depend_on_where_the_pieces_are_cut(content: bytes, piece: int, max_line: int) -> None:
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    whole = content.split(b"\n")
    if whole[-1] == b"":
        whole.pop()
    expected = [None if len(line) > max_line else line.removesuffix(b"\r") for line in whole]
    assert [line for batch in line_batches(pieces, max_line) for line in batch] == expected


@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=40), st.integers(1, 50))
def test_whole_lines_are_never_cut(lines: list[bytes], piece: int) -> None:
    content = b"\n".join(lines)
    pieces = [content[at : at + piece] for at in range(0, len(content), piece)]
    assert [line for part in whole_lines(pieces) for line in part.split(b"\n") if line] == [
        line for line in lines if line
    ]


def test_the_same_content_has_the_same_hash_plain_and_packed(tmp_path: Path) -> None:
    content = b"one\ntwo\nthree"
    (tmp_path / "plain.log").write_bytes(content)
    (tmp_path / "packed.log.gz").write_bytes(gzip.compress(content))
    plain, packed = examine(tmp_path / "plain.log"), examine(tmp_path / "packed.log.gz")
    assert plain.sha256 == packed.sha256 == hashlib.sha256(content).hexdigest()
    assert (plain.lines, packed.lines, plain.size, packed.size) == (3, 3, 13, 13)


def test_gzip_members_one_after_the_other_are_one_content(tmp_path: Path) -> None:
    path = tmp_path / "rotated.log.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert b"".join(chunks(path)) == b"one\ntwo\n"


def test_gzip_that_ends_in_the_middle_stops_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "cut.log.gz"
    path.write_bytes(gzip.compress(b"GET /\n" * 10_000)[:-20])
    with pytest.raises(Rejected, match=r"cut\.log\.gz ends in the middle of its gzip data"):
        examine(path)


def test_damaged_gzip_stops_with_a_sentence(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 400))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "damaged.gz").write_bytes(packed)
    with pytest.raises(Rejected, match="damaged gzip data"):
        examine(tmp_path / "damaged.gz")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02" * 100, "is not a text file"),
        ("Datum;Größe\n".encode("utf-16"), "is UTF-16"),
        (b"PK\x03\x04rest", "is a zip"),
        (b"BZh91AY&SY", "is bzip2"),
        (b"\x28\xb5\x2f\xfdrest", "is Zstandard"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(Rejected, match=says):
        examine(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="No such file"):
        examine(tmp_path / "nowhere.log")
    with pytest.raises(Rejected, match="Is a directory"):
        examine(tmp_path)


def test_a_content_that_has_grown_shows_its_old_beginning(tmp_path: Path) -> None:
    path = tmp_path / "grown.log"
    path.write_bytes(b"yesterday\n" + b"today\n")
    content = examine(path, sizes=[10, 16, 99])
    assert content.begins_with == {10: hashlib.sha256(b"yesterday\n").hexdigest()}


def test_a_line_of_thirty_megabytes_costs_one_line_and_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.log.gz"
    path.write_bytes(gzip.compress(b"before\n" + b"x" * 30_000_000 + b"\nafter\n", compresslevel=1))
    tracemalloc.start()
    lines = [line for batch in line_batches(chunks(path)) for line in batch]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == [b"before", None, b"after"]
    assert peak < 8 * CHUNK


def test_a_line_that_is_too_long_is_left_out_to_its_end() -> None:
    pieces = [b"first\n" + b"x" * 80, b"x" * 80 + b" [27/Nov/2062:10:00:00 +0000]", b" end\nlast\n", b"z" * 101, b"z"]
    assert list(whole_lines(pieces, max_line=100)) == [b"first", b"last"]


def test_a_pipe_is_refused_with_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Rejected, match="is a pipe or a device, and a file is read more than once"):
        examine(tmp_path / "pipe")


def test_the_name_of_a_file_moves_no_cursor_and_can_be_written_in_any_list() -> None:
    content = Content(Path("/logs/a\x1b[2J\udcff\r.log"), "aa", 1, 1)
    assert content.name == "a\ufffd[2J\ufffd\ufffd.log"
    assert content.name.encode()


def test_without_the_real_files_continuous_integration_fails_and_says_where_they_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real_files, "DATA", tmp_path)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception):
        real_files.real_file("some.log")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"some.log is not there; it is expected in {tmp_path}"):
        real_files.real_file("some.log")
