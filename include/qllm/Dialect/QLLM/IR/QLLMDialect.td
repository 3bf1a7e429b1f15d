// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `qllm` dialect itself. What it models and why is in docs/Dialects/RationaleQLLM.md.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMDIALECT_TD
#define QLLM_DIALECT_QLLM_IR_QLLMDIALECT_TD

include "mlir/IR/DialectBase.td"

def QLLM_Dialect : Dialect {
  let name = "qllm";
  let cppNamespace = "::qllm";
  let summary = "Quantized tensors and what quantization does to channels";
  let description = [{
    A quantized tensor is one SSA value. Its type says how every element is encoded and which elements
    share parameters; the codes, scales and zero points themselves are data and travel with the value.
    Channel transforms are the equivalent rewrites of a linear layer (scale, shift, split, merge, permute,
    rotate) as operations behind one interface.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();

    /// Hears of long passes in this context, which do not own it; null for nobody.
    ::qllm::RunListener *getRunListener() const { return runListener; }
    void setRunListener(::qllm::RunListener *listener) { runListener = listener; }

  private:
    ::qllm::RunListener *runListener = nullptr;

  public:
  }];
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMDIALECT_TD
