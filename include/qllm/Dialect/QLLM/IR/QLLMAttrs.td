// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element formats and granularities: the vocabulary of the quantized type.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMATTRS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "qllm/Dialect/QLLM/IR/QLLMDialect.td"
include "qllm/Dialect/QLLM/IR/QLLMEnums.td"
include "qllm/Dialect/QLLM/IR/QLLMInterfaces.td"

class QLLM_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<QLLM_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

class QLLM_FormatAttr<string name, string attrMnemonic>
    : QLLM_Attr<name, attrMnemonic,
                [DeclareAttrInterfaceMethods<QLLM_ElementFormatAttrInterface>]>;

def QLLM_SymmetryParameter : EnumParameter<QLLM_Symmetry> {
  let defaultValue = "Symmetry::Symmetric";
}

def QLLM_IntFormatAttr : QLLM_FormatAttr<"IntFormat", "int"> {
  let summary = "Integer codes with an affine meaning";
  let description = [{
    Symmetric codes are signed, in [-2^(b-1), 2^(b-1)-1], and mean `s * q`. Asymmetric codes are unsigned,
    in [0, 2^b-1], and mean `s * (q - z)`. Tensors hold codes of up to 2 bits as `i2`, of up to 4 as `i4`, of
    more as `i8` (`ui2`, `ui4`, `ui8` where they are asymmetric).

    Constraints:
    - (C1) `bits` is in 2..8.

    ```
    #qllm.int<4>
    #qllm.int<8, asymmetric>
    ```
  }];
  let parameters = (ins "unsigned":$bits, QLLM_SymmetryParameter:$symmetry);
  let assemblyFormat = "`<` $bits (`,` $symmetry^)? `>`";
  let genVerifyDecl = 1;
  let builders = [
    AttrBuilder<(ins "unsigned":$bits, CArg<"bool", "false">:$asymmetric), [{
      return $_get($_ctxt, bits, asymmetric ? Symmetry::Asymmetric : Symmetry::Symmetric);
    }]>
  ];
  let extraClassDeclaration = [{
    bool isAsymmetric() const { return getSymmetry() == Symmetry::Asymmetric; }
    /// The smallest and the largest code.
    int64_t getMinCode() const;
    int64_t getMaxCode() const;
  }];
}

def QLLM_FloatFormatAttr : QLLM_FormatAttr<"FloatFormat", "float"> {
  let summary = "Small floating-point codes";
  let description = [{
    `e2m1`, `e2m3` and `e3m2` have no infinities and no NaN; `e4m3` has NaN only and reaches 448; `e5m2`
    has both and reaches 57344. A code means `s` times its value.

    ```
    #qllm.float<e2m1>
    ```
  }];
  let parameters = (ins EnumParameter<QLLM_FloatKind>:$kind);
  let assemblyFormat = "`<` $kind `>`";
}

def QLLM_CodebookFormatAttr : QLLM_FormatAttr<"CodebookFormat", "codebook"> {
  let summary = "Codes that are indices into a named table";
  let description = [{
    A code means `s` times the entry of the table. `nf4` is the 16-entry table of normal quantiles.

    ```
    #qllm.codebook<nf4>
    ```
  }];
  let parameters = (ins EnumParameter<QLLM_CodebookKind>:$kind);
  let assemblyFormat = "`<` $kind `>`";
}

def QLLM_TernaryFormatAttr : QLLM_FormatAttr<"TernaryFormat", "ternary"> {
  let summary = "Codes -1, 0 and 1";
  let description = [{
    A code means `s * q`. Codes are held in two bits each; -2 does not occur.

    ```
    #qllm.ternary
    ```
  }];
}

def QLLM_GranularityAttr : QLLM_Attr<"Granularity", "granularity"> {
  let summary = "Which elements share one scale and zero point";
  let description = [{
    | written | parameters for shape [d0, .., dn] |
    |---|---|
    | `per_tensor` | one |
    | `per_channel<a>` | one for each index of axis a: [da] |
    | `per_token` | one for each vector along the last axis: [d0, .., dn-1] |
    | `group<a, g>` | one for each g neighbours along axis a: [d0, .., da/g, .., dn] |

    Inside a quantized type the keyword stands alone; as an attribute of its own it is written
    `#qllm.granularity<group<1, 64>>`.

    Constraints:
    - (C1) the axis is not negative.
    - (C2) the group size is positive.
  }];
  let parameters = (ins "GranularityKind":$kind, "int64_t":$axis, "int64_t":$groupSize);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static GranularityAttr perTensor(::mlir::MLIRContext *context);
    static GranularityAttr perChannel(::mlir::MLIRContext *context, int64_t axis);
    static GranularityAttr perToken(::mlir::MLIRContext *context);
    static GranularityAttr group(::mlir::MLIRContext *context, int64_t axis, int64_t groupSize);

    bool isPerTensor() const { return getKind() == GranularityKind::PerTensor; }
    bool isPerChannel() const { return getKind() == GranularityKind::PerChannel; }
    bool isPerToken() const { return getKind() == GranularityKind::PerToken; }
    bool isGroup() const { return getKind() == GranularityKind::Group; }
    /// Whether the axis means anything: per channel and group only.
    bool hasAxis() const { return isPerChannel() || isGroup(); }

    /// The bare keyword form used inside a quantized type.
    static ::mlir::FailureOr<GranularityAttr> parseKeyword(::mlir::AsmParser &parser);
    void printKeyword(::llvm::raw_ostream &os) const;
  }];
}

#endif // QLLM_DIALECT_QLLM_IR_QLLMATTRS_TD
