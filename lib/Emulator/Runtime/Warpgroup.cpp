// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// wgmma: four warps meet, and the operands come from shared memory by the asynchronous proxy. What
// happens between issue and wait is in Products.cpp.

#include "Block.h"
#include "MatrixDescriptor.h"

using namespace qllm::emu;

namespace {

constexpr unsigned kGroupWarps = Product::kWarps;

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
  ++collectives;
  checkMatrixOperands(thread, group);
  issueProduct(first, group);
  group.arrived = 0;
  group.waiting[thread.warp - first] &= ~(1u << thread.lane);
  for (unsigned warp = 0; warp < kGroupWarps; ++warp) {
    scheduler.wake(first + warp, group.waiting[warp]);
    group.waiting[warp] = 0;
  }
}

void Block::checkMatrixOperands(Thread &thread, const Warpgroup &group) {
  const auto &operation = std::get<WarpgroupMma>(*siteAt(group.site).collective);
  unsigned first = operation.firstDescriptor(), last = operation.firstD();
  for (const uint32_t *in : group.in)
    if (!std::equal(in + first, in + last, group.in[0] + first))
      memory.findings.add(FindingKind::DescriptorMismatch, group.site, [&] {
        return describeThread(thread) + " and others of its warpgroup give different descriptors";
      });
  unsigned warp = thread.warp / kGroupWarps * kGroupWarps;
  bool fenced = std::all_of(&warps[warp], &warps[warp] + kGroupWarps,
                            [](const Warp &one) { return one.products.fenced; });
  if (fenced && !operation.unfenced)
    return;
  memory.findings.add(FindingKind::MissingMatrixFence, group.site, [&] {
    return describeThread(thread) +
           (fenced ? " gives registers that were written without wgmma.fence since"
                   : " issues the first product of its warpgroup without wgmma.fence before it");
  });
}

void Block::issueProduct(unsigned firstWarp, Warpgroup &group) {
  const auto &operation = std::get<WarpgroupMma>(*siteAt(group.site).collective);
  multiplyAdds += uint64_t(64) * operation.n * operation.k;
  auto product = std::make_shared<Product>();
  product->id = productCount++;
  product->site = group.site;
  product->operation = &operation;
  const uint32_t *words = group.in[0] + operation.firstDescriptor();
  std::optional<uint64_t> a;
  if (!operation.registerA)
    a = descriptorAt(words);
  uint64_t b = descriptorAt(operation.registerA ? words : words + 2);
  if (a)
    product->a = operandRows(*a, Product::kWarps * Product::kWarpRows);
  product->b = operandRows(b, operation.n);
  readOperands(*product, firstWarp);
  for (unsigned warp = firstWarp; warp < firstWarp + kGroupWarps; ++warp)
    warps[warp].products.open.push_back({product, warps[warp].clock});
  takeRegisters(*product, firstWarp, group);
  bool early = landsEarly();
  if (early)
    complete(*product);
  for (unsigned lane = 0; lane < Product::kLanes; ++lane)
    for (unsigned i = 0, count = operation.wordsD(); i < count; ++i)
      group.out[lane][i] = early ? product->results[lane * count + i] : poison(product->id, i);
}

MatrixRows Block::operandRows(uint64_t bits, unsigned count) {
  MatrixDescriptor descriptor(bits);
  MatrixRows rows;
  rows.pieces.reserve(count * MatrixRows::kRowPieces);
  for (unsigned row = 0; row < count; ++row)
    for (unsigned piece = 0; piece < MatrixRows::kRowPieces; ++piece)
      rows.pieces.push_back(memory.shared(rank) +
                            (descriptor.offset(row, piece) & (SharedWindow::kBytes - 1)));
  return rows;
}

/// All that is read is written, landed and fenced; whether each warp knows of it is looked at when
/// the product ends, together with what was written since. Rows beyond the kernel's shared memory
/// are reported, and lie in the window all the same.
void Block::readOperands(const Product &product, unsigned firstWarp) {
  auto fencedAt = [&](unsigned other, unsigned lane) { return this->fencedAt(other, lane); };
  auto accessOfWarp = [&](unsigned warp) {
    return accessOf(scheduler.thread(firstWarp + warp, 0), product.site);
  };
  bool good = true;
  product.forReads(0, kGroupWarps, [&](const uint8_t *address, uint32_t bytes) {
    good = good && memory.mayReadByProxy(accessOfWarp(0), address, bytes, fencedAt);
  });
  for (unsigned warp = 0; warp < kGroupWarps && !good; ++warp)
    product.forReads(warp, warp + 1, [&](uint8_t *address, uint32_t bytes) {
      memory.readByProxy(accessOfWarp(warp), address, bytes, MatrixRows::kPieceBytes, fencedAt);
    });
}

/// The registers as they are given, or the product that is to write them first.
void Block::takeRegisters(Product &product, unsigned firstWarp, const Warpgroup &group) {
  const WarpgroupMma &operation = *product.operation;
  unsigned count = operation.wordsD(), first = operation.firstD();
  auto given = [&](const Product &before) {
    return &before != &product &&
           std::all_of(group.in.begin(), group.in.end(),
                       [&](const uint32_t *in) { return before.isPoison(in + first, count); });
  };
  for (const uint32_t *in : group.in)
    product.fragments.insert(product.fragments.end(), in, in + operation.firstDescriptor());
  if (!operation.accumulate)
    return;
  product.before = warps[firstWarp].products.find(given);
  if (product.before)
    return;
  for (const uint32_t *in : group.in)
    product.sums.insert(product.sums.end(), in + first, in + first + count);
}
