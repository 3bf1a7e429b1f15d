# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Dask scheduler and its workers as processes, started by their own commands."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Cluster:
    """`workers` processes of one thread each; `prefix(i)` is put in front of the command of host i, 0 for the scheduler's."""

    def __init__(self, package: Path, workers: int, host: str = "127.0.0.1", prefix=lambda host: []):
        self.folder = tempfile.TemporaryDirectory(prefix="qllm-cluster-")
        self.prefix, self.host = prefix, host
        self.environment = dict(os.environ, PYTHONPATH=str(package), DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="10")
        self.processes: list[subprocess.Popen] = []
        file = Path(self.folder.name) / "scheduler.json"
        try:
            self._start(0, "scheduler", "--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", file)
            self.address = self._wait(file)
            for i in range(workers):
                self._start(i + 1, "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory",
                            self.folder.name, "--name", f"worker-{i}")
        except BaseException:
            self.close()
            raise

    def _start(self, host, *words):
        words = [*self.prefix(host), sys.executable, "-m", "dask", *map(str, words)]
        with open(Path(self.folder.name) / f"log-{host}", "w") as log:
            self.processes.append(subprocess.Popen(words, env=self.environment, cwd=self.folder.name, stdout=log, stderr=log))

    def _wait(self, file: Path) -> str:
        import json

        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                return json.loads(file.read_text())["address"]
            except (OSError, ValueError, KeyError):
                time.sleep(0.05)
        raise RuntimeError(f"the scheduler did not start: {(Path(self.folder.name) / 'log-0').read_text()}")

    def worker(self, number: int) -> subprocess.Popen:
        return self.processes[number + 1]

    def close(self):
        for process in self.processes[::-1]:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
