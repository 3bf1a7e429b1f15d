// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module `qllm._qllm`; what users call is written in Python above it.

#include "Native.h"

NB_MODULE(_qllm, m) {
  m.doc() = "The C interface of qllm as Python objects; see the package `qllm`.";
  if (qllmGetInterfaceVersion() != QLLM_C_VERSION)
    throw nb::import_error("libqllm-c has another interface version than this module");
  m.attr("__version__") = qllmGetVersion();
  defineValue(m);
  defineModule(m);
}
