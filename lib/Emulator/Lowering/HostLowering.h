// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the patterns of one gpu.module share: calls of the runtime, the thread's context, and the
// registers of collectives.

#ifndef QLLM_LIB_EMULATOR_LOWERING_HOSTLOWERING_H
#define QLLM_LIB_EMULATOR_LOWERING_HOSTLOWERING_H

#include "SiteTable.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"

namespace qllm::emu {

class HostLowering {
public:
  explicit HostLowering(mlir::Operation *module) : sites(module), module(module) {}

  /// The context argument of the function that `operation` is in.
  mlir::Value context(mlir::Operation *operation);
  mlir::Value constant(mlir::OpBuilder &builder, mlir::Location location, uint32_t value);
  /// `value` as i32: integers of fewer bits are extended with zeros.
  mlir::Value extended(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value);
  /// `pointer` in the generic address space.
  mlir::Value flat(mlir::OpBuilder &builder, mlir::Location location, mlir::Value pointer);

  /// Calls a runtime function, declared when it is first used; its result, or null when `result` is
  /// null.
  mlir::Value call(mlir::OpBuilder &builder, mlir::Location location, llvm::StringRef name,
                   mlir::Type result, mlir::ValueRange operands);
  /// The same with the context of `operation`, and with the number of a new site for it, before the
  /// operands.
  mlir::Value callFor(mlir::OpBuilder &builder, mlir::Operation *operation, llvm::StringRef name,
                      mlir::Type result, mlir::ValueRange operands);
  mlir::Value callAt(mlir::OpBuilder &builder, mlir::Operation *operation, llvm::StringRef name,
                     mlir::Type result, mlir::ValueRange operands);

  /// A meeting of lanes in the place of `operation`: `mnemonic` as in PTX, `operands` the registers
  /// of each lane, `mask` the lanes (null for all); its results, of the given types. Fails, with an
  /// error, when the runtime does not know the mnemonic.
  mlir::FailureOr<mlir::SmallVector<mlir::Value>>
  collective(mlir::OpBuilder &builder, mlir::Operation *operation, const llvm::Twine &mnemonic,
             mlir::ValueRange operands, mlir::Value mask, mlir::TypeRange results);
  /// Replaces `operation` by one, with results of its types.
  mlir::LogicalResult replaceByCollective(mlir::PatternRewriter &rewriter,
                                          mlir::Operation *operation, const llvm::Twine &mnemonic,
                                          mlir::ValueRange operands, mlir::Value mask);

  SiteTable sites;

private:
  struct Buffers {
    mlir::LLVM::AllocaOp in, out;
  };
  Buffers &buffers(mlir::Operation *operation, unsigned wordsIn, unsigned wordsOut);

  mlir::Operation *module;
  /// One pair for all collectives of a function: every simulated thread has a frame, so frames must
  /// stay small.
  llvm::DenseMap<mlir::Operation *, Buffers> buffersByFunction;
};

/// A pattern for one operation, with the state that patterns share.
template <typename SourceOp> struct HostPattern : mlir::OpRewritePattern<SourceOp> {
  HostPattern(mlir::MLIRContext *context, HostLowering &host)
      : mlir::OpRewritePattern<SourceOp>(context), host(host) {}
  HostLowering &host;
};

/// Calls of a runtime function with nothing but the context in the place of an operation.
struct CallInstead : mlir::RewritePattern {
  CallInstead(llvm::StringRef operation, llvm::StringRef function, mlir::MLIRContext *context,
              HostLowering &host)
      : RewritePattern(operation, 1, context), function(function), host(host) {}
  mlir::LogicalResult matchAndRewrite(mlir::Operation *operation,
                                      mlir::PatternRewriter &rewriter) const override;
  llvm::StringRef function;
  HostLowering &host;
};
template <typename SourceOp>
void callInstead(mlir::RewritePatternSet &patterns, HostLowering &host, llvm::StringRef function) {
  patterns.add<CallInstead>(SourceOp::getOperationName(), function, patterns.getContext(), host);
}

void populateRegisterPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateCollectivePatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateWarpgroupPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateTensorMemoryPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateBarrierPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateClusterPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateMemoryBarrierPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateCopyPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateArithmeticPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateDivisionPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);
void populateInlinePtxPatterns(mlir::RewritePatternSet &patterns, HostLowering &host);

/// Refuses recursion, and more local arrays than a thread has room for.
mlir::LogicalResult checkLocalMemory(mlir::Operation *module);
/// Gives every function of `module` a context argument and passes it on at calls; makes an entry
/// for each kernel; replaces globals of shared memory by places in the block's.
mlir::LogicalResult convertFunctions(mlir::Operation *module);
mlir::LogicalResult convertSharedGlobals(mlir::Operation *module, HostLowering &host);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_LOWERING_HOSTLOWERING_H
