# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX models on the interpreter behind the interface of onnx.backend: `prepare`, `run_model`, `run_node`, `supports_device`."""
from __future__ import annotations

from typing import Any

import onnx
from onnx.backend.base import Backend, BackendRep, Device, DeviceType, namedtupledict

from qllm.errors import QllmError
from qllm.model import Model, load


class UnsupportedError(QllmError):
    """The model has operators that the interpreter cannot run; the message names them."""


class QllmBackendRep(BackendRep):
    """A model that is ready to run."""

    def __init__(self, model: Model, proto: onnx.ModelProto) -> None:
        self.model = model
        taken = {port.name for port in model.inputs()}
        # Initializers that are inputs too may be left out by callers. (In models of old, all are, and then they are constants.)
        self.defaults = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer if tensor.name in taken}
        self.names = [port.name for port in model.inputs() if port.name not in self.defaults]

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Runs on a list of inputs in the model's order, or on a mapping by name; returns a named tuple of the outputs."""
        if not isinstance(inputs, dict):
            if not isinstance(inputs, (list, tuple)):
                inputs = [inputs]
            if len(inputs) > len(self.names):
                raise ValueError(f"expected at most {len(self.names)} inputs, but got {len(inputs)}")
            inputs = dict(zip(self.names, inputs))
        results = self.model.run({**self.defaults, **inputs})
        return namedtupledict("Outputs", list(results))(*results.values())


class QllmBackend(Backend):
    """onnx.backend.base.Backend over qllm's interpreter."""

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        try:
            return bool(cls.prepare(model, device, **kwargs))
        except QllmError:
            return False

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> QllmBackendRep:
        """Imports a model. Raises UnsupportedError, naming the operators, or QllmError."""
        if not cls.supports_device(device):
            raise ValueError(f"expected the device CPU, but got '{device}'")
        loaded = load(model)
        missing = loaded.module.unsupported().splitlines()
        if missing:
            raise UnsupportedError(f"the interpreter has no kernel for {', '.join(missing)}")
        return QllmBackendRep(loaded, model)

    @classmethod
    def run_node(cls, node: onnx.NodeProto, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any) -> tuple[Any, ...]:
        """Runs one operator of the newest opset, or of `opset_version`, on arrays."""
        super().run_node(node, inputs, device, outputs_info, **kwargs)
        model = _model_of(node, inputs, kwargs.get("opset_version", onnx.defs.onnx_opset_version()))
        return cls.prepare(model, device).run(list(inputs))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return Device(device).type == DeviceType.CPU


def _model_of(node: onnx.NodeProto, inputs: Any, opset: int) -> onnx.ModelProto:
    from qllm.arrays import as_array, element_type_of

    names = [name for name in node.input if name]
    arrays = [as_array(value) for value in inputs]
    if len(names) != len(arrays):
        raise ValueError(f"expected {len(names)} inputs, but got {len(arrays)}")
    values = [onnx.helper.make_tensor_value_info(name, element_type_of(array), array.shape) for name, array in zip(names, arrays)]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "node", values, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return inferred


is_compatible = QllmBackend.is_compatible
prepare = QllmBackend.prepare
run_model = QllmBackend.run_model
run_node = QllmBackend.run_node
supports_device = QllmBackend.supports_device
