# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a launch is timed, ours and those of peers in the same way."""
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass

WARM_UP, SAMPLES, LEAST_SAMPLES = 0.03, 25, 5  # seconds, numbers
GRAPH_SECONDS, MOST_LAUNCHES = 0.002, 500
QUERY = ("clocks.sm", "clocks.max.sm", "clocks.mem", "power.draw", "temperature.gpu")


@dataclass(frozen=True)
class Timing:
    """Seconds of one launch: the median of samples, each of which is a graph of many launches; and the fastest and slowest."""
    median: float
    least: float
    most: float
    samples: int
    launches: int


def measure(make_graph, variants: int, seconds: float) -> Timing:
    """`make_graph(count)` prepares so many launches, which take turns with `variants` copies of operands; what it returns has
    `run`, which says the seconds of all of them, and `close`."""
    once = make_graph(variants)
    once.run()
    estimate = max(once.run() / variants, 1e-7)
    once.close()
    turns = min(max(1, round(GRAPH_SECONDS / estimate / variants)), max(1, MOST_LAUNCHES // variants))
    count = turns * variants
    graph = make_graph(count)
    end = time.monotonic() + WARM_UP
    while time.monotonic() < end:
        graph.run()
    samples, end = [], time.monotonic() + seconds
    while len(samples) < LEAST_SAMPLES or (len(samples) < SAMPLES and time.monotonic() < end):
        samples.append(graph.run() / count)
    graph.close()
    return Timing(statistics.median(samples), min(samples), max(samples), len(samples), count)


def clocks() -> dict:
    """What nvidia-smi says of the first card right now; nothing without it."""
    if not shutil.which("nvidia-smi"):
        return {}
    command = ["nvidia-smi", "-i", "0", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    values = run.stdout.strip().split(", ")
    return dict(zip(QUERY, values)) if run.returncode == 0 and len(values) == len(QUERY) else {}
