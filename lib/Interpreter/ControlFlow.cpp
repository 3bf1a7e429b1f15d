// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If, Loop, Scan and SequenceMap.

#include "Executor.h"
#include "Kernels/Axes.h"

using namespace qllm;
using namespace qllm::interp;

BlockPlan *ControlFlow::body(llvm::StringRef attribute) {
  auto graphs = step.op->getAttrOfType<mlir::ArrayAttr>("onnx.graphs");
  for (auto [i, region] : llvm::enumerate(step.regions)) {
    auto details = graphs && i < graphs.size() ? llvm::dyn_cast<mlir::DictionaryAttr>(graphs[i])
                                               : mlir::DictionaryAttr();
    auto name = details ? details.getAs<mlir::StringAttr>("attribute") : mlir::StringAttr();
    if (name && name == attribute)
      return region.get();
  }
  // Without names (IR written by hand) the regions stand in the order of the schema.
  size_t position = attribute == "else_branch" ? 1 : 0;
  return !graphs && position < step.regions.size() ? step.regions[position].get() : nullptr;
}

LogicalResult ControlFlow::runBody(llvm::StringRef attribute, llvm::ArrayRef<Value> arguments,
                                   Values &results) {
  BlockPlan *region = body(attribute);
  if (!region)
    return error("expected a subgraph '" + attribute + "'");
  if (region->arguments.size() != arguments.size())
    return error("expected " + llvm::Twine(arguments.size()) + " inputs of subgraph '" + attribute +
                 "', but got " + llvm::Twine(region->arguments.size()));
  return executor.runBlock(*region, arguments, &frame, &plan.isConstant, scope, results);
}

static bool isTrue(const Value &value) {
  const Tensor *tensor = value.tensor();
  return tensor && tensor->type() == ElementType::Bool && tensor->size() == 1 &&
         tensor->data<uint8_t>()[0];
}

LogicalResult ControlFlow::runIf(Values &inputs, Values &outputs) {
  if (inputs.size() != 1 || !inputs[0].tensor() ||
      inputs[0].tensor()->type() != ElementType::Bool || inputs[0].tensor()->size() != 1)
    return error("expected one truth value as the condition");
  Values results;
  if (failed(runBody(isTrue(inputs[0]) ? "then_branch" : "else_branch", {}, results)))
    return failure();
  if (results.size() < outputs.size())
    return error("expected " + llvm::Twine(outputs.size()) + " results of the branch, but got " +
                 llvm::Twine(results.size()));
  std::move(results.begin(), results.begin() + outputs.size(), outputs.begin());
  return success();
}

LogicalResult ControlFlow::stack(llvm::ArrayRef<Value> slices, int64_t axis, mlir::Type type,
                                 Value &result) {
  if (slices.empty()) {
    // No iteration: the declared type tells the other dimensions, as far as it is known.
    auto shaped = llvm::dyn_cast<mlir::RankedTensorType>(type);
    Shape shape(1, 0);
    for (int64_t i = 1; shaped && i < shaped.getRank(); ++i)
      shape.push_back(shaped.isDynamicDim(i) ? 0 : shaped.getDimSize(i));
    ElementType element = shaped ? runtimeElementType(shaped.getElementType()) : ElementType::F32;
    llvm::Expected<Tensor> empty = Tensor::allocate(element, shape);
    if (!empty)
      return error(llvm::toString(empty.takeError()));
    result = *empty;
    return success();
  }
  const Tensor *first = slices.front().tensor();
  for (const Value &value : slices)
    if (!value.tensor() || value.tensor()->type() != first->type() ||
        value.tensor()->shape() != first->shape())
      return error("expected a scan output of one type and shape in every iteration");
  if (axis < 0)
    axis += first->rank() + 1;
  if (axis < 0 || axis > first->rank())
    return error("expected a scan output axis within the rank");
  Shape shape(first->shape());
  shape.insert(shape.begin() + axis, int64_t(slices.size()));
  llvm::Expected<Tensor> whole = Tensor::allocate(first->type(), shape);
  if (!whole)
    return error(llvm::toString(whole.takeError()));
  AxisView view(shape, axis);
  for (auto [i, value] : llvm::enumerate(slices))
    for (int64_t o = 0; o < view.outer; ++o)
      copyElements(*whole, (o * view.length + int64_t(i)) * view.inner, *value.tensor(),
                   o * view.inner, view.inner);
  result = *whole;
  return success();
}

LogicalResult ControlFlow::slice(const Tensor &tensor, int64_t axis, int64_t index,
                                 Tensor &result) {
  Shape shape(tensor.shape());
  AxisView view(shape, axis);
  shape.erase(shape.begin() + axis);
  llvm::Expected<Tensor> part = Tensor::allocate(tensor.type(), shape);
  if (!part)
    return error(llvm::toString(part.takeError()));
  for (int64_t o = 0; o < view.outer; ++o)
    copyElements(*part, o * view.inner, tensor, (o * view.length + index) * view.inner, view.inner);
  result = *part;
  return success();
}

LogicalResult ControlFlow::runLoop(Values &inputs, Values &outputs) {
  if (inputs.size() < 2)
    inputs.resize(2);
  int64_t limit = INT64_MAX;
  if (const Tensor *trips = inputs[0].tensor()) {
    if (trips->type() != ElementType::I64 || trips->size() != 1)
      return error("expected one i64 trip count, but got " + describe(*trips));
    limit = trips->data<int64_t>()[0];
  }
  bool goOn = inputs[1].isNone() || isTrue(inputs[1]);
  size_t carried = inputs.size() - 2;
  if (outputs.size() < carried)
    outputs.resize(carried); // trailing results that nobody named
  Values state(inputs.begin() + 2, inputs.end());
  std::vector<std::vector<Value>> scans(outputs.size() - carried);
  for (int64_t i = 0; i < limit && goOn; ++i) {
    Values arguments{Tensor::scalar<int64_t>(i), Tensor::scalar<bool>(true)}, results;
    arguments.append(state.begin(), state.end());
    state.clear();
    if (failed(runBody("body", arguments, results)))
      return failure();
    if (results.size() < 1 + carried + scans.size())
      return error("expected " + llvm::Twine(1 + carried + scans.size()) +
                   " results of the body, but got " + llvm::Twine(results.size()));
    goOn = isTrue(results[0]);
    state.assign(results.begin() + 1, results.begin() + 1 + carried);
    for (size_t k = 0; k < scans.size(); ++k)
      scans[k].push_back(results[1 + carried + k]);
  }
  std::copy(state.begin(), state.end(), outputs.begin());
  for (size_t k = 0; k < scans.size(); ++k)
    if (failed(stack(scans[k], 0, step.op->getResult(carried + k).getType(), outputs[carried + k])))
      return failure();
  return success();
}

LogicalResult ControlFlow::runScan(Values &inputs, Values &outputs) {
  OperationAttributes attributes(step.op, scope);
  int64_t scanned = attributes.integer("num_scan_inputs").value_or(0);
  if (step.opset < 9)
    return error("Scan before opset 9 is not supported");
  if (scanned < 1 || scanned > int64_t(inputs.size()))
    return error("expected num_scan_inputs in [1, " + llvm::Twine(inputs.size()) + "], but got " +
                 llvm::Twine(scanned));
  size_t carried = inputs.size() - size_t(scanned);
  if (outputs.size() < carried)
    outputs.resize(carried);
  size_t scanOutputs = outputs.size() - carried;
  auto list = [&](llvm::StringRef name, size_t count) {
    Shape values = attributes.integers(name).value_or(Shape());
    values.resize(count, 0);
    return values;
  };
  Shape axes = list("scan_input_axes", scanned),
        directions = list("scan_input_directions", scanned);
  Shape outAxes = list("scan_output_axes", scanOutputs),
        outDirections = list("scan_output_directions", scanOutputs);
  int64_t length = -1;
  for (int64_t k = 0; k < scanned; ++k) {
    const Tensor *tensor = inputs[carried + k].tensor();
    if (tensor && axes[k] < 0)
      axes[k] += tensor->rank();
    if (!tensor || axes[k] < 0 || axes[k] >= tensor->rank() ||
        (length >= 0 && tensor->dim(axes[k]) != length))
      return error("expected scan inputs of one length along their axes");
    length = tensor->dim(axes[k]);
  }
  Values state(inputs.begin(), inputs.begin() + carried);
  std::vector<std::vector<Value>> scans(scanOutputs);
  for (int64_t i = 0; i < length; ++i) {
    Values arguments = state, results;
    for (int64_t k = 0; k < scanned; ++k) {
      Tensor part;
      if (failed(slice(*inputs[carried + k].tensor(), axes[k], directions[k] ? length - 1 - i : i,
                       part)))
        return failure();
      arguments.push_back(part);
    }
    if (failed(runBody("body", arguments, results)))
      return failure();
    if (results.size() < outputs.size())
      return error("expected " + llvm::Twine(outputs.size()) + " results of the body, but got " +
                   llvm::Twine(results.size()));
    state.assign(results.begin(), results.begin() + carried);
    for (size_t k = 0; k < scanOutputs; ++k)
      scans[k].insert(outDirections[k] ? scans[k].begin() : scans[k].end(), results[carried + k]);
  }
  std::copy(state.begin(), state.end(), outputs.begin());
  for (size_t k = 0; k < scanOutputs; ++k)
    if (failed(stack(scans[k], outAxes[k], step.op->getResult(carried + k).getType(),
                     outputs[carried + k])))
      return failure();
  return success();
}

LogicalResult ControlFlow::runSequenceMap(Values &inputs, Values &outputs) {
  const Sequence *first = inputs.empty() ? nullptr : inputs[0].sequence();
  if (!first)
    return error("expected a sequence as operand 0");
  std::vector<Sequence> collected(outputs.size());
  for (size_t i = 0; i < first->size(); ++i) {
    Values arguments, results;
    for (Value &input : inputs) {
      const Sequence *sequence = input.sequence();
      if (sequence && sequence->size() != first->size())
        return error("expected sequences of one length");
      arguments.push_back(sequence ? (*sequence)[i] : input);
    }
    if (failed(runBody("body", arguments, results)))
      return failure();
    if (results.size() < outputs.size())
      return error("expected " + llvm::Twine(outputs.size()) + " results of the body, but got " +
                   llvm::Twine(results.size()));
    for (size_t k = 0; k < outputs.size(); ++k)
      collected[k].push_back(results[k]);
  }
  for (size_t k = 0; k < outputs.size(); ++k)
    outputs[k] = Value(std::move(collected[k]));
  return success();
}
