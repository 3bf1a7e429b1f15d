// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm export`: a model, quantized or not, as ONNX; a quantized one as a checkpoint of another
// stack.

#include "qllm/API/ExportModel.h"
#include "qllm/Target/Checkpoint/Export.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"

using namespace llvm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

class ExportCommand : public Command {
public:
  ExportCommand() : Command("export", "write a model as ONNX or as a checkpoint") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "a result directory, a module or an ONNX file");
    options
        .text("output", output, "FILE.onnx|DIR",
              "where the model goes: a file, weights beside it; a directory for a checkpoint")
        .letter = 'o';
    options.choice("format", format, {"onnx", "compressed-tensors", "gptq"},
                   "what to write (default onnx)");
    options.choice("weights", weights, {"matmul-nbits", "qdq"},
                   "operators of ONNX that hold quantized weights (default matmul-nbits)");
    options.text("config", config, "FILE.json",
                 "config.json of the original model, for a checkpoint's own");
  }

  ExitCode run(Session &session) override {
    if (format == "onnx" ? !StringRef(output).ends_with(".onnx") : output.empty()) {
      session.log.error(format == "onnx"
                            ? "expected a file for the result (-o FILE.onnx), but got '" + output +
                                  "'"
                            : "expected a directory for the result (-o DIR)");
      return ExitCode::Usage;
    }
    mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
    if (!module)
      return ExitCode::BadInput;
    session.log.progress("export", 0, 1);
    if (Error error = write(*module)) {
      session.log.error(toString(std::move(error)));
      return ExitCode::BadInput;
    }
    session.log.progress("export", 1, 1);
    return ExitCode::Done;
  }

private:
  Error write(mlir::ModuleOp module) {
    if (format == "onnx")
      return exportQuantized(module, output, weights);
    return qllm::exportCheckpoint(module, output,
                                  format == "gptq" ? qllm::CheckpointLayout::GPTQ
                                                   : qllm::CheckpointLayout::CompressedTensors,
                                  config);
  }

  std::string model, output, format = "onnx", weights = "matmul-nbits", config;
};

} // namespace

std::unique_ptr<Command> qllm::tool::createExportCommand() {
  return std::make_unique<ExportCommand>();
}
