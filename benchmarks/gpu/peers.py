# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Products of cuBLAS through PyTorch, where that is installed: the yardstick of the same run."""
from timing import measure


class Peers:
    """Times each peer once for each problem; what a peer does not have is None."""

    def __init__(self, cache_bytes: int, seconds: float, note):
        self.cache_bytes, self.seconds, self.note, self.known = cache_bytes, seconds, note, {}
        try:
            import torch  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.torch, self.version = None, "not installed"
            return
        self.torch = torch if torch.cuda.is_available() else None
        self.version = torch.__version__ + ("" if self.torch else ", which sees no card")

    def time(self, name: str, arguments: tuple):
        """A Timing, or None."""
        if self.torch is None:
            return None
        key = name, arguments
        if key not in self.known:
            try:
                self.known[key] = getattr(self, name)(*arguments)
            except RuntimeError as error:
                self.note(f"PyTorch refuses {name} of {arguments}: {error}")
                self.known[key] = None
            self.torch.cuda.empty_cache()
        return self.known[key]

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
