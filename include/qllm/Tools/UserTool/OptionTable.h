// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options of one command as data. The parser, `--help` and shell completion read the same table,
// so they cannot disagree. (llvm::cl would also list every option of the shared LLVM library.)

#ifndef QLLM_TOOLS_USERTOOL_OPTIONTABLE_H
#define QLLM_TOOLS_USERTOOL_OPTIONTABLE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace qllm::tool {

struct Option {
  /// Without leading dashes.
  std::string name;
  /// What the help shows for the value; empty for a flag, which takes none.
  std::string valueName;
  std::string help;
  /// The only values allowed, if there are any.
  std::vector<std::string> choices;
  /// A flag that may be given a value behind `=`.
  bool hasOptionalValue = false;
  /// One letter for `-o`; 0 if there is none.
  char letter = 0;
  /// Stores the value (empty for a flag); an error is shown behind the option's name.
  std::function<llvm::Error(llvm::StringRef)> store;

  bool isFlag() const { return valueName.empty(); }
};

class OptionTable {
public:
  /// Each call declares one option that is stored into `value`, which must outlive the table.
  Option &flag(llvm::StringRef name, bool &value, llvm::StringRef help);
  Option &text(llvm::StringRef name, std::string &value, llvm::StringRef valueName,
               llvm::StringRef help);
  Option &list(llvm::StringRef name, std::vector<std::string> &values, llvm::StringRef valueName,
               llvm::StringRef help);
  Option &choice(llvm::StringRef name, std::string &value, std::vector<std::string> choices,
                 llvm::StringRef help);
  Option &integer(llvm::StringRef name, int64_t &value, int64_t low, int64_t high,
                  llvm::StringRef help);

  /// An option whose `store` the caller sets.
  Option &add(llvm::StringRef name, llvm::StringRef valueName, llvm::StringRef help);

  /// An argument without a name. Those declared first are filled first; all are required.
  void positional(llvm::StringRef name, std::string &value, llvm::StringRef help);

  /// Stores every argument, or says which one is wrong and what would be right.
  llvm::Error parse(llvm::ArrayRef<llvm::StringRef> arguments);

  void printUsage(llvm::StringRef command, llvm::raw_ostream &os) const;
  void printOptions(llvm::raw_ostream &os) const;

  llvm::ArrayRef<Option> options() const { return declared; }

private:
  struct Positional {
    std::string name;
    std::string *value;
    std::string help;
  };

  const Option *find(llvm::StringRef name) const;
  llvm::Error unknown(llvm::StringRef argument, llvm::StringRef name) const;

  std::vector<Option> declared;
  std::vector<Positional> positionals;
};

/// A whole number from `low` to `high`.
llvm::Expected<int64_t> parseInteger(llvm::StringRef text, int64_t low, int64_t high);

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_OPTIONTABLE_H
