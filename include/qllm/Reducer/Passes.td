// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of qllm-reduce, beside those of mlir-reduce.

#ifndef QLLM_REDUCER_PASSES_TD
#define QLLM_REDUCER_PASSES_TD

include "mlir/Pass/PassBase.td"

def ReduceFunctions : Pass<"qllm-reduce-functions", "::mlir::ModuleOp"> {
  let summary = "cut functions down to what a test still finds interesting";
  let description = [{
    A model is one function of a thousand operations, of which one is at fault. MLIR's `reduction-tree` takes operations out and
    leaves what reads them without operands, so it gets nowhere here. This pass cuts a function where values flow:

    - *below*: an earlier value is returned, and what came behind it goes. The earliest one is found by bisection.
    - *above*: values computed so far become arguments, and what computed them goes. The latest place is found by bisection;
      constants stay.
    - *one by one*: each operation that is left becomes arguments, or the operand that has its type.
    - functions, results and arguments that are not needed go.

    A cut stays if the result verifies and `test`, called with a file of it, exits with a status other than 0 (as for
    `reduction-tree`). This is repeated until nothing goes any more.
  }];
  let options = [
    Option<"test", "test", "std::string", "\"\"", "the program that tells whether a module is interesting">
  ];
}

#endif // QLLM_REDUCER_PASSES_TD
