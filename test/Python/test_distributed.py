# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates on Dask workers: the bytes of one machine, also when a worker is killed; clear errors where nobody works."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import package
import pytest
from cluster import Cluster

import qllm

pytest.importorskip("distributed")
sys.path.insert(0, str(package.ROOT / "test/robustness"))
import runs  # noqa: E402

# All three candidates at most sites.
OPTIONS = {"recipe": "qllm-plus", "weight_bits": 4, "activation_bits": 4, "calibration_windows": 2, "calibration_length": 32}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The digest of a run without workers."""
    output = tmp_path_factory.mktemp("alone") / "out"
    qllm.quantize(qllm.load(package.LLAMA), calibration=package.TOKENS, **OPTIONS).save(output)
    return runs.digest(output)


@pytest.fixture
def cluster():
    with Cluster(package.PACKAGE, 2) as started:
        yield started


def quantize(address, output, progress=None):
    qllm.quantize(qllm.load(package.LLAMA), calibration=package.TOKENS, scheduler=address, progress=progress, **OPTIONS).save(output)
    return runs.digest(output)


def test_workers_give_the_bytes_of_one_machine(alone, cluster, tmp_path):
    from qllm import distributed

    seen = []
    run = distributed.Cluster.__call__

    def counted(self, inputs, tasks):
        seen.append(len(tasks))
        return run(self, inputs, tasks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed.Cluster, "__call__", counted)
        assert quantize(cluster.address, tmp_path / "out") == alone
    assert 3 in seen


GPTQ = {"recipe": "gptq", "weight_bits": 3, "calibration_windows": 2, "calibration_length": 32}


@pytest.mark.parametrize("lost", [False, True])
def test_layers_are_rounded_by_workers(cluster, tmp_path, monkeypatch, lost):
    """q, k and v of a block, and gate and up; with a worker that is killed while it has some of them."""
    from qllm import distributed

    run, attempt, seen, killed = distributed.Cluster.__call__, distributed.Cluster._try, [], []

    def counted(self, inputs, tasks):
        seen.append(len(tasks))
        return run(self, inputs, tasks)

    def disturbed(self, *arguments):
        if lost and not killed:
            killed.append(cluster.worker(0))
            self._client.wait_for_workers(2, timeout=30)
            killed[0].send_signal(signal.SIGSTOP)
            threading.Timer(1, killed[0].kill).start()
        return attempt(self, *arguments)

    monkeypatch.setattr(distributed.Cluster, "__call__", counted)
    monkeypatch.setattr(distributed.Cluster, "_try", disturbed)
    for name, address in (("alone", None), ("workers", cluster.address)):
        q = qllm.quantize(qllm.load(package.LLAMA), calibration=package.TOKENS, scheduler=address, **GPTQ)
        q.save(tmp_path / name)
    assert runs.digest(tmp_path / "workers") == runs.digest(tmp_path / "alone")
    assert set(seen) == {2, 3} and bool(killed) == lost


def test_a_killed_worker_is_survived(alone, cluster, tmp_path, monkeypatch):
    """Stopped workers hold their tasks; one of them is killed with what it has."""
    from qllm import distributed

    run, killed = distributed.Cluster._try, []

    def disturbed(self, inputs, tasks, numbers, results):
        if not killed:
            killed.append(cluster.worker(0))
            # Both are there, and this one does not get on with what it is given.
            self._client.wait_for_workers(2, timeout=30)
            killed[0].send_signal(signal.SIGSTOP)
            threading.Timer(1, killed[0].kill).start()
        return run(self, inputs, tasks, numbers, results)

    monkeypatch.setattr(distributed.Cluster, "_try", disturbed)
    assert quantize(cluster.address, tmp_path / "out") == alone
    assert killed[0].wait(10) == -signal.SIGKILL


def test_a_killed_scheduler_is_an_error(cluster, tmp_path, monkeypatch):
    from qllm import distributed

    run = distributed.Cluster._try

    def disturbed(self, *arguments):
        cluster.processes[0].kill()
        return run(self, *arguments)

    monkeypatch.setattr(distributed.Cluster, "_try", disturbed)
    with pytest.raises(qllm.QllmError, match=f"the scheduler at '{cluster.address}' has gone"):
        quantize(cluster.address, tmp_path / "out")


def tool(output, *words):
    command = [package.BUILD / "bin/qllm", "quantize", package.LLAMA, "--recipe", "qllm-plus", "--weight-bits", 4, "--activation-bits", 4,
               "--calibration-windows", 2, "--calibration-length", 32, "--calibration", output.parent / "tokens.npy", "-o", output, *words]
    np.save(output.parent / "tokens.npy", package.TOKENS)
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          env=dict(os.environ, QLLM_PYTHON=sys.executable))


def test_the_tool_has_workers_too(cluster, tmp_path):
    assert tool(tmp_path / "alone").returncode == 0
    result = tool(tmp_path / "out", "--scheduler", cluster.address)
    assert result.returncode == 0, result.stderr
    assert re.search(r"workers ran [1-9]\d* tasks", result.stderr), result.stderr
    assert runs.digest(tmp_path / "out") == runs.digest(tmp_path / "alone")


def test_recipes_without_a_search_say_so(cluster, caplog):
    qllm.quantize(qllm.load(package.LLAMA), recipe="rtn", scheduler=cluster.address)
    assert "the workers had nothing to do" in caplog.text


def test_the_tool_says_what_is_missing(tmp_path, monkeypatch):
    result = tool(tmp_path / "out", "--scheduler", address := free_address())
    assert result.returncode == 1 and f"no Dask scheduler answers at '{address}' within 5 s" in result.stderr, result.stderr
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    result = tool(tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1")
    assert result.returncode == 1 and "--scheduler needs '/usr/bin/false' with the package qllm[dask]" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.npy"]


def free_address():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{sock.getsockname()[1]}"


def test_nobody_at_the_address():
    from qllm.distributed import Cluster as Connection

    start = time.monotonic()
    with pytest.raises(qllm.QllmError, match="no Dask scheduler answers at 'tcp://127.0.0.1:"):
        Connection(free_address(), timeout=1)
    assert time.monotonic() - start < 10


def test_workers_of_another_build_are_refused(cluster, monkeypatch):
    from qllm import distributed

    monkeypatch.setattr(distributed._qllm, "__build__", "0.0.1 other")
    with pytest.raises(qllm.QllmError, match="expected workers with qllm 0.0.1 other, but 'tcp://"):
        distributed.Cluster(cluster.address, timeout=30)
    # One that comes later refuses by itself.
    with pytest.raises(qllm.QllmError, match="expected qllm 0.0.1 other on every worker"):
        monkeypatch.undo()
        distributed.run_task(b"", b"", "0.0.1 other")
