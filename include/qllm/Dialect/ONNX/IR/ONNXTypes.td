// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types that ONNX has and MLIR's builtin dialect lacks, and the operand constraints of typed operators.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXTYPES_TD
#define QLLM_DIALECT_ONNX_IR_ONNXTYPES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/CommonTypeConstraints.td"
include "qllm/Dialect/ONNX/IR/ONNXDialect.td"

class ONNX_Type<string name, string typeMnemonic> : TypeDef<ONNX_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def ONNX_StringType : ONNX_Type<"String", "string"> {
  let summary = "an element of a string tensor";
}

def ONNX_UnknownType : ONNX_Type<"Unknown", "unknown"> {
  let summary = "the type of a value for which the model gives none and inference found none";
}

def ONNX_SequenceType : ONNX_Type<"Sequence", "seq"> {
  let summary = "a sequence of values of one type";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def ONNX_OptionalType : ONNX_Type<"Optional", "optional"> {
  let summary = "a value that may be absent";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def ONNX_MapType : ONNX_Type<"Map", "map"> {
  let summary = "a map from integers or strings to values of one type";
  let parameters = (ins "::mlir::Type":$keyType, "::mlir::Type":$valueType);
  let assemblyFormat = "`<` $keyType `,` $valueType `>`";
}

def ONNX_SparseType : ONNX_Type<"Sparse", "sparse"> {
  let summary = "a sparse tensor in ONNX's coordinate form";
  let parameters = (ins "::mlir::Type":$tensorType);
  let assemblyFormat = "`<` $tensorType `>`";
}

// Operand constraints. They are coarse on purpose: the exact list of element types differs from version to version of an
// operator, and the ONNX checker knows it. A value of unknown type fits everywhere.
def ONNX_AnyFloatElement : AnyTypeOf<[AnyFloat], "floating-point">;
def ONNX_NumericElement : AnyTypeOf<[AnyFloat, AnyInteger, AnyComplex], "numeric">;
class ONNX_TensorOf<list<Type> elements> : AnyTypeOf<[TensorOf<elements>, ONNX_UnknownType]>;

def ONNX_AnyTensor : AnyTypeOf<[AnyTensor, ONNX_UnknownType]>;
def ONNX_BoolTensor : ONNX_TensorOf<[I1]>;
def ONNX_Int64Tensor : ONNX_TensorOf<[I64]>;
def ONNX_IndexTensor : ONNX_TensorOf<[I32, I64]>;
def ONNX_FloatTensor : ONNX_TensorOf<[AnyFloat]>;
def ONNX_NumericTensor : ONNX_TensorOf<[ONNX_NumericElement]>;

#endif // QLLM_DIALECT_ONNX_IR_ONNXTYPES_TD
