// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of the runtime and the way registers take to it and back.

#include "HostLowering.h"
#include "qllm/Emulator/Runtime/Abi.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// 32-bit registers that a value of `type` takes, or 0 when it has no place in registers.
unsigned registersOf(Type type) {
  if (auto structure = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
    unsigned sum = 0;
    for (Type part : structure.getBody())
      sum += registersOf(part);
    return sum;
  }
  if (auto vector = llvm::dyn_cast<VectorType>(type))
    return unsigned(vector.getNumElements() * vector.getElementTypeBitWidth() / 32);
  if (llvm::isa<LLVM::LLVMPointerType>(type) || type.isInteger(64))
    return 2;
  return 1;
}

LLVM::LLVMPointerType pointer(MLIRContext *context) { return LLVM::LLVMPointerType::get(context); }

Value wordAt(OpBuilder &builder, Location location, Value buffer, unsigned word) {
  return LLVM::GEPOp::create(builder, location, pointer(builder.getContext()), builder.getI32Type(),
                             buffer, ArrayRef<LLVM::GEPArg>{int32_t(word)});
}

/// Stores `value` from `word` on; the first word behind it.
unsigned storeValue(OpBuilder &builder, Location location, HostLowering &host, Value value,
                    Value buffer, unsigned word) {
  if (auto structure = llvm::dyn_cast<LLVM::LLVMStructType>(value.getType())) {
    for (unsigned i = 0; i < structure.getBody().size(); ++i)
      word =
          storeValue(builder, location, host,
                     LLVM::ExtractValueOp::create(builder, location, value, ArrayRef<int64_t>{i}),
                     buffer, word);
    return word;
  }
  unsigned size = registersOf(value.getType());
  if (auto integer = llvm::dyn_cast<IntegerType>(value.getType());
      integer && integer.getWidth() < 32)
    value = host.extended(builder, location, value);
  if (auto address = llvm::dyn_cast<LLVM::LLVMPointerType>(value.getType()))
    value = host.flat(builder, location, value);
  LLVM::StoreOp::create(builder, location, value, wordAt(builder, location, buffer, word),
                        /*alignment=*/4);
  return word + size;
}

Value loadValue(OpBuilder &builder, Location location, Type type, Value buffer, unsigned &word) {
  if (auto structure = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
    Value result = LLVM::PoisonOp::create(builder, location, type);
    for (auto [i, part] : llvm::enumerate(structure.getBody()))
      result = LLVM::InsertValueOp::create(builder, location, result,
                                           loadValue(builder, location, part, buffer, word),
                                           ArrayRef<int64_t>{int64_t(i)});
    return result;
  }
  Value address = wordAt(builder, location, buffer, word);
  word += registersOf(type);
  if (auto integer = llvm::dyn_cast<IntegerType>(type); integer && integer.getWidth() < 32)
    return LLVM::TruncOp::create(
        builder, location, type,
        LLVM::LoadOp::create(builder, location, builder.getI32Type(), address, 4));
  return LLVM::LoadOp::create(builder, location, type, address, /*alignment=*/4);
}

/// Enlarges the buffer that `alloca` makes to `words`.
void enlarge(LLVM::AllocaOp alloca, unsigned words) {
  auto type = llvm::cast<LLVM::LLVMArrayType>(alloca.getElemType());
  if (type.getNumElements() < words)
    alloca.setElemType(LLVM::LLVMArrayType::get(type.getElementType(), words));
}

} // namespace

Value HostLowering::context(Operation *operation) {
  return operation->getParentOfType<LLVM::LLVMFuncOp>().getBody().front().getArgument(0);
}

Value HostLowering::constant(OpBuilder &builder, Location location, uint32_t value) {
  return LLVM::ConstantOp::create(builder, location, builder.getI32Type(),
                                  builder.getI32IntegerAttr(int32_t(value)));
}

Value HostLowering::extended(OpBuilder &builder, Location location, Value value) {
  Type i32 = builder.getI32Type();
  return value.getType() == i32 ? value
                                : Value(LLVM::ZExtOp::create(builder, location, i32, value));
}

Value HostLowering::flat(OpBuilder &builder, Location location, Value value) {
  Type generic = pointer(builder.getContext());
  return value.getType() == generic
             ? value
             : Value(LLVM::AddrSpaceCastOp::create(builder, location, generic, value));
}

Value HostLowering::call(OpBuilder &builder, Location location, StringRef name, Type result,
                         ValueRange operands) {
  auto function =
      llvm::dyn_cast_or_null<LLVM::LLVMFuncOp>(SymbolTable::lookupSymbolIn(module, name));
  if (!function) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&module->getRegion(0).front());
    Type returned = result ? result : LLVM::LLVMVoidType::get(builder.getContext());
    auto type = LLVM::LLVMFunctionType::get(returned, llvm::to_vector(operands.getTypes()));
    function = LLVM::LLVMFuncOp::create(builder, module->getLoc(), name, type);
  }
  auto call = LLVM::CallOp::create(builder, location, function, operands);
  return result ? call.getResult() : Value();
}

Value HostLowering::callFor(OpBuilder &builder, Operation *operation, StringRef name, Type result,
                            ValueRange operands) {
  SmallVector<Value> all{context(operation)};
  llvm::append_range(all, operands);
  return call(builder, operation->getLoc(), name, result, all);
}

Value HostLowering::callAt(OpBuilder &builder, Operation *operation, StringRef name, Type result,
                           ValueRange operands) {
  SmallVector<Value> all{constant(builder, operation->getLoc(),
                                  sites.add(operation, operation->getName().stripDialect()))};
  llvm::append_range(all, operands);
  return callFor(builder, operation, name, result, all);
}

HostLowering::Buffers &HostLowering::buffers(Operation *operation, unsigned wordsIn,
                                             unsigned wordsOut) {
  auto function = operation->getParentOfType<LLVM::LLVMFuncOp>();
  Buffers &pair = buffersByFunction[function];
  if (!pair.in) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    Value one = constant(builder, function.getLoc(), 1);
    auto make = [&] {
      return LLVM::AllocaOp::create(builder, function.getLoc(), pointer(builder.getContext()),
                                    LLVM::LLVMArrayType::get(builder.getI32Type(), 1), one,
                                    /*alignment=*/16);
    };
    pair = {make(), make()};
  }
  enlarge(pair.in, wordsIn);
  enlarge(pair.out, wordsOut);
  return pair;
}

FailureOr<SmallVector<Value>> HostLowering::collective(OpBuilder &builder, Operation *operation,
                                                       const Twine &mnemonic, ValueRange operands,
                                                       Value mask, TypeRange types) {
  std::string name = mnemonic.str();
  if (!parseCollective(name))
    return operation->emitOpError("is not known to the emulator in this form: ") << name;
  Location location = operation->getLoc();
  unsigned wordsIn = 0, wordsOut = 0;
  for (Value operand : operands)
    wordsIn += registersOf(operand.getType());
  for (Type type : types)
    wordsOut += registersOf(type);
  // Shuffles and matches always give a predicate too.
  Buffers &pair = buffers(operation, wordsIn, std::max(wordsOut, 2u));
  unsigned word = 0;
  for (Value operand : operands)
    word = storeValue(builder, location, *this, operand, pair.in, word);
  Value site = constant(builder, location, sites.add(operation, name, wordsIn));
  callFor(builder, operation, "qllm_emu_collective", Type(),
          {site, mask ? mask : constant(builder, location, ~0u), pair.in, pair.out});
  SmallVector<Value> results;
  word = 0;
  for (Type type : types)
    results.push_back(loadValue(builder, location, type, pair.out, word));
  return results;
}

LogicalResult HostLowering::replaceByCollective(PatternRewriter &rewriter, Operation *operation,
                                                const Twine &mnemonic, ValueRange operands,
                                                Value mask) {
  FailureOr<SmallVector<Value>> results =
      collective(rewriter, operation, mnemonic, operands, mask, operation->getResultTypes());
  if (failed(results))
    return failure();
  rewriter.replaceOp(operation, *results);
  return success();
}

LogicalResult CallInstead::matchAndRewrite(Operation *operation, PatternRewriter &rewriter) const {
  host.callFor(rewriter, operation, function, Type(), {});
  rewriter.eraseOp(operation);
  return success();
}
