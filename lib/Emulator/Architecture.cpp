// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of architectures.

#include "qllm/Emulator/Architecture.h"

#include "qllm/Kernels/Target.h"

using namespace qllm;
using llvm::StringRef;

/// 90 for sm_90a.
static std::optional<unsigned> numberOf(StringRef name) {
  unsigned number;
  if (!name.consume_front("sm_"))
    return std::nullopt;
  if (!name.consume_back("a"))
    name.consume_back("f");
  return name.getAsInteger(10, number) ? std::nullopt : std::optional(number);
}

bool qllm::emu::setArchitecture(Launch &launch, StringRef name) {
  std::optional<unsigned> number = numberOf(name);
  if (!number)
    return false;
  for (const kernels::Target &target : kernels::allTargets())
    if (numberOf(target.name) == number) {
      launch.architecture = *number;
      launch.mostSharedBytes = size_t(target.sharedBytes());
      launch.hasClusters = target.isNative(kernels::Capability::Cluster);
      return true;
    }
  return false;
}
