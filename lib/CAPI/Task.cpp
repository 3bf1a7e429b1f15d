// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tasks, and what their bytes depend on.

#include "qllm-c/Task.h"

#include "Internal.h"
#include "qllm/Site/SiteTask.h"
#include "qllm/Support/BuildIdentifiers.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Version.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::ArrayRef;
using llvm::StringRef;

static ArrayRef<char> arrayOf(QllmBytes bytes) {
  return {static_cast<const char *>(bytes.data), bytes.size};
}

void qllmTaskResultsSet(QllmTaskResults *results, size_t index, QllmBytes result) {
  if (index < results->results.size())
    results->results[index] = std::string(arrayOf(result).data(), result.size);
}

void qllmTaskResultsFail(QllmTaskResults *results, const char *message) {
  results->failure = message;
}

llvm::Expected<std::vector<std::string>> CallbackRunner::run(StringRef inputs,
                                                             ArrayRef<std::string> tasks) {
  std::vector<QllmBytes> bytes;
  for (const std::string &task : tasks)
    bytes.push_back({task.data(), task.size()});
  QllmTaskResults results;
  results.results.resize(tasks.size());
  callbacks.run({inputs.data(), inputs.size()}, bytes.data(), bytes.size(), &results,
                callbacks.user);
  if (results.failure)
    return llvm::createStringError(*results.failure);
  std::vector<std::string> all;
  for (std::optional<std::string> &result : results.results) {
    if (!result)
      return llvm::createStringError("expected a result of each task from the task runner, but "
                                     "one is missing");
    all.push_back(std::move(*result));
  }
  return all;
}

QllmStatus *qllmTaskRun(QllmBytes inputs, QllmBytes task, unsigned threads,
                        QllmTextCallback callback, void *user) {
  ThreadPool pool(threads);
  llvm::Expected<std::string> result = runTask(arrayOf(inputs), arrayOf(task), pool);
  if (!result)
    return toStatus(result.takeError());
  callback(result->data(), result->size(), user);
  return nullptr;
}

/// The builds of the libraries that compute.
static std::string describeBuild() {
  std::string text = std::string(QLLM_VERSION) + " " + llvm::sys::getHostCPUName().str();
  for (const auto &library : buildIdentifiers()) {
    StringRef name = library.first;
    if (llvm::any_of(std::initializer_list<StringRef>{"libqllm-c.so", "libdnnl.so", "libm.so"},
                     [&](StringRef known) { return name.starts_with(known); }))
      text += (" " + name.split('.').first + " " +
               llvm::toHex(ArrayRef(library.second).take_front(8), true))
                  .str();
  }
  return text;
}

const char *qllmGetBuild(void) {
  static const std::string text = describeBuild();
  return text.c_str();
}
