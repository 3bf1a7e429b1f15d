// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes backwards from the difference.

#include "PrincipalParts.h"

#include "LowRankBranches.h"
#include "RowMatrix.h"
#include "qllm/Kernels/QuantizeKernel.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Whether `back` is by the transpose of the values that `directions` stand for.
bool isTransposeOf(Value back, Value directions) {
  auto transpose = back.getDefiningOp<onnx::TransposeOp>();
  if (!transpose)
    return false;
  std::optional<ArrayRef<int64_t>> order = transpose.getPerm();
  if (order && *order != ArrayRef<int64_t>{1, 0})
    return false;
  auto values = transpose.getData().getDefiningOp<DequantizeOp>();
  return values && values.getInput() == directions;
}

} // namespace

int64_t PrincipalPart::rank() {
  int64_t rows = cast<QuantizedType>(thin.getWeight().getType()).getShape()[0];
  return llvm::alignTo(rows, kernels::QuantizeKernel::rankStep);
}

SmallVector<LinearOp> PrincipalPart::wideProducts() {
  SmallVector<LinearOp> products;
  for (Operation *user : codes->getUsers())
    if (auto wide = dyn_cast<LinearOp>(user); wide && wide != back && wide.getInput() == codes)
      products.push_back(wide);
  return products;
}

PrincipalPart qllm::matchPrincipalPart(Value x) {
  PrincipalPart part;
  part.rest = x.getDefiningOp<onnx::SubOp>();
  if (!part.rest || part.rest.getA().getType() != x.getType() ||
      part.rest.getB().getType() != x.getType())
    return {};
  part.back = part.rest.getB().getDefiningOp<LinearOp>();
  if (!part.back || !part.back->hasOneUse() || part.back.getBias())
    return {};
  part.codes = part.back.getInput().getDefiningOp<QuantizeOp>();
  if (!part.codes || !areBranchCodes(part.codes))
    return {};
  part.thin = part.codes.getInput().getDefiningOp<LinearOp>();
  if (!part.thin || !part.thin->hasOneUse() || part.thin.getBias() ||
      part.thin.getInput() != part.rest.getA() || !isByteWeight(part.thin.getWeight()) ||
      !isTransposeOf(part.back.getWeight(), part.thin.getWeight()))
    return {};
  return part;
}

namespace {

/// A matrix of codes as tiles of 16 by 32, filled up by zeros (qk.quantize_c10).
Value fragmentsOf(OpBuilder &builder, Location loc, int64_t rows, int64_t columns,
                  llvm::function_ref<float(int64_t row, int64_t column)> at, Value like,
                  StringRef suffix) {
  int64_t down = llvm::divideCeil(rows, 16), along = llvm::divideCeil(columns, 32);
  std::vector<int8_t> bytes;
  bytes.reserve(size_t(down * along * 512));
  for (int64_t tile = 0; tile != down * along; ++tile)
    for (int64_t byte = 0; byte != 512; ++byte) {
      int64_t lane = byte / 16, word = byte / 4 % 4;
      int64_t row = tile / along * 16 + lane / 4 + 8 * (word % 2);
      int64_t column = tile % along * 32 + 8 * (lane % 4) + 4 * (word / 2) + byte % 4;
      bytes.push_back(row < rows && column < columns ? int8_t(at(row, column)) : int8_t(0));
    }
  return initializer(builder, loc, RankedTensorType::get({down, along, 512}, builder.getI8Type()),
                     ArrayRef<int8_t>(bytes), like, suffix);
}

} // namespace

DirectionOperands qllm::directionOperands(OpBuilder &builder, PrincipalPart part,
                                          ConstantValues &constants) {
  PackOp pack = part.directions();
  auto shape = cast<RankedTensorType>(pack.getCodes().getType()).getShape();
  int64_t rows = shape[0], columns = shape[1], rank = part.rank();
  std::optional<std::vector<float>> codes = constants.get(pack.getCodes()),
                                    scales = constants.get(pack.getScales());
  if (!codes || !scales)
    return {};
  scales->resize(size_t(rank), 1);
  auto at = [&](int64_t row, int64_t column) {
    return row < rows ? (*codes)[size_t(row * columns + column)] : 0;
  };
  auto transposed = [&](int64_t row, int64_t column) { return at(column, row); };
  Location loc = part.thin.getLoc();
  return {fragmentsOf(builder, loc, rank, columns, at, pack.getCodes(), "_fragments"),
          fragmentsOf(builder, loc, columns, rank, transposed, pack.getCodes(), "_transposed"),
          initializer(builder, loc, RankedTensorType::get({rank}, builder.getF32Type()),
                      ArrayRef<float>(*scales), pack.getScales(), "_filled")};
}
