/* Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Pieces of a call that run in other processes: bytes in, bytes out. */

#ifndef QLLM_C_TASK_H
#define QLLM_C_TASK_H

#include "qllm-c/Status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct QllmBytes {
  const void *data;
  size_t size;
} QllmBytes;

/* Where a task runner puts what qllmTaskRun gave; valid until the runner returns. */
typedef struct QllmTaskResults QllmTaskResults;

/* Has tasks run elsewhere. Called in a thread of the library while the call waits, one call at a time;
 * the context must be left alone. */
typedef struct QllmTaskRunner {
  /* sizeof(QllmTaskRunner) of the caller. */
  size_t struct_size;
  void *user;
  /* Has qllmTaskRun(inputs, tasks[i]) run for each i < count, in processes with the same
   * qllmGetBuild, and calls qllmTaskResultsSet for each, or qllmTaskResultsFail once. All bytes are
   * valid until it returns. `inputs` is what the tasks share; it can be many megabytes. */
  void (*run)(QllmBytes inputs, const QllmBytes *tasks, size_t count, QllmTaskResults *results,
              void *user);
} QllmTaskRunner;

/* The result of task number `index`, which is copied. */
QLLM_CAPI void qllmTaskResultsSet(QllmTaskResults *results, size_t index, QllmBytes result);
/* Ends the call with this message. */
QLLM_CAPI void qllmTaskResultsFail(QllmTaskResults *results, const char *message);

/* Runs one task with `threads` threads, 0 for one per core, and gives its result in one piece. The
 * same bytes give the same result in all processes with the same qllmGetBuild, for any number of
 * threads. Any thread may call, at the same time as others. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmTaskRun(QllmBytes inputs, QllmBytes task, unsigned threads,
                                             QllmTextCallback result, void *user);

/* What bytes of results depend on beside their inputs: the version, the build of this library and
 * of the libraries that it computes with, and the processor. A static string. */
QLLM_CAPI const char *qllmGetBuild(void);

#ifdef __cplusplus
}
#endif

#endif /* QLLM_C_TASK_H */
