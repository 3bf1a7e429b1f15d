// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the blocks of a launch lie in its grid when they come in clusters.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_CLUSTERSHAPE_H
#define QLLM_LIB_EMULATOR_RUNTIME_CLUSTERSHAPE_H

#include "qllm/Emulator/Runtime/Launch.h"

namespace qllm::emu {

using Sizes = std::array<uint32_t, 3>;

/// The `index`-th of a box of `sizes`, the first dimension first.
inline Sizes unravel(uint64_t index, const Sizes &sizes) {
  return {uint32_t(index % sizes[0]), uint32_t(index / sizes[0] % sizes[1]),
          uint32_t(index / sizes[0] / sizes[1])};
}

/// Each size of the grid is a multiple of the cluster's.
struct ClusterShape {
  ClusterShape(const Program &program, const Launch &launch)
      : size(launch.cluster[0]            ? launch.cluster
             : program.requiredCluster[0] ? program.requiredCluster
                                          : Sizes{1, 1, 1}),
        count{launch.grid[0] / size[0], launch.grid[1] / size[1], launch.grid[2] / size[2]} {}

  unsigned blocks() const { return size[0] * size[1] * size[2]; }
  uint64_t clusters() const { return uint64_t(count[0]) * count[1] * count[2]; }
  /// Of the block with that rank in a cluster.
  Sizes blockId(uint64_t cluster, unsigned rank) const {
    Sizes outer = unravel(cluster, count), inner = unravel(rank, size);
    return {outer[0] * size[0] + inner[0], outer[1] * size[1] + inner[1],
            outer[2] * size[2] + inner[2]};
  }

  /// Blocks of a cluster, clusters of the grid.
  Sizes size, count;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_CLUSTERSHAPE_H
