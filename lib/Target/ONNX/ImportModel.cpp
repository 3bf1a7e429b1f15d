// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way in: from bytes to a verified module. Exceptions of protobuf and the onnx library end here.

#include "qllm/Target/ONNX/Import.h"

#include "GraphImporter.h"
#include "Inference.h"
#include "OperatorForms.h"
#include "Skeleton.h"
#include "TypeConversion.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "qllm/Analysis/OperandChecks.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::ModelProto;

namespace {

/// Where a model comes from. Without a file, its bytes last only as long as the import.
struct Source {
  llvm::ArrayRef<char> bytes;
  std::string name;
  std::string directory;
  std::shared_ptr<MappedFile> file;
};

LogicalResult checkVersions(const ModelProto &model, Location location) {
  if (!model.has_ir_version())
    return emitError(location) << "expected an ONNX model, but it has no IR version";
  if (model.ir_version() < 1 || model.ir_version() > newestIRVersion)
    return emitError(location) << "expected an IR version from 1 to " << newestIRVersion << ", but got " << model.ir_version();
  if (!model.has_graph())
    return emitError(location) << "expected a model with a graph, but it has none";
  llvm::StringMap<int64_t> seen;
  auto check = [&](const auto &imports) -> LogicalResult {
    for (const proto::OperatorSetIdProto &import : imports) {
      llvm::StringRef domain = canonicalDomain(import.domain());
      int64_t newest = domain.empty() ? newestOpset : newestVersion(domain);
      if (import.version() < 1 || (newest != 0 && import.version() > newest))
        return emitError(location) << "expected a version from 1 to " << (newest ? newest : INT32_MAX) << " of the "
                                   << (domain.empty() ? "default domain" : ("domain '" + domain + "'").str()) << ", but got "
                                   << import.version();
      if (import.version() > INT32_MAX)
        return emitError(location) << "expected a version that fits 32 bits, but got " << import.version();
      auto [known, isNew] = seen.try_emplace(domain, import.version());
      if (!isNew && known->second != import.version())
        return emitError(location) << "versions " << known->second << " and " << import.version() << " of domain '" << domain
                                   << "' are both imported";
    }
    return success();
  };
  if (failed(check(model.opset_import())))
    return failure();
  for (const auto &function : model.functions()) {
    seen.clear();
    if (failed(check(function.opset_import())))
      return failure();
  }
  return success();
}

void addModelDetails(const ModelProto &model, ModuleOp module) {
  Builder builder(module.getContext());
  auto setText = [&](StringRef name, const std::string &text) {
    if (!text.empty())
      module->setAttr(name, builder.getStringAttr(text));
  };
  module->setAttr("onnx.ir_version", builder.getI64IntegerAttr(model.ir_version()));
  OpsetVersions versions = opsetVersions(model.opset_import());
  module->setAttr("onnx.opset", importOpsets(versions, module.getContext()));
  setText("onnx.producer_name", model.producer_name());
  setText("onnx.producer_version", model.producer_version());
  setText("onnx.domain", model.domain());
  setText("onnx.doc_string", model.doc_string());
  if (model.has_model_version())
    module->setAttr("onnx.model_version", builder.getI64IntegerAttr(model.model_version()));
  if (Attribute metadata = importEntries(model.metadata_props(), module.getContext()))
    module->setAttr("onnx.metadata", metadata);
  // Carried as they are: nothing here looks into them.
  auto setSerialized = [&](StringRef name, const auto &messages) {
    SmallVector<Attribute> texts;
    for (const auto &message : messages)
      texts.push_back(builder.getStringAttr(message.SerializeAsString()));
    if (!texts.empty())
      module->setAttr(name, builder.getArrayAttr(texts));
  };
  setSerialized("onnx.training_info", model.training_info());
  setSerialized("onnx.configuration", model.configuration());
}

/// Checks the model, brings it to the opset that was asked for, and checks what came out.
LogicalResult prepare(ModelProto &model, Location location, const ImportOptions &options) {
  if (failed(checkVersions(model, location)))
    return failure();
  auto check = [&](llvm::StringRef state) -> LogicalResult {
    if (std::string wrong = options.check ? checkModel(model) : ""; !wrong.empty())
      return emitError(location) << "the ONNX checker refuses the " << state << ": " << wrong;
    return success();
  };
  if (failed(check("model")))
    return failure();
  if (options.convertToOpset == 0)
    return success();
  if (options.convertToOpset < 1 || options.convertToOpset > newestOpset)
    return emitError(location) << "expected an opset from 1 to " << newestOpset << " to convert to, but got " << options.convertToOpset;
  if (std::string wrong = convertOpset(model, options.convertToOpset); !wrong.empty())
    return emitError(location) << "cannot convert the model to opset " << options.convertToOpset << ": " << wrong;
  return check("converted model");
}

OwningOpRef<ModuleOp> importSkeleton(ModelProto &model, const Source &source, Location location, MLIRContext *context,
                                     const ImportOptions &options) {
  if (failed(prepare(model, location, options)))
    return {};
  google::protobuf::Arena arena;
  auto *inferred = google::protobuf::Arena::CreateMessage<ModelProto>(&arena);
  inferred->CopyFrom(model);
  if (options.inferShapes)
    if (std::string wrong = inferShapes(*inferred); !wrong.empty())
      emitWarning(location) << "types of values are unknown because shape inference gave up: " << wrong;

  TensorImporter tensors(context, DataFiles::get(context), source.bytes, source.file ? llvm::StringRef(source.name) : llvm::StringRef(), options.inlineWeights);
  OwningOpRef<ModuleOp> module(ModuleOp::create(location));
  addModelDetails(model, *module);
  GraphImporter importer(context, location, tensors, model);
  if (failed(importer.importMain(model.graph(), inferred->graph(), *module)))
    return {};
  for (const auto &function : model.functions())
    if (failed(importer.importFunction(function, *module)))
      return {};
  if (failed(verify(*module)) || failed(checkOperands(*module)))
    return {};
  return module;
}

OwningOpRef<ModuleOp> importFrom(const Source &source, MLIRContext *context, const ImportOptions &options) {
  context->loadDialect<func::FuncDialect, ONNXDialect>();
  Location location = FileLineColLoc::get(context, source.name, 0, 0);
  DataFiles &files = DataFiles::get(context);
  if (llvm::Error error = files.setDirectory(source.directory))
    return emitError(location) << llvm::toString(std::move(error)), OwningOpRef<ModuleOp>();
  if (source.file)
    files.directory()->adopt(source.name, source.file);
  try {
    uint64_t unknownFields = 0;
    llvm::Expected<std::string> skeleton = makeSkeleton(source.bytes, unknownFields);
    if (!skeleton)
      return emitError(location) << llvm::toString(skeleton.takeError()), OwningOpRef<ModuleOp>();
    if (unknownFields != 0)
      emitWarning(location) << unknownFields << " fields that ONNX does not define are left out";
    // A model of many nodes is built, copied and freed in a fraction of the time.
    google::protobuf::Arena arena;
    auto *model = google::protobuf::Arena::CreateMessage<ModelProto>(&arena);
    if (!model->ParseFromArray(skeleton->data(), static_cast<int>(skeleton->size())))
      return emitError(location) << "protobuf does not accept the model", OwningOpRef<ModuleOp>();
    skeleton->clear();
    skeleton->shrink_to_fit();
    return importSkeleton(*model, source, location, context, options);
  } catch (const std::exception &error) {
    return emitError(location) << "the ONNX library failed: " << error.what(), OwningOpRef<ModuleOp>();
  }
}

} // namespace

DictionaryAttr qllm::onnx::importOpsets(const OpsetVersions &versions, MLIRContext *context) {
  Builder builder(context);
  NamedAttrList opsets;
  for (const auto &entry : versions)
    opsets.set(entry.first().empty() ? "ai.onnx" : entry.first(), builder.getI64IntegerAttr(entry.second));
  return opsets.getDictionary(context);
}

OwningOpRef<ModuleOp> qllm::onnx::importModel(StringRef path, MLIRContext *context, const ImportOptions &options) {
  llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return emitError(UnknownLoc::get(context)) << llvm::toString(file.takeError()), OwningOpRef<ModuleOp>();
  Source source{(*file)->bytes(), llvm::sys::path::filename(path).str(), llvm::sys::path::parent_path(path).str(), *file};
  return importFrom(source, context, options);
}

OwningOpRef<ModuleOp> qllm::onnx::importModel(llvm::MemoryBufferRef model, StringRef directory, MLIRContext *context,
                                              const ImportOptions &options) {
  llvm::ArrayRef<char> bytes(model.getBufferStart(), model.getBufferSize());
  return importFrom({bytes, model.getBufferIdentifier().str(), directory.str(), nullptr}, context, options);
}
