// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run found and counted.

#ifndef QLLM_EMULATOR_RUNTIME_REPORT_H
#define QLLM_EMULATOR_RUNTIME_REPORT_H

#include "qllm/Emulator/Runtime/Launch.h"

namespace qllm::emu {

enum class FindingKind : uint8_t {
  OutOfBoundsRead,
  OutOfBoundsWrite,
  Misaligned,
  ReadOnlyWrite,
  Race,
  BlockRace,
  UninitializedRead,
  CopyNotWaitedFor,
  CopyNeverWaitedFor,
  MissingProxyFence,
  MissingMatrixFence,
  InactiveSource,
  NotInMask,
  BarrierMisuse,
  AbsentBlock,
  DescriptorMismatch,
  TensorMapMisuse,
  TensorMemoryMisuse,
  DivergentCollective,
  Trap,
  Deadlock,
};

/// `out-of-bounds-read` and so on.
const char *findingName(FindingKind kind);

/// All cases of one kind at one operation.
struct Finding {
  FindingKind kind;
  std::string operation, location;
  uint64_t count;
  /// The first case in words.
  std::string first;
};

/// `LOCATION: KIND in OPERATION: the first case (N times)`
std::string describe(const Finding &finding);

/// Memory requests of one operation, warp by warp.
struct Traffic {
  std::string operation, location;
  bool shared;
  uint64_t requests;
  /// For shared memory passes over the banks, for global memory 32-byte sectors; and the least
  /// possible of either.
  uint64_t units, leastUnits;
};

struct RunReport {
  /// Why nothing ran, such as a lack of memory; else empty.
  std::string error;
  std::vector<Finding> findings;
  std::vector<Traffic> traffic;
  uint64_t threads = 0, collectives = 0, switches = 0, multiplyAdds = 0;
  double cpuSeconds = 0;
};

/// What makes a launch impossible, or an empty text: block too large, shared memory beyond the
/// limit.
std::string launchError(const Program &program, const Launch &launch);

/// Runs a launch for which `launchError` is empty, on the calling thread. Results are the same for
/// the same seed.
RunReport run(const Program &program, const Launch &launch);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_REPORT_H
