# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX files: the graph in memory, the weights mapped from disk and read one at a time."""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from qllm.tune.errors import TuneError

ALIGNMENT = 4096  # weights start on a page, so that a reader can map any of them by itself
INLINE = 1024  # bytes up to which a tensor stays in the model file


class Model:
    """A graph with look-ups by value name. Changes go to `graph` and `replaced`, and reach a file by `save`."""

    def __init__(self, path: Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise TuneError(f"expected an ONNX file, but found none at '{path}'")
        try:
            self.proto = onnx.load(self.path, load_external_data=False)
        except Exception as error:  # protobuf has an exception of its own for each backend
            raise TuneError(f"expected an ONNX file, but '{path}' does not parse: {error}") from error
        self.graph = self.proto.graph
        self.tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        self.replaced: dict[str, np.ndarray] = {}
        if any(self.subgraphs(node) for node in self.graph.node):
            raise TuneError(f"expected a model without control flow, but '{path}' has some")

    @staticmethod
    def subgraphs(node) -> list:
        kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
        return [attribute.name for attribute in node.attribute if attribute.type in kinds]

    def array(self, name: str) -> np.ndarray:
        """The value of an initializer; a large one is mapped, not read."""
        if name in self.replaced:
            return self.replaced[name]
        tensor = self.tensors[name]
        if tensor.data_location != TensorProto.EXTERNAL:
            return numpy_helper.to_array(tensor)
        where = {entry.key: entry.value for entry in tensor.external_data}
        kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        file, shape = self.path.parent / where.get("location", ""), tuple(tensor.dims)
        offset, needed = int(where.get("offset", 0)), int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        if not file.is_file() or file.stat().st_size < offset + needed:
            raise TuneError(f"expected {offset + needed} bytes or more in '{file}' for the tensor '{name}', but got "
                            f"{file.stat().st_size if file.is_file() else 'no file'}")
        return np.memmap(file, kind, "r", offset, shape) if needed else np.empty(shape, kind)

    def shape(self, name: str) -> tuple:
        return self.replaced[name].shape if name in self.replaced else tuple(self.tensors[name].dims)

    def is_initializer(self, name: str) -> bool:
        return name in self.tensors or name in self.replaced

    def readers(self, name: str) -> list:
        return [node for node in self.graph.node if name in node.input]

    def set_operand(self, node, index: int, array: np.ndarray) -> None:
        """Makes `array` the operand of this node; other readers of the old one keep it."""
        old = node.input[index]
        name = old
        if not self.is_initializer(old) or len(self.readers(old)) > 1:
            name = self.fresh_name((node.name or node.output[0]) + ".weight")
            node.input[index] = name
        self.replaced[name] = np.ascontiguousarray(array)

    def fresh_name(self, wanted: str) -> str:
        taken = {output for node in self.graph.node for output in node.output} | set(self.tensors) | set(self.replaced)
        taken |= {value.name for value in self.graph.input}
        name, number = wanted, 1
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        return name

    def insert_after(self, node, *added) -> None:
        place = list(self.graph.node).index(node) + 1
        for offset, new in enumerate(added):
            self.graph.node.insert(place + offset, new)

    def save(self, path: Path) -> None:
        """Writes `path` and its weights beside it, `path`.data, without what nothing reads. The model file comes last."""
        self._drop_dead()
        path = Path(path)
        used = {name for node in self.graph.node for name in node.input} | {value.name for value in self.graph.output}
        names = [name for name in dict.fromkeys([*self.tensors, *self.replaced]) if name in used]
        data, partial = path.with_name(path.name + ".data"), path.with_name(path.name + ".partial")
        data_partial = data.with_name(data.name + ".partial")
        with data_partial.open("wb") as file:
            tensors = [self._store(name, file, data.name) for name in names]
        graph = onnx.GraphProto()
        graph.CopyFrom(self.graph)
        del graph.initializer[:]
        graph.initializer.extend(tensors)
        proto = onnx.ModelProto()
        proto.CopyFrom(self.proto)
        proto.graph.CopyFrom(graph)
        partial.write_bytes(proto.SerializeToString())
        data_partial.rename(data)
        partial.rename(path)

    def _store(self, name: str, file, location: str) -> TensorProto:
        array = self.array(name)
        if array.nbytes <= INLINE:
            return numpy_helper.from_array(np.array(array), name)
        offset = -(-file.tell() // ALIGNMENT) * ALIGNMENT
        file.seek(offset)
        np.ascontiguousarray(array).tofile(file)
        tensor = TensorProto(name=name, dims=array.shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        for key, value in (("location", location), ("offset", offset), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def _drop_dead(self) -> None:
        live = {value.name for value in self.graph.output}
        kept = []
        for node in reversed(self.graph.node):
            if live & set(node.output):
                live |= set(node.input)
                kept.append(node)
        del self.graph.node[:]
        self.graph.node.extend(reversed(kept))
