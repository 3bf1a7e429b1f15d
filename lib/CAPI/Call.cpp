// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The frame around every call into a context.

#include "Internal.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Tools/Diagnostics.h"

using namespace qllm;
using namespace qllm::capi;

/// A callback may be as slow as the lock of an interpreter.
constexpr std::chrono::milliseconds askEvery{10};

Call::Call(ContextState &state, const QllmListener *given)
    : state(state), listener(readOptions(given)), reentered(state.owner == caller),
      lock(state.mutex, std::defer_lock) {
  if (reentered)
    return;
  lock.lock();
  state.owner = caller;
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
  llvm::Error error = [&] {
    mlir::ScopedDiagnosticHandler handler(
        &state.context.mlir(), [this](mlir::Diagnostic &diagnostic) { keep(diagnostic); });
    return body();
  }();
  std::string summary = error ? llvm::toString(std::move(error)) : "";
  if (listener.message)
    for (const auto &[severity, text] : messages)
      listener.message(severity, text.c_str(), listener.user);
  if (stopped)
    return makeStatus(QLLM_STOPPED, "stopped");
  if (summary.empty() && errors.empty())
    return nullptr;
  bool both = !summary.empty() && !errors.empty();
  return badInput(llvm::StringRef(errors).rtrim() + (both ? "\n" : "") + summary);
}

void Call::keep(mlir::Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> guard(textMutex);
  if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
    errors += diagnosticText(diagnostic) + "\n";
  else
    messages.emplace_back(
        diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning ? QLLM_WARNING : QLLM_REMARK,
        diagnosticText(diagnostic));
}

void Call::progress(llvm::StringRef step, size_t done, size_t total) {
  if (listener.progress && isCaller())
    listener.progress(step.str().c_str(), done, total, listener.user);
}

bool Call::shouldStop() {
  if (stopped || !listener.should_stop || !isCaller())
    return stopped;
  auto now = std::chrono::steady_clock::now();
  if (now - asked < askEvery)
    return false;
  asked = now;
  stopped = listener.should_stop(listener.user) != 0;
  return stopped;
}
