// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-plan-reassembly: a float walk over the calibration text, and the threshold search at every
// site on the way.

#include "qllm/Transforms/Reassembly/Passes.h"

#include "BlockFunction.h"
#include "ReassemblyPlan.h"
#include "RowRounding.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/CalibrationData.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Calibration/SiteProgress.h"
#include "qllm/Calibration/Sites.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Site/SiteKinds.h"
#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Solver/Reassembly/ThresholdSearch.h"
#include "qllm/Support/Bytes.h"
#include "qllm/Support/PartClock.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Tensor/Gemm.h"
#include "qllm/Tensor/VectorMath.h"
#include <numeric>

namespace qllm {
#define GEN_PASS_DEF_PLANREASSEMBLY
#include "qllm/Transforms/Reassembly/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// One site in front of the search: its rows, weights and the float output of its block function.
struct SiteProblem {
  const Site &site;
  MatrixF input;
  std::vector<float> maxima;
  MatrixF weight;
  QuantizedType inputType;
  /// Formats and first rows of the layers, and a bias for each row.
  SmallVector<QuantizedType> weightTypes;
  SmallVector<int64_t> borders{0};
  std::vector<float> bias;
  /// The input on the windows of the search, whose shapes products have.
  WindowValues like;
  SmallVector<Value> outputs;
  SmallVector<WindowValues> expected;
};

template <typename Stream> void transferChoice(Stream &stream, ThresholdChoice &choice) {
  stream(choice.reassembly.parts, choice.reassembly.targets, choice.threshold, choice.added,
         choice.lossBefore, choice.lossAfter, choice.candidates);
}

struct PlanReassembly : qllm::impl::PlanReassemblyBase<PlanReassembly> {
  using PlanReassemblyBase::PlanReassemblyBase;

  void runOnOperation() override;

private:
  LogicalResult resolveOptions();
  LogicalResult planSites(func::FuncOp function, interp::OperationRunner &runner);
  llvm::Expected<ThresholdChoice> chooseFor(Walk &walk, const Site &site, ArrayRef<Value> later);
  llvm::Error planSite(Walk &walk, SiteProgress &progress, ArrayRef<Site> sites, size_t index);
  void attach(const Site &site, ThresholdChoice choice);
  llvm::Error readLayers(interp::OperationRunner &runner, SiteProblem &problem);
  llvm::Expected<SmallVector<WindowValues>> runBlock(Walk &walk, const SiteProblem &problem,
                                                     const MatrixF &products);
  llvm::Expected<double> lossOf(Walk &walk, const SiteProblem &problem, const MatrixF &products);
  llvm::Expected<ThresholdChoice> search(Walk &walk, SiteProblem &problem);

  llvm::SmallVector<SiteKind> kinds;
  std::optional<BlockFunctions> blocks;
  PartClock parts;
  /// The windows that the block function is compared on.
  std::vector<size_t> searched;
};

} // namespace

LogicalResult PlanReassembly::resolveOptions() {
  ModuleOp module = getOperation();
  kinds.clear();
  for (const std::string &name : sites) {
    std::optional<SiteKind> kind = findSiteKind(name);
    if (!kind)
      return module.emitError()
             << "expected sites to list attention-input, attention-output, feed-forward-input, "
                "feed-forward-output or other, but got '"
             << name << "'";
    kinds.push_back(*kind);
  }
  if (kinds.empty())
    // Published QLLM leaves the output layer of attention alone.
    kinds = {SiteKind::AttentionInput, SiteKind::FeedForwardInput, SiteKind::FeedForwardOutput,
             SiteKind::Other};
  if (score != "published" && score != "paper")
    return module.emitError() << "expected score to be published or paper, but got '"
                              << score.getValue() << "'";
  if (!(ratio >= 0 && ratio <= 1))
    return module.emitError() << "expected ratio to be from 0 to 1, but got " << ratio.getValue();
  if (searchWindows < 1)
    return module.emitError() << "expected search-windows to be at least 1, but got "
                              << searchWindows.getValue();
  if (calibration.empty())
    return module.emitError() << "expected calibration=FILE.npy, tokens to look at, but got none";
  return success();
}

/// Weights, biases and planned formats of the layers, below each other.
llvm::Error PlanReassembly::readLayers(interp::OperationRunner &runner, SiteProblem &problem) {
  std::vector<float> rows;
  for (LinearOp linear : problem.site.linears) {
    FailureOr<SitePlan> plan = SitePlan::of(linear);
    if (failed(plan))
      return llvm::createStringError("its plan of rounding is malformed");
    if (!plan->operands.empty())
      problem.inputType = plan->operands.front();
    problem.weightTypes.push_back(plan->weight);
    llvm::Expected<MatrixF> weight = evaluateConstantMatrix(runner, linear.getWeight());
    if (!weight)
      return weight.takeError();
    rows.insert(rows.end(), weight->values().begin(), weight->values().end());
    problem.borders.push_back(problem.borders.back() + weight->rows());
    problem.bias.resize(problem.borders.back(), 0.0f);
    if (!linear.getBias())
      continue;
    llvm::Expected<Tensor> bias = evaluateConstant(runner, linear.getBias());
    if (!bias)
      return bias.takeError();
    std::copy_n(bias->data<float>(), weight->rows(), problem.bias.end() - weight->rows());
  }
  problem.weight = MatrixF(problem.borders.back(), problem.input.columns(), rows);
  return llvm::Error::success();
}

/// What the block function makes of these products.
llvm::Expected<SmallVector<WindowValues>>
PlanReassembly::runBlock(Walk &walk, const SiteProblem &problem, const MatrixF &products) {
  SmallVector<Replacement> given;
  for (auto [index, linear] : llvm::enumerate(problem.site.linears)) {
    int64_t first = problem.borders[index], width = problem.borders[index + 1] - first;
    MatrixF part(products.rows(), width);
    for (int64_t t = 0; t < products.rows(); ++t)
      for (int64_t n = 0; n < width; ++n)
        part(t, n) = products(t, first + n) + problem.bias[first + n];
    llvm::Expected<WindowValues> values = fromMatrix(part, problem.like);
    if (!values)
      return values.takeError();
    given.push_back({LinearOp(linear).getResult(), std::move(*values)});
  }
  SmallVector<WindowValues> results;
  if (problem.outputs.front().getDefiningOp<LinearOp>()) {
    for (Replacement &product : given)
      results.push_back(std::move(product.contents));
    return results;
  }
  if (failed(walk.evaluate(given, problem.outputs, results, searched)))
    return llvm::createStringError("its block function cannot be computed");
  return results;
}

/// Mean squared distance of the block function's output from the float one.
llvm::Expected<double> PlanReassembly::lossOf(Walk &walk, const SiteProblem &problem,
                                              const MatrixF &products) {
  llvm::Expected<SmallVector<WindowValues>> results = runBlock(walk, problem, products);
  if (!results)
    return results.takeError();
  double sum = 0;
  int64_t count = 0;
  for (auto [actual, wanted] : llvm::zip_equal(*results, problem.expected))
    for (auto [a, b] : llvm::zip_equal(actual.all(), wanted.all())) {
      const Tensor *x = a.tensor(), *y = b.tensor();
      if (!x || !y || x->type() != ElementType::F32 || x->size() != y->size())
        return llvm::createStringError("its block function gives no f32 tensor");
      sum += vec::squaredDistance(x->data<float>(), y->data<float>(), x->size());
      count += x->size();
    }
  return count ? sum / double(count) : 0.0;
}

llvm::Expected<ThresholdChoice> PlanReassembly::search(Walk &walk, SiteProblem &problem) {
  ThreadPool &pool = walk.runner().pool();
  auto roundInput = [&](MatrixF &input) {
    return roundRows(pool, input, 0, input.rows(), problem.inputType);
  };
  auto roundWeight = [&](MatrixF &weight) -> llvm::Error {
    for (auto [index, type] : llvm::enumerate(problem.weightTypes)) {
      int64_t first = problem.borders[index];
      if (llvm::Error error =
              roundRows(pool, weight, first, problem.borders[index + 1] - first, type))
        return error;
    }
    return llvm::Error::success();
  };
  auto loss = [&](MatrixF products) { return lossOf(walk, problem, products); };
  bool rangePerRow =
      hasRangePerRow(problem.inputType) && llvm::all_of(problem.weightTypes, hasRangePerRow);
  ThresholdSearchOptions options;
  options.ratio = ratio;
  options.considerNone = noSplit;
  options.score = score == "paper" ? PairScore::Paper : PairScore::Published;
  return searchThreshold(
      pool,
      {problem.input, problem.maxima, problem.weight, roundInput, roundWeight, rangePerRow, loss},
      options);
}

llvm::Expected<ThresholdChoice> PlanReassembly::chooseFor(Walk &walk, const Site &site,
                                                          ArrayRef<Value> later) {
  SiteProblem problem{site};
  const WindowValues *input =
      parts.measure("float walk", [&] { return walk.advance(site.input(), later); });
  if (!input)
    return llvm::createStringError("its input cannot be computed");
  std::vector<int64_t> borders;
  llvm::Expected<MatrixF> all = toMatrix(*input, borders);
  if (!all)
    return all.takeError();
  problem.maxima = channelMaxima(*all);
  searched.resize(std::min<size_t>(size_t(searchWindows), walk.windows()));
  std::iota(searched.begin(), searched.end(), 0);
  std::vector<interp::Value> rows;
  for (size_t window : searched)
    rows.push_back(input->of(window));
  problem.like = WindowValues(std::move(rows));
  problem.input = MatrixF(borders[searched.size()], all->columns(),
                          all->values().take_front(borders[searched.size()] * all->columns()));
  if (llvm::Error error =
          parts.measure("weights", [&] { return readLayers(walk.runner(), problem); }))
    return std::move(error);
  if (!problem.inputType)
    return ThresholdChoice();

  problem.outputs = blocks->outputs(site);
  MatrixF products(problem.input.rows(), problem.weight.rows());
  matmul(walk.runner().pool(), products.rows(), products.columns(), problem.input.columns(), 1.0f,
         {problem.input.data(), problem.input.columns()},
         {problem.weight.data(), problem.weight.columns(), true}, 0.0f, products.data(),
         products.columns());
  llvm::Expected<SmallVector<WindowValues>> expected = runBlock(walk, problem, products);
  if (!expected)
    return expected.takeError();
  problem.expected = std::move(*expected);
  return parts.measure("search", [&] { return search(walk, problem); });
}

void PlanReassembly::attach(const Site &site, ThresholdChoice choice) {
  ++numMatched;
  numCandidates += choice.candidates;
  LinearOp first = site.linears.front();
  int64_t channels = cast<RankedTensorType>(first.getWeight().getType()).getDimSize(1);
  if (report && choice.candidates)
    first.emitRemark() << "site '" << site.name << "': threshold " << choice.threshold << " adds "
                       << choice.added << " of " << channels << " channels, loss "
                       << choice.lossBefore << " to " << choice.lossAfter << ", "
                       << choice.candidates << " candidates";
  if (choice.added == 0)
    return;
  ++numPlanned;
  ReassemblyPlan plan{std::move(choice.reassembly), choice.threshold, choice.lossBefore,
                      choice.lossAfter};
  Attribute attribute = plan.toAttribute(&getContext());
  for (LinearOp linear : site.linears)
    linear->setAttr(ReassemblyPlan::attributeName, attribute);
}

llvm::Error PlanReassembly::planSite(Walk &walk, SiteProgress &progress, ArrayRef<Site> sites,
                                     size_t index) {
  const Site &site = sites[index];
  if (llvm::Error error = progress.reach(index, &walk))
    return error;
  if (std::optional<ArrayRef<char>> known = progress.find(index)) {
    ThresholdChoice choice;
    ByteReader reader(*known);
    transferChoice(reader, choice);
    if (llvm::Error error = reader.finish())
      return error;
    attach(site, std::move(choice));
    return llvm::Error::success();
  }
  // What slices read besides products (tables of sines, masks) is needed again and again.
  SmallVector<Value> later = blocks->outputs(site);
  for (const Site &next : sites.drop_front(index + 1)) {
    later.push_back(next.input());
    llvm::append_range(later, blocks->outputs(next));
  }
  llvm::Expected<ThresholdChoice> choice = chooseFor(walk, site, later);
  if (!choice)
    return choice.takeError();
  std::string bytes;
  ByteWriter writer(bytes);
  transferChoice(writer, *choice);
  if (llvm::Error error = progress.store(index, bytes))
    return error;
  attach(site, std::move(*choice));
  return llvm::Error::success();
}

LogicalResult PlanReassembly::planSites(func::FuncOp function, interp::OperationRunner &runner) {
  CalibrationFile data;
  data.path = calibration;
  data.windows = calibrationWindows;
  data.length = calibrationLength;
  llvm::Expected<std::vector<std::vector<interp::Value>>> inputs = readCalibration(function, data);
  if (!inputs)
    return function.emitError() << llvm::toString(inputs.takeError());
  SiteList list = findSites(function, isPlanned);
  for (LeftOut &left : list.left)
    left.linear->emitRemark() << "not reassembled '" << siteName(left.linear)
                              << "': " << left.reason;
  llvm::erase_if(list.sites,
                 [&](const Site &site) { return !llvm::is_contained(kinds, site.kind); });
  if (list.sites.empty())
    return success();
  blocks.emplace(function);
  Walk walk(function, runner, std::move(*inputs));
  RunListener *listener = getContext().getLoadedDialect<QLLMDialect>()->getRunListener();
  StringRef pass = getArgument();
  SiteProgress progress(&getContext(), pass, list.sites.size());
  for (size_t i = 0; i < list.sites.size(); ++i) {
    const Site &site = list.sites[i];
    if (listener) {
      listener->progress(pass, i, list.sites.size());
      if (listener->shouldStop())
        return function.emitError("stopped before site '") << site.name << "'";
    }
    if (llvm::Error error = planSite(walk, progress, list.sites, i))
      return LinearOp(site.linears.front()).emitOpError()
             << "site '" << site.name << "': " << llvm::toString(std::move(error));
  }
  if (listener) {
    listener->progress(pass, list.sites.size(), list.sites.size());
    for (const PartClock::Part &part : parts.parts())
      listener->spent(pass, part.name, part.seconds);
  }
  return success();
}

void PlanReassembly::runOnOperation() {
  parts = PartClock();
  if (failed(resolveOptions()))
    return signalPassFailure();
  auto function = getOperation().lookupSymbol<func::FuncOp>("main");
  if (!function || !function.getBody().hasOneBlock()) {
    getOperation().emitError() << "expected a function 'main' with one block to run on the "
                                  "calibration text, but found none";
    return signalPassFailure();
  }
  interp::OperationRunner runner(
      getOperation(), getContext().isMultithreadingEnabled() ? getContext().getNumThreads() : 1);
  if (failed(planSites(function, runner)))
    signalPassFailure();
}
