"""Which Maven repositories to ask: jgo's configuration, the user's Maven settings, else the central one jgo knows."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from jgo.maven import MavenContext


def maven_context(cache: Path, settings: Path | None = None) -> MavenContext:
    """jgo's context that downloads into ``cache``, with the user's repositories and mirrors. No ``mvn`` is needed.

    In order: ``[repositories]`` of jgo's configuration file, then Maven central or the mirror of it that
    ``~/.m2/settings.xml`` names. jgo itself leaves Maven's settings aside. Proxies and certificate bundles come from
    the usual environment variables. Not supported: ``<server>`` credentials, profiles.
    """
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    repositories = dict(GlobalSettings.load().repositories)
    mirror = mirror_of_central(settings or Path.home() / ".m2" / "settings.xml")
    repositories.setdefault("central", mirror or MAVEN_CENTRAL_URL)
    return MavenContext(
        resolver=PythonResolver(), repo_cache=cache, local_repos=[], remote_repos=repositories, timeout=20
    )


def mirror_of_central(settings: Path) -> str | None:
    """The address of the first mirror in a Maven settings file that stands for the central repository, or None.

    A file that cannot be read as XML counts as none: it is Maven's to complain about.
    """
    try:
        # The user's own file, not somebody's input.
        root = ElementTree.parse(settings).getroot()  # noqa: S314
    except (OSError, ElementTree.ParseError):
        return None
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        address = (mirror.findtext("{*}url") or "").strip().rstrip("/")
        if address and _stands_for_central(mirror.findtext("{*}mirrorOf") or ""):
            return re.sub(r"\$\{env\.(\w+)\}", lambda name: os.environ.get(name[1], ""), address)
    return None


def _stands_for_central(pattern: str) -> bool:
    names = {name.strip() for name in pattern.split(",")}
    return "!central" not in names and not names.isdisjoint({"central", "*", "external:*"})
