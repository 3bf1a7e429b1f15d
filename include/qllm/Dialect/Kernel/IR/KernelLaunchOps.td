// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How compiled kernels are run.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELLAUNCHOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELLAUNCHOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"

def Kernel_LaunchOp : Kernel_Op<"launch"> {
  let summary = "run of a compiled kernel";
  let description = [{
    Runs the kernel that has the name `kernel` in the `gpu.module` of the device's target.

    The kernel gets a pointer for each operand and each result, in their order, and then an i32 for each entry of `sizes`.
    An entry is an operand and one of its dimensions; `sizes [0, 0, 3, 1]` are the first dimension of operand 0 and the
    second of operand 3. The first entry is the number of rows m: the grid has
    `ceil(m / tile_rows)` by `columns` by `layers` blocks of the target's geometry, with whole clusters along x. Dynamic dimensions of results are m; with
    `rows_of_results [1, 128]` those of result i are m divided by entry i, rounded up.

    `in_place` are pairs of a result and an operand that are the same memory, which the kernel changes: `in_place [0, 2]`
    says that result 0 is operand 2 after the run. Such a result has no pointer, and the dimensions of its operand.
    Whoever plans memory copies the operand first if it is read later.

    With `up_to`, the host looks at m first: of these kernels the first whose `max_rows` is not below m runs, with its geometry, and
    `kernel` only where none is. All of them take the same operands.

    Constraints:
    - (C1) there is a geometry for at least one target, and every target is known.
    - (C2) `sizes` has at least one entry, and names dimensions that are there.
    - (C3) `in_place` names each result and each operand at most once, and both have one type.
    - (C4) the `max_rows` of `up_to` ascend, and each has geometries for the targets of the launch.
    - (C5) `rows_of_results` has a positive entry for each result.
    - (C6) static sizes of `sizes` are at most 2147483647, and m is at most 268435456 (2^28). Where m is dynamic, whoever
      launches sees to it.

    ```mlir
    func.func @launch(%x: tensor<?x576xi8>, %s: tensor<?xf32>) -> tensor<?x64xf32> {
      %0 = qk.launch "linear_0"(%x, %s) sizes [0, 0]
          geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 128, threads = 256, shared = 65536>}
          : (tensor<?x576xi8>, tensor<?xf32>) -> tensor<?x64xf32>
      return %0 : tensor<?x64xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$kernel, Variadic<AnyRankedTensor>:$inputs, DenseI64ArrayAttr:$sizes,
      OptionalAttr<DenseI64ArrayAttr>:$in_place, OptionalAttr<DenseI64ArrayAttr>:$rows_of_results,
      OptionalAttr<TypedArrayAttrBase<Kernel_SpecializationAttr, "kernels for few rows">>:$specializations,
      DictionaryAttr:$geometry);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `sizes` $sizes (`in_place` $in_place^)? (`rows_of_results` $rows_of_results^)?
    (`up_to` $specializations^)?
    `geometry` $geometry attr-dict `:`
    functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernels for few rows, by ascending numbers of them.
    ::llvm::SmallVector<::qllm::qk::SpecializationAttr> getSpecializationList();

    /// The kernel for a number of rows.
    struct Choice {
      ::llvm::StringRef kernel;
      ::qllm::qk::GeometryAttr geometry; ///< null where there is none for the target
    };
    Choice getKernelOn(::llvm::StringRef target, int64_t rows);
    /// A dynamic dimension of a result, for a number of rows.
    int64_t getResultSize(unsigned result, int64_t rows);
  }];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELLAUNCHOPS_TD
