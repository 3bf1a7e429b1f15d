// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-plan-group-axis: groups along a row or down a column, whichever moves the output less.

#include "qllm/Transforms/Sites/Passes.h"

#include "qllm/Analysis/SitePlan.h"
#include "qllm/Calibration/CalibrationData.h"
#include "qllm/Calibration/SiteIR.h"
#include "qllm/Calibration/SiteProgress.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Solver/Rounding.h"
#include "qllm/Support/Bytes.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {
#define GEN_PASS_DEF_PLANGROUPAXIS
#include "qllm/Transforms/Sites/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// The largest power of two that divides `size` and is at most `wanted`; 0 if only 1 does.
int64_t adaptedGroup(int64_t size, int64_t wanted) {
  int64_t group = 1;
  while (group * 2 <= wanted && size % (group * 2) == 0)
    group *= 2;
  return group == 1 ? 0 : group;
}

struct PlanGroupAxis : qllm::impl::PlanGroupAxisBase<PlanGroupAxis> {
  using PlanGroupAxisBase::PlanGroupAxisBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run();
  LogicalResult visit(Walk &walk, SiteProgress &progress, size_t index, const SiteList &list);
  LogicalResult look(Walk &walk, const Site &site, ArrayRef<Value> later, const SiteList &list,
                     std::vector<bool> &across);
  LogicalResult compare(Walk &walk, LinearOp linear, const SiteProduct &product,
                        const SiteState &state, ArrayRef<Value> outputs, bool &isAcross);
  LogicalResult turn(LinearOp linear);
  llvm::Expected<MatrixF> rounded(Walk &walk, const MatrixF &weight, const RowFormat &format);
  LogicalResult error(Walk &walk, LinearOp linear, const SiteState &state,
                      const SiteProduct &product, const MatrixF &weight, ArrayRef<Value> outputs,
                      double &result);
  LogicalResult fail(const llvm::Twine &message) { return getOperation().emitError() << message; }

  /// What was decided for weights, so that readers elsewhere agree.
  llvm::DenseMap<Value, bool> decided;
};

/// A plan for groups along a row: what there is to decide about.
bool hasRowGroups(LinearOp linear) {
  FailureOr<SitePlan> plan = SitePlan::of(linear);
  return succeeded(plan) && plan->weight && plan->weight.getGranularity().isGroup() &&
         plan->weight.getGranularity().getAxis() == 1;
}

double squaredDistance(const MatrixF &a, const MatrixF &b) {
  double sum = 0;
  for (auto [left, right] : llvm::zip_equal(a.values(), b.values()))
    sum += double(left - right) * double(left - right);
  return sum;
}

} // namespace

llvm::Expected<MatrixF> PlanGroupAxis::rounded(Walk &walk, const MatrixF &weight,
                                               const RowFormat &format) {
  ThreadPool &pool = walk.runner().pool();
  llvm::Expected<WeightScales> scales = chooseScales(pool, weight, format, RangeOptions(), nullptr);
  if (!scales)
    return scales.takeError();
  llvm::Expected<RoundedMatrix> result = roundNearest(pool, weight, format, std::move(*scales));
  if (!result)
    return result.takeError();
  return std::move(result->values);
}

/// How far the `outputs` (or, if there are none, the layer's own) move when the layer has `weight`.
LogicalResult PlanGroupAxis::error(Walk &walk, LinearOp linear, const SiteState &state,
                                   const SiteProduct &product, const MatrixF &weight,
                                   ArrayRef<Value> outputs, double &result) {
  ThreadPool &pool = walk.runner().pool();
  MatrixF exact = rowsOf(state.weight, product.firstRow, product.rows);
  result = 0;
  if (outputs.empty()) {
    result = squaredDistance(applyWeight(pool, state.input, exact),
                             applyWeight(pool, state.input, weight));
    return success();
  }
  llvm::SmallVector<WindowValues> input, before, after;
  if (failed(walk.evaluate({}, linear.getInput(), input)) ||
      failed(walk.evaluate({}, outputs, before)))
    return failure();
  MatrixF made = applyWeight(pool, state.input, weight);
  for (int64_t row = 0; row < made.rows(); ++row)
    for (int64_t i = 0; i < made.columns(); ++i)
      made(row, i) += state.bias[size_t(product.firstRow + i)];
  llvm::Expected<WindowValues> contents = fromMatrix(made, input.front());
  if (!contents)
    return fail(llvm::toString(contents.takeError()));
  if (failed(walk.evaluate(Replacement{linear.getResult(), std::move(*contents)}, outputs, after)))
    return failure();
  for (auto [left, right] : llvm::zip_equal(before, after)) {
    std::vector<int64_t> borders;
    llvm::Expected<MatrixF> a = toMatrix(left, borders), b = toMatrix(right, borders);
    if (!a || !b)
      return fail(llvm::toString(llvm::joinErrors(a.takeError(), b.takeError())));
    result += squaredDistance(*a, *b);
  }
  return success();
}

LogicalResult PlanGroupAxis::compare(Walk &walk, LinearOp linear, const SiteProduct &product,
                                     const SiteState &state, ArrayRef<Value> outputs,
                                     bool &isAcross) {
  if (auto known = decided.find(linear.getWeight()); known != decided.end()) {
    isAcross = known->second;
    return success();
  }
  isAcross = false;
  ++numMatched;
  RowFormat down = *product.format;
  down.groupSize = adaptedGroup(product.rows, groupSize);
  if (down.groupSize > 0) {
    MatrixF weight = rowsOf(state.weight, product.firstRow, product.rows);
    llvm::Expected<MatrixF> along = rounded(walk, weight, *product.format);
    llvm::Expected<MatrixF> across = rounded(walk, transposed(weight), down);
    if (!along || !across)
      return fail(llvm::toString(llvm::joinErrors(along.takeError(), across.takeError())));
    double alongError, acrossError;
    if (failed(error(walk, linear, state, product, *along, outputs, alongError)) ||
        failed(error(walk, linear, state, product, transposed(*across), outputs, acrossError)))
      return failure();
    isAcross = acrossError < alongError;
  }
  return success();
}

/// Groups down the columns of the layer's weight.
LogicalResult PlanGroupAxis::turn(LinearOp linear) {
  FailureOr<SitePlan> plan = SitePlan::of(linear);
  if (failed(plan))
    return failure();
  QuantizedType type = plan->weight;
  int64_t size = adaptedGroup(type.getShape()[0], groupSize);
  plan->weight = QuantizedType::get(type.getShape(), type.getFormat(),
                                    GranularityAttr::group(&getContext(), 0, size),
                                    type.getScaleEncoding(), type.getTensorScale());
  plan->attachTo(linear);
  ++numColumns;
  return success();
}

/// For each layer of a site whether its groups run down the columns; nothing where the site cannot
/// be treated.
LogicalResult PlanGroupAxis::look(Walk &walk, const Site &site, ArrayRef<Value> later,
                                  const SiteList &list, std::vector<bool> &across) {
  SiteState state(walk.runner().pool());
  std::string problem;
  if (failed(describeSite(site, walk.runner(), state, problem)))
    return failure();
  // qllm-quantize-weights says so too, and skips the layer.
  if (!problem.empty())
    return success();
  const WindowValues *input = walk.advance(site.input(), later);
  if (!input)
    return failure();
  llvm::Expected<MatrixF> rows = toMatrix(*input, state.windows);
  if (!rows)
    return fail("input of site '" + llvm::Twine(site.name) +
                "': " + llvm::toString(rows.takeError()));
  state.input = std::move(*rows);
  SmallVector<Value> outputs;
  // o and down are compared by what they give themselves: what follows them is another block.
  if (criterion == "block" && site.linears.size() > 1)
    for (const Site *next : nextSites(list, site))
      outputs.push_back(next->input());
  for (auto [linear, product] : llvm::zip_equal(site.linears, state.products)) {
    bool isAcross;
    if (failed(compare(walk, linear, product, state, outputs, isAcross)))
      return failure();
    decided[LinearOp(linear).getWeight()] = isAcross;
    across.push_back(isAcross);
  }
  return success();
}

LogicalResult PlanGroupAxis::visit(Walk &walk, SiteProgress &progress, size_t index,
                                   const SiteList &list) {
  const Site &site = list.sites[index];
  if (llvm::Error error = progress.reach(index, &walk))
    return fail(llvm::toString(std::move(error)));
  std::vector<bool> across;
  if (std::optional<ArrayRef<char>> known = progress.find(index)) {
    ByteReader reader(*known);
    reader(across);
    if (llvm::Error error = reader.finish())
      return fail(llvm::toString(std::move(error)));
  } else {
    SmallVector<Value> later;
    for (const Site &other : ArrayRef(list.sites).drop_front(index))
      later.push_back(other.input());
    if (failed(look(walk, site, later, list, across)))
      return failure();
    std::string bytes;
    ByteWriter writer(bytes);
    writer(across);
    if (llvm::Error error = progress.store(index, bytes))
      return fail(llvm::toString(std::move(error)));
  }
  for (auto [linear, isAcross] : llvm::zip(site.linears, across)) {
    decided[LinearOp(linear).getWeight()] = isAcross;
    if (isAcross && failed(turn(linear)))
      return failure();
  }
  return success();
}

LogicalResult PlanGroupAxis::run() {
  if (criterion != "block" && criterion != "layer")
    return fail("expected block or layer as criterion, but got '" + criterion + "'");
  if (groupSize < 2)
    return fail("expected a group-size of at least 2, but got " + llvm::Twine(int64_t(groupSize)));
  auto main = getOperation().lookupSymbol<func::FuncOp>("main");
  if (!main || !llvm::hasSingleElement(main.getBody()))
    return fail("expected a function 'main' of one block to calibrate, but the module has none");
  SiteList list = findSites(main, hasRowGroups);
  if (list.sites.empty())
    return success();
  auto inputs = readCalibration(main, {calibration, calibrationWindows, calibrationLength});
  if (!inputs)
    return fail("calibration: " + llvm::toString(inputs.takeError()));
  MLIRContext *context = &getContext();
  interp::OperationRunner runner(getOperation(),
                                 context->isMultithreadingEnabled() ? context->getNumThreads() : 1);
  Walk walk(main, runner, std::move(*inputs));
  SiteProgress progress(context, "qllm-plan-group-axis", list.sites.size());
  decided.clear();
  for (size_t index = 0; index < list.sites.size(); ++index)
    if (failed(visit(walk, progress, index, list)))
      return failure();
  return success();
}
