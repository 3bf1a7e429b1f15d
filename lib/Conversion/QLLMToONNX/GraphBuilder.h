// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Short spellings for the onnx operations that lowering makes many of.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_GRAPHBUILDER_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_GRAPHBUILDER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSet.h"

namespace qllm {

/// Builds nodes at a place, named after the node they replace.
class GraphBuilder {
public:
  explicit GraphBuilder(mlir::Operation *root);

  /// Nodes go in front of `op` from now on, with names that start with its own.
  void setSite(mlir::Operation *op);

  /// An operator whose result has `type`. `role` ends its node name.
  template <typename OpTy>
  mlir::Value node(llvm::StringRef role, mlir::Type type, mlir::ValueRange operands,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    mlir::OperationState state(location, OpTy::getOperationName());
    state.addTypes(type);
    state.addOperands(operands);
    state.addAttributes(attributes);
    return insert(state, role);
  }
  /// An elementwise operator of two operands, whose result broadcasts both; shapes must be ranked
  /// and compatible.
  template <typename OpTy> mlir::Value binary(llvm::StringRef role, mlir::Value a, mlir::Value b) {
    return node<OpTy>(role, broadcast(a.getType(), b.getType()), {a, b});
  }

  /// Constants that all sites share, made once at the start of the graph: a float of rank 0, and
  /// vectors.
  mlir::Value scalar(float value);
  mlir::Value integers(llvm::ArrayRef<int64_t> values);
  mlir::Value floats(llvm::ArrayRef<float> values);
  /// A matrix with so many columns.
  mlir::Value matrix(llvm::ArrayRef<float> values, int64_t columns);
  /// A weight of the exported model; the name is made unique.
  mlir::Value initializer(llvm::StringRef name, mlir::TypedAttr value);

  mlir::NamedAttribute attribute(llvm::StringRef name, int64_t value);
  mlir::Builder &getBuilder() { return builder; }
  mlir::Location getLocation() const { return location; }

private:
  mlir::Value constant(mlir::DenseElementsAttr data);
  mlir::Value insert(mlir::OperationState &state, llvm::StringRef role);
  mlir::Type broadcast(mlir::Type a, mlir::Type b);

  mlir::OpBuilder builder;
  mlir::Location location;
  std::string siteName;
  mlir::Block *entry = nullptr;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
  llvm::StringSet<> names;
  /// ONNX Runtime refuses a graph with two nodes of one name.
  llvm::StringSet<> nodeNames;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_GRAPHBUILDER_H
