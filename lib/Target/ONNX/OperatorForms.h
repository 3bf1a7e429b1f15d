// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which nodes have a typed operation, and how operands of that operation and inputs of the node correspond.

#ifndef QLLM_LIB_TARGET_ONNX_OPERATORFORMS_H
#define QLLM_LIB_TARGET_ONNX_OPERATORFORMS_H

#include "Proto.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

namespace qllm::onnx {

enum class Arity : uint8_t { Single, Optional, Variadic };

/// The form of a typed operation: that of the operator's newest schema.
struct OperatorForm {
  struct Attribute {
    int type;
    bool required;
  };
  llvm::SmallVector<Arity> inputs, outputs;
  llvm::StringMap<Attribute> attributes;
};

/// The form of operator `name` of `domain`, or null when it has no typed operation.
const OperatorForm *lookupForm(llvm::StringRef domain, llvm::StringRef name);

/// Whether `node`, read under version `opset` of its domain, means what the typed operation of `form` means: its schema
/// is recent enough, and its attributes, inputs and outputs fit.
bool fitsForm(const proto::NodeProto &node, int64_t opset, const OperatorForm &form);

/// The first version of the default domain, not before `atLeast`, whose schema accepts `node` with inputs of these element
/// types (0 for one that is unknown or no tensor); 0 when there is none.
int64_t firstOpsetAccepting(const proto::NodeProto &node, llvm::ArrayRef<int32_t> elements, int64_t atLeast);

/// The version of the schema that defines `name` in `domain` at version `opset`; 0 when there is none.
int64_t sinceVersion(llvm::StringRef domain, llvm::StringRef name, int64_t opset);

/// Whether operator `name` of the default domain, as version `from` defines it, means the same at version `to`: its definition
/// did not change, or only by the element types it takes.
bool meansTheSame(llvm::StringRef name, int64_t from, int64_t to);

/// The newest version of `domain` that the onnx library knows; 0 for a domain it does not.
int64_t newestVersion(llvm::StringRef domain);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_OPERATORFORMS_H
