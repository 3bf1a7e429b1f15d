// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm import`: an ONNX model as a module with its weights beside it.

#include "qllm/API/SaveModel.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;

namespace {

class ImportCommand : public Command {
public:
  ImportCommand() : Command("import", "read an ONNX model and write it as MLIR") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "an ONNX file");
    options
        .text("output", output, "DIR|FILE",
              "a directory, or an .mlir or .mlirbc file, with the weights beside it; - prints")
        .letter = 'o';
  }

  ExitCode run(Session &session) override {
    mlir::OwningOpRef<mlir::ModuleOp> module = session.load(model);
    if (!module)
      return ExitCode::BadInput;
    if (output.empty() || output == "-")
      return succeeded(saveModule(*module, "-")) ? ExitCode::Done : ExitCode::BadInput;
    if (Error error = saveModel(*module, output)) {
      session.log.error(toString(std::move(error)));
      return ExitCode::BadInput;
    }
    return ExitCode::Done;
  }

private:
  std::string model, output;
};

} // namespace

std::unique_ptr<Command> qllm::tool::createImportCommand() {
  return std::make_unique<ImportCommand>();
}
