// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Executor.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::failure;
using llvm::LogicalResult;
using llvm::success;

namespace {

/// Calls and regions nest at most so deep; a function that calls itself is caught here.
constexpr unsigned maxDepth = 200;

size_t bytesOf(const Value &value) {
  if (const Tensor *tensor = value.tensor())
    return tensor->isUnique() ? tensor->byteSize() : 0;
  if (const QuantizedTensor *quantized = value.quantized())
    return quantized->ownedBytes();
  return 0;
}

/// f16 and bf16 operands as f32, which is what most kernels compute in; tells the first such type.
LogicalResult widenHalves(Values &inputs, ElementType &half, KernelContext &ctx) {
  for (Value &value : inputs) {
    Tensor *tensor = value.tensor();
    if (!tensor || !isHalf(tensor->type()))
      continue;
    if (half == ElementType::Undefined)
      half = tensor->type();
    llvm::Expected<Tensor> wide = cast(*tensor, ElementType::F32);
    if (!wide)
      return ctx.fail(wide.takeError());
    value = std::move(*wide);
  }
  return success();
}

/// Back to the type that the operation declares, or when it declares none to that of the operands.
LogicalResult narrowResults(mlir::Operation *op, Values &outputs, ElementType half,
                            KernelContext &ctx) {
  for (auto [i, value] : llvm::enumerate(outputs)) {
    Tensor *tensor = value.tensor();
    if (!tensor || tensor->type() != ElementType::F32)
      continue;
    ElementType wanted = half;
    if (i < op->getNumResults())
      if (auto type = llvm::dyn_cast<mlir::TensorType>(op->getResult(i).getType()))
        wanted = runtimeElementType(type.getElementType());
    if (!isHalf(wanted))
      continue;
    llvm::Expected<Tensor> narrow = cast(*tensor, wanted);
    if (!narrow)
      return ctx.fail(narrow.takeError());
    value = std::move(*narrow);
  }
  return success();
}

LogicalResult checkOperands(const Step &step, llvm::ArrayRef<Value> inputs, KernelContext &ctx) {
  const Kernel &kernel = *step.kernel;
  if (inputs.size() < kernel.minInputs || inputs.size() > kernel.maxInputs)
    return ctx.fail("expected " + llvm::Twine(kernel.minInputs) + " operands" +
                    (kernel.maxInputs == kernel.minInputs ? "" : " or more") + ", but got " +
                    llvm::Twine(inputs.size()));
  for (auto [i, value] : llvm::enumerate(inputs)) {
    if (step.traits & anyValue)
      continue;
    if (i < kernel.minInputs && value.isNone())
      return ctx.fail("expected operand " + llvm::Twine(i) + " to be given");
    if (!value.isNone() && !value.tensor())
      return ctx.fail("expected operand " + llvm::Twine(i) + " to be a tensor, but got " +
                      value.describe());
  }
  return success();
}

} // namespace

bool Executor::keepConstants(llvm::ArrayRef<Value> values) {
  size_t bytes = 0;
  for (const Value &value : values)
    bytes += bytesOf(value);
  if (!constantBudget->take(bytes))
    return false;
  for (const Value &value : values)
    if (const QuantizedTensor *quantized = value.quantized())
      quantized->keepsWithin = constantBudget;
  return true;
}

LogicalResult Executor::runKernel(Step &step, Values &inputs, Values &outputs,
                                  const CallScope *scope) {
  OperationAttributes attributes(step.op, scope);
  ElementType half = ElementType::Undefined;
  KernelContext ctx(attributes, inputs, outputs, threads, step.opset, device);
  auto compute = [&]() -> LogicalResult {
    if (step.kind == Step::Kind::Operation)
      return step.operationKernel(step.op, ctx);
    if (failed(checkOperands(step, inputs, ctx)))
      return failure();
    bool widens = !(step.traits & keepsHalf);
    if (widens && failed(widenHalves(inputs, half, ctx)))
      return failure();
    if (failed(step.kernel->run(ctx)))
      return failure();
    return widens && half != ElementType::Undefined ? narrowResults(step.op, outputs, half, ctx)
                                                    : success();
  };
  if (succeeded(compute()))
    return success();
  return step.op->emitError() << kernelName(step.op)
                              << " cannot be computed: " << ctx.failureReason();
}

LogicalResult Executor::runStep(BlockPlan &plan, Step &step, Frame &frame, bool mayConsume,
                                const CallScope *scope) {
  if (failed(checkStop(step.op)))
    return failure();
  Values inputs(step.inputs.size()), outputs(step.outputs.size());
  for (auto [i, slot] : llvm::enumerate(step.inputs)) {
    if (slot == absent)
      continue;
    // A value that nobody needs afterwards moves into the kernel, which may then write over it.
    bool last = mayConsume && step.regions.empty() && llvm::is_contained(step.lastUses, slot) &&
                llvm::count(step.inputs, slot) == 1;
    inputs[i] = last ? std::move(frame[slot]) : frame[slot];
    if (last)
      frame[slot] = Value();
  }
  Values seen(observer ? inputs : Values());
  switch (step.kind) {
  case Step::Kind::Kernel:
  case Step::Kind::Operation:
    if (failed(runKernel(step, inputs, outputs, scope)))
      return failure();
    break;
  case Step::Kind::Structured:
    if (failed(runStructured(plan, step, inputs, frame, outputs, scope)))
      return failure();
    break;
  case Step::Kind::Missing:
    return step.op->emitError("the interpreter has no kernel for '") << step.op->getName() << "'";
  }
  if (observer)
    observer(step.op, seen, outputs);
  for (auto [i, slot] : llvm::enumerate(step.outputs))
    if (slot != absent)
      frame[slot] = std::move(outputs[i]);
  return success();
}

LogicalResult Executor::checkStop(mlir::Operation *next) {
  auto *dialect = module.getContext()->getLoadedDialect<QLLMDialect>();
  RunListener *listener = dialect ? dialect->getRunListener() : nullptr;
  if (listener && listener->shouldStop())
    return next->emitError("stopped before this operation");
  return success();
}

LogicalResult Executor::prepareConstants(BlockPlan &plan, Frame &frame, const Frame *outer,
                                         const std::vector<bool> *outerConstants,
                                         const CallScope *scope) {
  plan.prepared = true;
  plan.isConstant.assign(plan.slotCount, false);
  plan.constantStep.assign(plan.steps.size(), false);
  // Inside a function that is called with attributes nothing is the same in every call.
  bool variable = scope && scope->function->hasAttr("onnx.function");
  for (Capture capture : plan.captures)
    plan.isConstant[capture.inner] =
        !variable && outerConstants && (*outerConstants)[capture.outer];
  for (auto [index, step] : llvm::enumerate(plan.steps)) {
    bool constant = step.pure && !variable && step.kind != Step::Kind::Missing;
    for (int slot : step.inputs)
      constant = constant && (slot == absent || plan.isConstant[slot]);
    if (!constant)
      continue;
    if (failed(runStep(plan, step, frame, /*mayConsume=*/false, scope)))
      return failure();
    Values results;
    for (int slot : step.outputs)
      if (slot != absent)
        results.push_back(frame[slot]);
    // `bytesOf` asks who else owns the storage, so the frame must let go first.
    for (int slot : step.outputs)
      if (slot != absent)
        frame[slot] = Value();
    bool keep = keepConstants(results);
    plan.constantStep[index] = keep;
    size_t next = 0;
    for (int slot : step.outputs)
      if (slot != absent) {
        plan.isConstant[slot] = keep;
        frame[slot] = keep ? std::move(results[next]) : Value();
        ++next;
      }
  }
  // What only constant steps used is not needed again.
  std::vector<bool> needed(plan.slotCount, false);
  auto need = [&](int slot) {
    if (slot != absent)
      needed[slot] = true;
  };
  for (auto [index, step] : llvm::enumerate(plan.steps)) {
    if (plan.constantStep[index])
      continue;
    for (int slot : step.inputs)
      need(slot);
    for (auto &region : step.regions)
      if (region)
        for (Capture capture : region->captures)
          need(capture.outer);
  }
  for (int slot : plan.results)
    need(slot);
  plan.constants.assign(plan.slotCount, Value());
  for (int slot = 0; slot < plan.slotCount; ++slot)
    if (plan.isConstant[slot] && needed[slot])
      plan.constants[slot] = frame[slot];
  return success();
}

LogicalResult Executor::runBlock(BlockPlan &plan, llvm::ArrayRef<Value> inputs, const Frame *outer,
                                 const std::vector<bool> *outerConstants, const CallScope *scope,
                                 Values &results) {
  Frame frame(plan.slotCount);
  for (Capture capture : plan.captures)
    frame[capture.inner] = (*outer)[capture.outer];
  if (!plan.prepared) {
    Frame scratch = frame;
    if (failed(prepareConstants(plan, scratch, outer, outerConstants, scope)))
      return failure();
  }
  for (int slot = 0; slot < plan.slotCount; ++slot)
    if (plan.isConstant[slot] && !plan.constants[slot].isNone())
      frame[slot] = plan.constants[slot];
  for (auto [slot, value] : llvm::zip_equal(plan.arguments, inputs))
    frame[slot] = value;
  for (auto [index, step] : llvm::enumerate(plan.steps)) {
    if (plan.constantStep[index])
      continue;
    if (failed(runStep(plan, step, frame, !observer, scope)))
      return failure();
    for (int slot : step.lastUses)
      frame[slot] = Value();
  }
  results.clear();
  for (int slot : plan.results)
    results.push_back(slot == absent ? Value() : frame[slot]);
  return success();
}

LogicalResult Executor::runAlone(BlockPlan &plan, llvm::ArrayRef<Value> inputs, Values &results) {
  plan.prepared = true;
  plan.isConstant.assign(plan.slotCount, false);
  plan.constantStep.assign(plan.steps.size(), false);
  return runBlock(plan, inputs, nullptr, nullptr, nullptr, results);
}

LogicalResult Executor::callFunction(mlir::func::FuncOp function, llvm::ArrayRef<Value> inputs,
                                     const CallScope *scope, Values &results) {
  if (function.isExternal())
    return function.emitError("function '") << function.getSymName() << "' has no body to run";
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("function '") << function.getSymName() << "' has more than one block";
  std::unique_ptr<BlockPlan> &plan = plans[function];
  if (!plan)
    plan = planBlock(function.getBody().front());
  BlockPlan *stable = plan.get(); // calls inside may grow the map
  return runBlock(*stable, inputs, nullptr, nullptr, scope, results);
}

LogicalResult Executor::callOperation(mlir::func::FuncOp function, Step &step, Values &inputs,
                                      Values &outputs, const CallScope *scope) {
  CallScope inner{scope, step.op, function, scope ? scope->depth + 1 : 1};
  if (inner.depth > maxDepth)
    return step.op->emitError("calls nest deeper than ") << maxDepth << " levels";
  if (inputs.size() > function.getNumArguments())
    return step.op->emitError("expected at most ")
           << function.getNumArguments() << " operands for function '" << function.getSymName()
           << "', but got " << inputs.size();
  inputs.resize(function.getNumArguments()); // trailing optional inputs may be left out
  Values results;
  if (failed(callFunction(function, inputs, &inner, results)))
    return failure();
  if (results.size() < outputs.size())
    return step.op->emitError("expected ")
           << outputs.size() << " results from function '" << function.getSymName() << "', but got "
           << results.size();
  std::move(results.begin(), results.begin() + outputs.size(), outputs.begin());
  return success();
}

LogicalResult Executor::callCustom(Step &step, Values &inputs, Values &outputs,
                                   const CallScope *scope) {
  if (mlir::func::FuncOp function = findModelFunction(module, step.op))
    return callOperation(function, step, inputs, outputs, scope);
  auto text = [&](llvm::StringRef key) {
    auto attribute = step.op->getAttrOfType<mlir::StringAttr>(key);
    return attribute ? attribute.getValue() : llvm::StringRef();
  };
  llvm::StringRef domain = text("domain"), name = text("op_type");
  return step.op->emitError("the interpreter has no kernel for operator '")
         << name << "' of domain '" << (domain.empty() ? "ai.onnx" : domain)
         << "', and the model no function of that name";
}

LogicalResult Executor::runStructured(BlockPlan &plan, Step &step, Values &inputs,
                                      const Frame &frame, Values &outputs, const CallScope *scope) {
  if (auto call = llvm::dyn_cast<mlir::func::CallOp>(step.op)) {
    mlir::func::FuncOp function = lookup(call.getCallee());
    if (!function)
      return step.op->emitError("calls the unknown function '") << call.getCallee() << "'";
    return callOperation(function, step, inputs, outputs, scope);
  }
  std::string name = kernelName(step.op);
  ControlFlow flow(*this, plan, step, frame, scope);
  if (name == "If")
    return flow.runIf(inputs, outputs);
  if (name == "Loop")
    return flow.runLoop(inputs, outputs);
  if (name == "Scan")
    return flow.runScan(inputs, outputs);
  if (name == "SequenceMap" && !step.regions.empty())
    return flow.runSequenceMap(inputs, outputs);
  return callCustom(step, inputs, outputs, scope);
}
