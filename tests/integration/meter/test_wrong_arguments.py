"""Commands given nonsense: a sentence that names it, no traceback, and nothing changed."""

from __future__ import annotations

import pytest
from tests.integration.meter.test_meters import view
from tests.support import Sandbox
from typer.testing import CliRunner

from shared.errors import OffsetsError
from traffic_meter.cli import app

BY = ("--by", "anna", "--reason", "a test")
WRONG_USAGE = 2


@pytest.fixture
def run(sandbox: Sandbox) -> CliRunner:
    """Runs commands in this process, in the environment of a meter with tables and topics."""
    sandbox.prepare("traffic-meter")
    return CliRunner(env=sandbox.environment("traffic-meter"))


def said(runner: CliRunner, *arguments: str) -> str:
    """What a refused command says."""
    done = runner.invoke(app, arguments)
    assert done.exit_code != 0, done.output
    if done.exit_code == WRONG_USAGE:
        return done.output
    assert isinstance(done.exception, OffsetsError), repr(done.exception)
    return str(done.exception)


def test_nonsense_is_refused_in_a_sentence_and_leaves_no_record(run: CliRunner, sandbox: Sandbox) -> None:
    site = sandbox.prefix + "site-traffic"
    for arguments, words in (
        (("dead-letters", "show", "no-such-place"), "no dead letter no-such-place"),
        (("dead-letters", "show", ""), "no dead letter"),
        (("dead-letters", "replay", *BY), "name dead letters, or --all"),
        (("dead-letters", "replay", "a/1/0/1", "--all", *BY), "not both"),
        (("dead-letters", "replay", "a/1/0/1", *BY), "no dead letter a/1/0/1"),
        (("dead-letters", "replay", "a/1/0/1", "--value", "/no/such/file", *BY), "does not exist"),
        (("dead-letters", "replay", "a", "b", "--value", __file__, *BY), "one letter"),
        (("dead-letters", "replay", "--all", "--by", " ", "--reason", "x"), "--by"),
        (("dead-letters", "accept", "a/1/0/1", *BY), "no dead letter a/1/0/1"),
        (("dead-letters", "accept", "a/1/0/1", "--by", "anna", "--reason", "  "), "--reason"),
        (("dead-letters", "replay", "a/1/0/1", "--value", "/dev/zero", *BY), "not a file"),
        (("dead-letters", "replay", "a/1/0/1", "--by", "a", "--reason", "\udcff"), "not a text"),
        (("audit", "--topic", "nope"), "nope is not a topic of this meter"),
        (("audit", "--archive", "/no/such/folder"), "/no/such/folder is no archive"),
        (("audit", "--archive", "/etc/passwd"), "/etc/passwd is no archive"),
        (("audit", "--topic", site, "--partition", "2"), "has 2 partitions"),
        (("audit", "--partition", "-1"), "greater than or equal to 0"),
        (("check-keys", "--topic", "nope"), "nope is not a topic of this meter"),
        (("check-keys", "--topic", site, "--sample", "0"), "greater than or equal to 1"),
        (("reseat", "--topic", "nope", "--partition", "0", *BY), "no such topic: nope"),
        (("reseat", "--topic", site, "--partition", "7", *BY), "has 2 partitions"),
        (("reseat", "--topic", site, "--partition", "0", *BY), "never counted"),
        (("reseat", "--topic", site, "--partition", "0", "--lost", "-1", *BY), "greater than or equal to 0"),
        (("reseat", "--topic", site, "--partition", "0"), "--reason"),
        (("restate", "--day", "2026-13-01", "--factor-set", "2026.1", *BY), "2026-13-01"),
        (("restate", "--day", "9999-12-31", "--factor-set", "2026.1", *BY), "no day between 2000-01-01 and 2099-12-31"),
        (("restate", "--day", "0001-01-01", "--factor-set", "2026.1", *BY), "no day between 2000-01-01 and 2099-12-31"),
        (("restate", "--day", "2026-11-27", "--factor-set", "2026.9", *BY), "2026.9"),
        (("restate", "--day", "2026-11-27", "--factor-set", "../..", *BY), "../.."),
        (("restate", "--day", "2026-11-27", "--factor-set", "2026.1", "--channel", "tv", *BY), "channels site, email"),
        (("resume", "--topic", site, *BY), "not stopped for bad records"),
        (("resend", "--by", "anna"), "--reason"),
    ):
        assert words in said(run, *arguments), arguments
    assert run.invoke(app, ("interventions", "--json")).output.strip() == "[]"


async def test_letters_that_no_meter_wrote_are_passed_over(run: CliRunner, sandbox: Sandbox) -> None:
    strange = ((b"a", b"x"), (b"b", None), (b"\xff/1/0/x", b"\xff"))
    await sandbox.send([view(1), *(("site-traffic.dead-letter", key, value, None) for key, value in strange)])
    # The command runs a loop of its own, so it must not run inside this one.
    listed = sandbox.ended("traffic-meter", "dead-letters", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    replayed = sandbox.ended("traffic-meter", "dead-letters", "replay", "--all", *BY)
    assert "Traceback" not in replayed.stderr


def test_commands_before_the_tables_say_what_to_do(sandbox: Sandbox) -> None:
    runner = CliRunner(env=sandbox.environment("traffic-meter"))
    assert "command: migrate" in said(runner, "balance")
    assert "command: migrate" in said(runner, "interventions")
    lost = CliRunner(env=sandbox.environment("traffic-meter", POSTGRES_DSN="postgresql://nobody:x@127.0.0.1:1/none"))
    assert "PostgreSQL cannot be reached" in said(lost, "balance")


def test_every_command_has_an_example_in_its_help() -> None:
    runner, words = CliRunner(), [["dead-letters", name] for name in ("list", "show", "replay", "accept")]
    words += [["topics", name] for name in ("create", "grow")]
    words += [
        [c] for c in ("run", "migrate", "balance", "audit", "check-keys", "reseat", "restate", "resume", "resend")
    ]
    for command in words:
        done = runner.invoke(app, [*command, "--help"])
        assert done.exit_code == 0
        assert "Example:" in done.output, command
