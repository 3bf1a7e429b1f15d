// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that hold a model together: weights, absent inputs, terminators, and operators that are not typed.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXSTRUCTUREOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXSTRUCTUREOPS_TD

include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

def ONNX_InitializerOp : ONNX_Op<"Initializer", [Pure]> {
  let summary = "a weight of the model";
  let description = [{
    (C1) The type of `value` is the type of the result.

    ```mlir
    %w = onnx.Initializer "model.norm.weight" = dense<1.0> : tensor<8xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, TypedAttrInterface:$value);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$name `=` custom<WeightValue>($value, type($result)) attr-dict";
  let hasVerifier = 1;
  let hasFolder = 0;
}

def ONNX_NoneOp : ONNX_Op<"None", [Pure]> {
  let summary = "stands for an optional input that is not given";
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def ONNX_ReturnOp : ONNX_Op<"Return", [Pure, ReturnLike, Terminator]> {
  let summary = "ends a graph, a subgraph or a function";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
  let builders = [OpBuilder<(ins)>];
}

def ONNX_CustomOp : ONNX_Op<"Custom"> {
  let summary = "any operator that has no typed operation";
  let description = [{
    Keeps domain, operator name, attributes (under `attributes`, with their ONNX names), subgraphs and all inputs and
    outputs, absent ones included (`onnx.None` as operand; a result nobody named has the type `none`). No effect is known, so
    nothing moves or removes it.

    ```mlir
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = onnx.Custom "com.example" "Twirl" (%x) {turns = 2 : i64} : (tensor<4xf32>) -> tensor<4xf32>
      onnx.Return %y : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$domain, StrAttr:$op_type, Variadic<AnyType>:$inputs);
  let regions = (region VariadicRegion<AnyRegion>:$graphs);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = [{
    $domain $op_type `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) ($graphs^)?
  }];
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXSTRUCTUREOPS_TD
