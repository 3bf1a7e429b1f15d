// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and writing modules and their side files.

#include "qllm/Target/Module/ModuleFile.h"

#include "TrialRead.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "qllm/Analysis/OperandChecks.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Support/OutputFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;

namespace {

/// Smaller resources stay in the module.
constexpr uint64_t smallestSideTensor = 1024;
/// Of tensors in a side file, so that they can be used where they are mapped.
constexpr uint64_t sideAlignment = 64;

/// Moves the weights that a module names to where its new file wants them.
class WeightMover {
public:
  WeightMover(DataFiles &files, StringRef path, const SaveOptions &options, bool keepExternal)
      : files(files), path(path), options(options), keepExternal(keepExternal) {}

  llvm::Error run(Operation *module) {
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](ExternalAttr attribute) -> std::optional<Attribute> { return replace(attribute); });
    replacer.addReplacement([&](DenseResourceElementsAttr attribute) -> std::optional<Attribute> { return replace(attribute); });
    replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/false);
    return std::move(error);
  }

  llvm::Error commit() { return side ? side->commit() : llvm::Error::success(); }

private:
  Attribute replace(ExternalAttr attribute) {
    if (error || (keepExternal && !options.inlineWeights))
      return attribute;
    llvm::Expected<std::shared_ptr<MappedFile>> file = files.file(attribute);
    if (!file) {
      error = file.takeError();
      return attribute;
    }
    llvm::Expected<ArrayRef<char>> bytes = (*file)->range(attribute.getOffset(), attribute.getSize());
    if (!bytes) {
      error = bytes.takeError();
      return attribute;
    }
    if (options.inlineWeights)
      return DenseResourceElementsAttr::get(attribute.getType(), "weight", UnmanagedAsmResourceBlob::allocateWithAlign(*bytes, 1));
    return moved(attribute.getType(), [&] { return side->copy(**file, attribute.getOffset(), attribute.getSize()); }, attribute);
  }

  Attribute replace(DenseResourceElementsAttr attribute) {
    auto type = dyn_cast<RankedTensorType>(attribute.getType());
    if (error || options.inlineWeights || !type)
      return attribute;
    llvm::Expected<ArrayRef<char>> bytes = files.bytes(attribute);
    // A resource of another layout is not a weight of ours.
    if (!bytes || bytes->size() < smallestSideTensor) {
      llvm::consumeError(bytes.takeError());
      return attribute;
    }
    return moved(type, [&] { return side->write(*bytes); }, attribute);
  }

  template <typename Write> Attribute moved(RankedTensorType type, Write write, Attribute original) {
    if (!side) {
      llvm::Expected<std::unique_ptr<OutputFile>> created = OutputFile::create(path);
      if (!created) {
        error = created.takeError();
        return original;
      }
      side = std::move(*created);
    }
    error = side->align(sideAlignment);
    uint64_t offset = side->size();
    if (!error)
      error = write();
    files.evict(original);
    return ExternalAttr::get(type, llvm::sys::path::filename(path), offset, side->size() - offset);
  }

  DataFiles &files;
  std::string path;
  const SaveOptions &options;
  bool keepExternal;
  std::unique_ptr<OutputFile> side;
  llvm::Error error = llvm::Error::success();
};

llvm::Error writeFile(Operation *module, StringRef path) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (path.ends_with(".mlirbc")) {
    if (failed(writeBytecodeToFile(module, stream)))
      return llvm::createStringError("the module cannot be written as bytecode");
  } else {
    module->print(stream);
    stream << '\n';
  }
  return writeOutputFile(path, text);
}

} // namespace

OwningOpRef<ModuleOp> qllm::loadModule(StringRef path, llvm::SourceMgr &sources, MLIRContext *context, const InputLimits &limits) {
  if (llvm::Error error = DataFiles::get(context).setDirectory(llvm::sys::path::parent_path(path)))
    return emitError(UnknownLoc::get(context)) << llvm::toString(std::move(error)), OwningOpRef<ModuleOp>();
  OwningOpRef<ModuleOp> module = parseModuleFile(path, sources, context, limits);
  if (module && failed(checkOperands(*module)))
    return {};
  return module;
}

OwningOpRef<ModuleOp> qllm::parseModuleFile(StringRef path, llvm::SourceMgr &sources, MLIRContext *context, const InputLimits &limits) {
  std::string message;
  // Bytecode that holds resources wants their alignment of the whole buffer; small files are not mapped, so they would not have it.
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(path, llvm::Align(64), &message);
  if (!buffer)
    return emitError(UnknownLoc::get(context)) << message, OwningOpRef<ModuleOp>();
  return parseModule(std::move(buffer), sources, context, limits);
}

OwningOpRef<ModuleOp> qllm::parseModule(std::unique_ptr<llvm::MemoryBuffer> buffer, llvm::SourceMgr &sources, MLIRContext *context,
                                        const InputLimits &limits) {
  if (llvm::Error error = checkModuleBuffer(*buffer, limits, context->getDialectRegistry()))
    return emitError(UnknownLoc::get(context)) << llvm::toString(std::move(error)), OwningOpRef<ModuleOp>();
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, context);
}

llvm::Error qllm::checkModuleBuffer(const llvm::MemoryBuffer &file, const InputLimits &limits, const DialectRegistry &registry,
                                    StringRef splitMarker) {
  if (file.getBuffer().starts_with("ML\xefR"))
    return tryReadingBytecode(file, registry, limits);
  llvm::Error error = checkModuleText(file.getBuffer(), limits, splitMarker);
  return error ? llvm::createStringError(file.getBufferIdentifier() + ":" + llvm::toString(std::move(error)))
               : llvm::Error::success();
}

LogicalResult qllm::saveModule(ModuleOp module, StringRef path, const SaveOptions &options) {
  auto failed = [&](llvm::Error error) -> LogicalResult { return emitError(module.getLoc()) << llvm::toString(std::move(error)); };
  DataFiles &files = DataFiles::get(module.getContext());
  bool toStdout = path == "-";
  if (toStdout && !options.inlineWeights) {
    module->print(llvm::outs());
    llvm::outs() << '\n';
    return success();
  }
  llvm::SmallString<128> sidePath(path);
  llvm::sys::path::replace_extension(sidePath, ".weights");
  bool sameDirectory = !toStdout && files.directory() && files.directory()->isSameAs(llvm::sys::path::parent_path(path));
  OwningOpRef<ModuleOp> copy(module.clone());
  WeightMover mover(files, sidePath, options, sameDirectory);
  if (llvm::Error error = mover.run(*copy))
    return failed(std::move(error));
  if (toStdout) {
    copy->print(llvm::outs());
    llvm::outs() << '\n';
    return success();
  }
  if (llvm::Error error = mover.commit())
    return failed(std::move(error));
  if (llvm::Error error = writeFile(*copy, path))
    return failed(std::move(error));
  return success();
}
