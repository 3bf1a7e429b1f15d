// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qk.combine_attention: a thread has four neighbours of a row and adds them over the splits.

#include "EmitAttention.h"

#include "FloatMath.h"
#include "KernelFunction.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

constexpr int64_t neighbours = 4, threads = 128;

class CombineEmitter {
public:
  CombineEmitter(OpBuilder &builder, CombineAttentionOp op, StringRef name)
      : op(op), sums(op.getSums().getType().getShape()),
        heads(op.getStatistics().getType().getDimSize(2) / 2), function(builder, op, name, threads),
        code(builder, op.getLoc()) {}

  void emit();

private:
  void addSplits(Value row, Value column);
  /// Row `row` of split `split`, in elements of `columns` to a row.
  Value rowAddress(Value tensor, Value row, int64_t split, int64_t columns) {
    Value rows = code.multiply(code.extend64(function.size(0)), code.constant64(split));
    Value start = code.multiply(code.add(rows, code.extend64(row)), code.constant64(columns * 4));
    return code.advance(function[tensor].pointer, start);
  }

  CombineAttentionOp op;
  ArrayRef<int64_t> sums;
  int64_t heads;
  KernelFunction function;
  CodeBuilder code;
};

} // namespace

void CombineEmitter::addSplits(Value row, Value column) {
  int64_t splits = sums[0], columns = sums[2];
  Value head = code.divide(column, columns / heads);
  SmallVector<Value> greatest, weights;
  Value most;
  for (int64_t split = 0; split != splits; ++split) {
    Value address =
        code.advance(rowAddress(op.getStatistics(), row, split, heads * 2), code.multiply(head, 8));
    Value pair = code.loadConstant(VectorType::get(2, code.f32()), address, 8);
    greatest.push_back(code.element(pair, 0));
    weights.push_back(code.element(pair, 1));
    most = split == 0 ? greatest.back() : floats::maximum(code, most, greatest.back());
  }
  Value weight = code.constant(0.0f);
  SmallVector<Value> values(neighbours, weight);
  for (int64_t split = 0; split != splits; ++split) {
    Value factor = floats::exp2(code, code.subtractFloat(greatest[split], most));
    Value address =
        code.advance(rowAddress(op.getSums(), row, split, columns), code.multiply(column, 4));
    weight = code.multiplyAdd(factor, weights[split], weight);
    for (auto [value, part] :
         llvm::zip_equal(values, floats::load(code, address, code.f32(), neighbours)))
      value = code.multiplyAdd(factor, part, value);
  }
  Value reciprocal = floats::divide(code, code.constant(1.0f), weight);
  for (Value &value : values)
    value = code.multiplyFloat(value, reciprocal);
  Value element =
      code.add(code.multiply(code.extend64(row), code.constant64(columns)), code.extend64(column));
  floats::store(code, values, function[op.getResult()], element);
}

void CombineEmitter::emit() {
  OpBuilder &builder = code.getBuilder();
  Location loc = op.getLoc();
  Value thread = NVVM::ThreadIdXOp::create(builder, loc, code.i32());
  Value row = code.rowBlock();
  Value column =
      code.multiply(code.add(code.multiply(code.columnBlock(), threads), thread), neighbours);
  code.when(code.less(column, code.constant(sums[2])), [&] { addSplits(row, column); });
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}

void qllm::emitCombineAttention(OpBuilder &builder, CombineAttentionOp op, StringRef name) {
  OpBuilder::InsertionGuard guard(builder);
  CombineEmitter(builder, op, name).emit();
}
