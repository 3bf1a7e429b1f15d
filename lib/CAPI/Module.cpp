// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contexts and modules: made, printed, written.

#include "qllm-c/Module.h"
#include "Internal.h"
#include "qllm/API/ExportModel.h"
#include "qllm/API/SaveModel.h"
#include "qllm/Target/Checkpoint/Export.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Target/ONNX/Import.h"
#include "llvm/Support/SourceMgr.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::Error;
using llvm::StringRef;

QllmContext *qllmContextCreate(unsigned threads) {
  return new QllmContext{std::make_shared<ContextState>(threads)};
}
void qllmContextDestroy(QllmContext *context) { delete context; }
void qllmModuleDestroy(QllmModule *module) { delete module; }

namespace {

/// What `make` gives as a new module; null after errors, which were emitted as diagnostics.
QllmStatus *
create(QllmContext *context, const QllmListener *listener, QllmModule **result,
       llvm::function_ref<llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>(mlir::MLIRContext *)>
           make) {
  Call call(*context->state, listener);
  mlir::OwningOpRef<mlir::ModuleOp> module;
  QllmStatus *status = call.run([&]() -> Error {
    auto made = make(&context->state->context.mlir());
    if (!made)
      return made.takeError();
    module = std::move(*made);
    return Error::success();
  });
  if (!status)
    *result = new QllmModule(context->state, std::move(module));
  return status;
}

/// A failure of `body`, which only looks at the module.
QllmStatus *look(const QllmModule *module, llvm::function_ref<Error(mlir::ModuleOp)> body) {
  Call call(*module->state, nullptr);
  return call.run([&] { return body(module->get()); });
}

} // namespace

QllmStatus *qllmModuleLoad(QllmContext *context, const char *path, const QllmListener *listener,
                           QllmModule **module) {
  std::string file;
  QllmStatus *status =
      create(context, listener, module,
             [&](mlir::MLIRContext *mlir) -> llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> {
               llvm::Expected<std::string> found = api::resolveModel(path);
               if (!found)
                 return found.takeError();
               file = *found;
               return api::loadModel(file, mlir);
             });
  if (!status)
    (*module)->file = file;
  return status;
}

QllmStatus *qllmModuleImportOnnx(QllmContext *context, const void *data, size_t size,
                                 const char *directory, const QllmListener *listener,
                                 QllmModule **module) {
  return create(context, listener, module, [&](mlir::MLIRContext *mlir) {
    llvm::MemoryBufferRef model({static_cast<const char *>(data), size}, "model");
    return onnx::importModel(model, directory ? directory : "", mlir);
  });
}

QllmStatus *qllmModuleParse(QllmContext *context, const char *text, size_t length,
                            QllmModule **module) {
  return create(context, nullptr, module, [&](mlir::MLIRContext *mlir) {
    auto buffer =
        llvm::WritableMemoryBuffer::getNewUninitMemBuffer(length, "<text>", llvm::Align(64));
    std::memcpy(buffer->getBufferStart(), text, length);
    llvm::SourceMgr sources;
    return parseModule(std::move(buffer), sources, mlir);
  });
}

QllmStatus *qllmModulePrint(const QllmModule *module, QllmTextCallback callback, void *user) {
  return look(module, [&](mlir::ModuleOp op) {
    std::string text;
    llvm::raw_string_ostream os(text);
    mlir::OpPrintingFlags flags;
    // Data made by passes would be printed as hex.
    flags.elideLargeResourceString();
    op->print(os, flags);
    os << "\n";
    callback(text.data(), text.size(), user);
    return Error::success();
  });
}

QllmStatus *qllmModuleSave(const QllmModule *module, const char *path) {
  return look(module, [&](mlir::ModuleOp op) {
    StringRef name(path);
    bool isFile = name.ends_with(".mlir") || name.ends_with(".mlirbc");
    return module->run && !isFile ? api::saveResult(op, *module->run, name)
                                  : api::saveModel(op, name);
  });
}

QllmStatus *qllmModuleExportOnnx(const QllmModule *module, const char *path, const char *weights) {
  return look(module, [&](mlir::ModuleOp op) {
    return api::exportQuantized(op, path, weights ? weights : "matmul-nbits");
  });
}

QllmStatus *qllmModuleExportCheckpoint(const QllmModule *module, const char *directory,
                                       const char *format, const char *config) {
  return look(module, [&](mlir::ModuleOp op) -> Error {
    StringRef name(format);
    if (name != "compressed-tensors" && name != "gptq")
      return llvm::createStringError("expected compressed-tensors or gptq, but got '" + name + "'");
    return exportCheckpoint(op, directory,
                            name == "gptq" ? CheckpointLayout::GPTQ
                                           : CheckpointLayout::CompressedTensors,
                            config ? config : "");
  });
}
