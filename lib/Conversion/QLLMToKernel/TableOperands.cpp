// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants for each part of a table that changes anything.

#include "TableOperands.h"

#include "RowMatrix.h"

using namespace mlir;
using namespace qllm;

/// Sources as a matrix, with an index behind the row for none.
static Value indexOf(OpBuilder &builder, Location loc, const ChannelTable &table) {
  size_t most = 1, count = table.sources.size();
  for (ArrayRef<int32_t> sources : table.sources)
    most = std::max(most, sources.size());
  std::vector<int32_t> index(most * count, int32_t(table.columns));
  for (auto [j, sources] : llvm::enumerate(table.sources))
    for (auto [i, source] : llvm::enumerate(sources))
      index[i * count + j] = source;
  SmallVector<int64_t> shape = {int64_t(count)};
  if (most > 1)
    shape.insert(shape.begin(), int64_t(most));
  return initializer(builder, loc, RankedTensorType::get(shape, builder.getI32Type()),
                     ArrayRef<int32_t>(index), table.input, "channel_sources");
}

TableOperands qllm::tableOperands(OpBuilder &builder, Location loc, const ChannelTable &table) {
  TableOperands operands;
  auto type = RankedTensorType::get({int64_t(table.sources.size())}, builder.getF32Type());
  auto constant = [&](ArrayRef<float> values, StringRef name) {
    return initializer(builder, loc, type, values, table.input, name);
  };
  if (table.gathers())
    operands.index = indexOf(builder, loc, table);
  if (llvm::any_of(table.factors, [](float f) { return f != 1; }))
    operands.multiply = constant(table.factors, "channel_factors");
  if (llvm::any_of(table.offsets, [](float d) { return d != 0; }))
    operands.add = constant(table.offsets, "channel_offsets");
  return operands;
}
