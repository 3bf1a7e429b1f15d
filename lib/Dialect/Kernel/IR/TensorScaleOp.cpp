// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.tensor_scale, and its description apart from tensors.

#include "OperandTypes.h"
#include "RowSourceChecks.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult TensorScaleOp::verify() {
  // tensor_scale_c1
  RowSource source = rowSourceOf(*this);
  int64_t columns = source.resultColumns();
  if (ShapedType::isDynamic(source.columns()) || ShapedType::isDynamic(columns))
    return emitOpError() << "expected static columns of input and index, but got "
                         << getInput().getType()
                         << (getIndex() ? " and an index that has none" : "");
  // tensor_scale_c2, tensor_scale_c3 and tensor_scale_c4
  if (failed(verifyMatrices(source)) || failed(verifyTables(source, columns)) ||
      failed(verifySteps(source)))
    return failure();
  // tensor_scale_c5
  Type f32 = Float32Type::get(getContext());
  if (failed(verifyType(*this, "a scale", getScale(), {1}, f32)) ||
      failed(verifyType(*this, "largest magnitudes of rows", getRowMaxima(),
                        {shapeOf(getInput())[0]}, f32)))
    return failure();
  if (getArrivals().getType() != getFreeArrivals().getType())
    return emitOpError() << "expected a result of arrivals of type " << getArrivals().getType()
                         << ", but got " << getFreeArrivals().getType();
  if (int64_t counts = shapeOf(getArrivals())[0]; ShapedType::isDynamic(counts) || counts < 1)
    return emitOpError() << "expected arrivals of at least one count, but got "
                         << getArrivals().getType();
  // tensor_scale_c6
  if (failed(verifyClip(*this, getClipAttr())))
    return failure();
  // tensor_scale_c7
  if (FormatStatus status = getKernel().verify(); !status)
    return emitOpError() << status.message();
  return success();
}

kernels::QuantizeKernel TensorScaleOp::getKernel() {
  RowSource source = rowSourceOf(*this);
  kernels::QuantizeKernel kernel;
  kernel.codes = {/*bits=*/4, /*isSigned=*/true};
  kernel.columns = source.columns();
  kernel.resultColumns = kernel.innerColumns = kernel.groupLength = source.resultColumns();
  kernel.gathers = bool(getIndex());
  kernel.hasNorm = getResidual() || getNormWeight();
  kernel.hasRowBeside = bool(getGate());
  kernel.hadamard = source.hadamard;
  return kernel;
}

std::string TensorScaleOp::describeKernel() {
  return "tensor_scale" + describeSource(rowSourceOf(*this));
}

SmallVector<Type> TensorScaleOp::getKernelTypes() { return typesOfSource(rowSourceOf(*this)); }

SmallVector<int64_t> TensorScaleOp::getInPlaceResults() {
  return {cast<OpResult>(getFreeArrivals()).getResultNumber(),
          int64_t((*this)->getNumOperands()) - 1};
}

GeometryAttr TensorScaleOp::getGeometryOn(const kernels::Target &) {
  kernels::QuantizeKernel kernel = getKernel();
  // A number for each warp, and the count of arrivals.
  int64_t shared = std::max<int64_t>(kernel.sharedBytes(), 4 * kernel.warps() + 4);
  return GeometryAttr::get(getContext(), /*columns=*/1, kernel.rowsOfBlock(), /*layers=*/1,
                           kernel.threads(), shared, /*cluster=*/1, /*column_cluster=*/1, {});
}
