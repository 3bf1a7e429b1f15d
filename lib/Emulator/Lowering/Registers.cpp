// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Special registers: loads from the thread's context.

#include "HostLowering.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Emulator/Runtime/Abi.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

constexpr StringRef kPrefix = "nvvm.read.ptx.sreg.";

/// All registers have an operation of their own; their names are enough.
struct ReadRegister : RewritePattern {
  ReadRegister(MLIRContext *context, HostLowering &host)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context), host(host) {}

  LogicalResult matchAndRewrite(Operation *operation, PatternRewriter &rewriter) const override {
    StringRef name = operation->getName().getStringRef();
    if (!name.consume_front(kPrefix) || operation->getNumResults() != 1 ||
        !operation->getResult(0).getType().isInteger(32))
      return failure();
    Value result = value(operation, name, rewriter);
    if (!result)
      return failure();
    rewriter.replaceOp(operation, result);
    return success();
  }

private:
  Value load(Operation *operation, int offset, OpBuilder &builder) const {
    Location location = operation->getLoc();
    Value address = LLVM::GEPOp::create(
        builder, location, LLVM::LLVMPointerType::get(builder.getContext()), builder.getI8Type(),
        host.context(operation), ArrayRef<LLVM::GEPArg>{offset});
    return LLVM::LoadOp::create(builder, location, builder.getI32Type(), address);
  }

  Value value(Operation *operation, StringRef name, OpBuilder &builder) const {
    Location location = operation->getLoc();
    if (name == "warpsize")
      return host.constant(builder, location, 32);
    if (int offset = specialRegisterOffset(name); offset >= 0)
      return load(operation, offset, builder);
    if (!name.consume_front("lanemask."))
      return Value();
    Value lane = load(operation, specialRegisterOffset("laneid"), builder);
    Value self = LLVM::ShlOp::create(builder, location, host.constant(builder, location, 1), lane);
    Value below = LLVM::SubOp::create(builder, location, self, host.constant(builder, location, 1));
    Value all = host.constant(builder, location, ~0u);
    Value upTo = LLVM::OrOp::create(builder, location, self, below);
    return llvm::StringSwitch<Value>(name)
        .Case("eq", self)
        .Case("lt", below)
        .Case("le", upTo)
        .Case("gt", LLVM::XOrOp::create(builder, location, upTo, all))
        .Case("ge", LLVM::XOrOp::create(builder, location, below, all))
        .Default(Value());
  }

  HostLowering &host;
};

} // namespace

void qllm::emu::populateRegisterPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<ReadRegister>(patterns.getContext(), host);
}
