// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One warpgroup brings tiles to shared memory by tensor copies, the others multiply them. Between
// them is a ring of stages with barriers.

#include "EmitWarpgroupLinear.h"

#include "BarrierRing.h"
#include "BulkCopies.h"
#include "LinearFunction.h"
#include "WarpgroupAtom.h"
#include "WarpgroupEpilogue.h"
#include "WarpgroupGroups.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// Registers of a thread that loads and of one that multiplies; together no more than a block with
/// two warpgroups that multiply has.
struct RegisterShares {
  uint32_t producer = 40, consumer = 232;
};

RegisterShares sharesOf(const kernels::LinearKernel &kernel) {
  // What belongs to rows of a tile passes through registers of the producer.
  return kernel.rowValueBytes() != 0 ? RegisterShares{64, 224} : RegisterShares();
}

class WarpgroupEmitter {
public:
  WarpgroupEmitter(CodeBuilder &code, const kernels::LinearKernel &kernel,
                   const LinearArguments &arguments, Value shared)
      : code(code), kernel(kernel), arguments(arguments), shared(shared),
        place(code, kernel, arguments.rows), ring(code, code.advance(shared, kernel.ringBytes()),
                                                  kernel.schedule.stages, kernel.schedule.cluster),
        groups(code, place, kernel, arguments,
               code.advance(shared, kernel.ringBytes() + kernel.barrierBytes()), ring),
        atom(code, kernel.wholeSide(), leftSigned(),
             !kernel.isTransposed() ? kernel.weight.isSigned : kernel.input.isSigned) {}

  void emit();

private:
  bool leftSigned() const {
    return kernel.isTransposed() ? kernel.weight.isSigned || kernel.subtractsZeroPoints()
                                 : kernel.input.isSigned;
  }
  int64_t consumers() const { return 32 * kernel.schedule.warps(); }

  void produce();
  void copyTile(Value tile, BarrierRing::Turn turn);
  SmallVector<Value> consume();
  Value multiplyShared();
  Value multiplyRegisters();
  SmallVector<Value> multiplyGroups();
  Value startTile(Value sums, BarrierRing::Turn turn, bool accumulate);
  Value startShared(Value sums, BarrierRing::Turn turn, int64_t first, int64_t count,
                    bool accumulate);
  SmallVector<Words> readWeights(BarrierRing::Turn turn);
  Value startRegisters(Value sums, Value right, ArrayRef<Words> left);
  Value startGroup(BarrierRing::Turn turn, ArrayRef<Words> left, int64_t first, int64_t count);
  /// Each warp for itself: others of its warpgroup may still read.
  void release(Value stage) { ring.release(stage, place.lane); }
  /// Units of the stage's first byte.
  Value unitsOf(Value stage) {
    return code.add(sharedUnits,
                    code.multiply(stage, kernel.stageBytes() / WarpgroupAtom::unitBytes));
  }
  Value offsetOf(Value stage) { return code.multiply(stage, kernel.stageBytes()); }
  int64_t steps() const { return kernel.inputTile().rowBytes / kernels::LinearKernel::stepBytes; }

  CodeBuilder &code;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  Value shared;
  LinearPlace place;
  BarrierRing ring;
  WarpgroupGroups groups;
  WarpgroupAtom atom;
  Value rankInCluster;
  Value sharedUnits;
  Value leftUnits; ///< of the warpgroup's part of the left operand in shared memory
  Value fragments; ///< where the lane's words of a shuffled tile lie in stage 0
};

} // namespace

void WarpgroupEmitter::copyTile(Value tile, BarrierRing::Turn turn) {
  Value barrier = ring.expect(turn, code.constant(kernel.stageBytes()));
  Value to = code.advance(shared, offsetOf(turn.stage));
  for (const kernels::TensorBox &box : kernel.boxes()) {
    kernels::OperandTile tileShape = box.operand == 0 ? kernel.inputTile() : kernel.weightTile();
    Value map = box.operand == 0 ? arguments.input.pointer : arguments.weight.pointer;
    Value first = box.operand == 0
                      ? place.tileRow
                      : code.divide(place.tileColumn, kernel.schedule.tileColumns / tileShape.rows);
    Value part = to;
    int64_t blocks = tileShape.rows / box.rows;
    if (blocks != 1) {
      // This block's part, for all.
      Value before = code.multiply(rankInCluster, box.rows);
      first = code.add(first, before);
      part = code.advance(to, code.multiply(before, box.rowBytes));
    }
    for (int64_t byte = 0; byte != tileShape.rowBytes; byte += box.rowBytes) {
      Value column = code.add(code.multiply(tile, tileShape.rowBytes), byte);
      copyBox(code, map, column, first, part, barrier, blocks);
      part = code.advance(part, tileShape.rows * box.rowBytes);
    }
    to = code.advance(to, tileShape.bytes());
  }
}

/// One thread asks for all tiles, as soon as there is room; warps behind its own bring what belongs
/// to rows.
void WarpgroupEmitter::produce() {
  NVVM::SetMaxRegisterOp::create(code.getBuilder(), code.getLoc(), sharesOf(kernel).producer,
                                 NVVM::SetMaxRegisterAction::decrease);
  if (kernel.schedule.cluster != 1)
    rankInCluster = NVVM::ClusterId::create(code.getBuilder(), code.getLoc(), code.i32());
  code.when(code.isEqual(place.thread, code.constant(consumers())), [&] {
    ring.fill(kernel.tiles(), [&](Value tile, BarrierRing::Turn turn) { copyTile(tile, turn); });
  });
  groups.fillRows(consumers() + 32);
}

/// Products of `count` steps of the stage from `first` on, both operands in shared memory.
Value WarpgroupEmitter::startShared(Value sums, BarrierRing::Turn turn, int64_t first,
                                    int64_t count, bool accumulate) {
  Value units = unitsOf(turn.stage);
  Value left = units,
        right = code.add(units, kernel.inputTile().bytes() / WarpgroupAtom::unitBytes);
  if (kernel.isTransposed())
    std::swap(left, right);
  left = code.add(left, leftUnits);
  atom.fence();
  for (int64_t step = first; step != first + count; ++step) {
    sums = atom.multiply(code.add(left, step * WarpgroupAtom::stepUnits),
                         code.add(right, step * WarpgroupAtom::stepUnits), sums,
                         accumulate || step != first);
  }
  atom.commit();
  return sums;
}

Value WarpgroupEmitter::startTile(Value sums, BarrierRing::Turn turn, bool accumulate) {
  ring.waitUntilFull(turn);
  return startShared(sums, turn, 0, steps(), accumulate);
}

/// The products of one tile are under way while those of the next are started; then the stage of
/// the first is released.
Value WarpgroupEmitter::multiplyShared() {
  BarrierRing::Turn turn = ring.firstToRead();
  Value first = startTile(atom.zeroSums(), turn, /*accumulate=*/false);
  BarrierRing::Turn second = ring.next(turn);
  ValueRange results =
      code.repeat(1, kernel.tiles(), {first, second.stage, second.parity, turn.stage},
                  [&](Value, ValueRange carried) -> SmallVector<Value> {
                    BarrierRing::Turn turn{carried[1], carried[2]};
                    Value sums = startTile(carried[0], turn, /*accumulate=*/true);
                    atom.waitForAllBut(1);
                    release(carried[3]);
                    BarrierRing::Turn next = ring.next(turn);
                    return {sums, next.stage, next.parity, turn.stage};
                  });
  atom.waitForAllBut(0);
  return results[0];
}

/// Unpacks the warp's part of the weights, 16 outputs, to registers: words for each step.
SmallVector<Words> WarpgroupEmitter::readWeights(BarrierRing::Turn turn) {
  kernels::WeightLayout layout = kernels::WeightLayout::int4Fragments();
  int64_t stepsOfLayout = layout.tileColumns() / 32;
  int64_t layoutBytes =
      kernel.weightTile().rows * layout.tileSize() / 2; // of a tile of the layout, for all rows
  Value from = code.advance(fragments, offsetOf(turn.stage));
  SmallVector<Words> left;
  for (int64_t step = 0; step != steps(); ++step) {
    Value address = code.advance(from, step / stepsOfLayout * layoutBytes);
    Value vector = code.load(VectorType::get(4, code.i32()), address, 16);
    auto inVector = unsigned(step % stepsOfLayout);
    int64_t group = kernel.isGrouped() ? step * kernel.groupsOfTile() / steps() : 0;
    left.push_back(
        groups.unpack(group, {code.element(vector, inVector), code.element(vector, 2 + inVector)}));
  }
  return left;
}

/// `right` is the place of the first step.
Value WarpgroupEmitter::startRegisters(Value sums, Value right, ArrayRef<Words> left) {
  atom.fence();
  for (auto [step, words] : llvm::enumerate(left))
    sums = atom.multiplyWords(words, code.add(right, step * WarpgroupAtom::stepUnits), sums);
  atom.commit();
  return sums;
}

/// Registers of the left operand are in use until the products are there, so a warpgroup waits for
/// them; the other one multiplies meanwhile.
Value WarpgroupEmitter::multiplyRegisters() {
  BarrierRing::Turn first = ring.firstToRead();
  ValueRange results =
      code.repeat(0, kernel.tiles(), {atom.zeroSums(), first.stage, first.parity},
                  [&](Value, ValueRange carried) -> SmallVector<Value> {
                    BarrierRing::Turn turn{carried[1], carried[2]};
                    ring.waitUntilFull(turn);
                    Value sums = startRegisters(carried[0], unitsOf(turn.stage), readWeights(turn));
                    atom.waitForAllBut(0);
                    release(turn.stage);
                    BarrierRing::Turn next = ring.next(turn);
                    return {sums, next.stage, next.parity};
                  });
  return results[0];
}

/// Products of a group, whose integers start at zero.
Value WarpgroupEmitter::startGroup(BarrierRing::Turn turn, ArrayRef<Words> left, int64_t first,
                                   int64_t count) {
  if (!kernel.isWeightShuffled())
    return startShared(atom.zeroSums(), turn, first, count, /*accumulate=*/false);
  Value right = code.add(unitsOf(turn.stage), first * WarpgroupAtom::stepUnits);
  return startRegisters(atom.zeroSums(), right, left.slice(size_t(first), size_t(count)));
}

/// The integers of a group are added to floats when they are there.
SmallVector<Value> WarpgroupEmitter::multiplyGroups() {
  int64_t groupsOfTile = kernel.groupsOfTile();
  int64_t stepsOfGroup = steps() / groupsOfTile;
  size_t count = size_t(kernel.wholeSide() / 2);
  BarrierRing::Turn first = ring.firstToRead();
  SmallVector<Value> initial(count, code.constant(0.0f));
  initial.append({first.stage, first.parity});
  auto body = [&](Value tile, ValueRange carried) -> SmallVector<Value> {
    BarrierRing::Turn turn{carried[count], carried[count + 1]};
    SmallVector<Value> sums(carried.take_front(count));
    groups.beginTile(tile, turn.stage);
    ring.waitUntilFull(turn);
    SmallVector<Words> left;
    if (kernel.isWeightShuffled())
      left = readWeights(turn);
    for (int64_t group = 0; group != groupsOfTile; ++group) {
      Value products = startGroup(turn, left, group * stepsOfGroup, stepsOfGroup);
      atom.waitForAllBut(0);
      bool isLast = group + 1 == groupsOfTile;
      if (isLast && !groups.bringsRows())
        release(turn.stage);
      groups.add(group, atom.elements(products), sums);
      if (isLast && groups.bringsRows()) {
        // All lanes have read what belongs to rows.
        NVVM::SyncWarpOp::create(code.getBuilder(), code.getLoc(), code.constant(int64_t(-1)));
        release(turn.stage);
      }
    }
    BarrierRing::Turn next = ring.next(turn);
    sums.append({next.stage, next.parity});
    return sums;
  };
  // One tile too is a loop to LLVM, which in straight code moves additions behind later products,
  // until nothing fits into registers.
  Value begin = code.constant(int64_t(0));
  if (kernel.tiles() == 1)
    begin = code.hide(begin);
  ValueRange results = code.repeat(begin, kernel.tiles(), /*step=*/1, initial, body);
  return SmallVector<Value>(results.take_front(count));
}

SmallVector<Value> WarpgroupEmitter::consume() {
  NVVM::SetMaxRegisterOp::create(code.getBuilder(), code.getLoc(), sharesOf(kernel).consumer,
                                 NVVM::SetMaxRegisterAction::increase);
  sharedUnits = code.sharedUnits(shared);
  if (!kernel.isWeightShuffled()) {
    // Equal in a warp, and said to be so: then addresses need no register of each lane.
    Value group = code.broadcast(code.shiftRight(place.thread, 7));
    leftUnits = code.multiply(group, WarpgroupAtom::rows * kernel.inputTile().rowBytes /
                                         WarpgroupAtom::unitBytes);
    return kernel.isGrouped() ? multiplyGroups() : atom.elements(multiplyShared());
  }
  // Boxes of 256 bytes of each row of tiles of the layout; 16 lanes have their words in one.
  int64_t rowBytes = kernel.boxes()[1].rowBytes, lanes = rowBytes / 16;
  Value row = code.multiply(code.shiftRight(place.thread, 5), rowBytes);
  Value inBox = code.multiply(code.remainder(place.lane, lanes), 16);
  Value boxStart =
      code.multiply(code.divide(place.lane, lanes), kernel.weightTile().rows * rowBytes);
  fragments = code.advance(code.advance(shared, kernel.inputTile().bytes()),
                           code.add(row, code.add(inBox, boxStart)));
  return kernel.isGrouped() ? multiplyGroups() : atom.elements(multiplyRegisters());
}

void WarpgroupEmitter::emit() {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  bool isClustered = kernel.schedule.cluster != 1;
  ring.initialize(code.isEqual(place.thread, code.constant(int64_t(0))), kernel.schedule.warps(),
                  groups.fillers());
  if (isClustered) {
    // Others copy to this block, and arrive at its barriers.
    NVVM::ClusterArriveOp::create(builder, loc, builder.getUnitAttr());
    NVVM::ClusterWaitOp::create(builder, loc, builder.getUnitAttr());
  } else {
    NVVM::Barrier0Op::create(builder, loc);
  }
  // A block stays until no other arrives at its barriers any more. Lanes come one by one: the one
  // that copies is the last of its warp.
  auto leave = [&] {
    if (isClustered)
      NVVM::ClusterArriveOp::create(builder, loc, UnitAttr());
  };
  Value multiplies = code.less(place.thread, code.constant(consumers()));
  code.either(
      multiplies,
      [&] {
        SmallVector<Value> sums = consume();
        leave();
        emitWarpgroupEpilogue(code, place, kernel, arguments, sums,
                              kernel.scaleLog2(kernels::MmaForm::Int8));
      },
      [&] {
        produce();
        leave();
      });
  if (isClustered)
    NVVM::ClusterWaitOp::create(builder, loc, UnitAttr());
}

void qllm::emitWarpgroupLinear(OpBuilder &builder, LinearOp op, const kernels::Target &target,
                               StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  kernels::LinearKernel kernel = op.getKernelOn(target);
  LinearArguments arguments = makeLinearFunction(builder, op, kernel, name);
  CodeBuilder code(builder, op.getLoc());
  Value shared = LLVM::AddressOfOp::create(
      builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
      sharedName);
  WarpgroupEmitter(code, kernel, arguments, shared).emit();
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
