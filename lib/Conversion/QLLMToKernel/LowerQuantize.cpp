// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.quantize to qk.quantize: looks backwards from the tensor that is quantized.

#include "LowerQuantize.h"

#include "RowMatrix.h"
#include "RowProducers.h"
#include "TableOperands.h"
#include "qllm/Kernels/QuantizeKernel.h"

using namespace mlir;
using namespace qllm;

static RankedTensorType typeOf(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

int64_t qllm::scaledLength(QuantizedType type) {
  GranularityAttr granularity = type.getGranularity();
  return granularity.isGroup() ? granularity.getGroupSize() : type.getShape().back();
}

PrincipalPart qllm::principalPartOf(QuantizeOp op, ConstantValues &constants) {
  ChannelTable behind = matchChannels(op.getInput(), constants);
  PrincipalPart part = matchPrincipalPart(behind.input);
  if (!part || !part.rest->hasOneUse() || ShapedType::isDynamic(behind.columns) ||
      behind.hadamard != 1 || llvm::any_of(behind.offsets, [](float d) { return d != 0; }) ||
      llvm::any_of(behind.sources, [](auto &sources) { return sources.size() != 1; }) ||
      (!behind.gathers() && llvm::any_of(behind.factors, [](float f) { return f != 1; })))
    return {};
  // Whoever reads the part's codes gets them from the kernel that stands where `op` does.
  for (Operation *user : part.codes->getUsers())
    if (user != part.back && (user->getBlock() != op->getBlock() || !op->isBeforeInBlock(user)))
      return {};
  return part;
}

namespace {

/// One row of a tensor that is quantized, as its kernel makes it.
struct QuantizedRow {
  QuantizedRow(QuantizeOp op, PrincipalPart part, int64_t depth, ConstantValues &constants,
               ArrayRef<const kernels::Target *> targets);

  PrincipalPart part;
  ChannelTable table;  ///< in front of the principal part
  ChannelTable behind; ///< of split channels behind it
  std::optional<std::vector<float>> roundingOffsets;
  kernels::QuantizeKernel kernel;
  bool isKnown = false; ///< whether the kernel can be had

private:
  void fillUp(ChannelTable &last, int64_t depth);
};

QuantizedRow::QuantizedRow(QuantizeOp op, PrincipalPart part, int64_t depth,
                           ConstantValues &constants, ArrayRef<const kernels::Target *> targets)
    : part(part) {
  table = matchChannels(op.getInput(), constants);
  if (part) {
    behind = table;
    table = matchChannels(part.input(), constants, /*readers=*/2);
  }
  if (ShapedType::isDynamic(table.columns))
    return;
  if (op.getRoundingOffsets()) {
    roundingOffsets = constants.get(op.getRoundingOffsets());
    if (!roundingOffsets)
      return;
  }
  fillUp(part ? behind : table, depth);
  // qk.quantize_c9 and _c10: what else there is stays with the interpreter's form.
  auto type = cast<QuantizedType>(op.getType());
  auto format = cast<IntFormatAttr>(type.getFormat());
  kernel.codes = {format.getBits(), !format.isAsymmetric()};
  kernel.columns = table.columns;
  kernel.innerColumns = int64_t(table.sources.size());
  kernel.resultColumns = part ? int64_t(behind.sources.size()) : kernel.innerColumns;
  int64_t groupLength = scaledLength(type);
  bool isGrouped = groupLength != type.getShape().back();
  kernel.groupLength = isGrouped ? groupLength : kernel.resultColumns;
  kernel.hadamard = table.hadamard;
  kernel.gathers = table.gathers();
  kernel.splits = part && behind.gathers();
  kernel.rank = part ? part.rank() : 0;
  kernel.hasRowBeside = roundingOffsets.has_value();
  isKnown = kernel.resultColumns == depth && kernel.verify() &&
            llvm::all_of(targets, [&](const kernels::Target *target) {
              return bool(kernel.verifyOn(*target));
            });
}

void QuantizedRow::fillUp(ChannelTable &last, int64_t depth) {
  if (roundingOffsets)
    repeatLast(*roundingOffsets, last.hadamard, depth);
  last.repeatUpTo(depth);
}

} // namespace

QuantizedInput qllm::lowerQuantize(QuantizeOp op, int64_t depth, bool inBytes, bool wantsSums,
                                   ConstantValues &constants,
                                   ArrayRef<const kernels::Target *> targets) {
  QuantizedRow row(op, principalPartOf(op, constants), depth, constants, targets);
  DirectionOperands directions;
  if (row.isKnown && row.part) {
    OpBuilder builder(op);
    directions = directionOperands(builder, row.part, constants);
  }
  if (row.part && !directions)
    row = QuantizedRow(op, PrincipalPart(), depth, constants, targets);
  if (!row.isKnown)
    return {};
  const ChannelTable &table = row.table;
  const kernels::QuantizeKernel &wanted = row.kernel;
  PrincipalPart part = row.part;
  RowProducers producers(op, table.input, part && table.input == part.input() ? 2 : 1);
  RankedTensorType input = typeOf(producers.input);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto rows = [&](Value value) { return value ? toRows(builder, loc, value) : Value(); };
  Value matrix = rows(producers.input);
  int64_t count = typeOf(matrix).getDimSize(0);
  auto vector = [&](Type element) { return RankedTensorType::get({count}, element); };
  auto scaled = [&](Type element) {
    return wanted.isGrouped() ? RankedTensorType::get({count, wanted.groups()}, element)
                              : vector(element);
  };
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  auto format = cast<IntFormatAttr>(cast<QuantizedType>(op.getType()).getFormat());
  auto storage = cast<IntegerType>(format.getStorageType());
  if (inBytes)
    storage = IntegerType::get(op.getContext(), 8, storage.getSignedness());
  TableOperands channels = tableOperands(builder, loc, table);
  TableOperands split;
  Value offsets;
  if (row.roundingOffsets)
    offsets = initializer(builder, loc, RankedTensorType::get({depth}, f32),
                          ArrayRef<float>(*row.roundingOffsets), table.input, "rounding_offsets");
  Type partCodes, partScales;
  if (part) {
    partCodes = RankedTensorType::get({count, part.rank()}, builder.getI8Type());
    partScales = vector(f32);
    split = tableOperands(builder, loc, row.behind);
    if (split.index && !split.multiply)
      split.multiply =
          initializer(builder, loc, RankedTensorType::get({depth}, f32),
                      ArrayRef<float>(row.behind.factors), table.input, "split_factors");
  }
  auto optional = [&](bool given, int64_t value) {
    return given ? builder.getI64IntegerAttr(value) : IntegerAttr();
  };
  auto kernel = qk::QuantizeOp::create(
      builder, loc, RankedTensorType::get({count, depth}, storage), scaled(f32),
      format.isAsymmetric() ? scaled(i32) : Type(), wantsSums ? vector(i32) : Type(),
      producers.stream ? matrix.getType() : Type(), partCodes, partScales, matrix,
      rows(producers.residual), producers.weight, producers.bias, rows(producers.gate),
      channels.index, channels.multiply, channels.add, offsets, directions.directions,
      directions.transposed, directions.scales, split.index, split.multiply,
      producers.norm ? qk::NormKindAttr::get(op.getContext(), *producers.norm) : qk::NormKindAttr(),
      producers.epsilon, optional(table.hadamard > 1, table.hadamard), format,
      optional(wanted.isGrouped(), wanted.groupLength), op.getIncludeZeroAttr(), op.getClipAttr());
  if (producers.stream) {
    Value whole = fromRows(builder, loc, kernel.getStream(), producers.input, input);
    producers.stream.getResult().replaceAllUsesExcept(whole, table.input.getDefiningOp());
  }
  return {{kernel.getCodes(), kernel.getScales(), kernel.getZeroPoints(), kernel.getSums()},
          part,
          {kernel.getPartCodes(), kernel.getPartScales(), Value(), Value()}};
}
