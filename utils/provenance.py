# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where a stored figure comes from: the machine and the commit that were measured."""
import os
import platform
import resource
import shutil
import subprocess
import time
from pathlib import Path


def machine() -> str:
    """The processor's name, the cores this process may use, and the memory."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{name}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB"


def revision() -> str:
    """The commit of the checkout that holds this file; 'unknown' outside one. Files not known to git do not count as changes."""
    if not shutil.which("git"):
        return "unknown"
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


class OtherWork:
    """How many processors were busy with other work than children of this process, since this was made; 0 where Linux does not say."""

    def __init__(self):
        self.start, self.busy, self.own = time.monotonic(), busy_seconds(), own_seconds()

    def processors(self) -> float:
        others = busy_seconds() - self.busy - (own_seconds() - self.own)
        return max(0.0, others / (time.monotonic() - self.start))


def busy_seconds() -> float:
    """Of all processors since the machine began, waiting left out."""
    if not Path("/proc/stat").exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
