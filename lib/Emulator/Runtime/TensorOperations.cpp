// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tcgen05.cp, tcgen05.mma and tcgen05.commit: a thread asks for them, and they are done in that
// order when an mbarrier has to know.

#include "Block.h"
#include "MatrixDescriptor.h"

using namespace qllm;
using namespace qllm::emu;

namespace {

constexpr unsigned kRows = 128, kDepth = 64, kPieceBytes = 16, kRowPieces = 2;
/// Lanes of a warp; words of scales of 32 rows lie in one column, and again for each warp.
constexpr unsigned kWarpLanes = 32, kWarps = 4, kScaleColumns = kRows / kWarpLanes;

unsigned field(uint32_t bits, unsigned first, unsigned size) {
  return bits >> first & ((1u << size) - 1);
}

/// The form that an instruction descriptor of kinds mxf4 and mxf4nvf4 stands for, dense, both sides
/// e2m1. Nothing for any other, or for one that does not fit blocks of so many elements.
std::optional<BlockScaledMma> decodeInstruction(uint32_t bits, unsigned blockLength,
                                                unsigned &columns) {
  bool power = field(bits, 23, 1);
  unsigned byteA = field(bits, 29, 2), byteB = field(bits, 4, 2);
  constexpr uint32_t reserved = 0x0701f04f, most = 256;
  columns = field(bits, 17, 6) * 8;
  bool fits = blockLength == 16 ? !power && byteA == 0 && byteB == 0
                                : power && byteA % 2 == 0 && byteB % 2 == 0;
  if ((bits & reserved) || field(bits, 31, 1) || field(bits, 7, 3) != 1 ||
      field(bits, 10, 2) != 1 || field(bits, 27, 2) != kRows / 128 || columns == 0 ||
      columns > most || columns % 16 || !fits)
    return std::nullopt;
  const ElementFormat *codes = ElementFormat::lookup("e2m1");
  return BlockScaledMma{kDepth,
                        codes,
                        codes,
                        ElementFormat::lookup(power ? "ue8m0" : "e4m3"),
                        kDepth / blockLength,
                        {byteA, 0},
                        {byteB, 0}};
}

/// What both kinds of descriptors of tcgen05 have to say: constant bits, and a swizzle that rows of
/// 16-byte pieces can have.
bool isDescriptor(uint64_t bits) {
  return (bits >> 46 & 7) == 1 && (bits >> 53 & 0xff) == 0 && !(bits >> 61 & 1);
}

std::vector<uint8_t> gather(const std::vector<uint8_t *> &pieces) {
  std::vector<uint8_t> bytes(pieces.size() * kPieceBytes);
  for (size_t i = 0; i < pieces.size(); ++i)
    std::memcpy(bytes.data() + i * kPieceBytes, pieces[i], kPieceBytes);
  return bytes;
}

} // namespace

/// Notes that the operation reads them, as of its issue.
std::vector<uint8_t *> Block::tensorOperand(Thread &thread, uint32_t site, uint64_t bits,
                                            unsigned rows, unsigned pieces) {
  if (!isDescriptor(bits))
    misuseTensorMemory(thread, site, "gives a descriptor of a matrix that cannot be");
  MatrixDescriptor descriptor(bits);
  auto fencedAt = [&](unsigned warp, unsigned lane) { return this->fencedAt(warp, lane); };
  std::vector<uint8_t *> found;
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned piece = 0; piece < pieces; ++piece) {
      uint8_t *address =
          memory.shared(rank) + (descriptor.offset(row, piece) & (SharedWindow::kBytes - 1));
      found.push_back(static_cast<uint8_t *>(
          memory.readByProxy(accessOf(thread, site), address, kPieceBytes, kPieceBytes, fencedAt)));
    }
  return found;
}

TensorOperation &Block::issueTensorOperation(Thread &thread, uint32_t site) {
  TensorQueue &queue = tensorMemory.queues[thread.index()];
  ++queue.issued;
  queue.lastSite = site;
  fruitlessTests = 0;
  TensorOperation &operation = queue.waiting.emplace_back();
  operation.site = site;
  operation.thread = thread.index();
  operation.clock = warpOf(thread).clock;
  return operation;
}

void Block::startTensorOperation(Thread &thread) {
  if (landsEarly())
    runTensorOperations(thread.index(), tensorMemory.queues[thread.index()].issued);
}

void Block::tensorCopy(Thread &thread, uint32_t site, uint32_t to, uint64_t descriptor) {
  if (!useColumns(thread, site, TensorUse::CopyWrite, to, kScaleColumns))
    return;
  TensorOperation &operation = issueTensorOperation(thread, site);
  operation.to = to;
  operation.a = tensorOperand(thread, site, descriptor, kWarpLanes, 1);
  noteTensorWrite(operation, kScaleColumns);
  startTensorOperation(thread);
}

void Block::tensorMultiply(Thread &thread, uint32_t site, const TensorProduct &product) {
  unsigned columns = 0;
  std::optional<BlockScaledMma> form =
      decodeInstruction(product.instruction, product.blockLength, columns);
  if (!form)
    return misuseTensorMemory(thread, site, "gives an instruction descriptor that cannot be");
  unsigned scaleColumns = (columns + kWarpLanes - 1) / kWarpLanes;
  // Sums that are not read are written all the same, in the order of the thread's products.
  if (!useColumns(thread, site, TensorUse::ProductWrite, product.sums, columns) ||
      (product.accumulate &&
       !useColumns(thread, site, TensorUse::ProductRead, product.sums, columns)) ||
      !useColumns(thread, site, TensorUse::ProductRead, product.scalesA, kScaleColumns) ||
      !useColumns(thread, site, TensorUse::ProductRead, product.scalesB, scaleColumns))
    return;
  TensorOperation &operation = issueTensorOperation(thread, site);
  operation.to = product.sums;
  operation.columns = columns;
  operation.accumulate = product.accumulate;
  operation.scalesA = product.scalesA;
  operation.scalesB = product.scalesB;
  operation.form = *form;
  operation.a = tensorOperand(thread, site, product.a, kRows, kRowPieces);
  operation.b = tensorOperand(thread, site, product.b, columns, kRowPieces);
  noteTensorWrite(operation, columns);
  uint64_t number = tensorMemory.queues[thread.index()].issued;
  for (auto [first, count] :
       {std::pair(product.scalesA, kScaleColumns), std::pair(product.scalesB, scaleColumns)})
    for (uint32_t column = first; column != first + count; ++column) {
      tensorMemory.columns[column].readerThread = thread.index();
      tensorMemory.columns[column].readerNumber = number;
    }
  multiplyAdds += uint64_t(kRows) * columns * kDepth;
  startTensorOperation(thread);
}

void Block::noteTensorWrite(const TensorOperation &operation, unsigned count) {
  for (uint32_t index = operation.to; index != operation.to + count; ++index) {
    TensorColumn &column = tensorMemory.columns[index];
    column.written = true;
    column.writerThread = operation.thread;
    column.writerNumber = tensorMemory.queues[operation.thread].issued;
    column.writerTime = operation.clock.now();
  }
}

void Block::tensorCommit(Thread &thread, uint32_t site, void *address) {
  MemoryBarrier *barrier = barrierAt(thread, site, address);
  if (!barrier)
    return;
  fruitlessTests = 0;
  WarpClock &clock = warpOf(thread).clock;
  barrier->commits.push_back(
      {site, thread.index(), tensorMemory.queues[thread.index()].issued, clock.seen});
  clock.tick();
  bool awaited = std::any_of(barrier->waiting.begin(), barrier->waiting.end(),
                             [](uint32_t lanes) { return lanes != 0; });
  if (landsEarly() || awaited)
    advance(*barrier);
}

/// An arrival by tcgen05.commit.
void Block::arrive(MemoryBarrier &barrier, const TensorCommit &commit) {
  runTensorOperations(commit.thread, commit.upTo);
  uint64_t &complete = tensorMemory.queues[commit.thread].complete;
  complete = std::max(complete, commit.upTo);
  barrier.arriving.join(commit.knows);
  if (barrier.pending) {
    --barrier.pending;
    return;
  }
  memory.findings.add(FindingKind::BarrierMisuse, commit.site, [&] {
    return describeThread(scheduler.thread(commit.thread)) +
           " has tcgen05.commit arrive at an mbarrier that expects no more";
  });
}

void Block::runTensorOperations(unsigned thread, uint64_t upTo) {
  TensorQueue &queue = tensorMemory.queues[thread];
  for (; queue.done < upTo; ++queue.done) {
    perform(queue.waiting.front());
    queue.waiting.pop_front();
  }
}

void Block::perform(const TensorOperation &operation) {
  // What was written to shared memory since the issue is not known to the clock of that time.
  auto fencedAt = [&](unsigned warp, unsigned lane) { return this->fencedAt(warp, lane); };
  Access access{scheduler.thread(operation.thread), operation.clock, operation.site};
  for (const std::vector<uint8_t *> *pieces : {&operation.a, &operation.b})
    for (uint8_t *piece : *pieces)
      memory.readByProxy(access, piece, kPieceBytes, kPieceBytes, fencedAt);
  if (operation.columns == 0)
    for (unsigned lane = 0; lane < kRows; ++lane)
      std::memcpy(tensorMemory.row(lane) + operation.to, operation.a[lane % kWarpLanes],
                  kPieceBytes);
  else
    multiply(operation);
}

/// Word of scales of a row, as the lanes of warp `warp` have it.
uint32_t Block::scalesOf(uint32_t first, unsigned row, unsigned warp) {
  return tensorMemory.row(warp * kWarpLanes + row % kWarpLanes)[first + row / kWarpLanes];
}

void Block::multiply(const TensorOperation &operation) {
  std::vector<uint32_t> scalesA(kRows), scalesB(operation.columns);
  for (unsigned row = 0; row < kRows; ++row)
    scalesA[row] = scalesOf(operation.scalesA, row, row / kWarpLanes);
  for (unsigned column = 0; column < operation.columns; ++column) {
    scalesB[column] = scalesOf(operation.scalesB, column, 0);
    for (unsigned warp = 1; warp < kWarps; ++warp)
      if (scalesOf(operation.scalesB, column, warp) != scalesB[column])
        misuseTensorMemory(scheduler.thread(operation.thread), operation.site,
                           "multiplies by scales that are not the same in the lanes of all warps");
  }
  std::vector<float> sums(size_t(kRows) * operation.columns);
  for (unsigned row = 0; operation.accumulate && row < kRows; ++row)
    std::memcpy(&sums[row * operation.columns], tensorMemory.row(row) + operation.to,
                operation.columns * sizeof(float));
  std::vector<uint8_t> a = gather(operation.a), b = gather(operation.b);
  evaluate(operation.form, launch.exactSums ? exactModel() : floatModel(operation.form),
           {a.data(), scalesA.data(), kRows}, {b.data(), scalesB.data(), operation.columns},
           sums.data());
  for (unsigned row = 0; row < kRows; ++row)
    std::memcpy(tensorMemory.row(row) + operation.to, &sums[row * operation.columns],
                operation.columns * sizeof(float));
}
