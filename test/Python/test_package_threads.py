# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls that are stopped, that let other threads run, and that call back."""

import os
import signal
import threading
import time

import package
import pytest

import qllm


@pytest.fixture(scope="module")
def model():
    return qllm.load(package.LLAMA)


def long_calls(model):
    windows = {"windows": 2000, "window_length": 32}
    yield "perplexity", lambda **more: model.perplexity(package.TOKENS, **windows, **more)
    yield "quantize", lambda **more: qllm.quantize(model, recipe="gptq", weight_bits=4, calibration=package.TOKENS,
                                                  calibration_windows=1900, calibration_length=64, **more)


@pytest.mark.parametrize("which", [0, 1])
def test_ctrl_c_ends_a_call(model, which):
    name, call = list(long_calls(model))[which]
    thread = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    thread.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        call()
    thread.join()
    assert time.monotonic() - start < 2.5, name
    # The model is as good as before.
    assert model.perplexity(package.TOKENS, 1, 32) > 1


def test_other_threads_run_meanwhile(model):
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.monotonic()
    model.perplexity(package.TOKENS, windows=30, window_length=128)
    done.set()
    thread.join()
    gaps = [b - a for a, b in zip(ticks, ticks[1:])]
    assert len(ticks) > 3 and max(gaps) < 0.5 * max(time.monotonic() - start, 0.5)


def test_threads_may_share_a_model(model):
    expected = model.perplexity(package.TOKENS, 4, 64)
    found = []
    threads = [threading.Thread(target=lambda: found.append(model.perplexity(package.TOKENS, 4, 64))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_what_a_callback_raises_ends_the_call(model):
    def fail(step, done, total):
        raise ZeroDivisionError(step)

    with pytest.raises(ZeroDivisionError, match="evaluate"):
        model.perplexity(package.TOKENS, windows=2000, window_length=32, progress=fail)


def test_a_callback_must_leave_the_model_alone(model):
    with pytest.raises(qllm.QllmError, match="expected callbacks of a call to leave its context alone"):
        model.perplexity(package.TOKENS, 2, 32, progress=lambda *step: model.report())
