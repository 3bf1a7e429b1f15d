# Written by utils/gen-stubs.py.
"""The C interface of qllm as Python objects; see the package `qllm`."""

from collections.abc import Sequence
from typing import Annotated

from numpy.typing import NDArray


class Value:
    """A tensor, a sequence, or nothing."""

    @staticmethod
    def tensor(array: object, element_type: int) -> Value:
        """Borrows the memory of an array. Types are numbered as in ONNX."""

    @staticmethod
    def strings(shape: Sequence[int], strings: Sequence[bytes]) -> Value: ...

    @staticmethod
    def sequence(elements: list) -> Value: ...

    @staticmethod
    def none() -> Value: ...

    @property
    def kind(self) -> int:
        """
        0 for nothing, 1 for a tensor, 2 for a sequence, 3 for a quantized tensor.
        """

    @property
    def element_type(self) -> int: ...

    @property
    def shape(self) -> list[int]: ...

    def to_array(self) -> NDArray:
        """
        An array over the memory of the tensor; types that NumPy lacks as unsigned integers.
        """

    def to_strings(self) -> list[bytes]: ...

    def to_elements(self) -> list: ...

def run_task(inputs: bytes, task: bytes, threads: int = 0) -> bytes:
    """
    Runs one task of `tasks(inputs, tasks)`; the same bytes give the same result.
    """

__build__: str = ...

class Context:
    """Threads, and the directory that weights lie in."""

    def __init__(self, threads: int = 0) -> None: ...

class Module:
    """A model as MLIR, which never changes; str() gives its text."""

    @staticmethod
    def load(context: Context, path: str, progress: object | None = None) -> Module: ...

    @staticmethod
    def import_onnx(context: Context, data: bytes, directory: str | None = None) -> Module: ...

    @staticmethod
    def parse(context: Context, text: bytes) -> Module: ...

    def __str__(self) -> str: ...

    def save(self, path: str) -> None:
        """
        Writes an .mlir or .mlirbc file with the weights beside it, or a directory as `qllm quantize` does.
        """

    def export_onnx(self, path: str, weights: str) -> None: ...

    def export_checkpoint(self, directory: str, format: str, config: str | None) -> None: ...

    def run_pipeline(self, pipeline: str, progress: object | None = None) -> Module: ...

    def quantize(self, recipe: str, options: str, file: str | None, tokens: Annotated[NDArray, dict(order='C', device='cpu', writable=False)] | None, seed: int, progress: object | None, token_type: int, tasks: object | None = None, journal: str | None = None, validate: bool = False, reproducers: str | None = None, plan: str | None = None, stop_after: str | None = None, command: str | None = None) -> Module: ...

    def report(self) -> str: ...

    def measure(self, file: str | None, tokens: Annotated[NDArray, dict(order='C', device='cpu', writable=False)] | None, token_type: int, windows: int, window_length: int, progress: object | None = None) -> None:
        """Adds to the report what quantizing cost."""

    def write_page(self, label: str, path: str) -> None: ...

    def perplexity(self, tokens: Annotated[NDArray, dict(order='C', device='cpu', writable=False)], token_type: int, windows: int, window_length: int, progress: object | None = None) -> tuple[float, float, int]: ...

    def lower_to_kernels(self, targets: str, format: str, rows: int, page_kv_cache: bool, progress: object | None = None) -> Module: ...

    def binaries(self) -> dict: ...

    def unsupported(self) -> str: ...

    def inputs(self, function: str = 'main') -> list[tuple[str, str, int]]: ...

    def outputs(self, function: str = 'main') -> list[tuple[str, str, int]]: ...

    def run(self, function: str, inputs: list, progress: object | None = None) -> list: ...
