// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Consumers of weights: matrix products and table look-ups, on floats or quantized tensors.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMLINEAROPS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMLINEAROPS_TD

include "qllm/Dialect/QLLM/IR/QLLMBase.td"

def QLLM_LinearOp : QLLM_Op<"linear"> {
  let summary = "matrix product of activations and a weight, either quantized or not";
  let description = [{
    ```
    y[.., n] = sum over k of real(x[.., k]) * real(W[n, k]) + b[n]
    ```

    `real` is the value of an element: itself for a float tensor, what `qllm.dequantize` gives in f32 for a
    quantized one. Any mix of float and quantized operands is allowed. Products and sums are f32 (the order
    of the sum is not specified), the bias is added in f32, and the result is rounded to its element type.
    Where both operands are integers, the sum over elements of common scales may instead be the exact
    integer sum of (code - zero point) products, rounded once and then multiplied by the scales: it lies
    within the rounding of the f32 sum, and no order of summation can be told from it.

    Constraints:
    - (C1) rank(`input`) is at least 1 and rank(`weight`) = 2.
    - (C2) the last dimension of `input` = dimension 1 of `weight`.
    - (C3) shape(`bias`) = [dimension 0 of `weight`].
    - (C4) shape(`result`) = shape(`input`) with the last dimension replaced by dimension 0 of `weight`.

    ```mlir
    func.func @linear(%x: tensor<?x576xf32>, %w: !qllm.quantized<1536x576, #qllm.int<4>, group<1, 64>>,
                      %b: tensor<1536xf32>) -> tensor<?x1536xf32> {
      %0 = qllm.linear %x, %w bias(%b)
          : (tensor<?x576xf32>, !qllm.quantized<1536x576, #qllm.int<4>, group<1, 64>>, tensor<1536xf32>)
          -> tensor<?x1536xf32>
      return %0 : tensor<?x1536xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatOrQuantized:$input, QLLM_FloatOrQuantized:$weight,
      Optional<QLLM_FloatVector>:$bias);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let builders = [
    /// The result has the shape that the operands give and the given element type. `bias` may be null.
    /// The operands must satisfy (C1) and (C2).
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$weight, "::mlir::Value":$bias,
                   "::mlir::Type":$elementType)>
  ];
}

def QLLM_EmbeddingOp : QLLM_Op<"embedding"> {
  let summary = "rows of a float or quantized table";
  let description = [{
    ```
    y[.., k] = real(table[indices[..], k])
    ```

    A negative index counts from the end, as in ONNX Gather. An index outside the table is an error when the
    operation runs. Rows of a quantized table are dequantized in f32 and rounded to the result's element
    type. The table may be the weight of a `qllm.linear` as well (tied embeddings): one value, two users.

    Constraints:
    - (C1) rank(`table`) = 2.
    - (C2) shape(`result`) = shape(`indices`) followed by dimension 1 of `table`.
    - (C3) the element type of `result` is that of a float `table`.

    ```mlir
    func.func @embedding(%ids: tensor<?x?xi64>, %t: !qllm.quantized<512x64, #qllm.int<8>, per_channel<0>>)
        -> tensor<?x?x64xf32> {
      %0 = qllm.embedding %ids, %t
          : (tensor<?x?xi64>, !qllm.quantized<512x64, #qllm.int<8>, per_channel<0>>) -> tensor<?x?x64xf32>
      return %0 : tensor<?x?x64xf32>
    }
    ```
  }];
  let arguments = (ins RankedTensorOf<[I32, I64]>:$indices, QLLM_FloatOrQuantized:$table);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $table attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def QLLM_LowRankOp : QLLM_Op<"low_rank"> {
  let summary = "a low-rank branch beside a linear layer";
  let description = [{
    ```
    y = (real(x) A) B,   A = real(down)^T,   B = real(up)^T
    ```

    Both factors are laid out like the weight of a linear, outputs by inputs, so what rewrites the columns
    of a weight rewrites the columns of `down` the same way. The inner product is kept in f32.

    Constraints:
    - (C1) rank(`input`) is at least 1, rank(`down`) = rank(`up`) = 2.
    - (C2) the last dimension of `input` = dimension 1 of `down`.
    - (C3) dimension 0 of `down` = dimension 1 of `up` (the rank of the branch).
    - (C4) shape(`result`) = shape(`input`) with the last dimension replaced by dimension 0 of `up`.

    ```mlir
    func.func @low_rank(%x: tensor<?x576xf32>, %down: tensor<4x576xf32>, %up: tensor<1536x4xf32>)
        -> tensor<?x1536xf32> {
      %0 = qllm.low_rank %x, %down, %up
          : (tensor<?x576xf32>, tensor<4x576xf32>, tensor<1536x4xf32>) -> tensor<?x1536xf32>
      return %0 : tensor<?x1536xf32>
    }
    ```
  }];
  let arguments = (ins QLLM_FloatOrQuantized:$input, QLLM_FloatOrQuantized:$down,
      QLLM_FloatOrQuantized:$up);
  let results = (outs QLLM_FloatTensor:$result);
  let assemblyFormat = "$input `,` $down `,` $up attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMLINEAROPS_TD
