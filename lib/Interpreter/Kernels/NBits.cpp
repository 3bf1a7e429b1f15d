// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators of com.microsoft on weights of a few bits in blocks: MatMulNBits and
// GatherBlockQuantized.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/Gemm.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Code `i` of a row of packed codes, low bits first.
unsigned codeAt(const uint8_t *packed, int64_t i, unsigned bits) {
  unsigned perByte = 8 / bits;
  return packed[i / perByte] >> (i % perByte * bits) & ((1u << bits) - 1);
}

/// A weight [rows, columns] in blocks along its columns.
struct BlockWeight {
  int64_t rows = 0, columns = 0, block = 0, blocks = 0;
  unsigned bits = 4;
  const uint8_t *codes = nullptr;
  int64_t rowBytes = 0;
  Tensor scales;                      // f32 [rows, blocks]
  Tensor zeroPoints;                  // f32 [rows, blocks]
  std::vector<int64_t> blockOfColumn; // empty for columns in order

  void decodeRow(int64_t row, float *out) const {
    const float *scale = scales.data<float>() + row * blocks,
                *zero = zeroPoints.data<float>() + row * blocks;
    for (int64_t k = 0; k < columns; ++k) {
      int64_t b = blockOfColumn.empty() ? k / block : blockOfColumn[size_t(k)];
      out[k] = (float(codeAt(codes + row * rowBytes, k, bits)) - zero[b]) * scale[b];
    }
  }
};

/// Zero points packed like the codes (each row begins a byte), or as floats, or the middle of the
/// codes.
LogicalResult readZeroPoints(KernelContext &ctx, unsigned operand, BlockWeight &weight) {
  if (!ctx.temporary(weight.zeroPoints, ElementType::F32, {weight.rows, weight.blocks}))
    return failure();
  float *to = weight.zeroPoints.mutableData<float>();
  if (!ctx.has(operand)) {
    std::fill_n(to, weight.zeroPoints.size(), float(1u << (weight.bits - 1)));
    return success();
  }
  const Tensor &given = ctx.in(operand);
  if (given.type() != ElementType::U8) {
    llvm::Expected<Tensor> floats = cast(given, ElementType::F32);
    if (!floats)
      return ctx.fail(floats.takeError());
    if (floats->size() != weight.zeroPoints.size())
      return ctx.fail("expected " + llvm::Twine(weight.zeroPoints.size()) +
                      " zero points, but got " + describe(given));
    std::copy_n(floats->data<float>(), floats->size(), to);
    return success();
  }
  int64_t rowBytes = (weight.blocks * weight.bits + 7) / 8;
  if (given.size() != weight.rows * rowBytes)
    return ctx.fail("expected " + llvm::Twine(weight.rows * rowBytes) +
                    " bytes of zero points, but got " + describe(given));
  for (int64_t row = 0; row < weight.rows; ++row)
    for (int64_t b = 0; b < weight.blocks; ++b)
      to[row * weight.blocks + b] =
          float(codeAt(given.data<uint8_t>() + row * rowBytes, b, weight.bits));
  return success();
}

LogicalResult readScales(KernelContext &ctx, unsigned operand, BlockWeight &weight) {
  llvm::Expected<Tensor> scales = cast(ctx.in(operand), ElementType::F32);
  if (!scales)
    return ctx.fail(scales.takeError());
  weight.scales = *scales;
  return scales->size() == weight.rows * weight.blocks
             ? success()
             : ctx.fail("expected " + llvm::Twine(weight.rows * weight.blocks) +
                        " scales, but got " + describe(*scales));
}

LogicalResult readWeight(KernelContext &ctx, BlockWeight &weight) {
  weight.rows = ctx.attr("N", int64_t(0));
  weight.columns = ctx.attr("K", int64_t(0));
  weight.block = ctx.attr("block_size", int64_t(0));
  int64_t bits = ctx.attr("bits", int64_t(4));
  if (bits != 2 && bits != 4 && bits != 8)
    return ctx.fail("expected 2, 4 or 8 bits, but got " + llvm::Twine(bits));
  // Within these the count of bytes below does not overflow.
  if (weight.rows < 1 || weight.columns < 1 || weight.rows > INT32_MAX ||
      weight.columns > INT32_MAX || weight.block < 16 || weight.block > 65536)
    return ctx.fail(
        "expected N and K from 1 to 2147483647 and a block size from 16 to 65536, but got " +
        llvm::Twine(weight.rows) + ", " + llvm::Twine(weight.columns) + " and " +
        llvm::Twine(weight.block));
  weight.bits = unsigned(bits);
  weight.blocks = (weight.columns + weight.block - 1) / weight.block;
  weight.rowBytes = weight.blocks * (weight.block * bits / 8);
  const Tensor &b = ctx.in(1);
  if (b.type() != ElementType::U8 || b.size() != weight.rows * weight.rowBytes)
    return ctx.fail("expected " + llvm::Twine(weight.rows * weight.rowBytes) +
                    " bytes of codes, but got " + describe(b));
  weight.codes = b.data<uint8_t>();
  if (failed(readScales(ctx, 2, weight)) || failed(readZeroPoints(ctx, 3, weight)))
    return failure();
  if (!ctx.has(4))
    return success();
  Shape groups;
  if (failed(ctx.integersOf(4, groups)))
    return failure();
  for (int64_t group : groups)
    if (group < 0 || group >= weight.blocks)
      return ctx.fail("expected group indices in [0, " + llvm::Twine(weight.blocks) +
                      "), but got " + llvm::Twine(group));
  weight.blockOfColumn.assign(groups.begin(), groups.end());
  return int64_t(groups.size()) >= weight.columns
             ? success()
             : ctx.fail("expected a group index for each of K columns");
}

LogicalResult matMulNBits(KernelContext &ctx) {
  const Tensor &a = ctx.in(0);
  BlockWeight weight;
  if (failed(readWeight(ctx, weight)))
    return failure();
  if (a.type() != ElementType::F32 || a.rank() < 1 || a.dim(a.rank() - 1) != weight.columns ||
      (ctx.has(5) && ctx.in(5).size() != weight.rows))
    return ctx.fail("expected an input of " + llvm::Twine(weight.columns) + " channels, but got " +
                    describe(a));
  Tensor decoded;
  Shape shape(a.shape());
  shape.back() = weight.rows;
  Tensor *out = ctx.allocate(0, ElementType::F32, shape);
  if (!out || !ctx.temporary(decoded, ElementType::F32, {weight.rows, weight.columns}))
    return failure();
  ctx.pool().forRange(weight.rows, std::max<int64_t>(1, elementGrain / weight.columns),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t row = begin; row < end; ++row)
                          weight.decodeRow(row,
                                           decoded.mutableData<float>() + row * weight.columns);
                      });
  int64_t rows = a.size() / weight.columns;
  matmul(ctx.pool(), rows, weight.rows, weight.columns, 1, {a.data<float>(), weight.columns},
         {decoded.data<float>(), weight.columns, true}, 0, out->mutableData<float>(), weight.rows);
  for (int64_t i = 0; ctx.has(5) && i < out->size(); ++i)
    out->mutableData<float>()[i] += ctx.in(5).data<float>()[i % weight.rows];
  return success();
}

LogicalResult gatherBlockQuantized(KernelContext &ctx) {
  const Tensor &data = ctx.in(0);
  int64_t gatherAxis = ctx.attr("gather_axis", int64_t(0)),
          quantizeAxis = ctx.attr("quantize_axis", int64_t(1));
  if (failed(ctx.normalizeAxis(gatherAxis, data.rank())) ||
      failed(ctx.normalizeAxis(quantizeAxis, data.rank())))
    return failure();
  if (data.rank() != 2 || gatherAxis != 0 || quantizeAxis != 1)
    return ctx.fail("only rows of a table quantized along its columns are supported, but got " +
                    describe(data) + ", gather axis " + llvm::Twine(gatherAxis) +
                    " and quantize axis " + llvm::Twine(quantizeAxis));
  BlockWeight weight;
  bool packed = data.type() == ElementType::U8;
  weight.bits = packed ? unsigned(ctx.attr("bits", int64_t(4))) : 8;
  if (packed && weight.bits != 2 && weight.bits != 4 && weight.bits != 8)
    return ctx.fail("expected 2, 4 or 8 bits, but got " + llvm::Twine(weight.bits));
  if (!packed && data.type() != ElementType::I4 && data.type() != ElementType::U4)
    return unsupportedType(ctx, 0);
  weight.rows = data.dim(0);
  weight.columns = packed ? data.dim(1) * (8 / weight.bits) : data.dim(1);
  weight.block = ctx.attr("block_size", int64_t(128));
  if (weight.block < 16)
    return ctx.fail("expected a block size of at least 16, but got " + llvm::Twine(weight.block));
  weight.blocks = (weight.columns + weight.block - 1) / weight.block;
  weight.rowBytes = data.dim(1);
  // Types of four bits lie one to a byte here; signed ones are shifted to be unsigned, zero points
  // with them.
  bool isSigned = data.type() == ElementType::I4;
  std::vector<uint8_t> shifted;
  weight.codes = data.data<uint8_t>();
  if (isSigned) {
    for (int8_t code : data.values<int8_t>())
      shifted.push_back(uint8_t(code + 8));
    weight.codes = shifted.data();
  }
  if (failed(readScales(ctx, 2, weight)) || failed(readZeroPoints(ctx, 3, weight)))
    return failure();
  float base = isSigned ? 8 : 0;
  for (int64_t i = 0; !packed && i < weight.zeroPoints.size(); ++i)
    weight.zeroPoints.mutableData<float>()[i] =
        (ctx.has(3) ? weight.zeroPoints.data<float>()[i] : 0) + base;
  llvm::Expected<Tensor> indices = cast(ctx.in(1), ElementType::I64);
  if (!indices)
    return ctx.fail(indices.takeError());
  Shape shape(indices->shape());
  shape.push_back(weight.columns);
  Tensor *out = ctx.allocate(0, ElementType::F32, shape);
  if (!out)
    return failure();
  for (auto [i, index] : llvm::enumerate(indices->values<int64_t>())) {
    if (index < -weight.rows || index >= weight.rows)
      return ctx.fail("expected an index in [" + llvm::Twine(-weight.rows) + ", " +
                      llvm::Twine(weight.rows) + "), but got " + llvm::Twine(index));
    weight.decodeRow(index < 0 ? index + weight.rows : index,
                     out->mutableData<float>() + int64_t(i) * weight.columns);
  }
  return success();
}

} // namespace

void interp::addNBitsKernels(KernelRegistry &registry) {
  registry.add("ms.MatMulNBits", matMulNBits, 3, 6);
  registry.add("ms.GatherBlockQuantized", gatherBlockQuantized, 3, 4);
}
