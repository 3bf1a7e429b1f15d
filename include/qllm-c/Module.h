/* Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Models: loading, rewriting, running, evaluating and writing them. */

#ifndef QLLM_C_MODULE_H
#define QLLM_C_MODULE_H

#include "qllm-c/Status.h"
#include "qllm-c/Task.h"
#include "qllm-c/Value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Threads and everything that modules share. Any thread may call; calls into one context wait for
 * each other. Weights of one context lie in one directory, so that models of different directories
 * need a context each. */
typedef struct QllmContext QllmContext;

/* A model as MLIR. It never changes: what rewrites it gives a new one of the same context, which
 * shares the weights that did not change. It keeps its context alive. */
typedef struct QllmModule QllmModule;

/* `threads` workers; 0 takes one per core. Results are the same bits for any number. */
QLLM_CAPI QllmContext *qllmContextCreate(unsigned threads);
/* NULL is allowed here and below. */
QLLM_CAPI void qllmContextDestroy(QllmContext *context);
QLLM_CAPI void qllmModuleDestroy(QllmModule *module);

/* In all of the following, `listener` may be NULL, strings end with a zero, and a module or value
 * that is given back belongs to the caller. */

/* Loads an ONNX file, an .mlir or .mlirbc file, or a directory that `qllm import` or `qllm quantize`
 * wrote. Weights stay in their files, which must not change while the module is there. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleLoad(QllmContext *context, const char *path,
                                                const QllmListener *listener, QllmModule **module);
/* Imports a serialized ModelProto, whose bytes are copied. Its external data is looked for in
 * `directory`, which may be NULL. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleImportOnnx(QllmContext *context, const void *data,
                                                      size_t size, const char *directory,
                                                      const QllmListener *listener,
                                                      QllmModule **module);
/* Parses the text or the bytecode of a module. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleParse(QllmContext *context, const char *text,
                                                 size_t length, QllmModule **module);

/* The text of the module; data of large resources is left out. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModulePrint(const QllmModule *module,
                                                 QllmTextCallback callback, void *user);
/* Writes an .mlir or .mlirbc file with the weights beside it; any other path is a directory as
 * `qllm quantize` writes it. It appears when all of it is written. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleSave(const QllmModule *module, const char *path);
/* Writes an ONNX file. `weights` names the operators that hold quantized weights: "matmul-nbits",
 * which NULL stands for, or "qdq". */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleExportOnnx(const QllmModule *module, const char *path,
                                                      const char *weights);
/* Writes a directory with a checkpoint of another stack: `format` is "compressed-tensors" or "gptq".
 * `config` is the config.json of the original model, or NULL. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleExportCheckpoint(const QllmModule *module,
                                                            const char *directory,
                                                            const char *format, const char *config);

/* Runs a textual pass pipeline on a copy: "qllm-raise,canonicalize" or "builtin.module(...)". */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleRunPipeline(const QllmModule *module,
                                                       const char *pipeline,
                                                       const QllmListener *listener,
                                                       QllmModule **result);

typedef struct QllmQuantizeOptions {
  /* sizeof(QllmQuantizeOptions) of the caller. */
  size_t struct_size;
  /* A name or a file of passes; NULL stands for "rtn". */
  const char *recipe;
  /* The recipe's options, "weight-bits=4 activation-bits=8"; may be NULL. */
  const char *options;
  /* What recipes that look at activations read: a .npy or .npz file, or an integer tensor of token
   * numbers, [tokens] or [windows, tokens]. At most one of them; the other is NULL. */
  const char *calibration_file;
  const QllmTensorView *calibration_tokens;
  /* For recipes that draw random numbers. */
  int64_t seed;
  /* Who tries candidates of searches and rounds layers in other processes; the result has the same bytes. NULL for
   * nobody. */
  const QllmTaskRunner *task_runner;
  /* A directory in which finished work is kept: where a call has failed, was stopped or killed, the
   * same call goes on from there. It goes when the result is saved as a directory. NULL for none. */
  const char *journal;
  /* Not 0 runs the model before and after each pass, and fails where a pass does not keep what it
   * claims. What repeats the failure is written below the directory `reproducers`; NULL for nowhere. */
  int validate;
  const char *reproducers;
  /* A plan.mlir of an earlier run, whose formats and decisions are taken; may be NULL. */
  const char *plan_file;
  /* The last pass to run; NULL for all. */
  const char *stop_after;
  /* What the user has asked for, for the report; may be NULL. */
  const char *command;
} QllmQuantizeOptions;

/* Quantizes a copy. `options` may be NULL. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleQuantize(const QllmModule *module,
                                                    const QllmQuantizeOptions *options,
                                                    const QllmListener *listener,
                                                    QllmModule **result);
/* JSON: `coverage` has each layer, how it is stored, and why it is not quantized where it is not;
 * beside it what qllmModuleQuantize did, where it made the module. The fields are those of
 * report.json. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleReport(const QllmModule *module,
                                                  QllmTextCallback callback, void *user);

typedef struct QllmMeasureOptions {
  /* sizeof(QllmMeasureOptions) of the caller. */
  size_t struct_size;
  /* What to measure on, as calibration in QllmQuantizeOptions; both NULL for the calibration. */
  const char *tokens_file;
  const QllmTensorView *tokens;
  /* Windows that losses are measured on, and their tokens; 0 stands for 8 and 512. */
  int64_t windows, window_length;
} QllmMeasureOptions;

/* Runs the float model and a module that qllmModuleQuantize made, and adds to its report what
 * quantizing cost: losses, errors of layers, outliers, times, digests. `options` may be NULL. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleMeasure(const QllmModule *module,
                                                   const QllmMeasureOptions *options,
                                                   const QllmListener *listener);
/* Writes an HTML page of the report, which loads nothing from anywhere. `label` is its title. Fails
 * without measurements. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleWritePage(const QllmModule *module, const char *label,
                                                     const char *path);

typedef struct QllmPerplexityOptions {
  /* sizeof(QllmPerplexityOptions) of the caller. */
  size_t struct_size;
  /* Windows at equal spacing over the text, and their tokens; 0 stands for 24 and 512. */
  int64_t windows, window_length;
} QllmPerplexityOptions;

typedef struct QllmPerplexity {
  /* exp(loss). */
  double perplexity;
  /* Mean cross entropy of tokens 1, 2, ... of each window, in nats. */
  double loss;
  /* Tokens that it is the mean of. */
  int64_t positions;
} QllmPerplexity;

/* `tokens` is an integer tensor of token numbers, of any shape, read as one text. `options` may be
 * NULL. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModulePerplexity(const QllmModule *module,
                                                      const QllmTensorView *tokens,
                                                      const QllmPerplexityOptions *options,
                                                      const QllmListener *listener,
                                                      QllmPerplexity *result);

typedef struct QllmKernelOptions {
  /* sizeof(QllmKernelOptions) of the caller. */
  size_t struct_size;
  /* Architectures separated by commas: "sm_80,sm_90a". */
  const char *targets;
  /* "ptx", which NULL stands for, "cubin", "fatbin", "nvvm", "emulator" or "kernels". */
  const char *format;
  /* Tokens that schedules are chosen for; 0 stands for 16. */
  int64_t rows;
  /* Not 0 gives a decoder paged caches of quantized keys and values. */
  int page_kv_cache;
} QllmKernelOptions;

/* A copy whose quantized products are launches of GPU kernels. Fails where none has a kernel. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleLowerToKernels(const QllmModule *module,
                                                          const QllmKernelOptions *options,
                                                          const QllmListener *listener,
                                                          QllmModule **result);
/* Called with the target and the code of a binary; `code` is valid until it returns. */
typedef void (*QllmBinaryCallback)(const char *target, const void *code, size_t size, void *user);
/* The binaries of a module, one for each target. */
QLLM_CAPI void qllmModuleForEachBinary(const QllmModule *module, QllmBinaryCallback callback,
                                       void *user);

/* Called with an argument or a result of a function: the name in the model ("" if it has none), its
 * MLIR type, and its element type (0 if it is no tensor). All are valid until it returns. */
typedef void (*QllmPortCallback)(const char *name, const char *type, int32_t element_type,
                                 void *user);
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleForEachInput(const QllmModule *module,
                                                        const char *function,
                                                        QllmPortCallback callback, void *user);
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleForEachOutput(const QllmModule *module,
                                                         const char *function,
                                                         QllmPortCallback callback, void *user);
/* Names, a line each, the operators that the interpreter cannot run; nothing when it can run all. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleUnsupported(const QllmModule *module,
                                                       QllmTextCallback callback, void *user);

/* Runs `function` on the CPU. `input_count` and `output_count` must be those of the function;
 * inputs must have the types that it declares. `outputs` gets a new value each. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmModuleRun(const QllmModule *module, const char *function,
                                               const QllmValue *const *inputs, size_t input_count,
                                               const QllmListener *listener, QllmValue **outputs,
                                               size_t output_count);

#ifdef __cplusplus
}
#endif

#endif /* QLLM_C_MODULE_H */
