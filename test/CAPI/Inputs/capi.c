/* A model through the whole C interface: loaded, quantized, evaluated, run and written; and what goes wrong. */
#include "qllm-c/Module.h"
#include "qllm-c/Status.h"
#include "qllm-c/Value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(QllmStatus *status) {
  if (status) {
    fprintf(stderr, "unexpected: %s\n", qllmStatusGetMessage(status));
    exit(1);
  }
}

static void printDiagnostic(QllmSeverity severity, const char *place, const char *node, const char *message,
                            void *user) {
  (void)user;
  printf("  %s at [%s] node [%s]: %s\n", severity == QLLM_NOTE ? "note" : "error", place, node, message);
}

static void expectFailure(const char *what, QllmStatus *status) {
  printf("%s: code %d: %s\n", what, (int)qllmStatusGetCode(status), qllmStatusGetMessage(status));
  qllmStatusForEachDiagnostic(status, printDiagnostic, NULL);
  qllmStatusDestroy(status);
}

static void countProgress(const char *step, size_t done, size_t total, void *user) {
  (void)step;
  if (done <= total)
    ++*(size_t *)user;
}

static int stop(void *user) {
  (void)user;
  return 1;
}

static void keepText(const char *text, size_t length, void *user) {
  char *buffer = user;
  if (length > 200)
    length = 200;
  memcpy(buffer, text, length);
  buffer[length] = 0;
}

static void countBytes(const char *text, size_t length, void *user) {
  (void)text;
  *(size_t *)user += length;
}

static void printPort(const char *name, const char *type, int32_t element, void *user) {
  printf("%s %s: %s (%d)\n", (const char *)user, name, type, (int)element);
}

static QllmValue *makeTensor(int32_t type, const int64_t *shape, size_t rank, const void *data) {
  QllmTensorView view;
  QllmValue *value;
  view.element_type = type;
  view.rank = rank;
  view.shape = shape;
  view.data = data;
  check(qllmValueCreateTensor(&view, &value));
  return value;
}

static void evaluate(const char *name, const QllmModule *module, const QllmListener *listener) {
  static int64_t text[2000];
  int64_t shape[1] = {2000};
  QllmTensorView tokens;
  QllmPerplexityOptions options = {sizeof(QllmPerplexityOptions), 3, 32};
  QllmPerplexity result;
  for (int64_t i = 0; i < 2000; ++i)
    text[i] = i * 7919 % 96;
  tokens.element_type = 7;
  tokens.rank = 1;
  tokens.shape = shape;
  tokens.data = text;
  check(qllmModulePerplexity(module, &tokens, &options, listener, &result));
  printf("%s perplexity %.4f over %lld tokens\n", name, result.perplexity,
         (long long)result.positions);
}

/* Errors on a window of tokens; a page needs them. */
static void measure(const QllmModule *module) {
  static int64_t text[64];
  int64_t shape[1] = {64};
  QllmTensorView tokens = {7, 1, shape, text};
  QllmMeasureOptions options = {.struct_size = sizeof(options), .tokens = &tokens, .windows = 1, .window_length = 64};
  size_t size = 0;
  expectFailure("page", qllmModuleWritePage(module, "early", "/nowhere/page.html"));
  expectFailure("tokens", qllmModuleMeasure(module, NULL, NULL));
  check(qllmModuleMeasure(module, &options, NULL));
  check(qllmModuleReport(module, countBytes, &size));
  printf("measured %d\n", size > 2000);
}

/* out = in: the only result is the input itself, which is the caller's. */
static void runIdentity(QllmContext *context) {
  const char *text = "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }";
  float data[2] = {1.5f, -2.0f};
  int64_t shape[1] = {2};
  QllmModule *module;
  QllmValue *input, *output;
  QllmTensorView view;
  check(qllmModuleParse(context, text, strlen(text), &module));
  input = makeTensor(1, shape, 1, data);
  check(qllmModuleRun(module, "main", (const QllmValue *const *)&input, 1, NULL, &output, 1));
  qllmValueDestroy(input);
  check(qllmValueGetTensor(output, &view));
  printf("identity %.1f %.1f, copied %d\n", ((const float *)view.data)[0],
         ((const float *)view.data)[1], view.data != (const void *)data);
  qllmValueDestroy(output);
  qllmModuleDestroy(module);
}

static void fail(QllmContext *context, const QllmModule *model) {
  QllmModule *module = NULL;
  QllmValue *value = NULL;
  QllmTensorView view = {99, 0, NULL, NULL};
  QllmListener listener = {sizeof(QllmListener), NULL, NULL, stop, NULL};
  QllmQuantizeOptions options = {.struct_size = sizeof(options), .recipe = "rtm"};
  const char *text = "func.func @f() -> tensor<2xf32> {\n  return\n}";
  expectFailure("load", qllmModuleLoad(context, "/nowhere.onnx", NULL, &module));
  expectFailure("parse", qllmModuleParse(context, text, strlen(text), &module));
  expectFailure("import", qllmModuleImportOnnx(context, "no model", 8, NULL, NULL, &module));
  expectFailure("recipe", qllmModuleQuantize(model, &options, NULL, &module));
  options.recipe = "qllm";
  expectFailure("data", qllmModuleQuantize(model, &options, NULL, &module));
  expectFailure("pipeline", qllmModuleRunPipeline(model, "qllm-rais", NULL, &module));
  expectFailure("type", qllmValueCreateTensor(&view, &value));
  expectFailure("inputs", qllmModuleRun(model, "main", NULL, 0, NULL, NULL, 7));
  options.recipe = NULL;
  expectFailure("stop", qllmModuleQuantize(model, &options, &listener, &module));
  printf("untouched %d\n", module == NULL && value == NULL);
}

int main(int argc, char **argv) {
  size_t calls = 0;
  char text[256];
  QllmListener listener = {sizeof(QllmListener), NULL, countProgress, NULL, NULL};
  QllmQuantizeOptions options = {.struct_size = sizeof(options), .recipe = "rtn", .options = "weight-bits=4"};
  QllmContext *context = qllmContextCreate(2);
  QllmModule *model, *quantized;
  if (argc != 3)
    return 2;
  listener.user = &calls;
  printf("interface %d, %d\n", qllmGetInterfaceVersion(), qllmGetVersion() != NULL);
  check(qllmModuleLoad(context, argv[1], NULL, &model));
  check(qllmModuleForEachInput(model, "main", printPort, (void *)"input"));
  check(qllmModuleQuantize(model, &options, &listener, &quantized));
  /* A module does not need its maker. */
  qllmContextDestroy(context);
  evaluate("float", model, NULL);
  evaluate("int4", quantized, &listener);
  printf("progress %d\n", calls > 4);
  check(qllmModuleReport(quantized, keepText, text));
  printf("%s\n", text);
  measure(quantized);
  check(qllmModuleExportOnnx(quantized, argv[2], NULL));
  qllmModuleDestroy(quantized);
  context = qllmContextCreate(1);
  runIdentity(context);
  fail(context, model);
  qllmModuleDestroy(model);
  qllmContextDestroy(context);
  qllmModuleDestroy(NULL);
  qllmValueDestroy(NULL);
  qllmStatusDestroy(NULL);
  return 0;
}
