// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shell completion scripts, written from the option tables.

#include "qllm/Tools/UserTool/Command.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace qllm::tool;

std::vector<std::unique_ptr<Command>> qllm::tool::createCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(createImportCommand());
  commands.push_back(createInspectCommand());
  commands.push_back(createQuantizeCommand());
  commands.push_back(createEvalCommand());
  commands.push_back(createReportCommand());
  commands.push_back(createCompareCommand());
  commands.push_back(createExportCommand());
  commands.push_back(createRunCommand());
  return commands;
}

namespace {

struct Described {
  std::string name;
  std::string summary;
  std::vector<Option> options;
};

std::vector<Described> describeCommands() {
  std::vector<Described> all;
  for (std::unique_ptr<Command> &command : createCommands()) {
    OptionTable table;
    command->declare(table);
    all.push_back({command->getName().str(), command->getSummary().str(), table.options().vec()});
  }
  return all;
}

std::string optionWords(const Described &command) {
  std::string words;
  for (const Option &option : command.options)
    words += (words.empty() ? "--" : " --") + option.name;
  return words;
}

void printBash(ArrayRef<Described> commands, raw_ostream &os) {
  os << "_qllm() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='";
  for (const Described &command : commands)
    os << command.name << " ";
  os << "--help --version'\n  else\n    case \"${COMP_WORDS[1]} $previous\" in\n";
  for (const Described &command : commands)
    for (const Option &option : command.options)
      if (!option.choices.empty())
        os << "    '" << command.name << " --" << option.name << "') words='"
           << join(option.choices, " ") << "' ;;\n";
  for (const Described &command : commands)
    os << "    '" << command.name << " '*) words='" << optionWords(command) << "' ;;\n";
  os << "    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
        "complete -o default -F _qllm qllm\n";
}

/// Quotes for zsh and fish alike: no single quote may end the string early.
std::string quoted(StringRef text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? StringRef("'\\''").str() : std::string(1, c);
  return result + "'";
}

void printZsh(ArrayRef<Described> commands, raw_ostream &os) {
  os << "#compdef qllm\n_qllm() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(";
  for (const Described &command : commands)
    os << quoted(command.name + ":" + command.summary) << " ";
  os << ")\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n";
  for (const Described &command : commands)
    os << "  " << command.name << ") compadd -- " << optionWords(command) << " ;;\n";
  os << "  esac\n  _files\n}\n_qllm \"$@\"\n";
}

void printFish(ArrayRef<Described> commands, raw_ostream &os) {
  for (const Described &command : commands) {
    os << "complete -c qllm -n __fish_use_subcommand -a " << command.name << " -d "
       << quoted(command.summary) << "\n";
    for (const Option &option : command.options) {
      os << "complete -c qllm -n '__fish_seen_subcommand_from " << command.name << "' -l "
         << option.name << " -d " << quoted(option.help);
      if (!option.choices.empty())
        os << " -xa " << quoted(join(option.choices, " "));
      else if (!option.isFlag())
        os << " -r";
      os << "\n";
    }
  }
}

} // namespace

Error qllm::tool::printCompletion(StringRef shell, raw_ostream &os) {
  std::vector<Described> commands = describeCommands();
  if (shell == "bash")
    printBash(commands, os);
  else if (shell == "zsh")
    printZsh(commands, os);
  else if (shell == "fish")
    printFish(commands, os);
  else
    return createStringError("expected a shell: bash, zsh or fish, but got '" + shell + "'");
  return Error::success();
}
