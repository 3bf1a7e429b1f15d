// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of warpgroups from issue to wait: fences, groups, and the moment when results are there.

#include "Products.h"
#include "Block.h"

using namespace qllm::emu;

namespace {

std::vector<uint8_t> gather(const MatrixRows &rows) {
  constexpr size_t kBytes = MatrixRows::kPieceBytes;
  std::vector<uint8_t> bytes(rows.pieces.size() * kBytes);
  for (size_t i = 0; i < rows.pieces.size(); ++i)
    std::memcpy(bytes.data() + i * kBytes, rows.pieces[i], kBytes);
  return bytes;
}

} // namespace

/// The product and those that it depends on, the first one first.
void Block::complete(Product &last) {
  std::vector<Product *> chain;
  for (Product *product = &last; product && !product->done; product = product->before.get())
    chain.push_back(product);
  for (auto product = chain.rbegin(); product != chain.rend(); ++product)
    multiply(**product);
}

/// Reads the operands and makes the results. Threads have small stacks, so nothing large lies on
/// them.
void Block::multiply(Product &product) {
  const WarpgroupMma &operation = *product.operation;
  if (product.before) {
    product.sums = product.before->results;
    product.before.reset();
  }
  unsigned count = operation.wordsD();
  product.sums.resize(Product::kLanes * count); // nothing is added to a D that is not read
  product.results.resize(Product::kLanes * count);
  std::array<const uint32_t *, Product::kLanes> fragments, sums;
  std::array<uint32_t *, Product::kLanes> results;
  for (unsigned lane = 0; lane < Product::kLanes; ++lane) {
    fragments[lane] = product.fragments.data() + lane * operation.firstDescriptor();
    sums[lane] = product.sums.data() + lane * count;
    results[lane] = product.results.data() + lane * count;
  }
  std::vector<uint8_t> a = gather(product.a), b = gather(product.b);
  if (operation.registerA) {
    a.resize(Product::kWarps * Product::kWarpRows * MatrixRows::kRowPieces *
             MatrixRows::kPieceBytes);
    gatherFragments(fragments.data(), a.data());
  }
  evaluate(operation, models[product.site], a.data(), b.data(), sums.data(), 0, results.data());
  product.done = true;
}

void Block::controlProducts(Thread &thread, const WarpgroupControl &control) {
  WarpProducts &products = warpOf(thread).products;
  switch (control.kind) {
  case WarpgroupControl::Fence:
    products.fenced = true;
    return;
  case WarpgroupControl::Commit:
    products.committed.push_back(std::move(products.open));
    products.open.clear();
    return;
  case WarpgroupControl::Wait:
    products.arrived.clear();
    while (products.committed.size() > control.pending) {
      std::vector<ProductReads> group = std::move(products.committed.front());
      products.committed.erase(products.committed.begin());
      for (const ProductReads &reads : group)
        finishReads(thread, reads);
    }
  }
}

void Block::finishReads(Thread &thread, const ProductReads &reads) {
  complete(*reads.product);
  warpOf(thread).products.arrived.push_back(reads.product);
  if (!memory.checks(CheckRaces))
    return;
  Access access = accessOf(scheduler.thread(thread.warp, 0), reads.product->site);
  unsigned warp = thread.warp % Product::kWarps;
  reads.product->forReads(warp, warp + 1, [&](const uint8_t *address, uint32_t bytes) {
    memory.finishRead(access, reads.clock, address, bytes);
  });
}

void Block::refreshRegisters(Thread &thread, uint32_t *words, uint32_t count) {
  for (const std::shared_ptr<Product> &product : warpOf(thread).products.arrived)
    if (product->isPoison(words, count)) {
      unsigned lane = thread.index() % Product::kLanes;
      std::copy_n(product->results.data() + lane * count, count, words);
      return;
    }
}

void Block::readRegister(Thread &thread, uint32_t site, uint32_t word, uint32_t index) {
  const WarpProducts &products = warpOf(thread).products;
  if (products.empty() || !products.find([&](const Product &product) {
        return index < product.operation->wordsD() && word == poison(product.id, index);
      }))
    return;
  memory.findings.add(FindingKind::CopyNotWaitedFor, site, [&] {
    return describeThread(thread) + " reads a register of a product that is still under way";
  });
}
