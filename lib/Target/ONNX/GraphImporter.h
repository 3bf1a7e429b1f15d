// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes, graphs and functions of one model as operations, regions and functions.

#ifndef QLLM_LIB_TARGET_ONNX_GRAPHIMPORTER_H
#define QLLM_LIB_TARGET_ONNX_GRAPHIMPORTER_H

#include "Proto.h"
#include "Tensors.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace qllm::onnx {

using OpsetVersions = llvm::StringMap<int64_t>;

/// The names visible in a graph. Those of outer graphs are visible too; none may be hidden.
struct Scope {
  Scope *outer = nullptr;
  llvm::StringMap<mlir::Value> values;
  mlir::Value lookup(llvm::StringRef name) const;
};

/// What is known about the types of the values of one graph: what the model declares, and what was inferred.
struct ValueTypes {
  llvm::StringMap<const proto::ValueInfoProto *> declared;
  llvm::StringMap<const proto::TypeProto *> inferred;
};

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext *context, mlir::Location file, TensorImporter &tensors, const proto::ModelProto &model);

  /// The main graph. `inferred` is the same graph with inferred types.
  mlir::LogicalResult importMain(const proto::GraphProto &graph, const proto::GraphProto &inferred, mlir::ModuleOp module);
  mlir::LogicalResult importFunction(const proto::FunctionProto &function, mlir::ModuleOp module);

  mlir::LogicalResult fail(mlir::Location location, const llvm::Twine &text);

private:
  // Graphs.
  mlir::LogicalResult importInitializers(const proto::GraphProto &graph, const ValueTypes &types, Scope &scope);
  mlir::LogicalResult importSparseInitializers(const proto::GraphProto &graph, Scope &scope);
  mlir::LogicalResult importBody(const proto::GraphProto &graph, const proto::GraphProto &inferred, mlir::Block &block, Scope &scope,
                                 ValueTypes &types);
  mlir::LogicalResult addInputs(const proto::GraphProto &graph, const ValueTypes &types, mlir::Block &block, Scope &scope,
                                llvm::SmallVectorImpl<mlir::Attribute> &details);
  template <typename Names>
  mlir::LogicalResult addReturn(const Names &names, Scope &scope, llvm::SmallVectorImpl<mlir::Value> &values);
  mlir::DictionaryAttr outputDetails(const proto::ValueInfoProto &output, mlir::Type type);
  void addGraphDetails(const proto::GraphProto &graph, llvm::StringRef prefix, mlir::NamedAttrList &details);
  mlir::LogicalResult importSubgraph(const proto::GraphProto &graph, const proto::GraphProto &inferred, llvm::StringRef attribute,
                                     int index, Scope &scope, mlir::Region &region, mlir::Attribute &details);

  // Nodes.
  struct NodeParts;
  mlir::LogicalResult importNode(const proto::NodeProto &node, const proto::NodeProto &inferred, Scope &scope,
                                 const ValueTypes &types);
  mlir::LogicalResult addOperands(const proto::NodeProto &node, Scope &scope, NodeParts &parts);
  mlir::LogicalResult addAttributes(const proto::NodeProto &node, NodeParts &parts);
  mlir::LogicalResult addSubgraphs(const proto::NodeProto &node, const proto::NodeProto &inferred, Scope &scope, NodeParts &parts);
  void addResults(const proto::NodeProto &node, const ValueTypes &types, NodeParts &parts);
  void addNodeDetails(const proto::NodeProto &node, NodeParts &parts);
  mlir::LogicalResult define(mlir::Location location, Scope &scope, llvm::StringRef name, mlir::Value value);
  mlir::Type typeOf(llvm::StringRef name, const ValueTypes &types);
  mlir::Location locationOf(const proto::NodeProto &node);

  mlir::MLIRContext *context;
  mlir::OpBuilder builder;
  mlir::Location file;
  TensorImporter &tensors;
  int64_t irVersion;
  /// Of the model, or of the function being imported.
  OpsetVersions opsets;
  llvm::StringSet<> functions;
  llvm::StringSet<> symbols;
};

/// Versions by domain, the default one spelled "".
template <typename Imports> OpsetVersions opsetVersions(const Imports &imports) {
  OpsetVersions versions;
  for (const proto::OperatorSetIdProto &import : imports)
    versions[canonicalDomain(import.domain())] = import.version();
  return versions;
}

/// The dictionary form, in which the default domain is `ai.onnx` because keys cannot be empty.
mlir::DictionaryAttr importOpsets(const OpsetVersions &versions, mlir::MLIRContext *context);

/// Attribute names of `onnx.Custom` itself and of this library are set apart from those of the operator.
std::string escapeAttributeName(llvm::StringRef name);
llvm::StringRef unescapeAttributeName(llvm::StringRef name);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_GRAPHIMPORTER_H
