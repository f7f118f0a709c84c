"""The folder of a run: what an earlier run left goes, what is somebody else's is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.outfolder import own_folder
from demo.session import OWN_OUTPUTS
from shared.errors import Rejected


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_with_other_files_is_refused_and_keeps_every_one_of_them(tmp_path: Path) -> None:
    for name in ("logs/app.log", "env/secret", "campaigns.yaml", "report-2025.html", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = files(tmp_path)
    with (
        pytest.raises(Rejected, match=r"no mark of an earlier run \(campaigns\.yaml, env, logs, …\); nothing was"),
        own_folder(tmp_path, OWN_OUTPUTS),
    ):
        pass
    assert files(tmp_path) == before


@pytest.mark.parametrize("before", [[], ["dry-run/rejected.csv"]])
def test_a_new_folder_is_taken_and_the_next_run_clears_what_the_first_one_wrote(
    tmp_path: Path, before: list[str]
) -> None:
    out = tmp_path / "var" / "demo"
    for name in before:
        (out / name).parent.mkdir(parents=True)
        (out / name).write_text("x")
    with own_folder(out, OWN_OUTPUTS):
        for name in ("logs/meter.log", "documents/A.pdf", "report.fr.html", "statements.csv", "rejected.csv"):
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).write_text("of the first run")
    with own_folder(out, OWN_OUTPUTS):
        assert files(out) == {".campaign-offsets-run", "rejected.csv", *before}


def test_a_link_in_the_folder_goes_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("mine")
    with own_folder(tmp_path / "out", OWN_OUTPUTS):
        (tmp_path / "out" / "logs").symlink_to(tmp_path / "elsewhere")
    with own_folder(tmp_path / "out", OWN_OUTPUTS):
        assert not (tmp_path / "out" / "logs").exists()
    assert (tmp_path / "elsewhere" / "kept").read_text() == "mine"


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with own_folder(tmp_path, OWN_OUTPUTS):
        (tmp_path / "summary.json").write_text("of the run that is on its way")
        with pytest.raises(Rejected, match="another run is writing into"), own_folder(tmp_path, OWN_OUTPUTS):
            pass
        assert (tmp_path / "summary.json").exists()
    with own_folder(tmp_path, OWN_OUTPUTS):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(Rejected, match="is a file; name a folder"), own_folder(tmp_path / "out", OWN_OUTPUTS):
        pass
