// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the opaque types of the C interface hold, and the frame around every call.

#ifndef QLLM_LIB_CAPI_INTERNAL_H
#define QLLM_LIB_CAPI_INTERNAL_H

#include "mlir/IR/Diagnostics.h"
#include "qllm-c/Module.h"
#include "qllm/API/Context.h"
#include "qllm/API/Quantize.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Support/TaskRunner.h"
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace qllm::capi {

/// Shared by a QllmContext and its modules.
struct ContextState {
  explicit ContextState(unsigned threads) : context(threads) {}

  api::Context context;
  std::mutex mutex;
  /// Whose call holds the mutex: a callback that calls again must not wait for itself.
  std::atomic<std::thread::id> owner{std::thread::id()};
};

struct DiagnosticRecord {
  QllmSeverity severity;
  std::string place, node, message;
};

QllmStatus *makeStatus(QllmStatusCode code, const llvm::Twine &message);
inline QllmStatus *badInput(const llvm::Twine &message) {
  return makeStatus(QLLM_BAD_INPUT, message);
}
QllmStatus *toStatus(llvm::Error error);

/// Tasks by way of a caller's function.
class CallbackRunner : public TaskRunner {
public:
  explicit CallbackRunner(const QllmTaskRunner &callbacks) : callbacks(callbacks) {}
  llvm::Expected<std::vector<std::string>> run(llvm::StringRef inputs,
                                               llvm::ArrayRef<std::string> tasks) override;

private:
  QllmTaskRunner callbacks;
};

/// One call into a context: waits for its turn and runs the work on a large stack, which is another
/// thread, while the caller's thread hands on progress and the wish to stop.
class Call : public RunListener {
public:
  Call(ContextState &state, const QllmListener *listener);
  ~Call() override;

  /// Runs `body`, which reports details of a failure as diagnostics of the context, and makes a
  /// status of what it returns and of the diagnostics.
  QllmStatus *run(llvm::function_ref<llvm::Error()> body);

  void progress(llvm::StringRef step, size_t done, size_t total) override;
  bool shouldStop() override { return stopped; }
  TaskRunner *taskRunner() override { return tasks; }
  void setTaskRunner(TaskRunner *runner) { tasks = runner; }

private:
  struct Progress {
    std::string step;
    size_t done, total;
  };

  llvm::Error work(llvm::function_ref<llvm::Error()> body);
  void serve();
  void keep(mlir::Diagnostic &diagnostic);

  ContextState &state;
  QllmListener listener{};
  TaskRunner *tasks = nullptr;
  bool reentered;
  std::unique_lock<std::mutex> lock;
  std::atomic<bool> stopped{false};
  /// Guards what follows.
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  std::vector<Progress> steps;
  std::string errors;
  std::vector<DiagnosticRecord> records;
  std::vector<std::pair<QllmSeverity, std::string>> messages;
};

/// A run of a recipe, and its calibration where that came from memory.
struct RecipeRun : api::QuantizeRun {
  explicit RecipeRun(api::QuantizeRun run) : api::QuantizeRun(std::move(run)) {}
  std::optional<Tensor> tokens;
};

/// `LogicalResult` of a step whose diagnostics say everything.
inline llvm::Error toError(llvm::LogicalResult result) {
  return succeeded(result) ? llvm::Error::success() : llvm::createStringError("");
}

/// The tensor that a view describes, over its memory.
llvm::Expected<Tensor> borrow(const QllmTensorView &view);
/// Token numbers as i64.
llvm::Expected<Tensor> readTokens(const QllmTensorView &view);
int32_t elementCode(ElementType type);
QllmValue *wrap(interp::Value value);

/// Options of this library out of those of a caller that may know fewer or more members.
template <typename T> T readOptions(const T *given) {
  T options{};
  if (given)
    std::memcpy(&options, given, std::min(given->struct_size, sizeof(T)));
  return options;
}

} // namespace qllm::capi

struct QllmTaskResults {
  std::vector<std::optional<std::string>> results;
  std::optional<std::string> failure;
};

struct QllmStatus {
  QllmStatusCode code;
  std::string message;
  std::vector<qllm::capi::DiagnosticRecord> diagnostics;
};

struct QllmValue {
  qllm::interp::Value value;
};

struct QllmContext {
  std::shared_ptr<qllm::capi::ContextState> state;
};

struct QllmModule {
  std::shared_ptr<qllm::capi::ContextState> state;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Of qllmModuleQuantize; null for other modules. Copies of a module share it.
  std::shared_ptr<qllm::capi::RecipeRun> run;
  /// What the module was loaded from as it is; empty for others.
  std::string file;
  /// Made by the first run, since it keeps what it computes of weights.
  mutable std::unique_ptr<qllm::interp::Interpreter> interpreter;

  QllmModule(std::shared_ptr<qllm::capi::ContextState> state,
             mlir::OwningOpRef<mlir::ModuleOp> module)
      : state(std::move(state)), module(std::move(module)) {}
  QllmModule(const QllmModule &other)
      : state(other.state), module(other.module.get().clone()), run(other.run), file(other.file) {}
  /// `module` and all below it are only looked at.
  mlir::ModuleOp get() const { return *const_cast<mlir::OwningOpRef<mlir::ModuleOp> &>(module); }
};

#endif // QLLM_LIB_CAPI_INTERNAL_H
