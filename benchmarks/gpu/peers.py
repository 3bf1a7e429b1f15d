# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of libraries that are installed, as the yardstick of the same run: of cuBLASLt, or without it of cuBLAS through PyTorch."""
from cublaslt import CublasLt, CublasLtFailed, load_library
from manifest import BadInput
from timing import measure


def find_peer(options, driver, note):
    """What there is, the best first: something with `version` and `time`, or None. `options.cublaslt` is a library that has to be there,
    or none."""
    if options.cublaslt == "none":
        return TorchPeer.find(driver, options.seconds)
    library, name = load_library(options.cublaslt)
    if not library and options.cublaslt:
        raise BadInput(f"expected cuBLASLt as {options.cublaslt}, which cannot be loaded")
    torch = None if library else TorchPeer.find(driver, options.seconds)
    if torch:
        library, name = load_library("")  # PyTorch brings it along, and the loader knows it then
    try:
        return CublasLt(driver, library, name, options.seconds) if library else torch
    except (AttributeError, CublasLtFailed) as error:
        if options.cublaslt:
            raise BadInput(f"expected cuBLASLt as {name}, but {error}") from error
        note(f"cuBLASLt as {name} is of no use: {error}")
        return torch or TorchPeer.find(driver, options.seconds)


class Peers:
    """Times each product once for each problem; what a peer does not have is None."""

    def __init__(self, options, driver, note):
        self.note, self.known = note, {}
        self.peer = find_peer(options, driver, note)
        self.version = self.peer.version if self.peer else "none, as there is neither cuBLASLt nor a PyTorch that sees the card"

    def time(self, name: str, arguments: tuple):
        """A Timing, or None."""
        if self.peer is None:
            return None
        key = name, arguments
        if key not in self.known:
            try:
                self.known[key] = self.peer.time(name, *arguments)
            except (CublasLtFailed, RuntimeError) as error:
                self.note(f"{self.peer.version} refuses {name} of {arguments}: {error}")
                self.known[key] = None
        return self.known[key]


class TorchPeer:
    """cuBLAS through PyTorch."""

    def __init__(self, torch, cache_bytes: int, seconds: float):
        self.torch, self.cache_bytes, self.seconds = torch, cache_bytes, seconds
        self.version = f"PyTorch {torch.__version__}"

    @staticmethod
    def find(driver, seconds: float):
        try:
            import torch  # pylint: disable=import-outside-toplevel
        except ImportError:
            return None
        return TorchPeer(torch, driver.cache_bytes, seconds) if torch.cuda.is_available() else None

    def time(self, name: str, *arguments):
        try:
            return getattr(self, name)(*arguments)
        finally:
            self.torch.cuda.empty_cache()

    def bf16(self, rows: int, outputs: int, depth: int):
        torch = self.torch
        make = lambda size: torch.randn(size, depth, dtype=torch.bfloat16, device="cuda")  # noqa: E731
        return self.product(torch.matmul, make, rows, outputs, depth * 2)

    def int8(self, rows: int, outputs: int, depth: int):
        torch = self.torch
        if rows <= 16:  # what _int_mm refuses
            return None
        make = lambda size: torch.randint(-128, 128, (size, depth), dtype=torch.int8, device="cuda")  # noqa: E731
        return self.product(torch._int_mm, make, rows, outputs, depth)  # pylint: disable=protected-access

    def product(self, multiply, make, rows: int, outputs: int, row_bytes: int):
        """Times x times w transposed, with copies of w that take turns."""
        torch = self.torch
        count = max(1, -(-3 * self.cache_bytes // (outputs * row_bytes)))
        x, first = make(rows), make(outputs)
        weights = [first] + [first.clone() for _ in range(count - 1)]
        multiply(x, first.t())  # chooses an algorithm, which must not happen while a graph is recorded
        actions = [lambda weight=weight: multiply(x, weight.t()) for weight in weights]
        return measure(lambda launches: TorchGraph(torch, [actions[turn % count] for turn in range(launches)]), count, self.seconds)


class TorchGraph:
    """As `cuda_driver.Graph`, of PyTorch's operations."""

    def __init__(self, torch, actions: list):
        torch.cuda.synchronize()
        self.start, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            for action in actions:
                action()

    def run(self) -> float:
        self.start.record()
        self.graph.replay()
        self.end.record()
        self.end.synchronize()
        return self.start.elapsed_time(self.end) / 1000

    def close(self) -> None:
        self.graph.reset()
