// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions, regions and operations as graphs and nodes.

#ifndef QLLM_LIB_TARGET_ONNX_GRAPHEXPORTER_H
#define QLLM_LIB_TARGET_ONNX_GRAPHEXPORTER_H

#include "OperatorForms.h"
#include "Proto.h"
#include "TensorStore.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace qllm::onnx {

/// A node and what is needed to find the opset it asks for.
struct ExportedNode {
  proto::NodeProto *node;
  mlir::Operation *op;
};

void exportOpsets(mlir::DictionaryAttr versions, google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto> *out);

class ReturnOp;

class GraphExporter {
public:
  GraphExporter(TensorStore &tensors, int64_t irVersion) : tensors(tensors), irVersion(irVersion) {}

  /// Remembers all names in use under `root`, so that new ones differ from them.
  void reserveNames(mlir::Operation *root);
  mlir::LogicalResult exportMain(mlir::func::FuncOp function, proto::GraphProto &graph);
  mlir::LogicalResult exportFunction(mlir::func::FuncOp function, proto::FunctionProto &out);

  /// Nodes of the main graph and its subgraphs.
  llvm::ArrayRef<ExportedNode> nodes() const { return exported; }
  bool usesMicrosoftDomain() const { return sawMicrosoft; }

private:
  /// Where the nodes of one block go. A function has no graph.
  struct Target {
    google::protobuf::RepeatedPtrField<proto::NodeProto> *nodes;
    proto::GraphProto *graph;
    Target *outer;
    llvm::StringSet<> names;
    /// IR versions before 4 list initializers as inputs, at these places.
    llvm::SmallVector<std::pair<int64_t, proto::ValueInfoProto>> initializerInputs;
  };

  using Details = llvm::function_ref<mlir::DictionaryAttr(unsigned)>;
  mlir::LogicalResult reserveOutputs(mlir::Block &block, ReturnOp end, Details details, Target &target,
                                     llvm::SmallVectorImpl<std::string> &outputs);
  mlir::LogicalResult exportBody(mlir::Block &block, Details details, Target &target, llvm::SmallVectorImpl<std::string> &outputs);
  mlir::LogicalResult exportArguments(mlir::Block &block, Details details, Target &target);
  mlir::LogicalResult exportOutputs(mlir::Block &block, Details details, Target &target);
  mlir::LogicalResult exportInitializer(mlir::Operation *op, Target &target);
  mlir::LogicalResult exportSparseInitializer(mlir::Operation *op, Target &target);
  mlir::LogicalResult exportNode(mlir::Operation *op, Target &target);
  mlir::LogicalResult addAttributes(mlir::Operation *op, const OperatorForm *form, proto::NodeProto &node);
  mlir::LogicalResult addSubgraphs(mlir::Operation *op, Target &target, proto::NodeProto &node);
  mlir::LogicalResult addResults(mlir::Operation *op, const OperatorForm *form, Target &target, proto::NodeProto &node);
  mlir::LogicalResult addOperands(mlir::Operation *op, const OperatorForm *form, proto::NodeProto &node);
  void addGraphDetails(mlir::DictionaryAttr details, llvm::StringRef prefix, proto::GraphProto &graph);
  void addIdentity(mlir::Value value, llvm::StringRef name, Target &target);

  /// Gives `value` the name `wanted` if it is free, or else a new one.
  std::string assign(mlir::Value value, llvm::StringRef wanted, Target &target);
  bool isFree(llvm::StringRef name, const Target &target) const;
  std::string freshName();

  TensorStore &tensors;
  int64_t irVersion;
  llvm::DenseMap<mlir::Value, std::string> names;
  llvm::StringSet<> reserved;
  uint64_t counter = 0;
  llvm::SmallVector<ExportedNode> exported;
  bool inFunction = false;
  bool sawMicrosoft = false;
};

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_GRAPHEXPORTER_H
