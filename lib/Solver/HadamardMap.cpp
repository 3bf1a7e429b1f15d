// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same factors as the rotations that passes write.

#include "qllm/Solver/HadamardMap.h"
#include "qllm/Numerics/Hadamard.h"
#include "llvm/ADT/STLExtras.h"

using namespace qllm;

llvm::Expected<std::vector<ChannelMap>> qllm::hadamardMaps(int64_t channels, int64_t block,
                                                           std::optional<uint64_t> seed) {
  std::vector<int64_t> blocks = hadamardBlocks(channels);
  if (blocks.empty())
    return llvm::createStringError("expected at least one channel, but got " +
                                   llvm::Twine(channels));
  if (block == 0)
    block = blocks.front();
  if (!llvm::is_contained(blocks, block)) {
    std::string list;
    for (int64_t possible : blocks)
      list += (list.empty() ? "" : ", ") + std::to_string(possible);
    return llvm::createStringError("expected blocks that divide the " + llvm::Twine(channels) +
                                   " channels and have a Hadamard matrix (" + list +
                                   "), but got blocks of " + llvm::Twine(block));
  }
  std::vector<ChannelMap> maps;
  if (seed) {
    ChannelMap signs;
    signs.kind = ChannelMap::Kind::Scale; // dividing by a sign is multiplying by it
    signs.values = randomSigns(channels, *seed);
    maps.push_back(std::move(signs));
  }
  HadamardSize size = *findHadamard(block);
  ChannelMap rotation;
  rotation.kind = ChannelMap::Kind::Rotate;
  for (auto [factor, stride] :
       {std::pair(size.dense, size.doubled), std::pair(size.doubled, int64_t(1))})
    if (factor != 1)
      rotation.factors.push_back({factor, stride, llvm::cantFail(hadamardMatrix(factor))});
  if (!rotation.factors.empty())
    maps.push_back(std::move(rotation));
  return maps;
}
