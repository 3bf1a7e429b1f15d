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
void qllmStatusDestroy(QllmStatus *status) { delete status; }

QllmStatus *capi::makeStatus(QllmStatusCode code, const llvm::Twine &message) {
  return new QllmStatus{code, message.str()};
}

QllmStatus *capi::toStatus(llvm::Error error) {
  return error ? badInput(llvm::toString(std::move(error))) : nullptr;
}
