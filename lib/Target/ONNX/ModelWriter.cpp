// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing a model: weights are copied file to file, behind the graph or beside it.

#include "ModelWriter.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <climits>

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::ModelProto;

namespace {

uint64_t varintSize(uint64_t value) {
  uint64_t size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// The wire form of a model whose large initializers are copied straight into the file: protobuf would hold them in memory.
class ModelWriter {
public:
  ModelWriter(ModelProto &model, TensorStore &tensors) : tensors(tensors) {
    initializers.Swap(model.mutable_graph()->mutable_initializer());
    graph = model.graph().SerializeAsString();
    model.clear_graph();
    rest = model.SerializeAsString();
    graphSize = graph.size();
    for (proto::TensorProto &tensor : initializers) {
      bool large = tensors.isLarge(tensor) && tensor.has_segment();
      if (large)
        tensor.clear_segment();
      Piece piece{&tensor, tensor.SerializeAsString(), large ? tensors.sizeOf(tensor) : 0, large};
      piece.size = piece.head.size() + (large ? 1 + varintSize(piece.data) + piece.data : 0);
      graphSize += 1 + varintSize(piece.size) + piece.size;
      pieces.push_back(std::move(piece));
    }
  }

  uint64_t fileSize() const { return rest.size() + 1 + varintSize(graphSize) + graphSize; }

  llvm::Error write(OutputFile &file) {
    std::string pending = rest;
    pending.push_back(7 << 3 | 2); // ModelProto.graph
    appendVarint(pending, graphSize);
    pending += graph;
    for (const Piece &piece : pieces) {
      pending.push_back(5 << 3 | 2); // GraphProto.initializer
      appendVarint(pending, piece.size);
      pending += piece.head;
      if (!piece.large)
        continue;
      pending.push_back(9 << 3 | 2); // TensorProto.raw_data
      appendVarint(pending, piece.data);
      if (llvm::Error error = file.write(pending))
        return error;
      pending.clear();
      if (llvm::Error error = tensors.stream(*piece.tensor, file))
        return error;
    }
    return file.write(pending);
  }

private:
  struct Piece {
    const proto::TensorProto *tensor;
    std::string head;
    uint64_t data;
    bool large;
    uint64_t size = 0;
  };
  TensorStore &tensors;
  google::protobuf::RepeatedPtrField<proto::TensorProto> initializers;
  std::string graph, rest;
  uint64_t graphSize;
  std::vector<Piece> pieces;
};

/// Tensors outside the main graph's initializers go into the file itself: few readers look for external data there.
template <typename Nodes> llvm::Error moveAttributesInline(Nodes &nodes, TensorStore &tensors) {
  for (proto::NodeProto &node : nodes) {
    for (proto::AttributeProto &attribute : *node.mutable_attribute()) {
      SmallVector<proto::TensorProto *> large;
      if (attribute.has_t())
        large.push_back(attribute.mutable_t());
      for (proto::TensorProto &tensor : *attribute.mutable_tensors())
        large.push_back(&tensor);
      SmallVector<proto::GraphProto *> graphs;
      if (attribute.has_g())
        graphs.push_back(attribute.mutable_g());
      for (proto::GraphProto &graph : *attribute.mutable_graphs())
        graphs.push_back(&graph);
      for (proto::GraphProto *graph : graphs) {
        for (proto::TensorProto &tensor : *graph->mutable_initializer())
          large.push_back(&tensor);
        if (llvm::Error error = moveAttributesInline(*graph->mutable_node(), tensors))
          return error;
      }
      for (proto::TensorProto *tensor : large)
        if (tensors.isLarge(*tensor))
          if (llvm::Error error = tensors.moveInline(*tensor))
            return error;
    }
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error qllm::onnx::writeModel(ModelProto &model, TensorStore &tensors, StringRef path, const ExportOptions &options) {
  bool external = options.externalData == ExternalData::Always ||
                  (options.externalData == ExternalData::Auto && tensors.largeBytes() > options.largestSingleFile);
  if (llvm::Error error = moveAttributesInline(*model.mutable_graph()->mutable_node(), tensors))
    return error;
  for (auto &function : *model.mutable_functions())
    if (llvm::Error error = moveAttributesInline(*function.mutable_node(), tensors))
      return error;
  std::unique_ptr<OutputFile> data;
  if (external) {
    std::string dataPath = (path + ".data").str();
    llvm::Expected<std::unique_ptr<OutputFile>> created = OutputFile::create(dataPath);
    if (!created)
      return created.takeError();
    data = std::move(*created);
    for (proto::TensorProto &tensor : *model.mutable_graph()->mutable_initializer())
      if (tensors.isLarge(tensor))
        if (llvm::Error error = tensors.moveExternal(tensor, *data, llvm::sys::path::filename(dataPath)))
          return error;
  }
  ModelWriter writer(model, tensors);
  if (writer.fileSize() > INT_MAX)
    return llvm::createStringError(llvm::formatv("'{0}': the model takes {1} bytes, more than the 2147483647 that a file without "
                                                 "external data can have", path, writer.fileSize()).str());
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = writer.write(**file))
    return error;
  if (data)
    if (llvm::Error error = data->commit())
      return error;
  return (*file)->commit();
}
