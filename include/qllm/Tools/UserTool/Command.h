// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One command of `qllm`, and the list of them.

#ifndef QLLM_TOOLS_USERTOOL_COMMAND_H
#define QLLM_TOOLS_USERTOOL_COMMAND_H

#include "qllm/Tools/UserTool/ExitCode.h"
#include "qllm/Tools/UserTool/OptionTable.h"
#include <memory>

namespace qllm::tool {

class Session;

class Command {
public:
  Command(llvm::StringRef name, llvm::StringRef summary) : name(name), summary(summary) {}
  virtual ~Command() = default;

  /// Declares the options, bound to this command's members.
  virtual void declare(OptionTable &options) = 0;
  /// Does the work. Everything that can go wrong has been logged when the code is not Done.
  virtual ExitCode run(Session &session) = 0;

  llvm::StringRef getName() const { return name; }
  llvm::StringRef getSummary() const { return summary; }

private:
  std::string name;
  std::string summary;
};

std::unique_ptr<Command> createImportCommand();
std::unique_ptr<Command> createInspectCommand();
std::unique_ptr<Command> createQuantizeCommand();
std::unique_ptr<Command> createReportCommand();
std::unique_ptr<Command> createCompareCommand();
std::unique_ptr<Command> createEvalCommand();
std::unique_ptr<Command> createExportCommand();
std::unique_ptr<Command> createRunCommand();

/// All commands, in the order of a first use.
std::vector<std::unique_ptr<Command>> createCommands();

/// Prints a completion script for `shell` (bash, zsh or fish), made from the option tables.
llvm::Error printCompletion(llvm::StringRef shell, llvm::raw_ostream &os);

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_COMMAND_H
