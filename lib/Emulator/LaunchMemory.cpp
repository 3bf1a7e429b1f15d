// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pointers come first, in the order of operands and results, then the sizes.

#include "LaunchMemory.h"

#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Kernels/LaunchLimits.h"

using namespace qllm;
using namespace qllm::emu;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

LogicalResult LaunchMemory::prepare(qk::LaunchOp launch, qk::GeometryAttr geometry,
                                    interp::KernelContext &ctx) {
  operands = ctx.inputCount();
  for (unsigned i = 0; i < operands; ++i) {
    const Tensor *tensor = ctx.value(i).tensor();
    if (!tensor)
      return ctx.fail("expected a tensor as operand " + llvm::Twine(i) + ", but got " +
                      ctx.value(i).describe());
    if (!memory.emplace_back().upload(*tensor))
      return ctx.fail("cannot put " + describe(*tensor) + " into device memory");
    addresses.push_back(memory.back().argument());
  }
  isWritten.assign(operands, false);
  llvm::ArrayRef<int64_t> entries = launch.getSizes();
  if (int64_t rows = ctx.in(unsigned(entries[0])).dim(entries[1]); rows > kernels::maxRows)
    return ctx.fail("expected at most " + llvm::Twine(kernels::maxRows) + " rows, but got " +
                    llvm::Twine(rows));
  for (size_t entry = 0; entry != entries.size(); entry += 2)
    sizes.push_back(int32_t(ctx.in(unsigned(entries[entry])).dim(entries[entry + 1])));
  if (failed(addResults(launch, ctx)))
    return failure();
  // Of no rows there is no map, and no block that would use it.
  for (qk::TensorMapAttr map : geometry.getMaps())
    if (rows() && failed(addMap(map, ctx.in(unsigned(map.getOperand())), ctx)))
      return failure();
  for (int32_t &size : sizes)
    addresses.push_back(&size);
  return success();
}

LogicalResult LaunchMemory::addResults(qk::LaunchOp launch, interp::KernelContext &ctx) {
  llvm::SmallDenseMap<int64_t, int64_t> inPlace;
  if (std::optional<llvm::ArrayRef<int64_t>> pairs = launch.getInPlace())
    for (size_t entry = 0; entry != pairs->size(); entry += 2)
      inPlace[(*pairs)[entry]] = (*pairs)[entry + 1];
  for (auto [index, value] : llvm::enumerate(launch.getResultTypes())) {
    auto type = llvm::cast<mlir::ShapedType>(value);
    if (auto found = inPlace.find(int64_t(index)); found != inPlace.end()) {
      isWritten[size_t(found->second)] = true;
      results.push_back({size_t(found->second), Shape(ctx.in(unsigned(found->second)).shape())});
      continue;
    }
    Shape shape;
    for (int64_t size : type.getShape())
      shape.push_back(
          mlir::ShapedType::isDynamic(size) ? launch.getResultSize(unsigned(index), rows()) : size);
    if (!memory.emplace_back().allocate(interp::runtimeElementType(type.getElementType()),
                                        *elementCount(shape)))
      return ctx.fail("no device memory for a result of " + describeShape(shape));
    addresses.push_back(memory.back().argument());
    results.push_back({memory.size() - 1, shape});
    isWritten.push_back(true);
  }
  return success();
}

LogicalResult LaunchMemory::addMap(qk::TensorMapAttr given, const Tensor &operand,
                                   interp::KernelContext &ctx) {
  size_t index = size_t(given.getOperand());
  // Rows are the first dimension, all others are a row.
  if (operand.rank() < 2)
    return ctx.fail("expected a matrix for a tensor map, but got " + describe(operand));
  TensorMap &map = maps.emplace_back();
  map.base = memory[index].data();
  map.sizes[1] = uint64_t(operand.dim(0));
  map.sizes[0] = map.strides[0] = operand.dim(0) ? memory[index].size() / map.sizes[1] : 0;
  map.box[0] = uint16_t(given.getRowBytes());
  map.box[1] = uint16_t(given.getRows());
  map.rank = 2;
  map.elementBytes = 1;
  map.swizzle = uint8_t(given.getSwizzle());
  if (std::string error = tensorMapError(map); !error.empty())
    return ctx.fail(error);
  addresses[index] = &map;
  return success();
}

std::vector<Buffer> LaunchMemory::buffers() {
  std::vector<Buffer> described;
  for (size_t i = 0; i != memory.size(); ++i) {
    std::string name =
        i < operands ? "operand " + std::to_string(i) : "result " + std::to_string(i - operands);
    described.push_back({name, memory[i].data(), memory[i].size(), isWritten[i]});
  }
  for (TensorMap &map : maps)
    described.push_back({"a tensor map", reinterpret_cast<uint8_t *>(&map), sizeof map, false});
  return described;
}

LogicalResult LaunchMemory::finish(interp::KernelContext &ctx) {
  for (auto [index, result] : llvm::enumerate(results)) {
    DeviceBuffer &buffer = memory[result.buffer];
    Tensor *tensor = ctx.allocate(unsigned(index), buffer.type(), result.shape);
    if (!tensor)
      return failure();
    buffer.download(*tensor);
  }
  return success();
}
