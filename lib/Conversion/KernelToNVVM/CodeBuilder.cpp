// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function for each operation.

#include "CodeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;

CodeBuilder::CodeBuilder(OpBuilder &builder, Location loc)
    : builder(builder), loc(loc), entry(builder.getInsertionBlock()) {}

Value CodeBuilder::materialize(TypedAttr attribute) {
  Value &value = constants[attribute];
  if (!value) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    value = arith::ConstantOp::create(builder, loc, attribute);
  }
  return value;
}

Value CodeBuilder::constant(int64_t value) {
  return materialize(builder.getI32IntegerAttr(int32_t(value)));
}

Value CodeBuilder::constant16(int64_t value) {
  return materialize(builder.getI16IntegerAttr(int16_t(value)));
}

Value CodeBuilder::constant64(int64_t value) {
  return materialize(builder.getI64IntegerAttr(value));
}
Value CodeBuilder::constant(float value) { return materialize(builder.getF32FloatAttr(value)); }

Value CodeBuilder::rowBlock() { return NVVM::BlockIdXOp::create(builder, loc, i32()); }
Value CodeBuilder::columnBlock() { return NVVM::BlockIdYOp::create(builder, loc, i32()); }
Value CodeBuilder::rowBlocks() { return NVVM::GridDimXOp::create(builder, loc, i32()); }

Value CodeBuilder::add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }
Value CodeBuilder::subtract(Value a, Value b) { return arith::SubIOp::create(builder, loc, a, b); }
Value CodeBuilder::multiply(Value a, Value b) { return arith::MulIOp::create(builder, loc, a, b); }

Value CodeBuilder::bitAnd(Value a, int64_t b) {
  return arith::AndIOp::create(builder, loc, a, constant(b));
}

Value CodeBuilder::bitOr(Value a, Value b) { return arith::OrIOp::create(builder, loc, a, b); }
Value CodeBuilder::bitXor(Value a, Value b) { return arith::XOrIOp::create(builder, loc, a, b); }

Value CodeBuilder::shiftLeft(Value a, int64_t bits) {
  return arith::ShLIOp::create(builder, loc, a, constant(bits));
}

Value CodeBuilder::shiftRight(Value a, int64_t bits) {
  return arith::ShRUIOp::create(builder, loc, a, constant(bits));
}

Value CodeBuilder::shiftRightSigned(Value a, int64_t bits) {
  return arith::ShRSIOp::create(builder, loc, a, constant(bits));
}

Value CodeBuilder::divide(Value a, int64_t b) {
  return arith::DivUIOp::create(builder, loc, a, constant(b));
}

Value CodeBuilder::remainder(Value a, int64_t b) {
  return arith::RemUIOp::create(builder, loc, a, constant(b));
}

Value CodeBuilder::minimum(Value a, Value b) { return arith::MinSIOp::create(builder, loc, a, b); }

Value CodeBuilder::maximum(Value a, Value b) { return arith::MaxSIOp::create(builder, loc, a, b); }

Value CodeBuilder::less(Value a, Value b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, a, b);
}

Value CodeBuilder::isEqual(Value a, Value b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, a, b);
}

Value CodeBuilder::both(Value a, Value b) { return arith::AndIOp::create(builder, loc, a, b); }

Value CodeBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, loc, condition, a, b);
}

Value CodeBuilder::extend64(Value a) {
  return arith::ExtUIOp::create(builder, loc, builder.getI64Type(), a);
}

Value CodeBuilder::extendSigned64(Value a) {
  return arith::ExtSIOp::create(builder, loc, builder.getI64Type(), a);
}

Value CodeBuilder::truncate(Value a, unsigned width) {
  return width == 32
             ? a
             : arith::TruncIOp::create(builder, loc, builder.getIntegerType(width), a).getResult();
}

Value CodeBuilder::permuteBytes(Value a, Value b, int64_t selector) {
  return NVVM::PermuteOp::create(builder, loc, i32(), a, b, constant(selector),
                                 NVVM::PermuteMode::DEFAULT);
}

Value CodeBuilder::joinBytes(Value a, Value b, Value c, Value d) {
  return permuteBytes(permuteBytes(a, b, 0x0040), permuteBytes(c, d, 0x0040), 0x5410);
}

Value CodeBuilder::addFloat(Value a, Value b) { return arith::AddFOp::create(builder, loc, a, b); }

Value CodeBuilder::subtractFloat(Value a, Value b) {
  return arith::SubFOp::create(builder, loc, a, b);
}

Value CodeBuilder::multiplyFloat(Value a, Value b) {
  return arith::MulFOp::create(builder, loc, a, b);
}

Value CodeBuilder::multiplyAdd(Value a, Value b, Value c) {
  return LLVM::FMAOp::create(builder, loc, ValueRange{a, b, c});
}

Value CodeBuilder::floatToBits(Value a) { return arith::BitcastOp::create(builder, loc, i32(), a); }

Value CodeBuilder::intToFloat(Value a) { return arith::SIToFPOp::create(builder, loc, f32(), a); }
Value CodeBuilder::bitsToFloat(Value a) { return arith::BitcastOp::create(builder, loc, f32(), a); }

Value CodeBuilder::advance(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), builder.getI8Type(), pointer,
                             ValueRange{bytes});
}

Value CodeBuilder::advanceWide(Value pointer, Value index, int64_t stride) {
  return advance(pointer, multiply(extend64(index), constant64(stride)));
}

Value CodeBuilder::advance(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  if (!llvm::isInt<32>(bytes))
    return advance(pointer, constant64(bytes));
  return LLVM::GEPOp::create(builder, loc, pointer.getType(), builder.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
}

Value CodeBuilder::sharedUnits(Value pointer) {
  Value address = LLVM::PtrToIntOp::create(builder, loc, i32(), pointer);
  return bitAnd(shiftRight(address, 4), 0x3fff);
}

Value CodeBuilder::loadConstant(Type type, Value pointer, unsigned alignment) {
  return LLVM::LoadOp::create(builder, loc, type, pointer, alignment, /*isVolatile=*/false,
                              /*isNonTemporal=*/false, /*isInvariant=*/true);
}

Value CodeBuilder::load(Type type, Value pointer, unsigned alignment) {
  return LLVM::LoadOp::create(builder, loc, type, pointer, alignment);
}

void CodeBuilder::store(Value value, Value pointer, unsigned alignment) {
  LLVM::StoreOp::create(builder, loc, value, pointer, alignment);
}

Value CodeBuilder::element(Value vector, unsigned index) {
  return LLVM::ExtractElementOp::create(builder, loc, vector, constant(int64_t(index)));
}

Value CodeBuilder::member(Value aggregate, unsigned index) {
  return LLVM::ExtractValueOp::create(builder, loc, aggregate, index);
}

Value CodeBuilder::pair(Value first, Value second) { return vector({first, second}); }

Value CodeBuilder::vector(ArrayRef<Value> elements) {
  Value result = LLVM::PoisonOp::create(
      builder, loc, VectorType::get(int64_t(elements.size()), elements.front().getType()));
  for (auto [index, value] : llvm::enumerate(elements))
    result = LLVM::InsertElementOp::create(builder, loc, result, value, constant(int64_t(index)));
  return result;
}

void CodeBuilder::when(Value condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto branch = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  body();
}

void CodeBuilder::either(Value condition, llvm::function_ref<void()> body,
                         llvm::function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  body();
  builder.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

SmallVector<Value> CodeBuilder::choose(Value condition,
                                       llvm::function_ref<SmallVector<Value>()> body,
                                       llvm::function_ref<SmallVector<Value>()> otherwise) {
  auto yield = [&](llvm::function_ref<SmallVector<Value>()> values) {
    return [this, values](OpBuilder &, Location) { scf::YieldOp::create(builder, loc, values()); };
  };
  auto branch = scf::IfOp::create(builder, loc, condition, yield(body), yield(otherwise));
  return SmallVector<Value>(branch.getResults());
}

void qllm::keepRolled(Operation *loop) {
  MLIRContext *context = loop->getContext();
  auto unroll =
      LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
  auto annotation = LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {},
                                                  {}, {}, {}, {}, {}, {});
  // The name that branches of the llvm dialect have for it; the lowering of scf hands it on.
  loop->setAttr("loop_annotation", annotation);
}

ValueRange
CodeBuilder::repeat(Value begin, Value end, int64_t step, ValueRange initial,
                    llvm::function_ref<SmallVector<Value>(Value index, ValueRange carried)> body) {
  auto loop = scf::ForOp::create(builder, loc, begin, end, constant(step), initial,
                                 [&](OpBuilder &, Location, Value index, ValueRange carried) {
                                   scf::YieldOp::create(builder, loc, body(index, carried));
                                 });
  keepRolled(loop);
  return loop.getResults();
}

Value CodeBuilder::broadcast(Value value) {
  return NVVM::ShflOp::create(builder, loc, i32(), constant(int64_t(-1)), value,
                              constant(int64_t(0)), constant(int64_t(31)), NVVM::ShflKind::idx,
                              UnitAttr());
}
