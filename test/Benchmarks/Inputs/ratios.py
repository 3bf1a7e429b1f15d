"""Gives rows to the supervisor as a worker would: what it prints of their ratios, and of the goals.

usage: ratios.py SOURCE
"""
import sys

sys.path += [f"{sys.argv[1]}/benchmarks/gpu", f"{sys.argv[1]}/utils"]

from goals import summary  # noqa: E402
from supervisor import Supervisor  # noqa: E402


def row(kernel, rows, seconds, schedule="s", base="", w8a8="", floor=0, weight_bytes=0, **peers):
    """In the form in which worker.py tells it."""
    return {"kernel": kernel, "base": base, "w8a8": w8a8, "schedule": schedule, "rows": rows, "timing": {"median": seconds}, "floor": floor,
            "memory": 4.8, "weight_bytes": weight_bytes, "peers": {name: {"median": time} for name, time in peers.items()}, "result": "right"}


run = Supervisor(None, {}, 1, 1, 1)
for each in (row("linear w8a8 8x8", 2048, 2.0, int8=1.9),
             row("linear w4a8 8x8", 2048, 1.6, w8a8="linear w8a8 8x8"),
             row("linear w4a8 8x8", 16, 1.0, w8a8="linear w8a8 8x8", floor=0.6, weight_bytes=3e8),  # of another number of rows
             row("linear w4a8 rank 32 8x8", 2048, 1.76, base="linear w4a8 8x8"),
             row("linear w4a8 rank 32 8x8", 2048, 9.0, "t", base="linear w4a8 8x8"),  # of another schedule
             row("linear w4a4 in bytes 8x8", 2048, 2.5, w8a8="linear w8a8 8x8"),
             row("weight_only_linear w4a16 8x8", 1, 1.0, floor=0.9, weight_bytes=3e8),
             row("weight_only_linear w4a16 8x8", 1, 1.0, floor=0.1, weight_bytes=1e8),
             row("quantize a8 residual rms 4096", 4096, 1.0, floor=0.7)):
    run.take_row(each)
print("\n".join(summary(run.rows)))
