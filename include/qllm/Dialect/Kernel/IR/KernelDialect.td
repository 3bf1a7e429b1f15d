// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `qk` dialect itself. What it models and why is in docs/Dialects/RationaleKernel.md.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD

include "mlir/IR/DialectBase.td"

def Kernel_Dialect : Dialect {
  let name = "qk";
  let cppNamespace = "::qllm::qk";
  let summary = "GPU kernels on quantized tensors, one operation each";
  let description = [{
    An operation of this dialect is one kernel: it reads tensors as they are stored (codes, scales, sums of
    codes), and says with which tile sizes, pipeline and order of weights it runs. Whatever cannot work is
    refused by a verifier, with the limit that was crossed; what a particular target lacks is refused by
    `convert-kernel-to-nvvm`, which turns the operations into code.

    A constant in an order of kernels, as `fold-kernel-weights` leaves it, says how to read it, so that a module with nothing but
    compiled kernels still has the original weight: `qk.layout`, the `#qk.layout` of its elements, and `qk.row_major`, the type that
    it had before. `unfold-kernel-weights` brings it back.

    ```
    %0 = onnx.Initializer "w_shuffled" = dense_resource<w_shuffled> : tensor<4x2x512xi8>
        {qk.layout = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>, qk.row_major = tensor<64x128xi4>}
    ```

    Constraints:
    - (C1) both are there or none; `qk.row_major` is a static matrix, and the only result of the operation is the tensor of shape
      [tiles of rows, tiles of columns, elements of a tile] in that layout: of the same elements, or with integers of i8 that have
      two codes of 4 bits or one of 8. The dialect has no other attributes on operations.
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    /// How the elements of a constant are ordered, and its type in row-major order.
    static constexpr ::llvm::StringLiteral getLayoutAttrName() { return "qk.layout"; }
    static constexpr ::llvm::StringLiteral getRowMajorAttrName() { return "qk.row_major"; }
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_TD
