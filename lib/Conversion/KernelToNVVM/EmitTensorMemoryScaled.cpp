// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One thread brings tiles to shared memory, one multiplies them, and four warps finish the sums.

#include "EmitTensorMemoryScaled.h"

#include "BarrierRing.h"
#include "BulkCopies.h"
#include "TensorMemoryEpilogue.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/TensorMemory.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

using kernels::BlockScaledKernel, kernels::ScaledInstruction;

class TensorMemoryEmitter {
public:
  TensorMemoryEmitter(CodeBuilder &code, const BlockScaledKernel &kernel,
                      const KernelFunction &function, BlockScaledLinearOp op, Value shared)
      : code(code), kernel(kernel), codes(kernel.codes), function(function), op(op), shared(shared),
        place(code, codes, function.size(0)),
        ring(code, code.advance(shared, kernel.ringBytes()), codes.schedule.stages),
        sumsBarrier(code.advance(shared, kernel.ringBytes() + 16 * codes.schedule.stages)),
        slot(code.advance(sumsBarrier, 8)), atom(code, kernel) {}

  void emit();

private:
  /// The two warps behind those that finish sums.
  int64_t loader() const { return 32 * codes.schedule.warps(); }
  int64_t multiplier() const { return loader() + 32; }
  /// Runs the body in one thread of a warp. Where the machine has picked it, the assembler knows
  /// that there is one, and keeps what instructions of single threads take in registers of the
  /// warp.
  void inOneThreadOf(int64_t thread, llvm::function_ref<void()> body);
  Value isWarpOf(int64_t thread) {
    return code.isEqual(code.shiftRight(place.thread, 5), code.constant(thread / 32));
  }
  void synchronize();

  void produce();
  void copyTile(Value tile, BarrierRing::Turn turn);
  void copyScales(Buffer scales, Value rowTile, Value tile, Value bytes, Value to, Value barrier);
  Value wordsIn(Value tile);

  void multiply();
  void multiplyTile(Value tile, BarrierRing::Turn turn, int64_t steps);
  int64_t stepsOfTile() const { return codes.schedule.tileDepth / ScaledInstruction::depth; }
  int64_t stepsOfLastTile() const {
    int64_t depth = codes.depth - (codes.tiles() - 1) * codes.schedule.tileDepth;
    return llvm::divideCeil(depth, ScaledInstruction::depth);
  }

  CodeBuilder &code;
  const BlockScaledKernel &kernel;
  const kernels::LinearKernel &codes;
  const KernelFunction &function;
  BlockScaledLinearOp op;
  Value shared;
  LinearPlace place;
  BarrierRing ring;
  Value sumsBarrier, slot;
  TensorMemoryAtom atom;
  Value tensorMemory; ///< address of what is allocated; sums come first, scales of stages behind
};

} // namespace

void TensorMemoryEmitter::inOneThreadOf(int64_t thread, llvm::function_ref<void()> body) {
  code.when(isWarpOf(thread), [&] {
    code.when(NVVM::ElectSyncOp::create(code.getBuilder(), code.getLoc(),
                                        code.getBuilder().getI1Type(), /*membermask=*/Value()),
              body);
  });
}

/// What threads have asked tensor memory for before is done before what any asks for after.
void TensorMemoryEmitter::synchronize() {
  atom.fenceBefore();
  NVVM::Barrier0Op::create(code.getBuilder(), code.getLoc());
  atom.fenceAfter();
}

/// The words of scales of each row that there are for a tile.
Value TensorMemoryEmitter::wordsIn(Value tile) {
  int64_t words = kernel.wordsOfTile();
  if (kernel.wordsOfRow() % words == 0)
    return code.constant(words);
  return code.minimum(code.constant(words), code.subtract(code.constant(kernel.wordsOfRow()),
                                                          code.multiply(tile, words)));
}

void TensorMemoryEmitter::copyScales(Buffer scales, Value rowTile, Value tile, Value bytes,
                                     Value to, Value barrier) {
  constexpr int64_t wordBytes = BlockScaledKernel::scaleBytes;
  Value row =
      code.multiply(code.extend64(rowTile), code.constant64(kernel.wordsOfRow() * wordBytes));
  Value from = code.advance(code.advance(scales.pointer, row),
                            code.multiply(tile, kernel.wordsOfTile() * wordBytes));
  copyBytes(code, from, bytes, to, barrier);
}

void TensorMemoryEmitter::copyTile(Value tile, BarrierRing::Turn turn) {
  constexpr int64_t rowsOfScales = BlockScaledKernel::rowsOfScales;
  Value scaleBytes = code.multiply(wordsIn(tile), BlockScaledKernel::scaleBytes);
  Value barrier = ring.expect(
      turn, code.add(code.multiply(scaleBytes, 1 + kernel.weightScaleRows()), codes.stageBytes()));
  Value to = code.advance(shared, code.multiply(turn.stage, kernel.stageBytes()));
  for (const kernels::TensorBox &box : codes.boxes()) {
    Value map = function[box.operand == 0 ? op.getInput() : op.getWeight()].pointer;
    copyBox(code, map, code.multiply(tile, box.rowBytes),
            box.operand == 0 ? place.tileRow : place.tileColumn, to, barrier);
    to = code.advance(to, box.rows * box.rowBytes);
  }
  int64_t step = kernel.wordsOfTile() * BlockScaledKernel::scaleBytes;
  copyScales(function[op.getInputScales()], code.divide(place.tileRow, rowsOfScales), tile,
             scaleBytes, to, barrier);
  Value lastRow = code.constant((codes.columns - 1) / rowsOfScales);
  for (int64_t row = 0; row != kernel.weightScaleRows(); ++row) {
    to = code.advance(to, step);
    // Columns past the last have no scales; any will do, as their sums are not stored.
    Value rowTile =
        code.minimum(code.add(code.divide(place.tileColumn, rowsOfScales), row), lastRow);
    copyScales(function[op.getWeightScales()], rowTile, tile, scaleBytes, to, barrier);
  }
}

void TensorMemoryEmitter::produce() {
  ring.fill(codes.tiles(), [&](Value tile, BarrierRing::Turn turn) { copyTile(tile, turn); });
}

/// Scales go to tensor memory in front of the products that take them, which stay behind them.
/// Those of the weight have the rows of a word next to each other.
void TensorMemoryEmitter::multiplyTile(Value tile, BarrierRing::Turn turn, int64_t steps) {
  constexpr int64_t unit = kernels::MatrixDescriptor::unitBytes,
                    wordUnits = BlockScaledKernel::scaleBytes / unit,
                    wordColumns = BlockScaledKernel::scaleColumns;
  int64_t words = llvm::divideCeil(steps, kernel.stepsOfWord()), rows = kernel.weightScaleRows();
  ring.waitUntilFull(turn);
  atom.fenceAfter();
  Value left =
      code.add(code.sharedUnits(shared), code.multiply(turn.stage, kernel.stageBytes() / unit));
  Value right = code.add(left, codes.inputTile().bytes() / unit);
  Value scales = code.add(left, codes.stageBytes() / unit);
  Value leftScales = code.add(code.add(tensorMemory, codes.schedule.tileColumns),
                              code.multiply(turn.stage, kernel.scaleTiles() * wordColumns));
  Value rightScales = code.add(leftScales, kernel.wordsOfTile() * wordColumns);
  for (int64_t word = 0; word != words; ++word) {
    atom.copyScales(code.add(scales, word * wordUnits), code.add(leftScales, word * wordColumns));
    for (int64_t row = 0; row != rows; ++row)
      atom.copyScales(code.add(scales, ((row + 1) * kernel.wordsOfTile() + word) * wordUnits),
                      code.add(rightScales, (word * rows + row) * wordColumns));
  }
  Value always = code.isEqual(code.constant(int64_t(0)), code.constant(int64_t(0)));
  for (int64_t step = 0; step != steps; ++step) {
    int64_t word = step / kernel.stepsOfWord();
    // Where two steps share a word, each has two of its bytes.
    unsigned byte = unsigned(step % kernel.stepsOfWord() * 2);
    Value accumulate = step == 0 ? code.less(code.constant(int64_t(0)), tile) : always;
    atom.multiply(code.add(left, step * TensorMemoryAtom::stepUnits),
                  code.add(right, step * TensorMemoryAtom::stepUnits),
                  code.add(leftScales, word * wordColumns),
                  code.add(rightScales, word * rows * wordColumns), byte, tensorMemory, accumulate);
  }
  atom.commit(ring.empty(turn.stage));
}

/// The last tile has steps of its own where the depth ends inside: there are no scales behind it.
void TensorMemoryEmitter::multiply() {
  bool isRagged = stepsOfLastTile() != stepsOfTile();
  BarrierRing::Turn first = ring.firstToRead();
  ValueRange last = code.repeat(0, codes.tiles() - isRagged, {first.stage, first.parity},
                                [&](Value tile, ValueRange carried) -> SmallVector<Value> {
                                  BarrierRing::Turn turn{carried[0], carried[1]};
                                  multiplyTile(tile, turn, stepsOfTile());
                                  BarrierRing::Turn next = ring.next(turn);
                                  return {next.stage, next.parity};
                                });
  if (isRagged)
    multiplyTile(code.constant(codes.tiles() - 1), {last[0], last[1]}, stepsOfLastTile());
  atom.commit(sumsBarrier);
}

void TensorMemoryEmitter::emit() {
  Value isFirst = code.isEqual(place.thread, code.constant(int64_t(0)));
  initializeBarrier(code, sumsBarrier, /*arrivals=*/1, isFirst);
  ring.initialize(isFirst, /*readers=*/1);
  code.when(isWarpOf(multiplier()), [&] { atom.allocate(slot); });
  synchronize();
  tensorMemory = code.load(code.i32(), slot, 4);
  code.either(
      code.less(place.thread, code.constant(loader())),
      [&] {
        waitForBarrier(code, sumsBarrier, code.constant(int64_t(0)));
        atom.fenceAfter();
        emitTensorMemoryEpilogue(code, place, atom, ScaledResult(code, function, op), tensorMemory,
                                 codes.schedule.tileColumns);
      },
      [&] {
        inOneThreadOf(loader(), [&] { produce(); });
        inOneThreadOf(multiplier(), [&] { multiply(); });
      });
  synchronize();
  code.when(isWarpOf(multiplier()), [&] { atom.free(tensorMemory); });
}

void qllm::emitTensorMemoryScaled(OpBuilder &builder, BlockScaledLinearOp op,
                                  const BlockScaledKernel &kernel, StringRef name,
                                  StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<int64_t> mapped;
  for (const kernels::TensorBox &box : kernel.codes.boxes())
    mapped.push_back(box.operand);
  KernelFunction function(builder, op, name, kernel.codes.schedule.threads(), mapped);
  CodeBuilder code(builder, op.getLoc());
  Value shared = LLVM::AddressOfOp::create(
      builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
      sharedName);
  TensorMemoryEmitter(code, kernel, function, op, shared).emit();
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
