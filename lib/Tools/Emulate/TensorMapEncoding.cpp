// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor maps of launch descriptions.

#include "TensorMapEncoding.h"

using namespace qllm;
using namespace qllm::tool;

static llvm::Error wrong(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<emu::TensorMap> qllm::tool::encodeTensorMap(const LaunchTensorMap &given,
                                                           uint8_t *base, ElementType type,
                                                           llvm::ArrayRef<int64_t> shape) {
  size_t rank = given.box.size();
  if (rank > emu::TensorMap::kMaxRank)
    return wrong("expected at most 5 dimensions, but got " + llvm::Twine(rank));
  Shape sizes = given.sizes;
  if (sizes.empty())
    sizes.assign(shape.rbegin(), shape.rend());
  if (sizes.size() != rank || (!given.strides.empty() && given.strides.size() + 1 != rank) ||
      (!given.steps.empty() && given.steps.size() != rank))
    return wrong("expected as many sizes and steps as the box has, " + llvm::Twine(rank) +
                 ", and one stride less, but got " + llvm::Twine(sizes.size()) + ", " +
                 llvm::Twine(given.steps.size()) + " and " + llvm::Twine(given.strides.size()));
  emu::TensorMap map;
  map.base = base;
  map.rank = uint8_t(rank);
  map.elementBytes = uint8_t(storageBytes(type));
  map.swizzle = uint8_t(given.swizzle);
  uint64_t pitch = map.elementBytes;
  for (size_t i = 0; i < rank; ++i) {
    map.sizes[i] = uint64_t(sizes[i]);
    map.box[i] = uint16_t(given.box[i]);
    if (!given.steps.empty())
      map.steps[i] = uint8_t(given.steps[i]);
    pitch *= map.sizes[i];
    if (i + 1 < rank)
      map.strides[i] = given.strides.empty() ? pitch : uint64_t(given.strides[i]);
  }
  if (std::string error = emu::tensorMapError(map); !error.empty())
    return wrong(error);
  return map;
}
