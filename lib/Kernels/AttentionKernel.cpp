// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limits of attention kernels.

#include "qllm/Kernels/AttentionKernel.h"

#include <string>

using namespace qllm;
using namespace qllm::kernels;

static FormatStatus refuse(const std::string &wanted, std::int64_t found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + std::to_string(found));
}

FormatStatus AttentionKernel::verify() const {
  if (FormatStatus status = cache.verify(); !status)
    return status;
  if (heads < 1 || heads % cache.heads != 0 || groupSize() > rowsOfTile)
    return refuse("heads of queries that are 1 to 16 times the " + std::to_string(cache.heads) +
                      " of the cache",
                  heads);
  if (warps != 1 && warps != 2 && warps != 4)
    return refuse("1, 2 or 4 warps", warps);
  if (splits < 1 || splits > 64)
    return refuse("1 to 64 splits", splits);
  return {};
}
