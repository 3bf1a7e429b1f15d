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

std::pair<Value, Value> qllm::directionOperands(OpBuilder &builder, PrincipalPart part,
                                                ConstantValues &constants) {
  PackOp pack = part.directions();
  auto type = cast<RankedTensorType>(pack.getCodes().getType());
  if (type.getDimSize(0) == part.rank())
    return {pack.getCodes(), pack.getScales()};
  auto filledUp = [&](Value values, int64_t size, auto like) {
    std::optional<std::vector<float>> known = constants.get(values);
    std::vector<decltype(like)> elements(known->begin(), known->end());
    elements.resize(size_t(size), 0);
    return elements;
  };
  Location loc = part.thin.getLoc();
  int64_t rank = part.rank(), columns = type.getDimSize(1);
  std::vector<int8_t> codes = filledUp(pack.getCodes(), rank * columns, int8_t());
  std::vector<float> scales = filledUp(pack.getScales(), rank, float());
  return {initializer(builder, loc, type.clone({rank, columns}), ArrayRef<int8_t>(codes),
                      pack.getCodes(), "_rows"),
          initializer(builder, loc, RankedTensorType::get({rank}, builder.getF32Type()),
                      ArrayRef<float>(scales), pack.getScales(), "_rows")};
}
