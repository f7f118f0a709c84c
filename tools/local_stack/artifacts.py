"""Kafka's Java libraries: an exact list with checksums, downloaded once by jgo from the user's Maven repositories."""

from __future__ import annotations

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from local_stack.errors import LocalStackError, disk_errors_explained
from local_stack.maven import maven_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jgo.maven import MavenContext
    from rich.console import Console

ROOTS = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
LIST = Path(__file__).with_name("kafka-jars.lock")
"""Resolved once from ``ROOTS``, renewed with ``python -m local_stack.artifacts``: nothing is resolved at run time."""


@dataclass(frozen=True)
class Jar:
    """One library: Maven coordinate, bytes, SHA-256 in hex."""

    coordinate: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """As in a Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def locked_jars() -> list[Jar]:
    """The list in the tree, in class path order."""
    rows = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return [Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows]


def kafka_jars(cache: Path, console: Console | None = None) -> list[Path]:
    """Paths of all libraries, downloaded first when they are missing, with a bar on ``console``.

    A file in the cache was checked when it came and is only compared by size later. Safe for several processes.
    Raises LocalStackError when a repository cannot be reached, a file is not the expected one, or the disk is full.
    """
    folder = cache / "jars"
    jars = locked_jars()
    with disk_errors_explained(folder):
        folder.mkdir(exist_ok=True)
        missing = [jar for jar in jars if not _present(folder / jar.file_name, jar)]
        if missing:
            _download(missing, folder, console)
    return [folder / jar.file_name for jar in jars]


def _present(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size
    except FileNotFoundError:
        return False


def _download(jars: Sequence[Jar], folder: Path, console: Console | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, transient=True) if console else None
    with progress or nullcontext(), tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as partial:
        total = sum(jar.size for jar in jars)
        task = progress.add_task("Kafka's libraries (once)", total=total) if progress else None
        context = maven_context(Path(partial))
        with ThreadPoolExecutor(4) as pool:
            futures = {pool.submit(_fetch, context, jar, folder): jar for jar in jars}
            try:
                for future in as_completed(futures):
                    future.result()
                    if progress and task is not None:
                        progress.advance(task, futures[future].size)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _fetch(context: MavenContext, jar: Jar, folder: Path) -> None:
    try:
        path = _resolve(context, jar)
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's, not the network's
        # jgo's own text lists repository addresses, which may hold a password.
        raise LocalStackError(
            f"{jar.coordinate} could not be downloaded ({type(error).__name__}). Check the network or HTTPS_PROXY, or "
            "name a Maven mirror in ~/.m2/settings.xml, then run again: what is already here is kept."
        ) from error
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != jar.sha256:
        raise LocalStackError(
            f"{jar.coordinate} is not the expected file (SHA-256 {digest[:12]}…, expected {jar.sha256[:12]}…). "
            "The repository or a proxy in between changed it; nothing of it is used. Try another Maven mirror."
        )
    path.chmod(0o644)
    os.replace(path, folder / jar.file_name)


def _resolve(context: MavenContext, jar: Jar) -> Path:
    artifact = context.create_dependency(jar.coordinate).artifact
    for attempts_left in (2, 1, 0):
        if artifact.cached_path is not None:
            artifact.cached_path.unlink(missing_ok=True)  # half a file of the attempt before
        try:
            return Path(artifact.resolve())
        except (OSError, RuntimeError) as error:
            if not attempts_left or (isinstance(error, OSError) and error.errno):
                raise
    raise AssertionError("unreachable")


def _renewed_list() -> Iterable[str]:
    """Resolve ``ROOTS`` with jgo and download everything (45 MB): the lines of a new list."""
    with tempfile.TemporaryDirectory() as folder:
        context = maven_context(Path(folder))
        inputs, others = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
        yield f"# Kafka's class path: {' + '.join(ROOTS)}. Renew with: python -m local_stack.artifacts"
        for dependency in (*inputs, *others):
            content = dependency.artifact.resolve().read_bytes()
            coordinate = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
            yield f"{coordinate} {len(content)} {hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    LIST.write_text("".join(f"{line}\n" for line in list(_renewed_list())))
