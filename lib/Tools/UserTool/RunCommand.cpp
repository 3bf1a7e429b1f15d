// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm run`: one run of a model on given inputs.

#include "qllm/Tools/ModuleRun.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"

using namespace qllm;
using namespace qllm::tool;

namespace {

class RunCommand : public Command {
public:
  RunCommand() : Command("run", "run a model on the CPU") {}

  void declare(OptionTable &options) override {
    options.positional("MODEL", model, "an ONNX file, a module or a result directory");
    options.list("input", inputs, "NAME=FILE.npy",
                 "an input of the model, or FILE.npz for several; may be given more than once");
    options.text("output", output, "FILE.npz", "where results go; without it they are summed up")
        .letter = 'o';
    options.text("function", function, "NAME", "the function to run (default main)");
  }

  ExitCode run(Session &session) override {
    std::string file = session.resolve(model);
    if (file.empty())
      return ExitCode::BadInput;
    ModuleRun moduleRun{file, inputs, output, function, session.getThreads(), 0, "", session.limits};
    return succeeded(moduleRun.execute(&session.getContext())) ? ExitCode::Done
                                                               : ExitCode::BadInput;
  }

private:
  std::string model, output, function = "main";
  std::vector<std::string> inputs;
};

} // namespace

std::unique_ptr<Command> qllm::tool::createRunCommand() { return std::make_unique<RunCommand>(); }
