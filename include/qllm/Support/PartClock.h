// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the time of a pass went.

#ifndef QLLM_SUPPORT_PARTCLOCK_H
#define QLLM_SUPPORT_PARTCLOCK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <ctime>
#include <deque>
#include <string>

namespace qllm {

/// Adds up processor seconds, those of all threads, under the names of parts.
class PartClock {
public:
  template <typename Work> auto measure(llvm::StringRef part, Work &&work) {
    struct Measurement {
      double &seconds;
      std::clock_t start = std::clock();
      ~Measurement() { seconds += double(std::clock() - start) / CLOCKS_PER_SEC; }
    } measurement{secondsOf(part)};
    return work();
  }

  struct Part {
    std::string name;
    double seconds = 0;
  };
  /// In the order of their first use.
  const std::deque<Part> &parts() const { return all; }

private:
  double &secondsOf(llvm::StringRef name) {
    for (Part &part : all)
      if (part.name == name)
        return part.seconds;
    all.push_back({name.str()});
    return all.back().seconds;
  }
  std::deque<Part> all;
};

} // namespace qllm

#endif // QLLM_SUPPORT_PARTCLOCK_H
