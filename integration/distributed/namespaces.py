#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates on several hosts: network namespaces that a switch connects. The scheduler and the tool are on the first, a worker on each other
one. One run is left alone, and in one a worker is killed; both must give the bytes of a run on one machine.

    python integration/distributed/namespaces.py [--hosts 3] [--model MODEL.onnx --calibration TOKENS.npy] [-- options of qllm quantize]

Needs root and the command `ip` (iproute2); exit code 77 with the reason where it cannot run.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("QLLM_BUILD", ROOT / "build/release"))
sys.path[:0] = [str(ROOT / "test/Python/support"), str(ROOT / "test/robustness")]

import runs  # noqa: E402
from cluster import Cluster  # noqa: E402


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    """Namespaces `<name>-1` .. `<name>-N` with addresses 10.77.0.1 .. N on a bridge in one of its own."""

    def __init__(self, hosts: int) -> None:
        self.name, self.spaces = f"qllm{os.getpid()}", []
        try:
            switch = self.add("switch")
            ip("-n", switch, "link", "add", "bridge", "type", "bridge")
            ip("-n", switch, "link", "set", "bridge", "up")
            for host in range(1, hosts + 1):
                space = self.add(str(host))
                ip("-n", switch, "link", "add", f"port{host}", "type", "veth", "peer", "name", "eth0", "netns", space)
                ip("-n", switch, "link", "set", f"port{host}", "master", "bridge", "up")
                ip("-n", space, "address", "add", f"10.77.0.{host}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    ip("-n", space, "link", "set", device, "up")
        except BaseException:
            self.close()
            raise

    def add(self, suffix: str) -> str:
        space = f"{self.name}-{suffix}"
        ip("netns", "add", space)
        self.spaces.append(space)
        return space

    def inside(self, host: int) -> list[str]:
        """The front of a command that runs on a host, the first being 0."""
        return ["ip", "netns", "exec", f"{self.name}-{host + 1}"]

    def close(self) -> None:
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def skip(reason: str) -> None:
    print(f"skipped: {reason}")
    raise SystemExit(77)


def quantize(options, output: Path, *more: str, prefix=()) -> tuple[str, float]:
    """The digest of the result and the seconds that it took."""
    words = [*prefix, *runs.command(options, "qllm-plus", output, "--no-journal"), *options.more, *more]
    run = runs.Run(words, env=dict(os.environ, QLLM_PYTHON=sys.executable)).check()
    told = [line for line in run.stderr.replace("\r", "\n").splitlines() if "workers ran" in line or "lost" in line]
    print(f"{output.name}: {run.seconds:.1f} s; {'; '.join(told) or 'one machine'}", flush=True)
    return runs.digest(output), run.seconds


def main() -> None:
    parser = runs.arguments(__doc__)
    parser.add_argument("--hosts", type=int, default=3, help="the first has the scheduler and the tool, the others a worker each")
    parser.add_argument("more", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    options.more = [word for word in options.more if word != "--"]
    if os.geteuid() != 0:
        skip("network namespaces need root")
    if not shutil.which("ip"):
        skip("the command 'ip' (iproute2) is not there")
    with tempfile.TemporaryDirectory(prefix="qllm-namespaces-") as folder:
        folder = Path(folder)
        runs.prepare(options, folder)
        expected, _ = quantize(options, folder / "alone")
        seconds = 0.0
        try:
            network = Network(options.hosts)
        except subprocess.CalledProcessError as error:
            skip(f"no network namespaces here: {error.stderr.strip()}")
        with network:
            for name in ("undisturbed", "worker-killed"):
                with Cluster(BUILD / "python", options.hosts - 1, "10.77.0.1", network.inside) as cluster:
                    if name == "worker-killed":  # in the middle, as far as the run before tells
                        threading.Timer(0.6 * seconds, cluster.worker(0).kill).start()
                    found, seconds = quantize(options, folder / name, "--scheduler", cluster.address, prefix=network.inside(0))
                    if name == "worker-killed" and cluster.worker(0).poll() is None:
                        raise SystemExit("the run was over before the worker was killed; use more layers")
                if found != expected:
                    raise SystemExit(f"{name}: other bytes than on one machine")
    print(f"{options.hosts} hosts: the same bytes three times")


if __name__ == "__main__":
    main()
