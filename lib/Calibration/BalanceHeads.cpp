// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds heads and pairs in the IR, measures energies on the calibration rows, scales weights.

#include "qllm/Calibration/BalanceHeads.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

// Tokens that energies are measured on.
constexpr int64_t sampleRows = 1024;

/// How the output channels of a layer become heads in front of attention.
struct HeadLayout {
  onnx::AttentionOp attention;
  unsigned operand = 0;
  int64_t heads = 0, width = 0;
  /// Distance of the two channels of a rotary pair; 0 without a rotary embedding.
  int64_t pairStride = 0;
};

ArrayRef<int64_t> shapeOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

/// Reads one operation of the way; false where it is none that keeps heads and channels in order.
bool readStep(Operation *op, HeadLayout &layout) {
  if (auto reshape = dyn_cast<onnx::ReshapeOp>(op)) {
    ArrayRef<int64_t> shape = shapeOf(reshape.getReshaped());
    if (layout.heads || shape.size() != 4 || ShapedType::isDynamic(shape[2]) ||
        ShapedType::isDynamic(shape[3]))
      return false;
    layout.heads = shape[2];
    layout.width = shape[3];
    return true;
  }
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op))
    return transpose.getPerm() && *transpose.getPerm() == ArrayRef<int64_t>{0, 2, 1, 3};
  if (auto rotary = dyn_cast<onnx::RotaryEmbeddingOp>(op)) {
    bool partial = rotary.getRotaryEmbeddingDim().value_or(0) != 0;
    if (partial || layout.pairStride || layout.width % 2 != 0 || layout.width == 0)
      return false;
    layout.pairStride = rotary.getInterleaved().value_or(0) ? 1 : layout.width / 2;
    return true;
  }
  return isa<RotateChannelsOp, QuantizeOp, DequantizeOp, onnx::IdentityOp>(op);
}

/// Follows the only way from a layer to attention.
std::optional<HeadLayout> followToAttention(Value value) {
  HeadLayout layout;
  for (unsigned depth = 0; depth < 12; ++depth) {
    if (!value.hasOneUse())
      return std::nullopt;
    OpOperand &use = *value.use_begin();
    if (auto attention = dyn_cast<onnx::AttentionOp>(use.getOwner())) {
      layout.attention = attention;
      layout.operand = use.getOperandNumber();
      return layout.heads ? std::optional(layout) : std::nullopt;
    }
    if (use.getOperandNumber() != 0 || !readStep(use.getOwner(), layout))
      return std::nullopt;
    value = use.getOwner()->getResult(0);
  }
  return std::nullopt;
}

/// The variance of every output of rows [first, first + count) of the weight.
std::vector<double> variances(SiteState &state, const SiteProduct &product) {
  int64_t stride = std::max<int64_t>(1, state.input.rows() / sampleRows);
  MatrixF x(0, 0), weight = rowsOf(state.weight, product.firstRow, product.rows);
  std::vector<float> kept;
  int64_t rows = 0;
  for (int64_t row = 0; row < state.input.rows(); row += stride) {
    if (size_t(row) < state.sinks.size() && state.sinks[size_t(row)])
      continue;
    llvm::append_range(kept, state.input.rowValues(row));
    ++rows;
  }
  MatrixF y = applyWeight(state.pool, MatrixF(rows, state.input.columns(), kept), weight);
  std::vector<double> sums(size_t(product.rows)), squares(size_t(product.rows));
  for (int64_t row = 0; row < rows; ++row)
    for (size_t j = 0; j < sums.size(); ++j) {
      double value = y(row, int64_t(j));
      sums[j] += value;
      squares[j] += value * value;
    }
  for (size_t j = 0; j < sums.size() && rows > 0; ++j)
    squares[j] = std::max(0.0, squares[j] / double(rows) -
                                   sums[j] / double(rows) * (sums[j] / double(rows)));
  return squares;
}

void scaleRow(SiteState &state, int64_t row, double factor) {
  state.isRewritten = true;
  for (float &value : state.weight.rowValues(row))
    value = float(value * factor);
  if (size_t(row) < state.bias.size())
    state.bias[size_t(row)] = float(state.bias[size_t(row)] * factor);
}

} // namespace

std::string qllm::balanceHeads(const Site &site, SiteState &state) {
  std::optional<HeadLayout> queries, keys;
  const SiteProduct *queryProduct = nullptr, *keyProduct = nullptr;
  for (auto [index, product] : llvm::enumerate(state.products)) {
    LinearOp linear = site.linears[index];
    std::optional<HeadLayout> layout = followToAttention(linear.getResult());
    if (!layout || layout->heads * layout->width != product.rows)
      continue;
    if (layout->operand == 0) {
      queries = layout;
      queryProduct = &product;
    } else if (layout->operand == 1) {
      keys = layout;
      keyProduct = &product;
    }
  }
  if (!queries || !keys || queries->attention != keys->attention)
    return "expected queries and keys from a layer each, and nothing else that reads them";
  if (queries->width != keys->width || queries->pairStride != keys->pairStride ||
      queries->heads % keys->heads != 0)
    return "expected queries and keys with heads of one kind";
  if (!queryProduct->format || !keyProduct->format)
    return "expected weights of queries and keys that are rounded";

  std::vector<double> q = variances(state, *queryProduct), k = variances(state, *keyProduct);
  int64_t width = keys->width, group = queries->heads / keys->heads, stride = keys->pairStride;
  for (int64_t head = 0; head < keys->heads; ++head) {
    std::vector<double> factors(size_t(width), 1.0);
    double logarithms = 0;
    for (int64_t j = 0; j < width; ++j) {
      // The partner of a channel: half a head away, or its neighbour.
      int64_t partner = stride == 0 ? j : stride == 1 ? j ^ 1 : (j + stride) % width;
      double queryEnergy = 0, keyEnergy = k[size_t(head * width + j)];
      keyEnergy += k[size_t(head * width + partner)];
      for (int64_t member = head * group; member < (head + 1) * group; ++member)
        queryEnergy +=
            (q[size_t(member * width + j)] + q[size_t(member * width + partner)]) / double(group);
      if (queryEnergy > 0 && keyEnergy > 0)
        factors[size_t(j)] = std::pow(keyEnergy / queryEnergy, 0.25);
      logarithms += std::log(factors[size_t(j)]);
    }
    // Only ratios between channels matter: quantizers have a scale for each head.
    double mean = std::exp(logarithms / double(width));
    for (int64_t j = 0; j < width; ++j) {
      double factor = factors[size_t(j)] / mean;
      scaleRow(state, keyProduct->firstRow + head * width + j, 1 / factor);
      for (int64_t member = head * group; member < (head + 1) * group; ++member)
        scaleRow(state, queryProduct->firstRow + member * width + j, factor);
    }
  }
  return "";
}
