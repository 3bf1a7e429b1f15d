// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statuses as exceptions, and callbacks during a call.

#include "Native.h"

Call::Call(nb::object progress)
    : progress(std::move(progress)),
      listener{sizeof(QllmListener), this, onProgress, shouldStop, onMessage} {}

void Call::keep(nb::python_error &error) {
  if (!raised)
    raised = std::make_unique<nb::python_error>(std::move(error));
}

void Call::onProgress(const char *step, size_t done, size_t total, void *user) {
  auto *call = static_cast<Call *>(user);
  nb::gil_scoped_acquire lock;
  if (call->progress.is_none() || call->raised)
    return;
  try {
    call->progress(step, done, total);
  } catch (nb::python_error &error) {
    call->keep(error);
  }
}

int Call::shouldStop(void *user) {
  auto *call = static_cast<Call *>(user);
  nb::gil_scoped_acquire lock;
  // Handlers of signals run here, as between two lines of Python; Ctrl-C raises KeyboardInterrupt.
  if (!call->raised && PyErr_CheckSignals() != 0) {
    nb::python_error error;
    call->keep(error);
  }
  return call->raised != nullptr;
}

void Call::onMessage(QllmSeverity severity, const char *text, void *user) {
  auto *call = static_cast<Call *>(user);
  nb::gil_scoped_acquire lock;
  try {
    nb::object logger = nb::module_::import_("logging").attr("getLogger")("qllm");
    logger.attr(severity == QLLM_WARNING ? "warning" : "info")("%s", text);
  } catch (nb::python_error &error) {
    call->keep(error);
  }
}

void Call::finish(QllmStatus *status) {
  std::unique_ptr<QllmStatus, Destroy<qllmStatusDestroy>> owner(status);
  if (raised)
    throw nb::python_error(std::move(*raised));
  if (!status)
    return;
  nb::module_ errors = nb::module_::import_("qllm.errors");
  nb::list diagnostics;
  std::pair<nb::object, nb::list> made(errors.attr("Diagnostic"), diagnostics);
  qllmStatusForEachDiagnostic(
      status,
      [](QllmSeverity severity, const char *place, const char *node, const char *message,
         void *user) {
        auto &[type, list] = *static_cast<std::pair<nb::object, nb::list> *>(user);
        list.append(type(severity == QLLM_NOTE ? "note" : "error", place, node, message));
      },
      &made);
  nb::object error = errors.attr("QllmError")(qllmStatusGetMessage(status), diagnostics);
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}
