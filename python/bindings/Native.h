// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files of the module share. They see nothing of the compiler but its C interface.

#ifndef QLLM_PYTHON_BINDINGS_NATIVE_H
#define QLLM_PYTHON_BINDINGS_NATIVE_H

#include "qllm-c/Module.h"
#include <memory>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;

/// Any array in the memory of the host, row after row; it is only read.
using AnyArray = nb::ndarray<nb::c_contig, nb::device::cpu, nb::ro>;

template <auto destroy> struct Destroy {
  template <typename T> void operator()(T *object) const { destroy(object); }
};

struct Context {
  explicit Context(unsigned threads) : handle(qllmContextCreate(threads)) {}
  std::unique_ptr<QllmContext, Destroy<qllmContextDestroy>> handle;
};

struct Module {
  explicit Module(QllmModule *module) : handle(module) {}
  std::unique_ptr<QllmModule, Destroy<qllmModuleDestroy>> handle;
};

struct Value {
  Value(QllmValue *value, nb::object memory = {}) : handle(value), memory(std::move(memory)) {}
  std::unique_ptr<QllmValue, Destroy<qllmValueDestroy>> handle;
  /// The Python objects whose memory a tensor, or the tensors of a sequence, borrow.
  nb::object memory;
};

/// Passes progress and messages on to Python, and Ctrl-C and exceptions of callbacks back, during
/// one call into the library, which runs without the interpreter's lock.
class Call {
public:
  /// `progress(step, done, total)` or None.
  explicit Call(nb::object progress);

  /// Runs `body` without the lock; raises what it returns, and what Python raised meanwhile.
  template <typename Body> void run(Body body) {
    QllmStatus *status;
    {
      nb::gil_scoped_release release;
      status = body(&listener);
    }
    finish(status);
  }

  /// For what a callback raised: the call raises it in the end.
  void keep(nb::python_error &error);

private:
  void finish(QllmStatus *status);
  static void onProgress(const char *step, size_t done, size_t total, void *user);
  static int shouldStop(void *user);
  static void onMessage(QllmSeverity severity, const char *text, void *user);

  nb::object progress;
  QllmListener listener;
  /// What a callback, or a signal, raised.
  std::unique_ptr<nb::python_error> raised;
};

/// A callback that appends pieces of text to a std::string.
inline void appendText(const char *text, size_t length, void *user) {
  static_cast<std::string *>(user)->append(text, length);
}

QllmTensorView viewOf(const AnyArray &array, int elementType, std::vector<int64_t> &shape);

void defineValue(nb::module_ &m);
void defineModule(nb::module_ &m);

#endif // QLLM_PYTHON_BINDINGS_NATIVE_H
