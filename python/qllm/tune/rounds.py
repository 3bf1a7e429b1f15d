# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The published training: rounds of a few layers, each against what the float model makes of the float stream."""
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from onnx import helper

from qllm.tune import operators
from qllm.tune.losses import distance, sink_tokens
from qllm.tune.model import Model
from qllm.tune.network import Network
from qllm.tune.structure import Layer, Structure
from qllm.tune.student import Branch, Student


@dataclass(frozen=True)
class Settings:
    weight_bits: int = 4
    activation_bits: int = 4
    kv_bits: int = 4
    epochs: int = 10
    rank: int = 4
    scale: float = 0.25
    learning_rate: float = 5e-4
    layers_per_round: int = 4
    seed: int = 2
    per_token: bool = False
    skip_sinks: bool = False
    keep_branch: bool = False
    final_norm: bool = True
    threads: int = 1


def tune(model: Model, structure: Structure, teacher_model: Model, teacher_structure: Structure, windows: np.ndarray,
         settings: Settings, log) -> dict:
    """Changes `model` and returns losses: plain mean squared errors of the stream behind each round."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    tokens = [torch.from_numpy(window[None]) for window in windows]
    student = Student(model, structure, tokens[0], settings.activation_bits, settings.kv_bits)
    teacher = Network(teacher_model, teacher_structure, tokens[0])
    with torch.no_grad():
        float_stream, stream = [teacher.embed(ids) for ids in tokens], [student.embed(ids) for ids in tokens]
    report = {"rounds": []}
    for first in range(0, len(structure.layers), settings.layers_per_round):
        start, places = time.monotonic(), range(first, min(first + settings.layers_per_round, len(structure.layers)))
        with torch.no_grad():
            for index in places:
                float_stream = [teacher.layer(index, x) for x in float_stream]
        stream, entry = _round(student, places, stream, float_stream, settings)
        entry |= {"layers": [places[0], places[-1]], "seconds": round(time.monotonic() - start, 1)}
        report["rounds"].append(entry)
        log(f"layers {places[0]} to {places[-1]}: loss {entry['first_loss']:.5g} -> {entry['last_loss']:.5g}, error with branch "
            f"{entry['branch_error']:.5g}, fused {entry['fused_error']:.5g}, {entry['sinks']} sinks, {entry['seconds']} s")
    if settings.final_norm and structure.final_norm is not None and settings.epochs:
        report["final_norm"] = _tune_final_norm(student, stream, float_stream, settings)
        log(f"final norm: loss {report['final_norm']['first_loss']:.5g} -> {report['final_norm']['last_loss']:.5g}")
    return report


def _round(student: Student, places: range, stream: list, targets: list, settings: Settings) -> tuple[list, dict]:
    layers = [student.structure.layers[index] for index in places]
    for layer in layers:
        student.add_branches(layer, settings.weight_bits, settings.rank, settings.scale)
    branches = [branch for layer in layers for branch in student.layer_branches(layer)]
    gains = [student.gains[id(node)] for layer in layers for node in layer.norms]

    def run(x):
        for index in places:
            x = student.layer(index, x)
        return x

    factors = [factor for branch in branches for factor in (branch.down, branch.up)]
    losses = _train(run, factors + gains, stream, targets, settings)
    with torch.no_grad():
        for branch in branches:
            branch.freeze()
        for layer in layers:
            for node in layer.norms:
                student.gains[id(node)] = student.gains[id(node)].detach()
        with_branch = [run(x) for x in stream]
        for branch in branches:
            branch.fuse()
        fused = [run(x) for x in stream]
        entry = losses | {"branch_error": _error(with_branch, targets), "fused_error": _error(fused, targets),
                          "sinks": sum(int(sink_tokens(target).sum()) for target in targets)}
        for layer in layers:
            _store(student, layer, settings.keep_branch)
    return (with_branch if settings.keep_branch else fused), entry


def _error(outputs: list, targets: list) -> float:
    return float(np.mean([float(distance(output, target)) for output, target in zip(outputs, targets)]))


def _train(run, parameters: list, inputs: list, targets: list, settings: Settings) -> dict:
    """AdamW without decay, the learning rate falling linearly to zero, one window a step."""
    steps = settings.epochs * len(inputs)
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / max(steps, 1)))
    means = []
    for _ in range(settings.epochs):
        total = 0.0
        for index in torch.randperm(len(inputs)).tolist():
            loss = distance(run(inputs[index]), targets[index], settings.per_token, settings.skip_sinks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        means.append(total / len(inputs))
    return {"first_loss": means[0] if means else math.nan, "last_loss": means[-1] if means else math.nan}


def _tune_final_norm(student: Student, stream: list, float_stream: list, settings: Settings) -> dict:
    """Gain and a new bias of the last norm, against the same norm on the float stream."""
    node, end = student.structure.final_norm, student.structure.layers[-1].end

    def norm(x, gain):
        operands = [gain if place == 1 else student.operand(name, {end: x}) for place, name in enumerate(node.input)]
        return operators.apply(node, operands)[0]

    original = student.operand(node.input[1], {})
    gain, bias = original.clone().requires_grad_(), torch.zeros_like(original).requires_grad_()
    with torch.no_grad():
        targets = [norm(x, original) for x in float_stream]
    losses = _train(lambda x: norm(x, gain) + bias, [gain, bias], stream, targets, settings)
    model = student.model
    model.set_operand(node, 1, gain.detach().numpy())
    _add_behind(model, node, bias.detach().numpy())
    return losses


def _add_behind(model: Model, node, bias: np.ndarray) -> None:
    """Adds a constant to the output of `node`; its readers see the sum."""
    output = node.output[0]
    raw, name = model.fresh_name(output + "_unbiased"), model.fresh_name(output + "_bias")
    model.replaced[name] = bias
    node.output[0] = raw
    model.insert_after(node, helper.make_node("Add", [raw, name], [output], name=(node.name or output) + "_bias"))


def _store(student: Student, layer: Layer, keep_branch: bool) -> None:
    """Writes what was trained into the ONNX model and forgets it here."""
    model = student.model
    for branch in student.layer_branches(layer):
        if keep_branch:
            _write_branch(model, branch)
        else:
            model.set_operand(branch.linear.node, 1, branch.corrected().T.numpy())
    for node in layer.norms:
        model.set_operand(node, 1, student.gains.pop(id(node)).numpy())
    student.drop(layer)


def _write_branch(model: Model, branch: Branch) -> None:
    """y = x W + (x A^T) (scale B^T): two products and a sum."""
    node = branch.linear.node
    output, at = node.output[0], branch.linear.name
    names = [model.fresh_name(f"{output}_{part}") for part in ("rounded", "branch_down", "branch_up", "low", "correction")]
    model.replaced[names[1]] = np.ascontiguousarray(branch.down.T.numpy())
    model.replaced[names[2]] = np.ascontiguousarray((branch.scale * branch.up).T.numpy())
    node.output[0] = names[0]
    model.insert_after(
        node, helper.make_node("MatMul", [node.input[0], names[1]], [names[3]], name=at + "/branch_down"),
        helper.make_node("MatMul", [names[3], names[2]], [names[4]], name=at + "/branch_up"),
        helper.make_node("Add", [names[0], names[4]], [output], name=at + "/branch_sum"))
