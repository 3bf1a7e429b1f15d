// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups of checks by name.

#include "qllm/Emulator/CheckNames.h"

#include "qllm/Emulator/Runtime/Launch.h"
#include "llvm/ADT/StringSwitch.h"

using namespace qllm::emu;
using llvm::StringRef;

std::optional<uint32_t> qllm::emu::parseChecks(llvm::ArrayRef<StringRef> names) {
  constexpr uint32_t all = CheckBounds | CheckRaces | CheckTraffic;
  if (names.empty())
    return all;
  uint32_t checks = 0;
  for (StringRef name : names) {
    auto bits = llvm::StringSwitch<std::optional<uint32_t>>(name)
                    .Case("bounds", CheckBounds)
                    .Case("races", CheckRaces)
                    .Case("traffic", CheckTraffic)
                    .Case("all", all)
                    .Case("none", 0)
                    .Default(std::nullopt);
    if (!bits)
      return std::nullopt;
    checks |= *bits | (*bits ? CheckBounds : 0);
  }
  return checks;
}
