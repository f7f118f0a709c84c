"""The local stack with real servers: reachable, private, restartable, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from local_stack import SERVICES, LocalStack, LocalStackError
from local_stack.paths import cache_directory
from local_stack.state import claimed

WITH_STACK = """
import threading
from local_stack import LocalStack
with LocalStack.ephemeral() as stack:
    print(stack.folder, flush=True)
    threading.Event().wait()
"""

# The guard is the same for every server; a small one shows what it does as well as a large one, and sooner.
WITH_GUARD = """
import signal, sys, threading
from pathlib import Path
from local_stack.process import Guarded, Launch
folder = Path(sys.argv[1]) / "server"
folder.mkdir()
run = Guarded(Launch(
    name="sleep", argv=("/bin/sh", "-c", "sleep 1000 & sleep 1000; :"), env={"PATH": "/bin:/usr/bin"}, folder=folder,
    log=folder / "log", stop_signal=signal.SIGTERM, discard_signal=signal.SIGKILL, keep_data=False, remove=(folder,),
))
print(folder, flush=True)
threading.Event().wait()
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with LocalStack.ephemeral() as running:
        yield running


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.02)


def family_of(stack_pid: int) -> list[psutil.Process]:
    return psutil.Process(stack_pid).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    def alive(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    return not any(alive(process) for process in processes)


@asynccontextmanager
async def producer(stack: LocalStack, timeout_ms: int = 10_000) -> AsyncIterator[AIOKafkaProducer]:
    client = AIOKafkaProducer(bootstrap_servers=stack.bootstrap_servers, acks="all", request_timeout_ms=timeout_ms)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def create_topic(stack: LocalStack, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def read_first(stack: LocalStack, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()


def test_both_run_inside_the_block_and_the_start_was_timed(stack: LocalStack) -> None:
    assert psutil.pid_exists(stack.kafka_pid)
    assert psutil.pid_exists(stack.postgres_pid)
    assert stack.started_in_seconds > 0


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_reaches_its_schema_over_socket_and_loopback(stack: LocalStack, service: str) -> None:
    query = "SELECT current_user || ' ' || current_schema() || ' ' || coalesce(host(inet_server_addr()), 'socket')"
    for dsn, way in ((stack.service_dsn(service), "socket"), (stack.service_dsn(service, tcp=True), "127.0.0.1")):
        connection = await asyncpg.connect(dsn)
        try:
            assert await connection.fetchval(query) == f"{service} {service} {way}"
        finally:
            await connection.close()
        with psycopg.connect(dsn) as other:
            assert other.execute(query).fetchone() == (f"{service} {service} {way}",)


async def test_a_service_sees_and_creates_nothing_outside_its_schema(stack: LocalStack) -> None:
    meter = await asyncpg.connect(stack.service_dsn("traffic_meter"))
    purchaser = await asyncpg.connect(stack.service_dsn("offset_purchaser"))
    try:
        await meter.execute("CREATE TABLE private (x int)")
        for forbidden in (
            "SELECT * FROM traffic_meter.private",
            "CREATE TABLE traffic_meter.other (x int)",
            "CREATE TABLE public.other (x int)",
            "CREATE SCHEMA other",
            "CREATE ROLE other",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await purchaser.execute(forbidden)
    finally:
        await meter.close()
        await purchaser.close()


async def test_postgres_keeps_its_promises_about_durability(stack: LocalStack) -> None:
    connection = await asyncpg.connect(stack.admin_dsn)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await connection.fetchval(f"SHOW {setting}") == "on"
        assert await connection.fetchval("SELECT current_setting('server_version_num')::int / 10000") == 18
    finally:
        await connection.close()


@pytest.mark.parametrize("tcp", [False, True])
def test_a_wrong_password_is_refused(stack: LocalStack, tcp: bool) -> None:
    user, _, rest = stack.service_dsn("traffic_meter", tcp=tcp).rpartition("@")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{user}x@{rest}")


def test_both_listen_on_loopback_only(stack: LocalStack) -> None:
    for pid in (stack.kafka_pid, stack.postgres_pid):
        listening = [c for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert listening
        # Java writes IPv4 addresses as IPv6 ones.
        assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} == {"127.0.0.1"}


def test_passwords_are_in_no_command_line_and_no_log(stack: LocalStack) -> None:
    passwords = [stack.service_dsn(name).split(":")[2].split("@")[0] for name in SERVICES]
    passwords.append(stack.admin_dsn.split(":")[2].split("@")[0])

    written = [" ".join(process.cmdline()) for process in (psutil.Process(), *family_of(os.getpid()))]
    written += [stack.kafka.log.read_text(), stack.postgres.log.read_text()]
    assert not [text for text in written for password in passwords if password in text]


def test_the_environment_holds_what_a_service_reads_and_nothing_else(stack: LocalStack) -> None:
    assert stack.environment() == {"KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers}
    assert stack.environment("traffic_meter") == {
        "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
        "POSTGRES_DSN": stack.service_dsn("traffic_meter"),
    }


async def test_a_topic_nobody_created_is_an_error(stack: LocalStack) -> None:
    async with producer(stack, timeout_ms=1000) as client:
        with pytest.raises(KafkaError):
            await client.send_and_wait("nobody-created-this", b"x")


async def test_records_survive_stopping_and_killing_kafka_on_the_same_port(stack: LocalStack) -> None:
    address = stack.bootstrap_servers
    await create_topic(stack, "kept")
    async with producer(stack) as client:
        await client.send_and_wait("kept", b"value")

    for end in (stack.stop_kafka, stack.kill_kafka):
        end()
        with pytest.raises(LocalStackError, match="not running"):
            _ = stack.kafka_pid
        stack.start_kafka()
        assert stack.bootstrap_servers == address
        assert await read_first(stack, "kept") == b"value"


async def test_commits_survive_stopping_and_killing_postgres_on_the_same_address(stack: LocalStack) -> None:
    dsn = stack.service_dsn("delivery_emissions")
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (x int)")
    await connection.close()

    for number, end in enumerate((stack.stop_postgres, stack.kill_postgres)):
        connection = await asyncpg.connect(dsn)
        await connection.execute("INSERT INTO kept VALUES ($1)", number)
        end()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.execute("SELECT 1")
        stack.start_postgres()
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT count(*) FROM kept") == number + 1
        await connection.close()


def test_starting_what_runs_is_an_error(stack: LocalStack) -> None:
    with pytest.raises(LocalStackError, match="running already"):
        stack.start_postgres()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_a_server_ends_with_its_guard(stack: LocalStack) -> None:
    server = psutil.Process(stack.postgres_pid)
    guard = server.parent()
    assert guard is not None
    guard.kill()
    wait_for(lambda: gone([server]), "PostgreSQL ended")
    stack.start_postgres()


def test_nothing_is_left_running_after_an_exception() -> None:
    seen: list[psutil.Process] = []
    with pytest.raises(ZeroDivisionError), LocalStack.ephemeral() as stack:  # noqa: PT012
        own = {stack.kafka_pid, stack.postgres_pid}
        seen += [process for process in family_of(os.getpid()) if own & {process.pid, process.ppid()}]
        folder, socket = stack.folder, Path(stack.admin_dsn.split("host=")[1].split("&")[0])
        assert socket.is_dir()
        _ = 1 / 0
    assert len(seen) > 2
    assert gone(seen)
    assert not folder.exists()
    assert not socket.exists()


class Program:
    """A program of its own, started without waiting for it, in a process group of its own as in a terminal."""

    def __init__(self, source: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, *arguments], stdout=subprocess.PIPE, start_new_session=True, text=True
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ready(self) -> tuple[list[psutil.Process], Path]:
        assert self.process.stdout is not None
        folder = Path(self.process.stdout.readline().strip())
        return family_of(self.process.pid), folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_no_server_is_left_running_after_its_program_was_ended_by(tmp_path: Path, number: signal.Signals) -> None:
    with Program(WITH_GUARD, str(tmp_path)) as program:
        _, folder = program.ready()
        wait_for(lambda: len(family_of(program.process.pid)) == 4, "guard, server, its two children")
        family = family_of(program.process.pid)
        os.killpg(program.process.pid, number)
        assert program.process.wait(20) != 0
        wait_for(lambda: gone(family), "all processes ended")
        wait_for(lambda: not folder.exists(), "the data are removed")


def test_nothing_is_left_running_after_a_kill_of_the_program() -> None:
    with Program(WITH_STACK) as program:
        family, folder = program.ready()
        assert len(family) > 4  # two guards, two servers, PostgreSQL's own children
        program.process.kill()
        wait_for(lambda: gone(family), "all processes ended")
        wait_for(lambda: not folder.exists(), "the data are removed")


def test_nothing_is_left_running_after_ctrl_c_while_starting() -> None:
    with Program(WITH_STACK) as program:
        parent = psutil.Process(program.process.pid)
        wait_for(lambda: len(parent.children(recursive=True)) > 1, "servers are being started")
        seen = parent.children(recursive=True)
        os.killpg(program.process.pid, signal.SIGINT)
        while program.process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                seen += parent.children(recursive=True)
        wait_for(lambda: gone(seen), "all processes ended")
        assert program.process.stdout is not None
        assert program.process.stdout.read() == ""  # it never came so far as to be ready


class Command:
    """The command line with a cache folder of its own, so that a stack the developer uses is left alone."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "local_stack.cli", *arguments]
        environment = {**os.environ, "CAMPAIGN_OFFSETS_CACHE": str(self.cache), "COLUMNS": "200"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def local_stack_command(stack: LocalStack) -> Iterator[Command]:
    cache = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="campaign-offsets-test-"))
    cache.chmod(0o755)
    (cache / "jars").mkdir()
    for jar in (cache_directory() / "jars").glob("*.jar"):
        (cache / "jars" / jar.name).symlink_to(jar)
    command = Command(cache)
    try:
        yield command
    finally:
        if claimed(cache / "persistent"):
            command("down")
        shutil.rmtree(cache)


def test_the_command_starts_shows_and_ends_the_stack_in_the_background(local_stack_command: Command) -> None:
    run = local_stack_command
    up = run("up")
    assert up.returncode == 0, up.stderr
    assert "export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:" in up.stdout
    status = run("status")
    assert status.returncode == 0
    assert status.stdout.count("running") == 2
    lines = run("env", "traffic-meter").stdout.splitlines()
    dsn = next(line for line in lines if "POSTGRES_DSN" in line).partition("=")[2].strip("'")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE seen (x int)")
        servers = psutil.Process(connection.info.backend_pid).parents()
    password = dsn.split(":")[2].split("@")[0]
    assert password not in up.stdout + up.stderr + status.stdout
    assert (run.cache / "persistent" / "state.json").stat().st_mode & 0o777 == 0o600
    holder = next(process for process in servers if "local_stack.holder" in process.cmdline())
    family = [holder, *holder.children(recursive=True)]

    assert run("down").returncode == 0
    assert gone(family)
    ended = run("status")
    assert ended.returncode == 3
    assert "local-stack up" in ended.stderr
    assert run("down", "--remove-data").returncode == 0
    assert not (run.cache / "persistent").exists()


def test_a_taken_port_ends_the_command_with_a_sentence(stack: LocalStack, local_stack_command: Command) -> None:
    taken = stack.bootstrap_servers.partition(":")[2]
    done = local_stack_command("up", "--kafka-port", taken)
    assert done.returncode == 1
    assert f"Port {taken} is taken" in done.stderr
    assert "--kafka-port" in done.stderr
    assert "Traceback" not in done.stderr


def test_being_offline_ends_the_command_with_a_sentence(local_stack_command: Command) -> None:
    next((local_stack_command.cache / "jars").glob("kafka_*.jar")).unlink()
    os.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"  # nobody listens there
    try:
        done = local_stack_command("up")
    finally:
        del os.environ["HTTPS_PROXY"]
    assert done.returncode == 1
    assert "could not be downloaded" in done.stderr
    assert "Traceback" not in done.stderr
