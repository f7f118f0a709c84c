"""``make bench`` and its relatives. Trust ratios inside one round only: machines drift."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from tests.support import Sandbox

from benchmarks import latency, scaling, shipments, throughput, window
from benchmarks.load import PARTITIONS, produce
from benchmarks.report import write
from local_stack import LocalStack

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
TOPIC = "site-traffic"
Events = Annotated[int, typer.Option(min=1_000, envvar="BENCH_EVENTS", help="How many events.")]
Rounds = Annotated[int, typer.Option(min=1, envvar="BENCH_ROUNDS", help="How often each contestant runs.")]
Rate = Annotated[int, typer.Option(min=1, help="Records a second.")]
Seconds = Annotated[int, typer.Option(min=5, help="How long.")]


@contextmanager
def _sandbox(service: str = "traffic-meter", events: int = 0, partitions: int = PARTITIONS) -> Iterator[Sandbox]:
    """A broker and a database of their own, with ``events`` waiting in the topic."""
    with (
        LocalStack.ephemeral() as stack,
        tempfile.TemporaryDirectory() as folder,
        Sandbox.create(stack, "b-", Path(folder)) as sandbox,
    ):
        sandbox.prepare(service, TOPIC_PARTITIONS=str(partitions))
        if events:
            _produce(sandbox, events)
        yield sandbox


def _produce(sandbox: Sandbox, events: int, start: int = 0) -> None:
    sent = asyncio.run(produce(sandbox.stack.bootstrap_servers, sandbox.prefix + TOPIC, events, start=start))
    print(f"sent {sent['events']:,} events of {sent['bytes_each']} bytes", file=sys.stderr)


@app.command("throughput")
def _throughput(
    events: Events = 1_000_000,
    rounds: Rounds = 3,
    only: Annotated[str, typer.Option(envvar="BENCH_ONLY", help="Contestants, comma-separated.")] = "",
) -> None:
    """This meter beside its peers."""
    names = [name for name in throughput.NAMES if name in (only.split(",") if only else throughput.NAMES)]
    with _sandbox(events=events) as sandbox:
        results = throughput.rounds(sandbox, TOPIC, events, rounds, names)
    write("throughput", throughput.page(results, events), {"events": events, "rounds": results})


@app.command("processes")
def _processes(events: Events = 1_000_000, rounds: Rounds = 3) -> None:
    """One process and two."""
    with _sandbox(events=events) as sandbox:
        text, figures = scaling.two_processes(sandbox, TOPIC, events, rounds)
    write("processes", text, figures)


@app.command("flat")
def _flat(sizes: Annotated[str, typer.Option(help="Numbers of events, ascending.")] = "100000,1000000,3000000") -> None:
    """The cost of an event, from few to many."""
    with _sandbox() as sandbox:
        text, figures = scaling.flatness(sandbox, TOPIC, [int(size) for size in sizes.split(",")], _produce)
    write("flat", text, figures)


@app.command("window")
def _window(
    events: Events = 4_500_000,
    rate: Rate = 5_000,
    real: Annotated[bool, typer.Option(help="Also in a real meter.")] = True,
) -> None:
    """Memory, pauses and rebuild time of the duplicate window."""
    if not real:
        text, figures = window.window(None, events, rate)
    else:
        with _sandbox(events=events) as sandbox:
            text, figures = window.window(sandbox, events, rate)
    write("window", text, figures)


@app.command("latency")
def _latency(rate: Rate = 2_000, seconds: Seconds = 20) -> None:
    """From event to reading, with a flush each second and each 50 ms."""
    with _sandbox() as sandbox:
        text, figures = latency.latency(sandbox, rate, seconds)
    write("latency", text, figures)


@app.command("shipments")
def _shipments(rate: Rate = 2_000, seconds: Seconds = 30) -> None:
    """delivery-emissions, with a stored explanation for each shipment."""
    with _sandbox("delivery-emissions", partitions=2) as sandbox:
        text, figures = shipments.shipments(sandbox, rate, seconds)
    write("shipments", text, figures)


if __name__ == "__main__":
    app()
