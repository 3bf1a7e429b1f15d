// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes are packed as their formats are in files; everything else goes as it is.

#include "qllm/Site/SiteTask.h"

#include "qllm/Format/Packing.h"
#include "qllm/Site/FormatBytes.h"
#include "qllm/Site/ProductRounding.h"
#include "qllm/Site/TaskKind.h"

using namespace qllm;
using llvm::Error;
using llvm::Expected;

namespace qllm {

template <typename Stream> void transfer(Stream &stream, RotationFactor &factor) {
  stream(factor.size, factor.stride, factor.matrix);
}

template <typename Stream> void transfer(Stream &stream, ChannelMap &map) {
  stream(map.kind, map.values, map.indices, map.factors, map.weightValues);
}

template <typename Stream> void transfer(Stream &stream, SiteProduct &product) {
  stream(product.name, product.firstRow, product.rows, product.format);
}

template <typename Stream> void transfer(Stream &stream, StoredFactor &factor) {
  stream(factor.values, factor.bits);
}

template <typename Stream> void transfer(Stream &stream, SiteDecisions &decisions) {
  stream(decisions.transform, decisions.parts, decisions.offsets, decisions.clip, decisions.alpha,
         decisions.beta, decisions.order, decisions.rank, decisions.principalRank,
         decisions.scores);
}

template <typename Stream> void transfer(Stream &stream, SiteTask &task) {
  stream(task.steps, task.measuresOutput, task.candidate);
}

template <typename Stream> void transfer(Stream &stream, SiteOutcome &outcome) {
  stream(outcome.output);
}

} // namespace qllm

namespace {

/// The state in front of the steps.
template <typename Stream> void transferInputs(Stream &stream, SiteState &state) {
  stream(state.name, state.kind, state.layer, state.seed, state.input, state.reference,
         state.residualLoss, state.windows, state.sinks, state.products, state.weight, state.bias,
         state.isRewritten, state.inputFormat, state.decisions);
}

/// The codes of products with a format, packed, and the float rows of the others.
template <typename Stream> void transferRows(Stream &stream, SiteState &state) {
  RoundedWeight &rounded = state.rounded;
  for (const SiteProduct &product : state.products) {
    int64_t columns = rounded.codes.columns();
    if (!product.format) {
      MatrixF rows(product.rows, columns);
      if constexpr (!Stream::isReader)
        std::copy_n(rounded.values.row(product.firstRow), rows.size(), rows.data());
      stream(rows);
      if constexpr (Stream::isReader)
        if (rows.rows() == product.rows && rows.columns() == columns)
          std::copy_n(rows.data(), rows.size(), rounded.values.row(product.firstRow));
      continue;
    }
    const ElementFormat &element = *product.format->spec.element;
    size_t count = size_t(product.rows * columns);
    std::vector<uint8_t> packed(packedSize(element, count));
    uint8_t *codes = rounded.codes.row(product.firstRow);
    // Sizes fit, which is all that can be wrong.
    if constexpr (!Stream::isReader)
      (void)packCodes(element, {codes, count}, {packed.data(), packed.size()});
    size_t size = packed.size();
    stream(packed);
    if constexpr (Stream::isReader) {
      if (packed.size() == size)
        (void)unpackCodes(element, {packed.data(), size}, {codes, count});
      else
        stream.fail("expected " + llvm::Twine(size) + " bytes of codes, but got " +
                    llvm::Twine(packed.size()));
    }
  }
}

template <typename Stream> void transferRounded(Stream &stream, SiteState &state) {
  RoundedWeight &rounded = state.rounded;
  int64_t rows = rounded.codes.rows(), columns = rounded.codes.columns();
  bool hasValues = !rounded.values.empty();
  stream(rows, columns, hasValues, rounded.scales, rounded.zeroPoints, rounded.tensorScales);
  if constexpr (Stream::isReader) {
    int64_t expected = 0;
    for (const SiteProduct &product : state.products)
      expected = std::max(expected, product.firstRow + product.rows);
    if (rows != 0 && (rows != expected || columns < 0 || columns > (int64_t(1) << 31)))
      stream.fail("expected codes for " + llvm::Twine(expected) + " rows, but got " +
                  llvm::Twine(rows) + "x" + llvm::Twine(columns));
    if (stream.hasFailed())
      return;
    rounded.codes = Matrix<uint8_t>(rows, columns);
    bool hasFloats = llvm::any_of(state.products, [](auto &product) { return !product.format; });
    rounded.values = hasFloats && rows ? MatrixF(rows, columns) : MatrixF();
  }
  if (rows)
    transferRows(stream, state);
}

/// What is emitted of the state behind the steps.
template <typename Stream> void transferResult(Stream &stream, SiteState &state) {
  stream(state.decisions, state.maps, state.parts, state.offsets, state.clip, state.principal,
         state.principalUp, state.principalBits, state.branchDown, state.branchUp, state.outputBias,
         state.isRewritten);
  transferRounded(stream, state);
  // Weights that stay float are what the maps and the target made of them.
  bool hasFloats = state.rounded.codes.empty() ||
                   llvm::any_of(state.products, [](auto &product) { return !product.format; });
  bool hasTarget =
      hasFloats && (state.isRewritten || state.target.values() != state.weight.values());
  stream(hasTarget);
  if (hasTarget)
    stream(state.target);
  else if (Stream::isReader)
    state.target = MatrixF();
}

} // namespace

Expected<SiteOutcome> qllm::runSteps(SiteState &state, llvm::ArrayRef<NamedStep> steps,
                                     bool measuresOutput, StepMeasure measure) {
  state.begin();
  for (const NamedStep &step : steps)
    if (Error error = measure(step.name, [&] { return step.step->run(state); }))
      return llvm::createStringError("step '" + step.name + "' at site '" + state.name +
                                     "': " + llvm::toString(std::move(error)));
  SiteOutcome outcome;
  if (measuresOutput)
    outcome.output = measureOutput(state);
  return outcome;
}

std::string qllm::encodeInputs(const SiteState &state) {
  std::string bytes;
  ByteWriter writer(bytes);
  transferInputs(writer, const_cast<SiteState &>(state));
  return bytes;
}

std::string qllm::encodeTask(const SiteTask &task) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer(TaskKind::Steps, task);
  return bytes;
}

static Expected<std::string> runStepsTask(llvm::ArrayRef<char> inputs, ByteReader &taskReader,
                                          ThreadPool &pool) {
  SiteState state(pool);
  ByteReader reader(inputs);
  transferInputs(reader, state);
  SiteTask task;
  taskReader(task);
  if (Error error = llvm::joinErrors(reader.finish(), taskReader.finish()))
    return llvm::createStringError("not the task of a site: " + llvm::toString(std::move(error)));
  Expected<std::vector<NamedStep>> steps = parseSteps(task.steps);
  if (!steps)
    return steps.takeError();
  if (task.candidate)
    state.decisions.transform = task.candidate;
  auto measure = [](llvm::StringRef, llvm::function_ref<Error()> run) { return run(); };
  Expected<SiteOutcome> outcome = runSteps(state, *steps, task.measuresOutput, measure);
  if (!outcome)
    return outcome.takeError();
  if (!task.candidate)
    return encodeResult(state, *outcome);
  std::string result;
  ByteWriter writer(result);
  writer(state.decisions);
  return result;
}

Expected<std::string> qllm::runTask(llvm::ArrayRef<char> inputs, llvm::ArrayRef<char> task,
                                    ThreadPool &pool) {
  ByteReader reader(task);
  TaskKind kind;
  reader(kind);
  if (!reader.hasFailed() && kind == TaskKind::Rounding)
    return runRoundingTask(inputs, reader, pool);
  if (kind != TaskKind::Steps)
    reader.fail("unknown kind");
  return runStepsTask(inputs, reader, pool);
}

Expected<SiteDecisions> qllm::decodeDecisions(llvm::ArrayRef<char> bytes) {
  SiteDecisions decisions;
  ByteReader reader(bytes);
  reader(decisions);
  if (Error error = reader.finish())
    return llvm::createStringError("not the decisions of a task: " +
                                   llvm::toString(std::move(error)));
  return decisions;
}

std::string qllm::encodeResult(const SiteState &state, const SiteOutcome &outcome) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer(outcome);
  transferResult(writer, const_cast<SiteState &>(state));
  return bytes;
}

Error qllm::decodeResult(llvm::ArrayRef<char> bytes, SiteState &state, SiteOutcome &outcome) {
  ByteReader reader(bytes);
  reader(outcome);
  transferResult(reader, state);
  if (Error error = reader.finish())
    return llvm::createStringError("not the result of site '" + state.name +
                                   "': " + llvm::toString(std::move(error)));
  return Error::success();
}
