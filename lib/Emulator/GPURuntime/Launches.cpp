// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's runtime interface: launches. A finding of a check ends the process: what follows would
// work with wrong values.

#include "Device.h"
#include "LaunchArguments.h"
#include "Leave.h"
#include "qllm/Emulator/Runtime/Faults.h"
#include "qllm/Emulator/Runtime/Report.h"

#include <cinttypes>
#include <cstdio>

using namespace qllm::emu;

namespace {

struct Sizes {
  intptr_t x, y, z;
};

std::string text(const Sizes &sizes) {
  return "(" + std::to_string(sizes.x) + "," + std::to_string(sizes.y) + "," +
         std::to_string(sizes.z) + ")";
}

std::array<uint32_t, 3> toSizes(const Kernel &kernel, const char *what, const Sizes &sizes) {
  for (intptr_t size : {sizes.x, sizes.y, sizes.z})
    if (size < 1 || size > INT32_MAX)
      leave(Exit::BadInput, "kernel '" + kernel.name + "': expected a " + what +
                                " of at least one each way, but got " + text(sizes));
  return {uint32_t(sizes.x), uint32_t(sizes.y), uint32_t(sizes.z)};
}

void reportRun(const Kernel &kernel, const Launch &launch, const RunReport &report, bool isTraced) {
  if (isTraced)
    std::fprintf(
        stderr,
        "qllm-emu-runtime: '%s' grid (%u,%u,%u) block (%u,%u,%u): %" PRIu64 " threads, %.3f s\n",
        kernel.name.c_str(), launch.grid[0], launch.grid[1], launch.grid[2], launch.block[0],
        launch.block[1], launch.block[2], report.threads, report.cpuSeconds);
  if (!report.error.empty())
    leave(Exit::BadInput, "kernel '" + kernel.name + "': " + report.error);
  if (report.findings.empty())
    return;
  for (const Finding &finding : report.findings)
    std::fprintf(stderr, "%s\n", describe(finding).c_str());
  leave(Exit::NotClean, "kernel '" + kernel.name + "' is not clean");
}

/// Of single blocks without a `cluster`, unless the kernel says otherwise.
void launchKernel(const LoadedKernel &loaded, const Sizes *cluster, const Sizes &grid,
                  const Sizes &block, int32_t sharedBytes, void *stream, void **given, void **extra,
                  size_t count) {
  DeviceLock device;
  device->checkStream(stream);
  const Kernel &kernel = *loaded.kernel;
  if (extra)
    leave(Exit::BadInput,
          "kernel '" + kernel.name + "': expected arguments one by one, but got a buffer");
  if (sharedBytes < 0)
    leave(Exit::BadInput, "kernel '" + kernel.name +
                              "': expected a size of shared memory, but got " +
                              std::to_string(sharedBytes));
  LaunchArguments arguments(kernel, given, count, device->memory);
  Launch launch = device->settings.defaults;
  loaded.module->setArchitectureOf(launch);
  launch.grid = toSizes(kernel, "grid", grid);
  launch.block = toSizes(kernel, "block", block);
  if (cluster)
    launch.cluster = toSizes(kernel, "cluster", *cluster);
  launch.dynamicSharedBytes = size_t(sharedBytes);
  launch.arguments = arguments.pointers();
  launch.buffers = arguments.buffers();
  if (std::string error = launchError(kernel.program, launch); !error.empty())
    leave(Exit::BadInput, "kernel '" + kernel.name + "': " + error);
  restartKernelLimit();
  reportRun(kernel, launch, run(kernel.program, launch), device->settings.isTraced);
}

} // namespace

extern "C" {

void mgpuLaunchKernel(void *kernel, intptr_t gridX, intptr_t gridY, intptr_t gridZ, intptr_t blockX,
                      intptr_t blockY, intptr_t blockZ, int32_t sharedBytes, void *stream,
                      void **arguments, void **extra, size_t count) {
  launchKernel(*static_cast<LoadedKernel *>(kernel), nullptr, {gridX, gridY, gridZ},
               {blockX, blockY, blockZ}, sharedBytes, stream, arguments, extra, count);
}

// The code that MLIR emits does not say here how many arguments there are.
void mgpuLaunchClusterKernel(void *kernel, intptr_t clusterX, intptr_t clusterY, intptr_t clusterZ,
                             intptr_t gridX, intptr_t gridY, intptr_t gridZ, intptr_t blockX,
                             intptr_t blockY, intptr_t blockZ, int32_t sharedBytes, void *stream,
                             void **arguments, void **extra) {
  Sizes cluster{clusterX, clusterY, clusterZ};
  launchKernel(*static_cast<LoadedKernel *>(kernel), &cluster, {gridX, gridY, gridZ},
               {blockX, blockY, blockZ}, sharedBytes, stream, arguments, extra,
               static_cast<LoadedKernel *>(kernel)->kernel->parameters.size());
}

} // extern "C"
