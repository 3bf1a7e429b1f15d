// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Block-scaled linear layers in tensor memory: which schedules work, and what they take.

#include "qllm/Kernels/BlockScaledKernel.h"
#include "qllm/Kernels/TensorMemory.h"

using namespace qllm;
using namespace qllm::kernels;

namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

FormatStatus refuse(const std::string &wanted, const std::string &found) {
  return FormatStatus::failure("expected " + wanted + " in tensor memory, but got " + found);
}

/// Rows of the swizzle of 128 bytes.
constexpr std::int64_t rowBytes = 128;

} // namespace

std::int64_t BlockScaledKernel::tensorColumns() const {
  return TensorMemory::allocation(codes.schedule.tileColumns +
                                  codes.schedule.stages * scaleTiles() * scaleColumns);
}

FormatStatus BlockScaledKernel::verifyInTensorMemory() const {
  if (FormatStatus status = codes.verifyOperands(); !status)
    return status;
  const Schedule &s = codes.schedule;
  if (s.producers != 1)
    return refuse("one producer", number(s.producers));
  if (s.tileRows != ScaledInstruction::rows || (s.tileColumns != 128 && s.tileColumns != 256))
    return refuse("tiles of 128x128 or 128x256", number(s.tileRows) + "x" + number(s.tileColumns));
  if (codes.inputTile().rowBytes != rowBytes)
    return refuse("a tile depth of 256", number(s.tileDepth));
  // Each of them reads the lanes that are its own.
  if (s.warpRows != TensorMemory::lanes / 32 || s.warpColumns != 1)
    return refuse("4x1 warps", number(s.warpRows) + "x" + number(s.warpColumns));
  if (s.stages < 2 || s.stages > 8)
    return refuse("2 to 8 stages", number(s.stages));
  if (tensorColumns() > TensorMemory::columns)
    return refuse("at most " + number(TensorMemory::columns) + " columns",
                  number(tensorColumns()) + " for " + number(s.stages) + " stages");
  if (sharedBytes() > largestSharedBytes())
    return refuse("at most " + number(largestSharedBytes()) +
                      " bytes of shared memory for products",
                  number(sharedBytes()) + " for " + number(s.stages) + " stages");
  return {};
}
