// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.quantize, and its description apart from tensors.

#include "OperandTypes.h"
#include "RowCodes.h"
#include "RowSourceChecks.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

Type elementTypeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

LogicalResult verifyShapes(QuantizeOp op) {
  // quantize_c1
  int64_t rows = shapeOf(op.getInput())[0], columns = shapeOf(op.getInput())[1],
          resultColumns = shapeOf(op.getCodes())[1];
  if (ShapedType::isDynamic(columns) || ShapedType::isDynamic(resultColumns))
    return op.emitOpError() << "expected static columns of input and codes, but got "
                            << op.getInput().getType() << " and " << op.getCodes().getType();
  RowSource source = rowSourceOf(op);
  if (failed(verifyMatrices(source)) ||
      failed(verifyType(op, "codes", op.getCodes(), {rows, resultColumns},
                        storageOfRows(op.getFormat(), op.getCodes()))))
    return failure();
  // quantize_c2
  if (failed(verifyTables(source, op.getSplitIndex() ? source.resultColumns() : resultColumns)) ||
      failed(verifyVector(op, "rounding offsets", op.getRoundingOffsets(), resultColumns)))
    return failure();
  // quantize_c7
  return verifyVector(op, "sums", op.getSums(), rows);
}

/// Before all that asks the part for its sizes.
LogicalResult verifyPrincipal(QuantizeOp op) {
  // quantize_c10
  Value part = op.getPrincipal();
  if (bool(part) != bool(op.getPrincipalTransposed()) ||
      bool(part) != bool(op.getPrincipalScales()) ||
      bool(op.getPartCodes()) != bool(op.getPartScales()))
    return op.emitOpError() << "expected directions of a principal part, their transpose and "
                               "scales together, and its codes and scales";
  if (bool(op.getSplitIndex()) != bool(op.getSplitFactors()))
    return op.emitOpError() << "expected an index and factors of split channels together";
  if (bool(part) != bool(op.getPartCodes()))
    return op.emitOpError() << "expected codes of a principal part "
                            << (part ? "beside one, but got none"
                                     : "only where one is taken off, but got no 'principal'");
  if (!part)
    return op.getSplitIndex()
               ? op.emitOpError() << "expected a split behind a principal part, but got none"
               : success();
  int64_t rows = shapeOf(op.getInput())[0], resultColumns = shapeOf(op.getCodes())[1];
  // Of an index without a shape, verifyIndex speaks.
  if (op.getIndex() && shapeOf(op.getIndex()).empty())
    return success();
  int64_t columns = rowSourceOf(op).resultColumns(), rank = shapeOf(op.getPartCodes())[1];
  if (rank == 0)
    return op.emitOpError() << "expected a principal part of at least 32 rows, but got none";
  if (ShapedType::isDynamic(columns) || ShapedType::isDynamic(rank))
    return op.emitOpError() << "expected static columns of what a principal part is taken off and "
                               "of its codes, but got "
                            << op.getInput().getType() << " and " << op.getPartCodes().getType();
  if (!op.getSplitIndex() && columns != resultColumns)
    return op.emitOpError() << "expected " << columns
                            << " columns of codes where nothing is split, but got "
                            << resultColumns;
  Type i8 = IntegerType::get(op.getContext(), 8), f32 = Float32Type::get(op.getContext());
  constexpr int64_t tile = 512;
  if (failed(verifyType(op, "directions of a principal part", part,
                        {rank / 16, int64_t(llvm::divideCeil(columns, 32)), tile}, i8)) ||
      failed(verifyType(op, "transposed directions of a principal part",
                        op.getPrincipalTransposed(),
                        {int64_t(llvm::divideCeil(columns, 16)), rank / 32, tile}, i8)) ||
      failed(
          verifyType(op, "scales of the principal part", op.getPrincipalScales(), {rank}, f32)) ||
      failed(verifyVector(op, "an index of split channels", op.getSplitIndex(), resultColumns)) ||
      failed(verifyVector(op, "factors of split channels", op.getSplitFactors(), resultColumns)) ||
      failed(verifyType(op, "codes of the principal part", op.getPartCodes(), {rows, rank}, i8)) ||
      failed(verifyVector(op, "scales of the principal part's codes", op.getPartScales(), rows)))
    return failure();
  return success();
}

LogicalResult verifyParameters(QuantizeOp op) {
  // quantize_c5
  SmallVector<int64_t> shape = {shapeOf(op.getInput())[0]};
  int64_t columns = shapeOf(op.getCodes())[1];
  if (std::optional<uint64_t> group = op.getGroup()) {
    int64_t length = int64_t(*group);
    if (length < 1 || columns % length != 0)
      return op.emitOpError() << "expected a group that divides " << columns << ", but got "
                              << length;
    shape.push_back(columns / length);
  }
  if (failed(verifyType(op, "scales", op.getScales(), shape, Float32Type::get(op.getContext()))))
    return failure();
  // quantize_c6
  Value zeros = op.getZeroPoints();
  if (bool(zeros) != op.getFormat().isAsymmetric())
    return op.emitOpError() << "expected " << (zeros ? "no " : "") << "zero points beside codes of "
                            << op.getFormat() << (zeros ? "" : ", but got none");
  if (zeros && failed(verifyType(op, "zero points", zeros, shape, elementTypeOf(zeros))))
    return failure();
  if (op.getIncludeZero() && !zeros)
    return op.emitOpError() << "expected asymmetric codes beside include_zero, but got "
                            << op.getFormat();
  if (zeros && elementTypeOf(zeros).isUnsignedInteger(8) && !op.getIncludeZero())
    return op.emitOpError() << "expected i16 or i32 zero points of a range that need not include "
                               "zero, but got "
                            << zeros.getType();
  // quantize_c8
  return verifyClip(op, op.getClipAttr());
}

} // namespace

LogicalResult QuantizeOp::verify() {
  // quantize_c3 and quantize_c4 are those of verifySteps.
  if (failed(verifyPrincipal(*this)) || failed(verifyShapes(*this)) ||
      failed(verifySteps(rowSourceOf(*this))) || failed(verifyParameters(*this)))
    return failure();
  // quantize_c9
  if (FormatStatus status = getKernel().verify(); !status)
    return emitOpError() << status.message();
  return success();
}

kernels::QuantizeKernel QuantizeOp::getKernel() {
  kernels::QuantizeKernel kernel;
  kernel.codes = {getFormat().getBits(), !getFormat().isAsymmetric()};
  kernel.columns = shapeOf(getInput())[1];
  kernel.resultColumns = shapeOf(getCodes())[1];
  kernel.innerColumns = getPrincipal() ? rowSourceOf(*this).resultColumns() : kernel.resultColumns;
  kernel.rank = getPrincipal() ? shapeOf(getPartCodes())[1] : 0;
  kernel.splits = bool(getSplitIndex());
  kernel.groupLength = getGroup() ? int64_t(*getGroup()) : kernel.resultColumns;
  kernel.gathers = bool(getIndex());
  kernel.hasNorm = getResidual() || getNormWeight();
  kernel.hasRowBeside = getGate() || getRoundingOffsets();
  kernel.hadamard = getHadamard() ? int64_t(*getHadamard()) : 1;
  return kernel;
}

kernels::QuantizeKernel QuantizeOp::getKernelOn(const kernels::Target &target) {
  return getKernel().on(target);
}

std::string QuantizeOp::describeKernel() {
  kernels::QuantizeKernel kernel = getKernel();
  std::string name = "quantize_" + kernel.codes.str();
  if (areInBytes(getFormat(), getCodes()))
    name += "_bytes";
  name += describeSource(rowSourceOf(*this));
  if (kernel.rank)
    name += "_r" + std::to_string(kernel.rank);
  return getGroup() ? name + "_g" + std::to_string(kernel.groupLength) : name;
}

SmallVector<Type> QuantizeOp::getKernelTypes() {
  SmallVector<Type> types = typesOfSource(rowSourceOf(*this));
  Type none = NoneType::get(getContext());
  for (Value value : {Value(getCodes()), Value(getScales()), Value(getZeroPoints()),
                      Value(getSums()), Value(getPartCodes()), Value(getPartScales())})
    types.push_back(value ? withoutRows(value.getType()) : none);
  for (Value value :
       {Value(getRoundingOffsets()), Value(getPrincipal()), Value(getPrincipalTransposed()),
        Value(getPrincipalScales()), Value(getSplitIndex()), Value(getSplitFactors())})
    types.push_back(value ? value.getType() : none);
  return types;
}

GeometryAttr QuantizeOp::getGeometryOn(const kernels::Target &target) {
  kernels::QuantizeKernel kernel = getKernelOn(target);
  return GeometryAttr::get(getContext(), /*columns=*/1, kernel.rowsOfBlock(), /*layers=*/1,
                           kernel.threads(), kernel.sharedBytes(), /*cluster=*/1,
                           /*column_cluster=*/1, {});
}
