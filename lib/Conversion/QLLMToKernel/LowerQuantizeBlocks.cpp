// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.quantize to qk.quantize_blocks, behind a qk.tensor_scale that reads the same rows.

#include "LowerQuantizeBlocks.h"

#include "RowMatrix.h"
#include "RowProducers.h"
#include "StreamArrivals.h"
#include "TableOperands.h"
#include "qllm/Kernels/QuantizeKernel.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;

static kernels::QuantizeKernel describeKernel(QuantizedType type, const ChannelTable &table) {
  kernels::QuantizeKernel kernel;
  kernel.codes = {/*bits=*/4, /*isSigned=*/true};
  kernel.toFloats = true;
  kernel.columns = table.columns;
  kernel.resultColumns = kernel.innerColumns = int64_t(table.sources.size());
  kernel.groupLength = type.getGranularity().getGroupSize();
  kernel.hadamard = table.hadamard;
  kernel.gathers = table.gathers();
  return kernel;
}

static bool hasKernel(const kernels::QuantizeKernel &kernel,
                      ArrayRef<const kernels::Target *> targets) {
  return kernel.verify() && llvm::all_of(targets, [&](const kernels::Target *target) {
           return bool(kernel.verifyOn(*target));
         });
}

QuantizedBlocks qllm::lowerQuantizeBlocks(QuantizeOp op, ConstantValues &constants,
                                          ArrayRef<const kernels::Target *> targets) {
  auto type = cast<QuantizedType>(op.getType());
  ChannelTable table = matchChannels(op.getInput(), constants);
  if (ShapedType::isDynamic(table.columns))
    return {};
  kernels::QuantizeKernel kernel = describeKernel(type, table);
  if (!hasKernel(kernel, targets))
    return {};
  RowProducers producers(op, table.input, /*readers=*/1);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Type f32 = builder.getF32Type();
  auto rows = [&](Value value) { return value ? toRows(builder, loc, value) : Value(); };
  Value matrix = rows(producers.input), residual = rows(producers.residual),
        gate = rows(producers.gate), stream;
  int64_t count = cast<RankedTensorType>(matrix.getType()).getDimSize(0);
  Type streamType = producers.stream ? matrix.getType() : Type();
  TableOperands channels = tableOperands(builder, loc, table);
  auto norm =
      producers.norm ? qk::NormKindAttr::get(op.getContext(), *producers.norm) : qk::NormKindAttr();
  auto hadamard = table.hadamard > 1 ? builder.getI64IntegerAttr(table.hadamard) : IntegerAttr();
  QuantizedBlocks made;
  if (type.hasTensorScale()) {
    Value arrivals = makeArrivals(builder, loc, /*tiles=*/1);
    auto scale = qk::TensorScaleOp::create(
        builder, loc, RankedTensorType::get({1}, f32), RankedTensorType::get({count}, f32),
        arrivals.getType(), streamType, matrix, residual, producers.weight, producers.bias, gate,
        channels.index, channels.multiply, channels.add, arrivals, norm, producers.epsilon,
        hadamard, op.getClipAttr());
    made.tensorScale = scale.getScale();
    if ((stream = scale.getStream())) {
      matrix = stream;
      residual = {};
      streamType = {};
    }
  }
  kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
  auto scaleType = cast<RankedTensorType>(type.getScalesType());
  auto scales =
      RankedTensorType::get({ShapedType::isDynamic(count) ? count : layout.rowTiles(count),
                             layout.columnTiles(kernel.groups()), layout.tileSize()},
                            scaleType.getElementType());
  auto quantized = qk::QuantizeBlocksOp::create(
      builder, loc,
      RankedTensorType::get({count, kernel.resultColumns}, type.getFormat().getStorageType()),
      scales, streamType, matrix, residual, producers.weight, producers.bias, gate, channels.index,
      channels.multiply, channels.add, made.tensorScale, norm, producers.epsilon, hadamard,
      op.getClipAttr());
  if (!stream)
    stream = quantized.getStream();
  if (stream) {
    Value whole = fromRows(builder, loc, stream, producers.input,
                           cast<RankedTensorType>(producers.input.getType()));
    producers.stream.getResult().replaceAllUsesExcept(whole, table.input.getDefiningOp());
  }
  made.codes = quantized.getCodes();
  made.scales = quantized.getScales();
  return made;
}
