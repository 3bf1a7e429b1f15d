// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How kernels are run. Host code has no arguments for the emulator, so the environment says so, in
// the words of the options of qllm-emu.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_SETTINGS_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_SETTINGS_H

#include "qllm/Emulator/Runtime/Launch.h"

namespace qllm::emu {

struct Settings {
  /// What launches have in common: checks, seed, when copies arrive.
  Launch defaults;
  /// Seconds of CPU time of a launch; 0 for no limit.
  double limit = 0;
  /// A line on stderr for each launch.
  bool isTraced = false;
};

/// From QLLM_EMU_CHECK, QLLM_EMU_SEED, QLLM_EMU_ASYNC, QLLM_EMU_LIMIT and QLLM_EMU_TRACE. Ends the
/// process when one of them has no meaning.
Settings readSettings();

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_SETTINGS_H
