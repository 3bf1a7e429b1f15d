# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What programs of a build with sanitizers run with."""

# The distribution's LLVM is not instrumented: what crosses its boundary (containers, arenas) looks overflown, and what it allocates
# once looks leaked. Python and mlir-opt load libraries with the sanitizers' runtime behind them, so late.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=0:allocator_may_return_null=1:verify_asan_link_order=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:exitcode=66",
}
