// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// page-kv-cache: a model of whole sequences becomes one that goes on where a cache ends.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "AttentionSplits.h"
#include "CausalAttention.h"
#include "RowMatrix.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Kernels/KVCache.h"

namespace qllm {
#define GEN_PASS_DEF_PAGEKVCACHE
#include "qllm/Conversion/QLLMToKernel/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Tables of cosines or sines for every position that the pages have room for.
class RotaryTables {
public:
  RotaryTables(OpBuilder &builder, onnx::RangeOp positions, Value pages, int64_t pageTokens)
      : builder(builder), loc(positions.getLoc()), positions(positions) {
    auto i64 = builder.getI64Type();
    Value count = onnx::ShapeOp::create(builder, loc, RankedTensorType::get({1}, i64), pages,
                                        builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(0));
    Value tokens = onnx::MulOp::create(builder, loc, count.getType(), count,
                                       integers(builder, loc, {pageTokens}));
    Value limit = onnx::SqueezeOp::create(builder, loc, RankedTensorType::get({}, i64), tokens,
                                          integers(builder, loc, {0}));
    copies.map(positions.getOutput(),
               onnx::RangeOp::create(builder, loc, positions.getOutput().getType(),
                                     positions.getStart(), limit, positions.getDelta(), nullptr)
                   .getOutput());
  }

  /// The table as a matrix of positions by half of a head.
  Value get(Value table) {
    Value &made = matrices[table];
    if (!made)
      made = toRows(builder, loc, copy(table));
    return made;
  }

private:
  /// The same expression with the longer range in it.
  Value copy(Value value) {
    if (Value known = copies.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op || llvm::none_of(op->getOperands(), [&](Value operand) { return dependsOn(operand); }))
      return value;
    for (Value operand : op->getOperands())
      if (Value copied = copy(operand); copied != operand)
        copies.map(operand, copied);
    builder.clone(*op, copies);
    return copies.lookup(value);
  }

  bool dependsOn(Value value) {
    Operation *op = value.getDefiningOp();
    return op && (op == positions || llvm::any_of(op->getOperands(), [&](Value operand) {
                    return dependsOn(operand);
                  }));
  }

  OpBuilder &builder;
  Location loc;
  onnx::RangeOp positions;
  IRMapping copies;
  DenseMap<Value, Value> matrices;
};

struct PageKVCache : qllm::impl::PageKVCacheBase<PageKVCache> {
  using PageKVCacheBase::PageKVCacheBase;

  void runOnOperation() override;

private:
  LogicalResult convert(func::FuncOp function, MutableArrayRef<CausalAttention> found,
                        const SplitPolicy &policy);
  Value addArgument(func::FuncOp function, Type type, StringRef name);
  kernels::KVCache cacheOf(const CausalAttention &attention);
  int64_t splitsOf(CausalAttention &attention, const SplitPolicy &policy);
};

constexpr int64_t warpsOfAttention = 4;

/// Rows of `query`, which splits have as sums and the statistics of each head.
SmallVector<Type> attentionTypes(RankedTensorType query, int64_t heads, int64_t splits) {
  if (splits == 1)
    return {query};
  int64_t rows = query.getDimSize(0);
  Type f32 = Float32Type::get(query.getContext());
  return {RankedTensorType::get({splits, rows, query.getDimSize(1)}, f32),
          RankedTensorType::get({splits, rows, 2 * heads}, f32)};
}

} // namespace

Value PageKVCache::addArgument(func::FuncOp function, Type type, StringRef name) {
  Builder builder(&getContext());
  unsigned index = function.getNumArguments();
  auto attributes =
      builder.getDictionaryAttr(builder.getNamedAttr("onnx.name", builder.getStringAttr(name)));
  (void)function.insertArgument(index, type, attributes, function.getLoc());
  return function.getArgument(index);
}

kernels::KVCache PageKVCache::cacheOf(const CausalAttention &attention) {
  auto stored = [](IntFormatAttr format) { return format.getBits() <= 4 ? 4u : 8u; };
  return {attention.key.heads, attention.key.size, stored(attention.key.format),
          stored(attention.value.format), pageTokens};
}

int64_t PageKVCache::splitsOf(CausalAttention &attention, const SplitPolicy &policy) {
  kernels::AttentionKernel kernel{cacheOf(attention), attention.query.heads, warpsOfAttention};
  ChosenSplits chosen = chooseSplits(kernel, policy);
  if (explain)
    emitRemark(attention.result.getLoc())
        << "splits " << chosen.splits << ": " << chosen.explanation;
  return chosen.splits;
}

LogicalResult PageKVCache::convert(func::FuncOp function, MutableArrayRef<CausalAttention> found,
                                   const SplitPolicy &policy) {
  OpBuilder builder(&getContext());
  auto i32Vector = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  Value positions = addArgument(function, i32Vector, "positions");
  Value pages = addArgument(function, i32Vector, "pages");
  std::optional<RotaryTables> tables;
  auto *terminator = function.front().getTerminator();
  for (auto [index, attention] : llvm::enumerate(found)) {
    kernels::KVCache layout = cacheOf(attention);
    auto type = RankedTensorType::get({ShapedType::kDynamic, layout.heads, layout.pageBytes()},
                                      builder.getI8Type());
    std::string name = "cache." + std::to_string(index);
    Value cache = addArgument(function, type, name);
    Location loc = attention.result.getLoc();
    Value cosines, sines;
    if (attention.query.cosines) {
      if (!tables) {
        builder.setInsertionPointAfter(attention.positions);
        tables.emplace(builder, attention.positions, pages, pageTokens);
      }
      builder.setInsertionPoint(attention.result);
      cosines = tables->get(attention.key.cosines);
      sines = tables->get(attention.key.sines);
    }
    auto rows = [&](const HeadRows &heads) { return toRows(builder, loc, heads.rows); };
    auto center = [&](const HeadRows &heads) -> Value {
      int64_t columns = heads.heads * heads.size;
      if (!heads.center || cast<RankedTensorType>(heads.center.getType()).getRank() == 1)
        return heads.center;
      return onnx::ReshapeOp::create(builder, loc,
                                     RankedTensorType::get({columns}, builder.getF32Type()),
                                     heads.center, integers(builder, loc, {columns}), nullptr);
    };
    builder.setInsertionPoint(attention.result);
    Value appended = qk::AppendKVOp::create(
        builder, loc, type, rows(attention.key), rows(attention.value), cache, positions, pages,
        cosines, sines, center(attention.key), attention.key.format, attention.value.format,
        pageTokens, attention.key.clip, attention.key.hadamard);
    Value query = rows(attention.query);
    auto rowsType = cast<RankedTensorType>(query.getType());
    int64_t splits = splitsOf(attention, policy);
    auto result = qk::AttentionOp::create(
        builder, loc, attentionTypes(rowsType, attention.query.heads, splits), query, appended,
        positions, pages, cosines, sines, center(attention.query),
        builder.getI64IntegerAttr(attention.query.heads), attention.query.format,
        attention.key.format, attention.value.format, builder.getI64IntegerAttr(pageTokens),
        builder.getF32FloatAttr(attention.scale), attention.query.clip,
        builder.getI64IntegerAttr(warpsOfAttention), builder.getI64IntegerAttr(splits),
        attention.query.hadamard ? builder.getUnitAttr() : UnitAttr());
    Value combined = result.getResult(0);
    if (splits != 1)
      combined = qk::CombineAttentionOp::create(builder, loc, rowsType, result.getResults());
    Value whole = fromRows(builder, loc, combined, attention.query.rows,
                           cast<RankedTensorType>(attention.result.getReshaped().getType()));
    attention.result.getReshaped().replaceAllUsesWith(whole);
    terminator->insertOperands(terminator->getNumOperands(), appended);
    auto attributes = builder.getDictionaryAttr(
        builder.getNamedAttr("onnx.name", builder.getStringAttr(name + ".out")));
    (void)function.insertResult(function.getNumResults(), type, attributes);
    ++numAttentions;
  }
  return success();
}

void PageKVCache::runOnOperation() {
  func::FuncOp chosen = getOperation().lookupSymbol<func::FuncOp>(function);
  Location loc = getOperation().getLoc();
  if (!chosen || chosen.isExternal()) {
    emitError(loc) << "expected a function '" << function << "' to give a cache";
    return signalPassFailure();
  }
  if (!kernels::KVCache::isPage(pageTokens)) {
    emitError(loc) << "expected pages of a multiple of 32 tokens of at most 4096, but got "
                   << int64_t(pageTokens);
    return signalPassFailure();
  }
  FailureOr<SplitPolicy> policy = SplitPolicy::read(loc, splits, *targets, rows, length);
  if (failed(policy))
    return signalPassFailure();
  SmallVector<CausalAttention, 0> found;
  onnx::RangeOp positions;
  WalkResult result = chosen.walk([&](onnx::AttentionOp op) {
    CausalAttention attention;
    std::string wanted = matchCausalAttention(op, attention);
    if (wanted.empty() && attention.positions && positions && attention.positions != positions)
      wanted = "the positions of the first attention";
    if (attention.positions)
      positions = attention.positions;
    if (!wanted.empty()) {
      op.emitOpError() << "cannot be given a cache: expected " << wanted;
      return WalkResult::interrupt();
    }
    found.push_back(attention);
    return WalkResult::advance();
  });
  if (result.wasInterrupted() || (!found.empty() && failed(convert(chosen, found, *policy))))
    return signalPassFailure();
}
