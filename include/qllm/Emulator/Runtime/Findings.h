// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Findings while a kernel runs. A racy kernel has millions of them: they are counted, and only the
// first of each kind and operation is put into words.

#ifndef QLLM_EMULATOR_RUNTIME_FINDINGS_H
#define QLLM_EMULATOR_RUNTIME_FINDINGS_H

#include "qllm/Emulator/Runtime/Report.h"

namespace qllm::emu {

class Findings {
public:
  explicit Findings(size_t sites) : counts(sites * kKinds), texts(sites * kKinds) {}

  /// `describe` makes the text of the first case.
  template <typename Describe> void add(FindingKind kind, uint32_t site, Describe describe) {
    size_t index = site * kKinds + size_t(kind);
    if (counts[index]++ == 0)
      texts[index] = describe();
  }

  /// In the order of sites.
  std::vector<Finding> collect(const Program &program) const;

private:
  static constexpr size_t kKinds = size_t(FindingKind::Deadlock) + 1;
  std::vector<uint64_t> counts;
  std::vector<std::string> texts;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_FINDINGS_H
