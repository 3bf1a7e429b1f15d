# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models: loaded, quantized, evaluated, run and written.

Every call can be stopped with Ctrl-C, which leaves nothing half-written, and lets other threads run. Calls on models that were made of
one another wait for each other. Warnings go to the logger `qllm`.
"""
from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence, TypeVar, Union


from qllm._qllm import Context, Module
from qllm.arrays import as_array, element_type_of, from_value, to_value

Progress = Callable[[str, int, int], None]
PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True)
class Port:
    """An input or output of a model: its name, its MLIR type, and the number of its element type in ONNX (0 for no tensor)."""

    name: str
    type: str
    element_type: int


@dataclass(frozen=True)
class Kernels:
    """GPU kernels of a model.

    `module` launches them; `binaries` holds the code for each target: PTX text, or a cubin or fatbin, as asked for.
    """

    module: Module
    binaries: dict[str, bytes]

    @property
    def names(self) -> list[str]:
        """The entry points of PTX, sorted; empty for other formats."""
        found = (re.findall(rb"\.entry\s+([\w$]+)", code) for code in self.binaries.values())
        return sorted({name.decode() for names in found for name in names})

    def __getitem__(self, target: str) -> bytes:
        return self.binaries[target]


class Model:
    """A model, float or quantized. It never changes: what rewrites it gives a new one, which shares the weights that stay."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._ports: dict[tuple[str, str], list[Port]] = {}

    @property
    def module(self) -> Module:
        """The model as MLIR: `print(model.module)`. Data of large constants is left out of the text."""
        return self._module

    def _list(self, kind: str, function: str) -> list[Port]:
        if (kind, function) not in self._ports:
            ports = getattr(self._module, kind)(function)
            names = "arg" if kind == "inputs" else "result"
            self._ports[kind, function] = [Port(name or f"{names}{i}", *rest) for i, (name, *rest) in enumerate(ports)]
        return self._ports[kind, function]

    def inputs(self, function: str = "main") -> list[Port]:
        """What `run` takes, in the model's order."""
        return self._list("inputs", function)

    def outputs(self, function: str = "main") -> list[Port]:
        """What `run` gives, in the model's order."""
        return self._list("outputs", function)

    def run(self, inputs: Mapping[str, Any], function: str = "main", progress: Progress | None = None) -> dict[str, Any]:
        """Runs the model once, on the CPU, and returns its outputs by name.

        An input is an array of NumPy or of anything that has DLPack, borrowed for the call; a list of them for a sequence; or absent,
        or None, for an optional. Types and shapes must be those that the model declares. Outputs are arrays that own their memory.

        Raises ValueError for a name that the model does not have, QllmError for anything that the model cannot take.
        """
        ports = self.inputs(function)
        unknown = sorted(set(inputs) - {port.name for port in ports})
        if unknown:
            raise ValueError(f"expected inputs {', '.join(port.name for port in ports)}, but got '{unknown[0]}'")
        values = [to_value(inputs.get(port.name), port.element_type) for port in ports]
        results = self._module.run(function, values, progress)
        return {port.name: from_value(value) for port, value in zip(self.outputs(function), results)}

    def perplexity(self, tokens: Any, windows: int = 24, window_length: int = 512, progress: Progress | None = None) -> float:
        """Perplexity on windows at equal spacing over `tokens`, an integer array of token numbers of any shape, read as one text.

        It is exp of the mean cross entropy, in nats, of tokens 1, 2, ... of each window of `window_length` tokens.
        """
        array = as_array(tokens, 7)
        return self._module.perplexity(array, element_type_of(array), windows, window_length, progress)[0]

    def report(self, page: PathLike | None = None, *, tokens: Any = None, windows: int = 8, window_length: int = 512,
               progress: Progress | None = None) -> dict[str, Any]:
        """What `qllm quantize` writes as report.json: `coverage` tells of each layer how it is stored, and why where it is not
        quantized; for models that `quantize` made, also `recipe`, `options`, `seed`, `passes` and `validation`.

        With `page`, the path of an HTML file, or `tokens`, the float model and this one are run, as by `qllm quantize --report`, and
        the report has `measurements` and `run` from then on, also in what `save` writes. `tokens` is what to run them on, as
        `calibration` of `quantize`; by default it is the calibration. Losses are measured on `windows` windows of `window_length`
        tokens, layers on two of 256 at most. A second page needs no second run. Raises QllmError.
        """
        if tokens is not None or (page is not None and "measurements" not in json.loads(self._module.report())):
            file, array = _file_or_array(tokens)
            self._module.measure(file, array, element_type_of(array) if array is not None else 0, windows, window_length, progress)
        report = json.loads(self._module.report())
        if page is not None:
            self._module.write_page(report["recipe"], os.fspath(page))
        return report

    def save(self, path: PathLike) -> None:
        """Writes an .mlir or .mlirbc file with the weights beside it, or else a directory with all that `qllm quantize` writes; the
        journal of `quantize` is removed then."""
        self._module.save(os.fspath(path))

    def save_onnx(self, path: PathLike, weights: str = "matmul-nbits") -> None:
        """Writes an ONNX file. `weights` names the operators that hold quantized weights: `matmul-nbits` or `qdq`."""
        self._module.export_onnx(os.fspath(path), weights)

    def save_checkpoint(self, directory: PathLike, format: str = "compressed-tensors", config: PathLike | None = None) -> None:
        """Writes safetensors that other servers read: `format` is `compressed-tensors` or `gptq`; `config` the config.json of the
        original model."""
        self._module.export_checkpoint(os.fspath(directory), format, None if config is None else os.fspath(config))

    def kernels(self, target: str | Sequence[str], format: str = "ptx", rows: int = 16, page_kv_cache: bool = False,
                progress: Progress | None = None) -> Kernels:
        """GPU kernels for the quantized products, for `target` ("sm_90a") or several.

        `format` is `ptx`, or `cubin` or `fatbin` where ptxas is installed; `rows` the number of tokens that schedules are chosen for;
        `page_kv_cache` gives a decoder paged caches of quantized keys and values. Raises QllmError where nothing has a kernel.
        """
        targets = target if isinstance(target, str) else ",".join(target)
        module = self._module.lower_to_kernels(targets, format, rows, page_kv_cache, progress)
        return Kernels(module, module.binaries())

    def __repr__(self) -> str:
        return f"<qllm.Model of {len(self.inputs())} inputs and {len(self.outputs())} outputs>"


def load(model: Any, threads: int = 0, progress: Progress | None = None) -> Model:
    """Loads a model: the path of an ONNX file (external data beside it), of an .mlir or .mlirbc file, or of a directory that `qllm`
    or `Model.save` wrote; or an onnx.ModelProto.

    Weights stay in their files, which must not change while the model is there. `threads` is for all that is made of it; 0 takes one
    per core, and results are the same bits for any number. Raises QllmError.
    """
    context = Context(threads)
    if hasattr(model, "SerializeToString"):
        return Model(Module.import_onnx(context, model.SerializeToString()))
    return Model(Module.load(context, os.fspath(model), progress))


def parse(text: str | bytes, threads: int = 0) -> Module:
    """A module out of its text or bytecode. Raises QllmError with line and column."""
    return Module.parse(Context(threads), text.encode() if isinstance(text, str) else text)


def _option(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _file_or_array(tokens: Any) -> tuple[str | None, Any]:
    """Token numbers as the path of a file or as an array; both None for none."""
    if isinstance(tokens, (str, os.PathLike)):
        return os.fspath(tokens), None
    return None, None if tokens is None else as_array(tokens, 7)


def _command(arguments: Mapping[str, Any]) -> str:
    """A call of `quantize` as a report shows it; arrays by type and shape."""
    def text(value: Any) -> str:
        return f"<{value.dtype}{list(value.shape)}>" if hasattr(value, "dtype") else repr(value)

    return f"qllm.quantize(model, {', '.join(f'{name}={text(value)}' for name, value in arguments.items() if value is not None)})"


def quantize(model: Model, recipe: str = "rtn", *, calibration: Any = None, seed: int = 0, plan: PathLike | None = None,
             stop_after: str | None = None, journal: PathLike | None = None, validate: bool | PathLike = False,
             scheduler: str | None = None, progress: Progress | None = None, **options: Any) -> Model:
    """The model quantized by a recipe: its name, or the path of a file of passes.

    `options` are the recipe's, as in `qllm quantize` with _ for -: weight_bits=4, activation_bits=4, group_size=64, ignore=["*head"].
    `calibration` is what recipes that look at activations read: an integer array of token numbers, [tokens] or [windows, tokens], or
    the path of a .npy or .npz file. `plan` is the plan.mlir of an earlier result, whose formats and decisions are taken; `stop_after`
    the last pass to run.

    `journal` is a directory in which finished work is kept: after a failure, Ctrl-C or a crash, the same call goes on from there. It
    is removed when the result is saved as a directory. `validate` runs the model before and after each pass, and fails where one does
    not keep what it claims; a path is where what repeats the failure goes. `scheduler` is the address of a Dask scheduler,
    "tcp://host:8786", whose workers help; the result has the same bytes. `progress(step, done, total)` is called in this thread.

    Raises QllmError.
    """
    command = _command({"recipe": recipe, "calibration": calibration, "seed": seed or None, "plan": plan, "stop_after": stop_after,
                        **options})
    text = " ".join(f"{name.replace('_', '-')}={_option(value)}" for name, value in options.items())
    file, tokens = _file_or_array(calibration)

    def path(value: Any) -> str | None:
        return None if value is None or isinstance(value, bool) else os.fspath(value)

    def run(tasks: Any = None) -> Model:
        return Model(model.module.quantize(
            recipe, text, file, tokens, seed, progress, element_type_of(tokens) if tokens is not None else 0, tasks=tasks,
            journal=path(journal), validate=validate is not False, reproducers=path(validate), plan=path(plan), stop_after=stop_after,
            command=command))

    if scheduler is None:
        return run()
    from qllm.distributed import Cluster

    with Cluster(scheduler) as cluster:
        result = run(cluster)
    if cluster.tasks == 0:
        logging.getLogger("qllm").warning("the workers had nothing to do: this recipe has no pieces that they could take")
    return result


Rewritable = TypeVar("Rewritable", Module, Model)


def run_pipeline(module: Rewritable, pipeline: str, progress: Progress | None = None) -> Rewritable:
    """A copy of a module, or of a model, that a textual pass pipeline has rewritten: `"qllm-raise,canonicalize"`. Raises QllmError."""
    if isinstance(module, Model):
        return Model(module.module.run_pipeline(pipeline, progress))
    return module.run_pipeline(pipeline, progress)
