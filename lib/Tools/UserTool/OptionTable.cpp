// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declaring, parsing and printing the options of one command.

#include "qllm/Tools/UserTool/OptionTable.h"

#include "qllm/Support/Closest.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace llvm;
using namespace qllm::tool;

namespace {

Error usageError(const Twine &message) { return createStringError(message); }

} // namespace

Expected<int64_t> qllm::tool::parseInteger(StringRef text, int64_t low, int64_t high) {
  int64_t number;
  if (text.getAsInteger(10, number) || number < low || number > high)
    return usageError("expected a number from " + Twine(low) + " to " + Twine(high) +
                      ", but got '" + text + "'");
  return number;
}

Option &OptionTable::add(StringRef name, StringRef valueName, StringRef help) {
  Option &option = declared.emplace_back();
  option.name = name.str();
  option.valueName = valueName.str();
  option.help = help.str();
  return option;
}

Option &OptionTable::flag(StringRef name, bool &value, StringRef help) {
  Option &option = add(name, "", help);
  option.store = [&value](StringRef) {
    value = true;
    return Error::success();
  };
  return option;
}

Option &OptionTable::text(StringRef name, std::string &value, StringRef valueName, StringRef help) {
  Option &option = add(name, valueName, help);
  option.store = [&value](StringRef argument) {
    value = argument.str();
    return Error::success();
  };
  return option;
}

Option &OptionTable::list(StringRef name, std::vector<std::string> &values, StringRef valueName,
                          StringRef help) {
  Option &option = add(name, valueName, help);
  option.store = [&values](StringRef argument) {
    for (StringRef part : split(argument, ','))
      if (!part.empty())
        values.push_back(part.str());
    return Error::success();
  };
  return option;
}

Option &OptionTable::choice(StringRef name, std::string &value, std::vector<std::string> choices,
                            StringRef help) {
  Option &option = add(name, join(choices, "|"), help);
  option.store = [&value, choices](StringRef argument) -> Error {
    if (!is_contained(choices, argument))
      return usageError("expected one of " + join(choices, ", ") + ", but got '" + argument + "'");
    value = argument.str();
    return Error::success();
  };
  option.choices = std::move(choices);
  return option;
}

Option &OptionTable::integer(StringRef name, int64_t &value, int64_t low, int64_t high,
                             StringRef help) {
  Option &option = add(name, "N", help);
  option.store = [&value, low, high](StringRef argument) -> Error {
    Expected<int64_t> number = parseInteger(argument, low, high);
    if (!number)
      return number.takeError();
    value = *number;
    return Error::success();
  };
  return option;
}

void OptionTable::positional(StringRef name, std::string &value, StringRef help) {
  positionals.push_back({name.str(), &value, help.str()});
}

const Option *OptionTable::find(StringRef name) const {
  for (const Option &option : declared)
    if (option.name == name || (name.size() == 1 && option.letter == name.front()))
      return &option;
  return nullptr;
}

Error OptionTable::unknown(StringRef argument, StringRef name) const {
  SmallVector<StringRef> names;
  for (const Option &option : declared)
    names.push_back(option.name);
  if (std::optional<StringRef> guess = closest(name, names))
    return usageError("unknown option '" + argument + "', did you mean '--" + *guess + "'");
  return usageError("unknown option '" + argument + "'");
}

Error OptionTable::parse(ArrayRef<StringRef> arguments) {
  size_t numPositionals = 0;
  bool onlyPositionals = false;
  while (!arguments.empty()) {
    StringRef argument = arguments.consume_front();
    if (argument == "--" && !onlyPositionals) {
      onlyPositionals = true;
      continue;
    }
    // A lone dash is a file name: standard input or output.
    if (onlyPositionals || argument == "-" || !argument.starts_with("-")) {
      if (numPositionals == positionals.size())
        return usageError("expected " + Twine(positionals.size()) +
                          " argument(s), but got another one: '" + argument + "'");
      *positionals[numPositionals++].value = argument.str();
      continue;
    }
    auto [name, value] = argument.drop_front(argument.starts_with("--") ? 2 : 1).split('=');
    const Option *option = find(name);
    if (!option)
      return unknown(argument, name);
    bool attached = argument.contains('=');
    if (option->isFlag() && attached && !option->hasOptionalValue)
      return usageError("option '--" + option->name + "' takes no value, but got '" + value + "'");
    if (!option->isFlag() && !attached) {
      if (arguments.empty())
        return usageError("option '--" + option->name + "' expects a value (" + option->valueName +
                          "), but got none");
      value = arguments.consume_front();
    }
    if (Error error = option->store(value))
      return usageError("option '--" + option->name + "': " + toString(std::move(error)));
  }
  if (numPositionals < positionals.size())
    return usageError("expected " + positionals[numPositionals].name + ", but got nothing");
  return Error::success();
}

void OptionTable::printUsage(StringRef command, raw_ostream &os) const {
  os << "usage: qllm " << command;
  for (const Positional &positional : positionals)
    os << " " << positional.name;
  os << " [options]\n";
}

void OptionTable::printOptions(raw_ostream &os) const {
  for (const Positional &positional : positionals)
    os << format("  %-34s %s\n", positional.name.c_str(), positional.help.c_str());
  for (const Option &option : declared) {
    std::string left = option.letter ? std::string("-") + option.letter + ", " : "";
    left += "--" + option.name;
    if (!option.isFlag())
      left += " " + option.valueName;
    if (left.size() > 34)
      os << "  " << left << "\n" << std::string(37, ' ') << option.help << "\n";
    else
      os << format("  %-34s %s\n", left.c_str(), option.help.c_str());
  }
}
