// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A test-only dialect: expectations that hold or fail when a module runs.

#ifndef QLLM_TEST_LIB_CHECK_CHECKOPS_TD
#define QLLM_TEST_LIB_CHECK_CHECKOPS_TD

include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"

def Check_Dialect : Dialect {
  let name = "check";
  let cppNamespace = "::qllm::check";
  let summary = "Expectations for self-checking tests";
  let description = [{
    Linked into `qllm-opt` and `qllm-translate` of a build with tests. An expectation that fails is an error at
    its operation and fails the run; it names the first element that differs, with both values.
  }];
}

class Check_Op<string mnemonic> : Op<Check_Dialect, mnemonic> {
  let hasVerifier = 1;
}

def Check_ExpectEqOp : Check_Op<"expect_eq"> {
  let summary = "two tensors have the same shape and the same bits";
  let description = [{
    Zeros of different sign differ, and so do NaNs with different bits.

    Constraints:
    - (C1) the types are the same, up to dimensions that are dynamic on one side.

    ```mlir
    func.func @expect_eq(%actual: tensor<?xi64>, %expected: tensor<2xi64>) {
      check.expect_eq %actual, %expected : tensor<?xi64>, tensor<2xi64>
      return
    }
    ```
  }];
  let arguments = (ins AnyTensor:$actual, AnyTensor:$expected);
  let assemblyFormat = [{
    $actual `,` $expected attr-dict `:` type($actual) `,` type($expected)
  }];
}

def Check_ExpectCloseOp : Check_Op<"expect_close"> {
  let summary = "two float tensors have the same shape and nearly the same values";
  let description = [{
    Every element satisfies `|actual - expected| <= atol + rtol * |expected|`, in f64. An infinity is close to
    itself only, a NaN to any NaN.

    Constraints:
    - (C1) the types are the same, up to dimensions that are dynamic on one side.
    - (C2) both tolerances are finite and not negative.

    ```mlir
    func.func @expect_close(%actual: tensor<?xf32>, %expected: tensor<2xf32>) {
      check.expect_close %actual, %expected atol 1.0e-6 rtol 1.0e-5 : tensor<?xf32>, tensor<2xf32>
      return
    }
    ```
  }];
  let arguments = (ins TensorOf<[AnyFloat]>:$actual, TensorOf<[AnyFloat]>:$expected,
      DefaultValuedAttr<F64Attr, "1e-6">:$atol, DefaultValuedAttr<F64Attr, "1e-5">:$rtol);
  let assemblyFormat = [{
    $actual `,` $expected (`atol` $atol^)? (`rtol` $rtol^)? attr-dict `:` type($actual) `,` type($expected)
  }];
}

#endif // QLLM_TEST_LIB_CHECK_CHECKOPS_TD
