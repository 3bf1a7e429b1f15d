# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A small ONNX graph builder that streams weights into one external data file, so that memory holds one weight at a time."""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ALIGNMENT = 4096  # weights start on a page, so a reader can map any of them by itself


class GraphWriter:
    """Nodes get the name they are given and outputs `<name>_output_0`, as exporters write them."""

    def __init__(self, path: Path):
        self.path = path
        self.data_name = path.name + ".data"
        self.data = (path.parent / self.data_name).open("wb")
        self.nodes = []
        self.initializers = {}

    def weight(self, name: str, array: np.ndarray) -> str:
        """Appends `array` to the external file; the array may be dropped after the call."""
        offset = -(-self.data.tell() // ALIGNMENT) * ALIGNMENT
        self.data.seek(offset)
        array = np.ascontiguousarray(array)
        array.tofile(self.data)
        tensor = TensorProto(name=name, dims=array.shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        for key, value in (("location", self.data_name), ("offset", offset), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        self.initializers[name] = tensor
        return name

    def constant(self, values, dtype=np.int64) -> str:
        """A small constant in the model file itself; equal ones are shared."""
        array = np.array(values, dtype)
        name = f"const_{array.dtype.name}_" + "_".join(str(v) for v in ([len(array.shape)] + array.ravel().tolist()))
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def small(self, name: str, array: np.ndarray) -> str:
        """A small named constant in the model file itself."""
        self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, op_type: str, name: str, *inputs: str, output: str = "", **attributes) -> str:
        """Adds a node with one output and returns that output's name."""
        output = output or name + "_output_0"
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=name, **attributes))
        return output

    def finish(self, inputs: list, outputs: list, opset: int, metadata: dict) -> None:
        """Writes the model file; an interrupted run leaves none."""
        self.data.close()
        graph = helper.make_graph(self.nodes, "main_graph", inputs, outputs, list(self.initializers.values()))
        model = helper.make_model(
            graph, producer_name="qllm-demo", ir_version=10, opset_imports=[helper.make_opsetid("", opset)])
        helper.set_model_props(model, metadata)
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(onnx.shape_inference.infer_shapes(model, data_prop=True).SerializeToString())
        onnx.checker.check_model(str(partial))
        partial.rename(self.path)
