// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An empty variable is one that is not set.

#include "Settings.h"

#include "Leave.h"
#include "qllm/Emulator/CheckNames.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <cstdlib>

using namespace qllm::emu;
using llvm::StringRef;

namespace {

StringRef variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

[[noreturn]] void refuse(const char *name, StringRef wanted) {
  leave(Exit::BadInput, "expected " + std::string(name) + " to be " + wanted.str() + ", but got '" +
                            variable(name).str() + "'");
}

Arrival arrivalOf(StringRef text) {
  auto arrival = llvm::StringSwitch<std::optional<Arrival>>(text)
                     .Case("eager", Arrival::Eager)
                     .Case("lazy", Arrival::Lazy)
                     .Case("random", Arrival::Random)
                     .Default(std::nullopt);
  if (!arrival)
    refuse("QLLM_EMU_ASYNC", "eager, lazy or random");
  return *arrival;
}

} // namespace

Settings qllm::emu::readSettings() {
  Settings settings;
  llvm::SmallVector<StringRef> checks;
  variable("QLLM_EMU_CHECK").split(checks, ',', -1, /*KeepEmpty=*/false);
  // Nothing prints traffic here.
  std::optional<uint32_t> parsed = checks.empty() ? CheckBounds | CheckRaces : parseChecks(checks);
  if (!parsed)
    refuse("QLLM_EMU_CHECK", "of bounds, races, traffic, all, none");
  settings.defaults.checks = *parsed;
  if (StringRef seed = variable("QLLM_EMU_SEED");
      !seed.empty() && seed.getAsInteger(10, settings.defaults.seed))
    refuse("QLLM_EMU_SEED", "a number");
  if (StringRef arrival = variable("QLLM_EMU_ASYNC"); !arrival.empty())
    settings.defaults.arrival = arrivalOf(arrival);
  if (StringRef limit = variable("QLLM_EMU_LIMIT");
      !limit.empty() && (limit.getAsDouble(settings.limit) || !(settings.limit >= 0)))
    refuse("QLLM_EMU_LIMIT", "0 or more seconds");
  StringRef trace = variable("QLLM_EMU_TRACE");
  settings.isTraced = !trace.empty() && trace != "0";
  return settings;
}
