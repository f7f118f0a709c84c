"""The services of a demonstration are processes of their own: kept, started again, and ended with it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from demo import services
from demo.services import Keeper, Service, ServiceFailed, by_hand, run_commands, short_tail, write_environment

PATIENT = 20.0


def python(name: str, code: str, **environment: str) -> Service:
    return Service(name, "python", ("-c", code), environment)


SLEEP = "import time; print('here', flush=True); time.sleep(600)"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    kept = Keeper(tmp_path / "logs", lambda _text: None)
    yield kept
    kept.stop()


def test_a_killed_service_is_started_again_and_that_is_counted(keeper: Keeper) -> None:
    keeper.start(python("meter", SLEEP))
    first = keeper.pid("meter")
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper.pid("meter") != first and psutil.pid_exists(keeper.pid("meter")))
    assert keeper.restarts == {"meter": 1}
    keeper.check()


def test_logs_may_be_named_relative_to_where_the_program_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keeper = Keeper(Path("logs"), lambda _text: None)
    keeper.start(python("meter", SLEEP))
    until(lambda: (tmp_path / "logs" / "meter.log").read_text() == "here\n")
    keeper.stop()


def test_a_service_that_never_stays_up_is_given_up_with_the_end_of_its_log(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_RESTARTS", 2)
    keeper.start(python("meter", "raise SystemExit('no database today')"))
    until(lambda: _failed(keeper))
    with pytest.raises(ServiceFailed, match=r"(?s)meter was started again 2 times.*no database today"):
        keeper.check()


def _failed(keeper: Keeper) -> bool:
    try:
        keeper.check()
    except ServiceFailed:
        return True
    return False


def test_stopping_ends_every_service_even_one_that_ignores_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "STOP_SECONDS", 0.3)
    keeper = Keeper(tmp_path / "logs", lambda _text: None)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    keeper.start(python("polite", SLEEP))
    keeper.start(python("deaf", deaf))
    until(lambda: "deaf" in keeper.log("deaf").read_text())
    processes = [psutil.Process(keeper.pid(name)) for name in ("polite", "deaf")]
    keeper.stop()
    assert [process.is_running() for process in processes] == [False, False]


def test_the_services_end_when_the_program_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from demo.services import Keeper, Service\n"
        "keeper = Keeper(Path(sys.argv[1]), print)\n"
        "keeper.start(Service('meter', 'python', ('-c', 'import time; time.sleep(600)'), {}))\n"
        "print(keeper.pid('meter'), flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        service = psutil.Process(int(running.stdout.readline()))
        running.kill()
        running.wait()
    until(lambda: not service.is_running())


def test_a_service_gets_its_own_environment_and_nothing_of_ours(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPIC_PREFIX", "stray-")
    code = "import os; print(os.environ['HTTP_PORT'], os.environ.get('TOPIC_PREFIX'), flush=True); " + SLEEP
    keeper.start(python("meter", code, HTTP_PORT="1234"))
    until(lambda: "1234 None" in keeper.log("meter").read_text())


def test_the_environment_file_starts_the_same_service_by_hand_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    service = python("meter", "import os; print(os.environ['SECRET'])", SECRET="it's $HOME")
    path = write_environment(tmp_path / "env", service)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    done = subprocess.run(["sh", "-c", by_hand(service, path)], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME\n"


def test_a_command_that_fails_says_which_and_why() -> None:
    service = python("meter", "")
    with pytest.raises(ServiceFailed, match=r"(?s)`python -c .*` ended with code 1:.*topic is wrong"):
        run_commands([(service, ("-c", "pass")), (service, ("-c", "raise SystemExit('topic is wrong')"))])


def test_a_command_that_hangs_is_ended() -> None:
    with pytest.raises(ServiceFailed, match="did not end within"):
        run_commands([(python("meter", ""), ("-c", SLEEP))], seconds=0.3)


def test_a_long_log_line_is_quoted_by_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "meter.log"
    log.write_text("short\n" + "a" * 300 + "b" * 3000 + "KeyError: 'grams'\n")
    first, second = short_tail(log, 5).splitlines()
    assert first == "short"
    assert second.startswith("a" * 160 + " ... ")
    assert second.endswith("KeyError: 'grams'")
    assert len(second) < 700
