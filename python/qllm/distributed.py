# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tasks of a compilation on the workers of a Dask cluster: `qllm.quantize(..., scheduler="tcp://host:8786")`.

Workers import this package and run `run_task`; what they return are the bytes that this process would have computed.

`python -m qllm.distributed ADDRESS` is the other end of `qllm quantize --scheduler`: it reads tasks from its standard input.
"""
from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time
from typing import Any

from qllm import _qllm
from qllm.errors import QllmError

# How often a task may lose its worker. Each loss waits for a worker that is there.
ATTEMPTS = 10
# Two types before Python 3.11.
TIMEOUTS = (TimeoutError, asyncio.TimeoutError)
# How long a cluster without workers is waited for.
WORKER_SECONDS = 30


def run_task(inputs: bytes, task: bytes, wanted: str) -> bytes:
    """What a worker does, with as many threads as Dask gives its tasks: one. Raises QllmError where its build is not the wanted one."""
    if build() != wanted:
        raise QllmError(f"expected qllm {wanted} on every worker, but one has {build()}")
    return _qllm.run_task(inputs, task, 1)


def build() -> str:
    """Processes with the same build give the same bytes."""
    return _qllm.__build__


class Cluster:
    """Runs tasks on the workers behind a scheduler; closes its connection at the end of a `with`.

    Raises QllmError where nothing answers at the address within `timeout` seconds, where no worker is there within WORKER_SECONDS, and
    where a worker has another build of qllm.
    """

    def __init__(self, address: str, timeout: float = 5) -> None:
        try:
            import distributed
        except ImportError:
            raise QllmError("a scheduler needs the package 'distributed'; 'pip install qllm[dask]' installs it") from None
        self._distributed = distributed
        self.address, self.tasks, self.bytes_sent, self.lost = address, 0, 0, 0
        # What Dask tells of lost workers and closed connections is told here, once and shorter.
        for name in ("distributed.client", "distributed.comm", "distributed.core", "distributed.utils_comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=timeout, set_as_default=False)
        except (OSError, ValueError, *TIMEOUTS) as error:
            raise QllmError(f"no Dask scheduler answers at '{address}' within {timeout:g} s ({type(error).__name__}); "
                            f"'dask scheduler' starts one and prints its address") from None
        try:
            self._wait()
            self._check()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        self._client.close(timeout=2)

    def _wait(self) -> None:
        """Until there is a worker."""
        try:
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TIMEOUTS:
            raise QllmError(f"the scheduler at '{self.address}' has no workers; 'dask worker {self.address}' starts one") from None
        except OSError as error:
            raise QllmError(f"the scheduler at '{self.address}' has gone: {error}") from None

    def _check(self) -> None:
        """Of the workers that are there now; those that come later refuse tasks by themselves."""
        try:
            builds = self._client.run(build, on_error="return")
        except OSError as error:
            raise QllmError(f"the scheduler at '{self.address}' has gone: {error}") from None
        for worker, found in sorted(builds.items()):
            if isinstance(found, OSError):
                continue  # it has just gone
            if isinstance(found, BaseException):
                raise QllmError(f"worker '{worker}' cannot load qllm ({found!r}); install the same qllm there")
            if found != build():
                raise QllmError(f"expected workers with qllm {build()}, but '{worker}' has {found}; results would differ in their last "
                                f"bits, so install the same qllm on machines of one kind")

    def __call__(self, inputs: bytes, tasks: list[bytes]) -> list[bytes]:
        """The results of the tasks, in their order. Lost workers are survived as long as others are there, or come in time."""
        results: dict[int, bytes] = {}
        for _ in range(ATTEMPTS):
            left = [i for i in range(len(tasks)) if i not in results]
            if not left:
                break
            self._try(inputs, tasks, left, results)
        if len(results) < len(tasks):
            raise QllmError(f"the scheduler at '{self.address}' has lost the workers of a task {ATTEMPTS} times")
        self.tasks += len(tasks)
        return [results[i] for i in range(len(tasks))]

    def _try(self, inputs: bytes, tasks: list[bytes], numbers: list[int], results: dict[int, bytes]) -> None:
        """Puts what comes back into `results`."""
        distributed = self._distributed
        gone = (distributed.KilledWorker, distributed.CancelledError, OSError, *TIMEOUTS)
        futures = []
        try:
            # A task of its own: what Dask keeps of it outlives the worker that holds its result.
            shared = self._client.submit(bytes, inputs, pure=False)
            self.bytes_sent += len(inputs)
            futures = [(i, self._client.submit(run_task, shared, tasks[i], build(), pure=False)) for i in numbers]
        except gone:
            pass
        for i, future in futures:
            try:
                results[i] = future.result()
            except gone:
                pass
        if len(futures) == len(numbers) and all(i in results for i in numbers):
            return
        self.lost += 1
        if self._client.status not in ("running", "connecting"):
            raise QllmError(f"the scheduler at '{self.address}' has gone")
        logging.getLogger("qllm").warning("a worker was lost; its tasks run again")
        time.sleep(0.2)
        self._wait()
        self._check()


def _receive(stream: Any) -> list[bytes] | None:
    """A list of byte strings as lib/Tools/UserTool/Scheduler.h describes it; None at the end."""
    def exactly(size: int) -> bytes:
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    try:
        return [exactly(int.from_bytes(exactly(8), "little")) for _ in range(int.from_bytes(exactly(8), "little"))]
    except (EOFError, OSError):
        return None


def _send(stream: Any, words: list[bytes]) -> None:
    stream.write(len(words).to_bytes(8, "little"))
    for word in words:
        stream.write(len(word).to_bytes(8, "little"))
        stream.write(word)
    stream.flush()


def main(address: str, version: str) -> None:
    """Serves the tool on the socket that is its standard input, until that is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tool ends at Ctrl-C, and this with it
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.ERROR)
    logging.getLogger("qllm").setLevel(logging.WARNING)
    with socket.socket(fileno=0) as connection, connection.makefile("rwb") as stream:
        try:
            if version != _qllm.__version__:
                raise QllmError(f"expected the Python package qllm {version}, that of this tool, but found {_qllm.__version__}")
            with Cluster(address) as cluster:
                _send(stream, [b""])
                while (request := _receive(stream)) is not None:
                    _send(stream, [b"", *cluster(request[0], request[1:])])
        except QllmError as error:
            _send(stream, [str(error).encode()])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except (BrokenPipeError, ConnectionError):
        pass  # the tool has gone
