// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the bytes of a weight lie.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXATTRS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "qllm/Dialect/ONNX/IR/ONNXDialect.td"

def ONNX_ExternalAttr : AttrDef<ONNX_Dialect, "External", [TypedAttrInterface]> {
  let mnemonic = "external";
  let summary = "the elements of a tensor, as a byte range of a file";
  let description = [{
    `file` is relative to the directory of the module itself and may not leave it. The bytes lie as in ONNX's
    `raw_data`: little endian, row-major; a bool takes one byte; 4-bit elements lie two to a byte, the first in the low
    half, 2-bit elements four to a byte from the low end, and 6-bit elements follow each other bit by bit from the low end
    (four to three bytes); what is left of a last byte is zero.

    (C1) The size is that of the type's elements: `ceil(elements * bits / 8)`.

    ```mlir
    func.func private @weights() attributes {
      query = #onnx.external<"model.onnx.data", 4096, 1327104> : tensor<576x576xf32>
    }
    ```
  }];
  let parameters = (ins
    AttributeSelfTypeParameter<"", "::mlir::RankedTensorType">:$type,
    StringRefParameter<"path relative to the module's directory">:$file,
    "uint64_t":$offset, "uint64_t":$size);
  let builders = [AttrBuilderWithInferredContext<(ins
    "::mlir::RankedTensorType":$type, "::llvm::StringRef":$file, "uint64_t":$offset, "uint64_t":$size), [{
    return $_get(type.getContext(), type, file, offset, size);
  }]>];
  let assemblyFormat = "`<` $file `,` $offset `,` $size `>`";
  let genVerifyDecl = 1;
}

#endif // QLLM_DIALECT_ONNX_IR_ONNXATTRS_TD
