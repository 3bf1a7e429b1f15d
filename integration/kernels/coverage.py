"""Which products of quantized models become kernels of which family, and why others do not.

usage: coverage.py [--target=sm_80] [--rows=2048] RESULT..

RESULT is what `qllm quantize` wrote. Prints a row of a table for each, and the reasons below it. Products are those of the model,
of which a branch that is part of another product counts one, its thin product; quantizers are the kernels that make their inputs. "In bytes" are those of
four-bit inputs that have one code to a byte, "with a producer" those that warpgroups multiply.
"""

import argparse
import collections
import pathlib
import re
import subprocess

parser = argparse.ArgumentParser()
parser.add_argument("--target", default="sm_80")
parser.add_argument("--rows", default="2048", help="tokens that schedules are chosen for, as convert-qllm-to-kernel has them")
parser.add_argument("results", nargs="+", type=pathlib.Path)
options = parser.parse_args()
families = ("qk.linear", "qk.weight_only_linear", "qk.block_scaled_linear")
print("| model | products | " + " | ".join(families) + " | quantizers | with a branch | in bytes | with a producer | no kernel |\n|---|---|" + "---|" * (len(families) + 5))
reasons = {}
for result in options.results:
    done = subprocess.run(["qllm-opt", result / "model.mlirbc", f"--convert-qllm-to-kernel=targets={options.target} rows={options.rows} explain",
                           "--mlir-elide-elementsattrs-if-larger=4", "--mlir-elide-resource-strings-if-larger=4"],
                          check=True, capture_output=True, text=True)
    left = collections.Counter(re.findall(r"remark: no kernel: (.*)", done.stderr))
    made = done.stderr.count("remark: kernel: ")
    counts = [len(re.findall(rf"= {re.escape(family)} ", done.stdout)) for family in families]
    counts.append(len(re.findall(r"= qk\.quantize(?:_blocks)? ", done.stdout)))
    linear = [line for line in done.stdout.splitlines() if "= qk.linear " in line]
    branches = done.stdout.count(" low_rank(")
    in_bytes = sum(bool(re.search(r"formats\(<[34]\b.*: \(tensor<[?\dx]*u?i8>", line)) for line in linear)
    produced = sum("producers = 1" in line for line in linear)
    print(f"| {result.name} | {made + left.total()} | " + " | ".join(map(str, [*counts, branches, in_bytes, produced, left.total()])) + " |")
    reasons[result.name] = left
for name, left in reasons.items():
    for reason, count in left.items():
        print(f"- {name}, {count}: {reason}")
