// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The frame around every call into a context.

#include "Internal.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/LargeStack.h"
#include "qllm/Tools/Diagnostics.h"

using namespace qllm;
using namespace qllm::capi;

/// How often a caller is asked whether to stop; it may have to wait for the lock of an interpreter.
constexpr std::chrono::milliseconds askEvery{10};

Call::Call(ContextState &state, const QllmListener *given)
    : state(state), listener(readOptions(given)),
      reentered(state.owner == std::this_thread::get_id()), lock(state.mutex, std::defer_lock) {
  if (reentered)
    return;
  lock.lock();
  state.owner = std::this_thread::get_id();
  state.context.mlir().getOrLoadDialect<QLLMDialect>()->setRunListener(this);
}

Call::~Call() {
  if (reentered)
    return;
  state.context.mlir().getOrLoadDialect<QLLMDialect>()->setRunListener(nullptr);
  state.owner = std::thread::id();
}

QllmStatus *Call::run(llvm::function_ref<llvm::Error()> body) {
  if (reentered)
    return badInput("expected callbacks of a call to leave its context alone");
  llvm::Error error = work(body);
  bool hasFailed = bool(error);
  std::string summary = hasFailed ? llvm::toString(std::move(error)) : "";
  if (listener.message)
    for (const auto &[severity, text] : messages)
      listener.message(severity, text.c_str(), listener.user);
  if (stopped)
    return makeStatus(QLLM_STOPPED, "stopped");
  if (!hasFailed && errors.empty())
    return nullptr;
  if (summary.empty() && errors.empty())
    summary = "failed without a diagnostic";
  bool both = !summary.empty() && !errors.empty();
  QllmStatus *status = badInput(llvm::StringRef(errors).rtrim() + (both ? "\n" : "") + summary);
  if (!summary.empty())
    records.push_back({QLLM_ERROR, "", "", std::move(summary)});
  status->diagnostics = std::move(records);
  return status;
}

llvm::Error Call::work(llvm::function_ref<llvm::Error()> body) {
  // Short work is over before it is asked again.
  stopped = listener.should_stop && listener.should_stop(listener.user);
  llvm::Error error = llvm::Error::success();
  std::thread worker([&] {
    runOnLargeStack([&] {
      mlir::ScopedDiagnosticHandler handler(
          &state.context.mlir(), [this](mlir::Diagnostic &diagnostic) { keep(diagnostic); });
      if (llvm::Error failure = body())
        error = llvm::joinErrors(std::move(error), std::move(failure));
      return 0;
    });
    std::lock_guard<std::mutex> guard(mutex);
    finished = true;
    changed.notify_one();
  });
  serve();
  worker.join();
  return error;
}

/// The caller's part until the work is done.
void Call::serve() {
  std::unique_lock<std::mutex> guard(mutex);
  while (true) {
    changed.wait_for(guard, askEvery, [this] { return finished || !steps.empty(); });
    bool last = finished;
    std::vector<Progress> told;
    told.swap(steps);
    guard.unlock();
    for (const Progress &step : told)
      listener.progress(step.step.c_str(), step.done, step.total, listener.user);
    if (!last && !stopped && listener.should_stop && listener.should_stop(listener.user))
      stopped = true;
    if (last)
      return;
    guard.lock();
  }
}

static DiagnosticRecord recordOf(QllmSeverity severity, mlir::Diagnostic &diagnostic) {
  auto node = diagnostic.getLocation()->findInstanceOf<mlir::NameLoc>();
  std::string place = diagnosticPlace(diagnostic);
  return {severity, llvm::StringRef(place).rtrim(": ").str(), node ? node.getName().str() : "",
          diagnostic.str()};
}

void Call::keep(mlir::Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> guard(mutex);
  std::string text = diagnosticText(diagnostic);
  if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error) {
    bool isWarning = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning;
    messages.emplace_back(isWarning ? QLLM_WARNING : QLLM_REMARK, std::move(text));
    return;
  }
  errors += text + "\n";
  records.push_back(recordOf(QLLM_ERROR, diagnostic));
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    records.push_back(recordOf(QLLM_NOTE, note));
}

void Call::progress(llvm::StringRef step, size_t done, size_t total) {
  if (!listener.progress)
    return;
  std::lock_guard<std::mutex> guard(mutex);
  steps.push_back({step.str(), done, total});
  changed.notify_one();
}
