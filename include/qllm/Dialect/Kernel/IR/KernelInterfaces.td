// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every kernel says of itself to the passes.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELINTERFACES_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELINTERFACES_TD

include "mlir/IR/OpBase.td"

def Kernel_KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::qllm::qk";
  let description = [{
    An operation that is one kernel. Its operands and results are what the kernel gets pointers to, in their order.
    A result that is computed in place, in the memory of an operand, has no pointer of its own.
  }];
  let methods = [
    InterfaceMethod<[{
        What the kernel's function is called, up to a number that makes it unique: `linear_int8_int4_n64_k576`.
      }], "std::string", "describeKernel", (ins)>,
    InterfaceMethod<[{
        The types that the kernel's code depends on. Operations with equal attributes and equal types share
        a kernel, so sizes that are arguments of the kernel are left out of them.
      }], "::llvm::SmallVector<::mlir::Type>", "getKernelTypes", (ins), [{}], [{
        ::llvm::SmallVector<::mlir::Type> types($_op->getOperandTypes());
        types.append($_op->result_type_begin(), $_op->result_type_end());
        return types;
      }]>,
    InterfaceMethod<[{
        The sizes that the kernel gets after its pointers, as pairs of an operand and a dimension. The first is
        the number of rows, from which the grid is computed.
      }], "::llvm::SmallVector<int64_t>", "getRuntimeSizes", (ins), [{}], [{ return {0, 0}; }]>,
    InterfaceMethod<[{
        How many rows a step of the dynamic dimension of each result stands for; nothing where that is one for all.
      }], "::llvm::SmallVector<int64_t>", "getRowsOfResults", (ins), [{}], [{ return {}; }]>,
    InterfaceMethod<[{
        Results that are in the memory of an operand, as pairs of the result and the operand. Whoever plans memory copies
        the operand first where it is read later.
      }], "::llvm::SmallVector<int64_t>", "getInPlaceResults", (ins), [{}], [{ return {}; }]>,
    InterfaceMethod<[{
        How the kernel is launched on a target that the operation is supported on.
      }], "::qllm::qk::GeometryAttr", "getGeometryOn", (ins "const ::qllm::kernels::Target &":$target)>
  ];
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELINTERFACES_TD
