// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.launch.

#include "Schedules.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Kernels/LaunchLimits.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

/// launch_c3
static LogicalResult verifyInPlace(LaunchOp op) {
  ArrayRef<int64_t> pairs = op.getInPlace().value_or(ArrayRef<int64_t>());
  if (pairs.size() % 2 != 0)
    return op.emitOpError() << "expected pairs of a result and an operand, but got " << pairs.size()
                            << " numbers";
  llvm::SmallDenseSet<int64_t> results, operands;
  for (size_t entry = 0; entry != pairs.size(); entry += 2) {
    int64_t result = pairs[entry], operand = pairs[entry + 1];
    if (result < 0 || result >= op.getNumResults() || operand < 0 ||
        operand >= int64_t(op.getInputs().size()))
      return op.emitOpError() << "expected a result in the place of an operand, but got result "
                              << result << " and operand " << operand;
    if (!results.insert(result).second || !operands.insert(operand).second)
      return op.emitOpError() << "expected each result and operand in place once, but got result "
                              << result << " and operand " << operand << " again";
    Type wanted = op.getInputs()[operand].getType(), found = op.getResult(result).getType();
    if (wanted != found)
      return op.emitOpError() << "expected result " << result << " to have the type " << wanted
                              << " of operand " << operand << ", but got " << found;
  }
  return success();
}

/// launch_c6
static LogicalResult verifySizes(LaunchOp op) {
  ArrayRef<int64_t> sizes = op.getSizes();
  auto sizeOf = [&](size_t entry) {
    return cast<RankedTensorType>(op.getInputs()[sizes[entry]].getType())
        .getDimSize(sizes[entry + 1]);
  };
  for (size_t entry = 0; entry != sizes.size(); entry += 2)
    if (!ShapedType::isDynamic(sizeOf(entry)) && sizeOf(entry) > kernels::maxRuntimeSize)
      return op.emitOpError() << "expected sizes of at most " << kernels::maxRuntimeSize
                              << ", which kernels get as i32, but got " << sizeOf(entry)
                              << " in dimension " << sizes[entry + 1] << " of operand "
                              << sizes[entry];
  int64_t rows = sizeOf(0);
  if (!ShapedType::isDynamic(rows) && rows > kernels::maxRows)
    return op.emitOpError() << "expected at most " << kernels::maxRows << " rows, but got " << rows;
  return success();
}

LogicalResult LaunchOp::verify() {
  // launch_c1
  auto verifyMaps = [&](GeometryAttr geometry) -> LogicalResult {
    for (TensorMapAttr map : geometry.getMaps())
      if (map.getOperand() >= int64_t(getInputs().size()))
        return emitOpError() << "expected tensor maps of " << getInputs().size()
                             << " operands, but got one of operand " << map.getOperand();
    return success();
  };
  if (failed(verifyByTarget<GeometryAttr>(*this, getGeometry(), "a geometry", verifyMaps)))
    return failure();
  // launch_c2
  ArrayRef<int64_t> sizes = getSizes();
  if (sizes.empty() || sizes.size() % 2 != 0)
    return emitOpError() << "expected pairs of an operand and a dimension, but got " << sizes.size()
                         << " numbers";
  for (size_t entry = 0; entry != sizes.size(); entry += 2) {
    int64_t operand = sizes[entry], dimension = sizes[entry + 1];
    if (operand < 0 || operand >= int64_t(getInputs().size()) || dimension < 0 ||
        dimension >= cast<RankedTensorType>(getInputs()[operand].getType()).getRank())
      return emitOpError() << "expected a dimension of an operand, but got dimension " << dimension
                           << " of operand " << operand;
  }
  if (failed(verifyInPlace(*this)))
    return failure();
  // launch_c4
  int64_t before = 0;
  for (auto part : getSpecializationList()) {
    if (part.getMaxRows() <= before)
      return emitOpError() << "expected kernels by ascending max_rows, but got "
                           << part.getMaxRows() << " after " << before;
    before = part.getMaxRows();
    if (failed(verifyByTarget<GeometryAttr>(*this, part.getGeometry(), "a geometry", verifyMaps)))
      return failure();
    for (NamedAttribute entry : getGeometry())
      if (!part.getGeometry().get(entry.getName()))
        return emitOpError() << "expected a geometry on " << entry.getName().strref() << " for "
                             << part.getMaxRows() << " rows, but got none";
  }
  // launch_c5
  if (std::optional<ArrayRef<int64_t>> rows = getRowsOfResults();
      rows && (rows->size() != getNumResults() ||
               llvm::any_of(*rows, [](int64_t each) { return each < 1; })))
    return emitOpError() << "expected a positive entry of rows_of_results for each of "
                         << getNumResults() << " results, but got [" << *rows << "]";
  return verifySizes(*this);
}

int64_t LaunchOp::getResultSize(unsigned result, int64_t rows) {
  std::optional<ArrayRef<int64_t>> each = getRowsOfResults();
  return each ? llvm::divideCeil(rows, (*each)[result]) : rows;
}

SmallVector<SpecializationAttr> LaunchOp::getSpecializationList() {
  if (!getSpecializations())
    return {};
  return llvm::to_vector(getSpecializations()->getAsRange<SpecializationAttr>());
}

LaunchOp::Choice LaunchOp::getKernelOn(StringRef target, int64_t rows) {
  for (SpecializationAttr part : getSpecializationList())
    if (rows <= part.getMaxRows())
      return {part.getKernel(), part.getGeometry().getAs<GeometryAttr>(target)};
  return {getKernel(), getGeometry().getAs<GeometryAttr>(target)};
}
