/* Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How calls fail, what they tell while they run, and the version of the library. */

#ifndef QLLM_C_STATUS_H
#define QLLM_C_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QLLM_CAPI __attribute__((visibility("default")))
#define QLLM_CHECK __attribute__((warn_unused_result))
#else
#define QLLM_CAPI
#define QLLM_CHECK
#endif

/* The version of this interface. Functions, enumerators and members of structs (at their ends) are
 * added within one version; anything else changes the number. */
#define QLLM_C_VERSION 1

/* The QLLM_C_VERSION that the library was built with. */
QLLM_CAPI int qllmGetInterfaceVersion(void);
/* The version of qllm, such as "0.1.0". A static string. */
QLLM_CAPI const char *qllmGetVersion(void);

/* What a call that can fail returns: NULL for success, or an object that the caller destroys. After
 * a failure, results are untouched, and nothing was written to disk. */
typedef struct QllmStatus QllmStatus;

typedef enum QllmStatusCode {
  QLLM_OK = 0,
  /* A file, a model, or an argument cannot be processed. */
  QLLM_BAD_INPUT = 1,
  /* The listener asked for the end. */
  QLLM_STOPPED = 2
} QllmStatusCode;

/* QLLM_OK for NULL. */
QLLM_CAPI QllmStatusCode qllmStatusGetCode(const QllmStatus *status);
/* Every diagnostic with its place, a line each: where, what was wanted, what was found. Valid until
 * the status is destroyed; "" for NULL. */
QLLM_CAPI const char *qllmStatusGetMessage(const QllmStatus *status);
typedef enum QllmSeverity { QLLM_WARNING = 0, QLLM_REMARK = 1, QLLM_ERROR = 2, QLLM_NOTE = 3 } QllmSeverity;

/* One diagnostic, valid until the callback returns. `place` is "FILE:LINE:COLUMN", "FILE" for
 * formats without lines, or "". `node` is the name of the node of the model that it is about, or "". */
typedef void (*QllmDiagnosticCallback)(QllmSeverity severity, const char *place, const char *node,
                                       const char *message, void *user);
/* The diagnostics that the message is made of, in their order: errors, each before its notes. */
QLLM_CAPI void qllmStatusForEachDiagnostic(const QllmStatus *status,
                                           QllmDiagnosticCallback callback, void *user);
/* NULL is allowed. */
QLLM_CAPI void qllmStatusDestroy(QllmStatus *status);

/* Receives text in one or several pieces, none of which ends with a zero. */
typedef void (*QllmTextCallback)(const char *text, size_t length, void *user);

/* Who hears of a call while it runs. All functions are called in the thread of the call, and must
 * not call into the same context. Each may be NULL. */
typedef struct QllmListener {
  /* sizeof(QllmListener) of the caller. */
  size_t struct_size;
  void *user;
  /* `done` of `total` parts of `step` are finished. */
  void (*progress)(const char *step, size_t done, size_t total, void *user);
  /* Whether the call is to end as soon as it can, with QLLM_STOPPED. Asked about a hundred times a
   * second. Once not 0, it is not asked again. */
  int (*should_stop)(void *user);
  /* A diagnostic that is no error, told before the call returns. */
  void (*message)(QllmSeverity severity, const char *text, void *user);
} QllmListener;

#ifdef __cplusplus
}
#endif

#endif /* QLLM_C_STATUS_H */
