// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the kernel put together around the loop over the depth.

#include "EmitLinear.h"

#include "Accumulators.h"
#include "Epilogue.h"
#include "TileLoader.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// Places that change from tile to tile, in the order in which the loop carries them.
struct RingState {
  Value readStage, writeStage;       ///< bytes from stage 0
  Value inputPointer, weightPointer; ///< to what is loaded next

  SmallVector<Value> values() const { return {readStage, writeStage, inputPointer, weightPointer}; }
};

class LinearEmitter {
public:
  LinearEmitter(OpBuilder &builder, LinearOp op, const kernels::Target &target)
      : builder(builder), op(op), kernel(op.getKernelOn(target)), form(kernel.formOn(target)),
        accumulator(*kernel.proveAccumulator(form).accumulator) {}

  void emit(StringRef name, StringRef shared);

private:
  LinearArguments makeFunction(StringRef name);
  void makeParts(CodeBuilder &code, const LinearArguments &arguments, Value shared);
  RingState fillRing(CodeBuilder &code);
  SmallVector<Value> emitBody(CodeBuilder &code, Value tile, ValueRange carried);
  void multiplyTile(CodeBuilder &code, Value tile, const RingState &ring);
  void loadTile(Value tile, const RingState &ring);
  RingState advance(CodeBuilder &code, const RingState &ring);
  void waitForAllBut(int64_t groups) {
    NVVM::CpAsyncWaitGroupOp::create(builder, op.getLoc(), uint32_t(groups));
  }

  OpBuilder &builder;
  LinearOp op;
  kernels::LinearKernel kernel;
  kernels::MmaForm form;
  kernels::Accumulator accumulator;
  std::unique_ptr<LinearPlace> place;
  std::unique_ptr<TileLoader> inputLoader, weightLoader;
  std::unique_ptr<OperandReader> left, right;
  std::unique_ptr<Accumulators> accumulators;
};

} // namespace

/// The function with the arguments of the operation's binary interface; the builder moves into it.
LinearArguments LinearEmitter::makeFunction(StringRef name) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext(), globalSpace);
  LinearArguments arguments;
  SmallVector<std::pair<Buffer *, Value>> buffers = {
      {&arguments.input, op.getInput()},
      {&arguments.weight, op.getWeight()},
      {&arguments.inputScales, op.getInputScales()},
      {&arguments.weightScales, op.getWeightScales()},
      {&arguments.inputZeroPoints, op.getInputZeroPoints()},
      {&arguments.weightSums, op.getWeightSums()},
      {&arguments.weightZeroPoints, op.getWeightZeroPoints()},
      {&arguments.inputSums, op.getInputSums()},
      {&arguments.bias, op.getBias()},
      {&arguments.result, op.getResult()}};
  llvm::erase_if(buffers, [](auto &entry) { return !entry.second; });
  SmallVector<Type> types(buffers.size(), pointer);
  types.push_back(builder.getI32Type());
  auto function = LLVM::LLVMFuncOp::create(
      builder, op.getLoc(), name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(builder.getContext()), types));
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(),
                    builder.getDenseI32ArrayAttr({int32_t(kernel.schedule.threads())}));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), builder.getI32IntegerAttr(1));
  builder.setInsertionPointToStart(function.addEntryBlock(builder));
  for (auto [index, entry] : llvm::enumerate(buffers)) {
    auto [buffer, value] = entry;
    *buffer = {function.getArgument(index),
               cast<RankedTensorType>(value.getType()).getElementType()};
    function.setArgAttr(index, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    if (buffer != &arguments.result)
      function.setArgAttr(index, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  }
  arguments.rows = function.getArgument(buffers.size());
  return arguments;
}

void LinearEmitter::makeParts(CodeBuilder &code, const LinearArguments &arguments, Value shared) {
  place = std::make_unique<LinearPlace>(code, kernel, arguments.rows);
  kernels::OperandTile inputTile = kernel.inputTile(), weightTile = kernel.weightTile();
  Value weightShared = code.advance(shared, inputTile.bytes());
  bool shuffled = kernel.isWeightShuffled();
  int64_t columnsOfRow = kernel.schedule.tileColumns / weightTile.rows;
  Value weightLimit;
  if (place->hasRaggedColumns())
    weightLimit = code.constant((kernel.columns + columnsOfRow - 1) / columnsOfRow);
  inputLoader = std::make_unique<TileLoader>(code,
                                             LoadedOperand{inputTile, true, arguments.input.pointer,
                                                           place->tileRow, arguments.rows, shared},
                                             place->thread, kernel.schedule.threads());
  weightLoader = std::make_unique<TileLoader>(
      code,
      LoadedOperand{weightTile, !shuffled, arguments.weight.pointer,
                    code.divide(place->tileColumn, columnsOfRow), weightLimit, weightShared},
      place->thread, kernel.schedule.threads());

  bool unpacked = kernel.scaleLog2(form) == 8;
  left = readLeftRows(code, {inputTile, shared, place->lane, place->warpRow,
                             kernel.schedule.rowsOfWarp(), unpacked});
  ReadOperand weight{
      weightTile, weightShared, place->lane, place->warpColumn, kernel.schedule.columnsOfWarp(),
      unpacked};
  right = shuffled ? readRightFragments(code, weight) : readRightRows(code, weight);

  MmaAtom atom{form, kernel.input.isSigned, kernel.weight.isSigned};
  accumulators = kernel.isGrouped() ? accumulateGroups(code, *place, atom, kernel, accumulator,
                                                       arguments.weightScales)
                                    : accumulateWhole(code, *place, atom);
}

void LinearEmitter::loadTile(Value tile, const RingState &ring) {
  inputLoader->issue(tile, ring.inputPointer, ring.writeStage);
  weightLoader->issue(tile, ring.weightPointer, ring.writeStage);
  NVVM::CpAsyncCommitGroupOp::create(builder, op.getLoc());
}

/// Starts the loads of all stages but one.
RingState LinearEmitter::fillRing(CodeBuilder &code) {
  RingState ring{code.constant(int64_t(0)), code.constant(int64_t(0)), inputLoader->getSource(),
                 weightLoader->getSource()};
  for (int64_t tile = 0; tile != kernel.schedule.stages - 1; ++tile) {
    loadTile(code.constant(tile), ring);
    ring = {ring.readStage, code.constant((tile + 1) * kernel.stageBytes()),
            code.advance(ring.inputPointer, inputLoader->tileStep()),
            code.advance(ring.weightPointer, weightLoader->tileStep())};
  }
  return ring;
}

/// The stage that was read is the one that is written next.
RingState LinearEmitter::advance(CodeBuilder &code, const RingState &ring) {
  Value next = code.add(ring.readStage, kernel.stageBytes());
  Value isPast = code.isEqual(next, code.constant(kernel.sharedBytes()));
  return {code.select(isPast, code.constant(int64_t(0)), next), ring.readStage,
          code.advance(ring.inputPointer, inputLoader->tileStep()),
          code.advance(ring.weightPointer, weightLoader->tileStep())};
}

/// Fragments are read two steps ahead of their products, and the next tile's copies start in
/// between.
void LinearEmitter::multiplyTile(CodeBuilder &code, Value tile, const RingState &ring) {
  int64_t steps = kernel.inputTile().rowBytes / kernels::LinearKernel::stepBytes;
  int64_t batch = accumulators->stepsAtATime();
  SmallVector<StepFragments> leftSteps, rightSteps;
  auto readUpTo = [&](int64_t end) {
    for (int64_t step = leftSteps.size(); step < std::min(end, steps); ++step) {
      leftSteps.push_back(left->read(ring.readStage, step));
      rightSteps.push_back(right->read(ring.readStage, step));
    }
  };
  int64_t ahead = std::max<int64_t>(batch, 2);
  readUpTo(ahead);
  loadTile(code.add(tile, kernel.schedule.stages - 1), ring);
  for (int64_t step = 0; step != steps; step += batch) {
    readUpTo(step + batch);
    accumulators->add(step, ArrayRef(leftSteps).slice(step, batch),
                      ArrayRef(rightSteps).slice(step, batch));
    readUpTo(step + batch + ahead - 1);
  }
}

SmallVector<Value> LinearEmitter::emitBody(CodeBuilder &code, Value tile, ValueRange carried) {
  size_t count = carried.size() - 4;
  RingState ring{carried[count], carried[count + 1], carried[count + 2], carried[count + 3]};
  waitForAllBut(kernel.schedule.stages - 2);
  // After this, all see the tile, and nobody reads the stage that is written next.
  NVVM::Barrier0Op::create(builder, op.getLoc());
  accumulators->beginTile(carried.take_front(count), tile);
  multiplyTile(code, tile, ring);
  SmallVector<Value> results(accumulators->getSums());
  llvm::append_range(results, advance(code, ring).values());
  return results;
}

/// The body is long enough. Unrolled, it would take more registers and more of the instruction
/// cache.
static void keepRolled(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll =
      LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
  auto annotation = LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {},
                                                  {}, {}, {}, {}, {}, {});
  // The name that branches of the llvm dialect have for it; the lowering of scf hands it on.
  loop->setAttr("loop_annotation", annotation);
}

void LinearEmitter::emit(StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  LinearArguments arguments = makeFunction(name);
  CodeBuilder code(builder, loc);
  Value shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  makeParts(code, arguments, shared);
  RingState ring = fillRing(code);
  SmallVector<Value> initial = accumulators->start();
  size_t count = initial.size();
  llvm::append_range(initial, ring.values());
  Value first = code.constant(int64_t(0)), end = code.constant(kernel.tiles()),
        step = code.constant(int64_t(1));
  auto loop =
      scf::ForOp::create(builder, loc, first, end, step, initial,
                         [&](OpBuilder &, Location, Value tile, ValueRange carried) {
                           scf::YieldOp::create(builder, loc, emitBody(code, tile, carried));
                         });
  keepRolled(loop);
  waitForAllBut(0);
  emitEpilogue(code, *place, kernel, arguments, loop.getResults().take_front(count),
               kernel.scaleLog2(form));
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

LogicalResult qllm::verifyLinear(LinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = scheduleOn(op.getSchedule(), target.name);
  if (!schedule)
    return op.emitOpError() << "has no schedule for " << target.name;
  if (schedule.getCluster() != 1 || schedule.getProducers() != 0 ||
      schedule.getScheduler() != TileScheduler::DataParallel)
    return op.emitOpError() << "is not supported with " << schedule
                            << "; there is code for one block without producers, data_parallel";
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitLinear(OpBuilder &builder, LinearOp op, const kernels::Target &target,
                      StringRef name, StringRef shared) {
  LinearEmitter(builder, op, target).emit(name, shared);
}
