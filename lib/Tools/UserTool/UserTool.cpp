// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the command, parses its options, runs it.

#include "qllm/Tools/UserTool/UserTool.h"

#include "Interruption.h"
#include "qllm/Support/Closest.h"
#include "qllm/Support/MappingFaults.h"
#include "qllm/Tools/UserTool/Command.h"
#include "qllm/Tools/UserTool/Session.h"
#include "qllm/Tools/UserTool/Version.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::tool;

namespace {

void printHelp(ArrayRef<std::unique_ptr<Command>> commands, raw_ostream &os) {
  os << "qllm: quantizes ONNX language models and says what it cost\n\n"
        "usage: qllm COMMAND [arguments]\n\ncommands:\n";
  for (const std::unique_ptr<Command> &command : commands)
    os << format("  %-10s %s\n", command->getName().str().c_str(),
                 command->getSummary().str().c_str());
  os << "\n  qllm COMMAND --help      options of a command\n"
        "  qllm completion SHELL    completion script for bash, zsh or fish\n"
        "  qllm --version           versions this build was made of\n\n"
        "exit codes: 0 done, 1 bad input, 2 wrong usage, 3 less than the recipe asked for,\n"
        "130 or 143 interrupted\n";
}

/// Options every command has.
struct CommonOptions {
  bool help = false;
  bool quiet = false;
  bool verbose = false;
  int64_t threads = 0;
  int64_t nesting = qllm::InputLimits().nesting, literal = qllm::InputLimits().literal,
          expansion = qllm::InputLimits().expansion, seconds = qllm::InputLimits().seconds;

  void declare(OptionTable &options) {
    options.integer("threads", threads, 0, 4096, "worker threads; 0 takes one per core (default)");
    constexpr int64_t most = INT64_MAX;
    options.integer("max-nesting", nesting, 1, most, "of a module: levels of nesting");
    options.integer("max-literal", literal, 1, most, "of a module: digits of a number");
    options.integer("max-expansion", expansion, 1, most,
                    "of a module: tokens written out for aliases");
    options.integer("max-seconds", seconds, 1, most, "of a module in bytecode: time to read it");
    options.flag("quiet", quiet, "log errors only").letter = 'q';
    options.flag("verbose", verbose, "log more").letter = 'v';
    options.flag("help", help, "print this help").letter = 'h';
  }
};

ExitCode usageError(const Twine &message, StringRef command) {
  errs() << "error: " << message << "\n"
         << "note: see 'qllm " << command << (command.empty() ? "" : " ") << "--help'\n";
  return ExitCode::Usage;
}

/// As a shell reads it.
std::string quoted(StringRef word) {
  bool plain = !word.empty() && word.find_first_not_of(
                                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_-+=./:,@%") == StringRef::npos;
  if (plain)
    return word.str();
  std::string text = "'";
  for (char c : word)
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

ExitCode runCommand(Command &command, ArrayRef<StringRef> arguments) {
  OptionTable options;
  CommonOptions common;
  command.declare(options);
  common.declare(options);
  // Help is given even when the rest of the line is incomplete.
  if (is_contained(arguments, "--help") || is_contained(arguments, "-h")) {
    outs() << command.getSummary() << "\n\n";
    options.printUsage(command.getName(), outs());
    outs() << "\n";
    options.printOptions(outs());
    return ExitCode::Done;
  }
  if (Error error = options.parse(arguments))
    return usageError(toString(std::move(error)), command.getName());
  Session session(common.threads);
  session.limits = {uint64_t(common.nesting), uint64_t(common.literal), uint64_t(common.expansion),
                    uint64_t(common.seconds)};
  session.log.setLevel(common.quiet     ? LogLevel::Quiet
                       : common.verbose ? LogLevel::Verbose
                                        : LogLevel::Normal);
  session.commandLine = "qllm " + command.getName().str();
  for (StringRef argument : arguments)
    session.commandLine += " " + quoted(argument);
  return command.run(session);
}

} // namespace

ExitCode qllm::tool::runUserTool(ArrayRef<StringRef> arguments) {
  installInterruption();
  installMappingFaults();
  std::vector<std::unique_ptr<Command>> commands = createCommands();
  if (arguments.empty()) {
    printHelp(commands, errs());
    return ExitCode::Usage;
  }
  StringRef name = arguments.consume_front();
  if (name == "--help" || name == "-h" || name == "help") {
    printHelp(commands, outs());
    return ExitCode::Done;
  }
  if (name == "--version") {
    printVersion(outs());
    return ExitCode::Done;
  }
  if (name == "completion") {
    if (Error error = printCompletion(arguments.empty() ? "" : arguments.front(), outs()))
      return usageError(toString(std::move(error)), "");
    return ExitCode::Done;
  }
  SmallVector<StringRef> names;
  for (const std::unique_ptr<Command> &command : commands) {
    if (command->getName() == name)
      return runCommand(*command, arguments);
    names.push_back(command->getName());
  }
  std::optional<StringRef> guess = closest(name, names);
  std::string hint = guess ? ", did you mean '" + guess->str() + "'" : "";
  return usageError("unknown command '" + name + "'" + hint, "");
}
