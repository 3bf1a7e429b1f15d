/* Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What goes into a run of a model and comes out of it: tensors, sequences, and nothing. */

#ifndef QLLM_C_VALUE_H
#define QLLM_C_VALUE_H

#include "qllm-c/Status.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct QllmValue QllmValue;

typedef enum QllmValueKind {
  /* An optional value that is absent. */
  QLLM_NONE = 0,
  QLLM_TENSOR = 1,
  QLLM_SEQUENCE = 2,
  /* A quantized tensor: only its kind can be asked for. */
  QLLM_QUANTIZED = 3
} QllmValueKind;

/* A dense row-major array in memory. Types are numbered as in ONNX's TensorProto.DataType (1 for
 * float, 7 for int64, ...). An element takes whole bytes: those narrower than a byte take one each,
 * integers sign- or zero-extended, floats as their code in the low bits. */
typedef struct QllmTensorView {
  int32_t element_type;
  size_t rank;
  const int64_t *shape;
  const void *data;
} QllmTensorView;

/* Bytes of one element in memory; 0 for strings and for numbers that name no type. */
QLLM_CAPI size_t qllmElementSize(int32_t element_type);

/* A tensor over memory of the caller, which must stay, unchanged, as long as the value: nothing is
 * copied. The data must be aligned to its elements. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmValueCreateTensor(const QllmTensorView *view,
                                                       QllmValue **value);
/* A tensor of strings, copied: as many as the shape says, each with its length. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmValueCreateStrings(const int64_t *shape, size_t rank,
                                                        const char *const *strings,
                                                        const size_t *lengths, QllmValue **value);
/* A sequence of `count` values, which it shares: they may be destroyed before it. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmValueCreateSequence(const QllmValue *const *elements,
                                                         size_t count, QllmValue **value);
QLLM_CAPI QllmValue *qllmValueCreateNone(void);
/* NULL is allowed. */
QLLM_CAPI void qllmValueDestroy(QllmValue *value);

QLLM_CAPI QllmValueKind qllmValueGetKind(const QllmValue *value);
/* A view of a tensor. Results of a run own their memory, which nothing else reads: it may be written.
 * Valid until the value is destroyed; `data` is NULL for strings. Fails for
 * anything but a tensor. */
QLLM_CAPI QLLM_CHECK QllmStatus *qllmValueGetTensor(const QllmValue *value, QllmTensorView *view);
/* String number `index` of a tensor of strings, valid until the value is destroyed; NULL where
 * there is none. */
QLLM_CAPI const char *qllmValueGetString(const QllmValue *value, size_t index, size_t *length);
/* The number of values of a sequence, and a new value that shares element number `index`; 0 and NULL
 * for anything else. */
QLLM_CAPI size_t qllmValueGetElementCount(const QllmValue *value);
QLLM_CAPI QllmValue *qllmValueGetElement(const QllmValue *value, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* QLLM_C_VALUE_H */
