// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `onnx` dialect: a faithful carrier of ONNX models.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXDIALECT_TD
#define QLLM_DIALECT_ONNX_IR_ONNXDIALECT_TD

include "mlir/IR/OpBase.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::qllm::onnx";
  let summary = "ONNX models, as they were written";
  let description = [{
    A model imported into this dialect and exported again is an equivalent model that the ONNX checker accepts: every
    node, name, attribute, subgraph, function and weight survives. Operators that passes reason about are typed
    operations named after the operator (`onnx.MatMul`, and `onnx.ms.MatMulNBits` for the `com.microsoft` domain);
    every other operator is one `onnx.Custom`.

    Element types are the builtin ones: signed integers are signless (`i8`), unsigned ones `ui8`, bool is `i1`.
    Weights are never printed: `#onnx.external` names a byte range of a file.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// The files that #onnx.external names; see DataFiles.h.
    DataFiles &getDataFiles() { return *dataFiles; }

  private:
    void registerTypes();
    void registerAttributes();
    std::shared_ptr<DataFiles> dataFiles;
  }];
}

class ONNX_Op<string mnemonic, list<Trait> traits = []> : Op<ONNX_Dialect, mnemonic, traits>;

#endif // QLLM_DIALECT_ONNX_IR_ONNXDIALECT_TD
