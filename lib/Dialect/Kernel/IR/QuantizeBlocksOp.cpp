// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.quantize_blocks, and its description apart from tensors.

#include "BlockScaleTypes.h"
#include "OperandTypes.h"
#include "RowSourceChecks.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult QuantizeBlocksOp::verify() {
  // quantize_blocks_c1
  RowSource source = rowSourceOf(*this);
  int64_t rows = shapeOf(getInput())[0], columns = shapeOf(getCodes())[1];
  if (ShapedType::isDynamic(source.columns()) || ShapedType::isDynamic(columns))
    return emitOpError() << "expected static columns of input and codes, but got "
                         << getInput().getType() << " and " << getCodes().getType();
  // quantize_blocks_c2, quantize_blocks_c3 and quantize_blocks_c4
  if (failed(verifyMatrices(source)) ||
      failed(verifyType(*this, "codes", getCodes(), {rows, columns},
                        getCodes().getType().getElementType())) ||
      failed(verifyTables(source, columns)) || failed(verifySteps(source)))
    return failure();
  // quantize_blocks_c8
  if (FormatStatus status = getKernel().verify(); !status)
    return emitOpError() << status.message();
  // quantize_blocks_c5
  if (failed(verifyBlockScales(*this, "scales", getScales(), rows, columns)))
    return failure();
  // quantize_blocks_c6
  if (Value scale = getTensorScale()) {
    if (!isa<Float8E4M3FNType>(getScales().getType().getElementType()))
      return emitOpError() << "expected a scale of the tensor beside scales of e4m3 only, but got "
                           << getScales().getType();
    if (failed(
            verifyType(*this, "a scale of the tensor", scale, {1}, Float32Type::get(getContext()))))
      return failure();
  }
  // quantize_blocks_c7
  return verifyClip(*this, getClipAttr());
}

kernels::QuantizeKernel QuantizeBlocksOp::getKernel() {
  kernels::QuantizeKernel kernel;
  kernel.codes = {/*bits=*/4, /*isSigned=*/true};
  kernel.toFloats = true;
  kernel.columns = shapeOf(getInput())[1];
  kernel.resultColumns = kernel.innerColumns = shapeOf(getCodes())[1];
  kernel.groupLength = blockLength(getScales());
  kernel.gathers = bool(getIndex());
  kernel.hasNorm = getResidual() || getNormWeight();
  kernel.hasRowBeside = bool(getGate());
  kernel.hadamard = rowSourceOf(*this).hadamard;
  return kernel;
}

std::string QuantizeBlocksOp::describeKernel() {
  return std::string("quantize_") + (blockLength(getScales()) == 16 ? "nvfp4" : "mxfp4") +
         describeSource(rowSourceOf(*this));
}

SmallVector<Type> QuantizeBlocksOp::getKernelTypes() {
  SmallVector<Type> types = typesOfSource(rowSourceOf(*this));
  for (Value value : {Value(getCodes()), Value(getScales())})
    types.push_back(withoutRows(value.getType()));
  types.push_back(getTensorScale() ? Type(getTensorScale().getType())
                                   : NoneType::get(getContext()));
  return types;
}

SmallVector<int64_t> QuantizeBlocksOp::getRowsOfResults() {
  SmallVector<int64_t> rows((*this)->getNumResults(), 1);
  rows[1] = kernels::WeightLayout::blockScales().tileRows();
  return rows;
}

GeometryAttr QuantizeBlocksOp::getGeometryOn(const kernels::Target &) {
  kernels::QuantizeKernel kernel = getKernel();
  return GeometryAttr::get(getContext(), /*columns=*/1, kernel.rowsOfBlock(), /*layers=*/1,
                           kernel.threads(), kernel.sharedBytes(), /*cluster=*/1,
                           /*column_cluster=*/1, {});
}
