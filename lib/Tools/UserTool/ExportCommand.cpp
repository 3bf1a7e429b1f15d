// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm export`: a model, quantized or not, as ONNX.

#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/ExportModel.h"
#include "qllm/Tools/UserTool/Session.h"

using namespace llvm;
using namespace qllm::tool;

namespace {

class ExportCommand : public Command {
public:
  ExportCommand() : Command("export", "write a model as ONNX") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "a result directory, a module or an ONNX file");
    options.text("output", output, "FILE.onnx", "where the model goes; weights lie beside it")
        .letter = 'o';
    options.choice("weights", weights, {"matmul-nbits", "qdq"},
                   "operators that hold quantized weights (default matmul-nbits)");
  }

  ExitCode run(Session &session) override {
    if (!StringRef(output).ends_with(".onnx")) {
      session.log.error("expected a file for the result (-o FILE.onnx), but got '" + output + "'");
      return ExitCode::Usage;
    }
    mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
    if (!module)
      return ExitCode::BadInput;
    if (Error error = exportQuantized(*module, output, weights)) {
      session.log.error(toString(std::move(error)));
      return ExitCode::BadInput;
    }
    return ExitCode::Done;
  }

private:
  std::string model, output, weights = "matmul-nbits";
};

} // namespace

std::unique_ptr<Command> qllm::tool::createExportCommand() {
  return std::make_unique<ExportCommand>();
}
