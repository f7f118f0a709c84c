"""What the local stack decides before any server runs."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import stat
from pathlib import Path

import pytest
from psycopg import sql

from local_stack import SERVICES, LocalStackError, artifacts, bootstrap_statements, paths, places, ports
from local_stack.artifacts import Jar, kafka_jars, locked_jars
from local_stack.errors import disk_errors_explained, explain_log
from local_stack.kafka import broker_properties
from local_stack.maven import maven_context, mirror_of_central
from local_stack.state import claimed, read_state

MIRRORED = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>
<mirror><id>other</id><mirrorOf>jboss</mirrorOf><url>https://other.example/m2</url></mirror>
<mirror><id>house</id><mirrorOf>{pattern}</mirrorOf><url>https://${{env.HOUSE}}.example/m2/</url></mirror>
</mirrors></settings>"""


def test_each_role_owns_its_schema_and_is_no_superuser() -> None:
    statements = bootstrap_statements("campaign_offsets", {"traffic_meter": "secret"})

    role = next(statement for statement in statements if statement.startswith("CREATE ROLE"))
    assert "NOSUPERUSER" in role
    assert 'CREATE SCHEMA "traffic_meter" AUTHORIZATION "traffic_meter"' in statements
    assert 'ALTER ROLE "traffic_meter" IN DATABASE "campaign_offsets" SET search_path TO "traffic_meter"' in statements
    assert "REVOKE ALL ON SCHEMA public FROM PUBLIC" in statements


def test_names_and_passwords_with_quotes_stay_names_and_passwords() -> None:
    statements = bootstrap_statements('da"ta', {'x"; DROP SCHEMA y; --': "p'; DROP ROLE z; --"})

    role = next(statement for statement in statements if statement.startswith("CREATE ROLE"))
    assert sql.Identifier('x"; DROP SCHEMA y; --').as_string(None) in role
    assert "PASSWORD 'p''; DROP ROLE z; --'" in role
    assert any('"da""ta"' in statement for statement in statements)


def test_the_server_is_told_not_to_log_the_statements_with_passwords_first() -> None:
    statements = bootstrap_statements("d", {"a": "secret"})

    first_with_password = next(i for i, statement in enumerate(statements) if "PASSWORD" in statement)
    assert statements.index("SET log_min_error_statement TO panic") < first_with_password


def test_the_broker_listens_on_loopback_only_and_creates_no_topics() -> None:
    properties = broker_properties(data=Path("/data"), broker_port=1, controller_port=2)

    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert properties["auto.create.topics.enable"] == "false"


def test_free_ports_lie_below_the_range_of_outgoing_connections() -> None:
    assert all(20_000 <= ports.free_port() < 30_000 for _ in range(20))


def test_a_taken_port_is_refused_with_the_option_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalStackError, match=rf"Port {port} is taken.*--kafka-port"):
            ports.require_free(port, "--kafka-port")
    with pytest.raises(LocalStackError, match="1 to 65535"):
        ports.require_free(70_000, "--kafka-port")


def test_two_servers_cannot_have_one_port(tmp_path: Path) -> None:
    port = ports.free_port()
    with pytest.raises(LocalStackError, match="two different ports"):
        places.ephemeral_place(tmp_path, port, port)


def test_the_kept_stack_remembers_ports_and_passwords_in_a_private_file(tmp_path: Path) -> None:
    first = places.persistent_place(tmp_path, None, None)
    first.release()
    second = places.persistent_place(tmp_path, None, None)
    second.release()

    assert second.settings.passwords == first.settings.passwords
    assert second.settings.kafka_port == first.settings.kafka_port
    assert set(first.settings.passwords) == {"postgres", *SERVICES}
    assert stat.S_IMODE((first.folder / "settings.json").stat().st_mode) == 0o600


def test_the_kept_stack_is_claimed_once_at_a_time(tmp_path: Path) -> None:
    place = places.persistent_place(tmp_path, None, None)

    assert claimed(place.folder)
    assert read_state(place.folder) is None  # nothing is ready yet
    with pytest.raises(LocalStackError, match="running already"):
        places.persistent_place(tmp_path, None, None)
    place.release()
    assert not claimed(place.folder)


def test_folders_of_dead_processes_are_removed_and_those_of_living_ones_are_not(tmp_path: Path) -> None:
    dead = places.ephemeral_place(tmp_path, None, None)
    dead.release()  # as the system does when a process dies
    alive = places.ephemeral_place(tmp_path, None, None)
    another = places.ephemeral_place(tmp_path, None, None)

    assert not dead.folder.exists()
    assert alive.folder.exists()
    alive.release()
    another.release()


def test_the_cache_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_OFFSETS_CACHE", str(tmp_path / "mine"))
    monkeypatch.setattr(paths, "running_as_root", lambda: False)

    assert paths.cache_directory() == (tmp_path / "mine").resolve()


def test_root_is_told_when_the_chosen_folder_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setenv("CAMPAIGN_OFFSETS_CACHE", str(tmp_path / "closed" / "cache"))
    monkeypatch.setattr(paths, "running_as_root", lambda: True)

    with pytest.raises(LocalStackError, match="others may enter"):
        paths.cache_directory()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_OFFSETS_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(LocalStackError, match="belongs to another user"):
        paths.cache_directory()


def test_a_full_disk_is_said_in_one_sentence() -> None:
    with (
        pytest.raises(LocalStackError, match=r"the disk is full.*CAMPAIGN_OFFSETS_CACHE"),
        disk_errors_explained(Path("/data")),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/x")


def test_other_system_errors_are_not_taken_for_the_disk() -> None:
    with pytest.raises(TimeoutError), disk_errors_explained(Path("/data")):
        raise TimeoutError


def test_the_reason_in_a_servers_log_becomes_a_sentence() -> None:
    assert "disk is full" in explain_log("Kafka", "java.io.IOException: No space left on device")
    assert "--kafka-port" in explain_log("Kafka", "java.net.BindException: Address already in use")
    assert "something new" in explain_log("Kafka", "something new")


def test_the_list_of_jars_is_pinned_and_has_kafka_4_3_1() -> None:
    jars = locked_jars()

    assert jars[0].coordinate == "org.apache.kafka:kafka_2.13:4.3.1"
    assert "org.slf4j:slf4j-simple:1.7.36" in {jar.coordinate for jar in jars}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)


@pytest.mark.parametrize("pattern", ["central", "*", "external:*", "*,!jboss"])
def test_a_mirror_of_maven_central_in_the_users_settings_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(MIRRORED.format(pattern=pattern))
    monkeypatch.setenv("HOUSE", "maven")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "none"))

    assert maven_context(tmp_path, settings).remote_repos == {"central": "https://maven.example/m2"}


@pytest.mark.parametrize("content", [MIRRORED.format(pattern="*,!central"), "not xml", "<settings/>"])
def test_settings_without_such_a_mirror_change_nothing(tmp_path: Path, content: str) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text(content)

    assert mirror_of_central(settings) is None
    assert mirror_of_central(tmp_path / "missing.xml") is None


@pytest.fixture
def one_jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local repository with one file, the only repository and the only file there is."""
    file = tmp_path / "repository" / "org" / "x" / "a" / "1" / "a-1.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"good")
    jar = Jar("org.x:a:1", 4, hashlib.sha256(b"good").hexdigest())
    monkeypatch.setattr(artifacts, "locked_jars", lambda: [jar])

    class Artifact:
        cached_path = None

        def resolve(self) -> Path:
            if not file.exists():
                raise RuntimeError("Artifact not found in {'central': 'https://user:password@house.example'}")
            return file

    class Context:
        def create_dependency(self, _coordinate: str) -> object:
            return type("Dependency", (), {"artifact": Artifact()})()

    monkeypatch.setattr(artifacts, "maven_context", lambda _cache: Context())
    return file


def test_a_downloaded_jar_is_moved_into_the_cache(one_jar: Path, tmp_path: Path) -> None:
    assert [path.read_bytes() for path in kafka_jars(tmp_path)] == [b"good"]
    assert not one_jar.exists()
    assert [path.read_bytes() for path in kafka_jars(tmp_path)] == [b"good"]  # no second download: nothing to get


def test_a_jar_with_another_content_is_refused_and_not_kept(one_jar: Path, tmp_path: Path) -> None:
    one_jar.write_bytes(b"evil")

    with pytest.raises(LocalStackError, match="not the expected file"):
        kafka_jars(tmp_path)
    assert not (tmp_path / "jars" / "a-1.jar").exists()


def test_a_failed_download_says_what_to_do_and_shows_no_address(one_jar: Path, tmp_path: Path) -> None:
    one_jar.unlink()

    with pytest.raises(LocalStackError, match=r"could not be downloaded.*HTTPS_PROXY") as failure:
        kafka_jars(tmp_path)
    assert "house.example" not in str(failure.value)
