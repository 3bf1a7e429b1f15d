// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the options of a step, name by name, and says what is wrong with them.

#ifndef QLLM_SITE_STEPOPTIONS_H
#define QLLM_SITE_STEPOPTIONS_H

#include "qllm/Site/SiteStep.h"
#include "llvm/Support/FormatVariadic.h"
#include <vector>

namespace qllm {

/// Takes options off a list one by one; `finish` fails on a value that could not be read and on
/// what nobody took.
class StepOptionReader {
public:
  StepOptionReader(llvm::StringRef step, llvm::ArrayRef<StepOption> options)
      : step(step), options(options), taken(options.size()) {}

  /// Each leaves `value` alone when the option is not there, and returns whether it was.
  bool integer(llvm::StringRef name, int64_t &value, int64_t lowest, int64_t highest);
  bool number(llvm::StringRef name, double &value, double lowest, double highest);
  bool boolean(llvm::StringRef name, bool &value);
  /// `low:high:step` as the numbers low, low + step, ... up to high; or numbers divided by colons
  /// where there are not three of them.
  bool numbers(llvm::StringRef name, std::vector<float> &values, double lowest, double highest);

  /// One of some words, each with its value.
  template <typename T>
  bool choice(llvm::StringRef name, T &value,
              llvm::ArrayRef<std::pair<llvm::StringLiteral, T>> words) {
    const StepOption *option = take(name);
    if (!option)
      return false;
    std::string wanted;
    for (const auto &[word, meaning] : words) {
      if (word == option->value) {
        value = meaning;
        return true;
      }
      wanted += (wanted.empty() ? "" : ", ") + word.str();
    }
    complain(*option, "one of " + wanted);
    return true;
  }

  /// A failure of the caller's own finding.
  void fail(const llvm::Twine &message);
  llvm::Error finish();

private:
  const StepOption *take(llvm::StringRef name);
  void complain(const StepOption &option, const llvm::Twine &wanted);

  llvm::StringRef step;
  llvm::ArrayRef<StepOption> options;
  std::vector<bool> taken;
  std::vector<llvm::StringRef> known;
  std::string failure;
};

} // namespace qllm

#endif // QLLM_SITE_STEPOPTIONS_H
