// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limits of kernels for block-scaled linear layers.

#include "qllm/Kernels/BlockScaledKernel.h"

#include "UnsharedTiles.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace qllm;
using namespace qllm::kernels;

namespace {

FormatStatus refuse(const std::string &wanted, const std::string &found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + found);
}

/// Whether the rows of a warp lie in one tile of scales, at the same place in each word.
bool fitsScales(std::int64_t rows) { return rows == 16 || rows == 32 || rows == 64 || rows == 128; }

} // namespace

std::int64_t BlockScaledKernel::sharedBytes() const {
  // Two barriers of 8 bytes for each stage, one for the sums, and 8 bytes for an address.
  return isInTensorMemory() ? ringBytes() + 16 * codes.schedule.stages + 16 : codes.sharedBytes();
}

FormatStatus BlockScaledKernel::verifyInRegisters() const {
  if (FormatStatus status = codes.verifyTiles(); !status)
    return status;
  const Schedule &s = codes.schedule;
  if (!fitsScales(s.rowsOfWarp()) || !fitsScales(s.columnsOfWarp()))
    return refuse("tiles of warps of 16, 32, 64 or 128 rows and columns, as scales lie",
                  std::to_string(s.rowsOfWarp()) + "x" + std::to_string(s.columnsOfWarp()));
  return {};
}

FormatStatus BlockScaledKernel::verify() const {
  if (blockLength != 16 && blockLength != 32)
    return refuse("blocks of 16 or 32 elements", std::to_string(blockLength));
  if (FormatStatus status = verifyUnshared(codes.schedule); !status)
    return status;
  if (FormatStatus status = isInTensorMemory() ? verifyInTensorMemory() : verifyInRegisters();
      !status)
    return status;
  if (FormatStatus status = codes.schedule.verifyColumns(codes.columns); !status)
    return status;
  if (FormatStatus status = verifyAlone(codes.schedule); !status)
    return status;
  // Offsets in a row of tiles of scales are computed in 32 bits.
  constexpr std::int64_t most = std::int64_t{1} << 26;
  if (codes.depth > most)
    return refuse("at most 2^26 columns of the weight", std::to_string(codes.depth));
  return {};
}

FormatStatus BlockScaledKernel::verifyOn(const Target &target) const {
  bool hasTensorMemory = target.isNative(Capability::TensorMemoryMma);
  if (!isInTensorMemory() && hasTensorMemory)
    return refuse("a producer on " + std::string(target.name) +
                      ", which multiplies in tensor memory",
                  "none");
  if (FormatStatus status = need(
          isInTensorMemory() ? Capability::TensorMemoryMma : Capability::MmaBlockScale, target);
      !status)
    return status;
  return codes.schedule.verifyShared(target, sharedBytes());
}
