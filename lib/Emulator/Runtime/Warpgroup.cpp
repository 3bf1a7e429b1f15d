// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: four warps meet, and the operands come from shared memory by the asynchronous proxy. The
// product is made when the operation is issued; its operands stay in use until the wait, where a
// write that came between is found.

#include "Block.h"

using namespace qllm::emu;

namespace {

constexpr unsigned kGroupWarps = 4, kRowBytes = 32, kChunkBytes = 16;

/// Where the rows of an operand lie. K-major: eight rows of `width` bytes follow each other, the
/// next eight `stride` further.
struct MatrixDescriptor {
  explicit MatrixDescriptor(uint64_t bits)
      : start(uint32_t(bits & 0x3fff) << 4), leading(uint32_t(bits >> 16 & 0x3fff) << 4),
        stride(uint32_t(bits >> 32 & 0x3fff) << 4), mode(unsigned(bits >> 62)) {}

  /// Offset of 16 bytes of a row. A swizzle exchanges chunks by bits of the address itself.
  uint32_t offset(unsigned row, unsigned chunk) const {
    uint32_t plain = start + row / 8 * stride + row % 8 * width();
    plain += mode ? chunk * kChunkBytes : chunk * leading;
    return plain ^ (plain >> 3 & (width() - kChunkBytes));
  }
  /// Bytes that a pattern repeats after: 128, 64 or 32 with a swizzle of that size.
  uint32_t width() const { return mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 16; }

  uint32_t start, leading, stride;
  unsigned mode;
};

uint64_t descriptorAt(const uint32_t *words) { return words[0] | uint64_t(words[1]) << 32; }

} // namespace

void Block::warpgroupMma(Thread &thread, uint32_t site, const uint32_t *in, uint32_t *out) {
  Warpgroup &group = warpgroups[thread.warp / kGroupWarps];
  unsigned index = thread.index() % group.in.size();
  if (group.arrived && group.site != site)
    return scheduler.suspend(thread, site); // for ever: the others are elsewhere
  group.site = site;
  group.in[index] = in;
  group.out[index] = out;
  unsigned first = thread.warp / kGroupWarps * kGroupWarps;
  group.waiting[thread.warp - first] |= 1u << thread.lane;
  if (++group.arrived != group.in.size())
    return scheduler.suspend(thread, site);
  performWarpgroupMma(thread, group);
  group.arrived = 0;
  group.waiting[thread.warp - first] &= ~(1u << thread.lane);
  for (unsigned warp = 0; warp < kGroupWarps; ++warp) {
    scheduler.wake(first + warp, group.waiting[warp]);
    group.waiting[warp] = 0;
  }
}

void Block::performWarpgroupMma(Thread &thread, Warpgroup &group) {
  const auto &operation = std::get<WarpgroupMma>(*siteAt(group.site).collective);
  ++collectives;
  multiplyAdds += uint64_t(64) * operation.n * operation.k;
  for (unsigned lane = 1; lane < group.in.size(); ++lane)
    if (!std::equal(group.in[0], group.in[0] + 4, group.in[lane]))
      memory.findings.add(FindingKind::DescriptorMismatch, group.site, [&] {
        return describeThread(thread) + " and others of its warpgroup give different descriptors";
      });
  if (!group.fenced)
    memory.findings.add(FindingKind::MissingMatrixFence, group.site, [&] {
      return describeThread(thread) +
             " issues the first product of its warpgroup without wgmma.fence before it";
    });
  MatrixReads reads{accessOf(thread, group.site).clock, thread.index(), group.site, {}};
  uint8_t a[64 * kRowBytes], b[256 * kRowBytes];
  readOperand(reads, descriptorAt(group.in[0]), 64, a);
  readOperand(reads, descriptorAt(group.in[0] + 2), operation.n, b);
  evaluate(operation, models[group.site], a, b, group.in.data(), 4, group.out.data());
  if (memory.checks(CheckRaces))
    group.open.push_back(std::move(reads));
}

void Block::readOperand(MatrixReads &reads, uint64_t bits, unsigned rows, uint8_t *bytes) {
  MatrixDescriptor descriptor(bits);
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned chunk = 0; chunk < kRowBytes / kChunkBytes; ++chunk) {
      uint8_t *address =
          memory.shared() + (descriptor.offset(row, chunk) & (SharedWindow::kBytes - 1));
      std::memcpy(bytes + row * kRowBytes + chunk * kChunkBytes, readMatrixChunk(reads, address),
                  kChunkBytes);
      if (memory.checks(CheckRaces))
        reads.chunks.push_back(address);
    }
}

const uint8_t *Block::readMatrixChunk(const MatrixReads &reads, uint8_t *address) {
  auto fencedAt = [&](unsigned warp, unsigned lane) { return warps[warp].fenced[lane]; };
  Access access{scheduler.thread(reads.thread), reads.clock, reads.site};
  return static_cast<const uint8_t *>(
      memory.readByProxy(access, address, kChunkBytes, kChunkBytes, fencedAt));
}

void Block::fenceMatrix(Thread &thread) { warpgroups[thread.warp / kGroupWarps].fenced = true; }

/// Committing and waiting is done by all threads of a warpgroup; the first one speaks for them.
void Block::commitMatrix(Thread &thread) {
  Warpgroup &group = warpgroups[thread.warp / kGroupWarps];
  if (thread.index() % group.in.size())
    return;
  group.committed.push_back(std::move(group.open));
  group.open.clear();
}

void Block::waitMatrix(Thread &thread, uint32_t pending) {
  Warpgroup &group = warpgroups[thread.warp / kGroupWarps];
  if (thread.index() % group.in.size())
    return;
  while (group.committed.size() > pending) {
    // What was written since the products were issued is not known to the clock of that time.
    for (const MatrixReads &reads : group.committed.front())
      for (uint8_t *address : reads.chunks)
        readMatrixChunk(reads, address);
    group.committed.erase(group.committed.begin());
  }
}
