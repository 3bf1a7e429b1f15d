// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Enumerations shared by the attributes, the type and the interfaces.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMENUMS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMENUMS_TD

include "mlir/IR/EnumAttr.td"

class QLLM_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::qllm";
  let genSpecializedAttr = 0;
}

def QLLM_Symmetry : QLLM_Enum<"Symmetry", "where the zero of an integer format lies", [
  I32EnumAttrCase<"Symmetric", 0, "symmetric">,
  I32EnumAttrCase<"Asymmetric", 1, "asymmetric">
]>;

def QLLM_FloatKind : QLLM_Enum<"FloatKind", "a small floating-point encoding", [
  I32EnumAttrCase<"E2M1", 0, "e2m1">,
  I32EnumAttrCase<"E2M3", 1, "e2m3">,
  I32EnumAttrCase<"E3M2", 2, "e3m2">,
  I32EnumAttrCase<"E4M3", 3, "e4m3">,
  I32EnumAttrCase<"E5M2", 4, "e5m2">
]>;

def QLLM_CodebookKind : QLLM_Enum<"CodebookKind", "a named table of values", [
  I32EnumAttrCase<"NF4", 0, "nf4">
]>;

def QLLM_GranularityKind : QLLM_Enum<"GranularityKind", "which elements share one scale", [
  I32EnumAttrCase<"PerTensor", 0, "per_tensor">,
  I32EnumAttrCase<"PerChannel", 1, "per_channel">,
  I32EnumAttrCase<"PerToken", 2, "per_token">,
  I32EnumAttrCase<"Group", 3, "group">
]>;

def QLLM_ScaleEncoding : QLLM_Enum<"ScaleEncoding", "how a scale is stored", [
  I32EnumAttrCase<"F32", 0, "f32">,
  I32EnumAttrCase<"F16", 1, "f16">,
  I32EnumAttrCase<"BF16", 2, "bf16">,
  I32EnumAttrCase<"UE8M0", 3, "ue8m0">,
  I32EnumAttrCase<"E4M3", 4, "e4m3">
]>;

def QLLM_ProducerKind : QLLM_Enum<"ProducerKind", "what may produce a transformed activation", [
  I32EnumAttrCase<"Norm", 0, "norm">,
  I32EnumAttrCase<"NormWithBias", 1, "norm_with_bias">,
  I32EnumAttrCase<"LinearRows", 2, "linear_rows">,
  I32EnumAttrCase<"GatedProduct", 3, "gated_product">,
  I32EnumAttrCase<"AttentionValue", 4, "attention_value">,
  I32EnumAttrCase<"RotaryPair", 5, "rotary_pair">
]>;

#endif // QLLM_DIALECT_QLLM_IR_QLLMENUMS_TD
