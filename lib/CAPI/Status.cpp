// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm-c/Status.h"
#include "Internal.h"
#include "qllm/Version.h"

using namespace qllm;

int qllmGetInterfaceVersion(void) { return QLLM_C_VERSION; }
const char *qllmGetVersion(void) { return QLLM_VERSION; }

QllmStatusCode qllmStatusGetCode(const QllmStatus *status) {
  return status ? status->code : QLLM_OK;
}
const char *qllmStatusGetMessage(const QllmStatus *status) {
  return status ? status->message.c_str() : "";
}
void qllmStatusForEachDiagnostic(const QllmStatus *status, QllmDiagnosticCallback callback,
                                 void *user) {
  if (status)
    for (const capi::DiagnosticRecord &record : status->diagnostics)
      callback(record.severity, record.place.c_str(), record.node.c_str(), record.message.c_str(),
               user);
}
void qllmStatusDestroy(QllmStatus *status) { delete status; }

QllmStatus *capi::makeStatus(QllmStatusCode code, const llvm::Twine &message) {
  std::string text = message.str();
  return new QllmStatus{code, text, {{QLLM_ERROR, "", "", text}}};
}

QllmStatus *capi::toStatus(llvm::Error error) {
  return error ? badInput(llvm::toString(std::move(error))) : nullptr;
}
