// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attribute interface of element formats and the operation interface of channel transforms.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_TD
#define QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_TD

include "mlir/IR/OpBase.td"

def QLLM_ElementFormatAttrInterface : AttrInterface<"ElementFormatAttrInterface"> {
  let cppNamespace = "::qllm";
  let description = [{
    How one element of a quantized tensor is encoded. A format knows nothing of scales and shapes; those
    belong to the type.
  }];
  let methods = [
    InterfaceMethod<"Bits of one code.", "unsigned", "getBitWidth", (ins)>,
    InterfaceMethod<[{
        The builtin type that holds one code in a tensor of codes: `i4`, `ui4`, `f4E2M1FN`. At least as wide
        as the code. A code that is an index into a table is unsigned.
      }], "::mlir::Type", "getStorageType", (ins)>,
    InterfaceMethod<"Whether a code itself carries a sign.", "bool", "isSigned", (ins)>,
    InterfaceMethod<"Whether values have a zero point beside their scale.", "bool", "hasZeroPoint",
                    (ins)>,
    InterfaceMethod<[{
        The name under which the format library and reports know it: `int4`, `uint4`, `e2m1`, `nf4`.
      }], "std::string", "getFormatName", (ins)>
  ];
}

def QLLM_ChannelTransformInterface : OpInterface<"ChannelTransform"> {
  let cppNamespace = "::qllm";
  let description = [{
    An operation that maps the channels of an activation, its last axis, by one fixed affine map: every
    row `x` becomes `x R + d`. The first operand is the activation, the others are the parameters of the
    map, and the only result is the mapped activation.

    The same operations act on the weight of a consumer, whose last axis is the same channels; so every
    rewrite of a weight is itself IR that the interpreter executes and a pass can evaluate.
  }];
  let methods = [
    InterfaceMethod<"The activation (or weight) whose channels are mapped.", "::mlir::Value",
                    "getTransformInput", (ins), [{}], [{ return $_op->getOperand(0); }]>,
    InterfaceMethod<"The mapped activation.", "::mlir::Value", "getTransformResult", (ins), [{}],
                    [{ return $_op->getResult(0); }]>,
    InterfaceMethod<[{
        Apply the map to one row of channels in f32. `parameters` holds the values of the operands after
        the first. Fails, without a diagnostic, when a size does not fit.
      }], "::llvm::LogicalResult", "applyToRow",
      (ins "::llvm::ArrayRef<float>":$input,
           "::llvm::ArrayRef<::llvm::ArrayRef<float>>":$parameters,
           "::llvm::MutableArrayRef<float>":$output)>,
    InterfaceMethod<[{
        Whether a consumer rewritten by `absorb` gives the same result in real arithmetic.
      }], "bool", "isExact", (ins)>,
    InterfaceMethod<"Whether the map provably changes nothing.", "bool", "isIdentity", (ins)>,
    InterfaceMethod<[{
        Rewrite a consumer of the untransformed activation into a consumer of the transformed one: with
        `y = x W^T + b`, returns W' and b' so that `T(x) W'^T + b'` is y again (up to what `isExact`
        says). `bias` may be null, and comes back null when none is needed. Fails when no such weight
        can be expressed.
      }], "::mlir::FailureOr<::qllm::LinearParameters>", "absorb",
      (ins "::mlir::OpBuilder &":$builder, "::qllm::LinearParameters":$consumer)>,
    InterfaceMethod<[{
        The opposite direction: returns W' and b' so that `x W'^T + b'` equals `T(x) W^T + b`, which
        removes the transform in front of that consumer. Always exact in real arithmetic.
      }], "::mlir::FailureOr<::qllm::LinearParameters>", "foldIntoConsumer",
      (ins "::mlir::OpBuilder &":$builder, "::qllm::LinearParameters":$consumer)>,
    InterfaceMethod<[{
        Build one operation equal to this one after `first`, on the input of `first`. Unless
        `allowRounding`, only when the results are bit for bit the same.
      }], "::mlir::FailureOr<::mlir::Value>", "composeAfter",
      (ins "::mlir::OpBuilder &":$builder, "::qllm::ChannelTransform":$first,
           "bool":$allowRounding)>,
    InterfaceMethod<[{
        Whether a producer of that kind can take the map over, so that nothing is left to do at run time.
        `headSize` is the width of one attention head, zero where there are no heads.
      }], "bool", "canFoldIntoProducer",
      (ins "::qllm::ProducerKind":$producer, "int64_t":$headSize)>
  ];
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_TD
