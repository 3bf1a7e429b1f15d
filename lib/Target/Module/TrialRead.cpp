// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TrialRead.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Errno.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;
using namespace qllm;

namespace {

/// A module takes no more than this and a multiple of its file: one GiB for the stack that we run on, and two to read.
constexpr uint64_t memoryBase = uint64_t(3) << 30, memoryPerByte = 64;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool limitsMemory = false; // a sanitizer's shadow is larger than any limit
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool limitsMemory = false;
#else
constexpr bool limitsMemory = true;
#endif
#else
constexpr bool limitsMemory = true;
#endif

void limit(int resource, uint64_t value) {
  rlimit limits;
  getrlimit(resource, &limits);
  limits.rlim_cur = std::min<rlim_t>(limits.rlim_max, value);
  setrlimit(resource, &limits);
}

/// Messages and traces of the child would read like those of the tool.
void silence() {
  if (int null = open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0)
    for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      dup2(null, stream);
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP})
    std::signal(signal, SIG_DFL);
}

[[noreturn]] void readInChild(llvm::MemoryBufferRef file, const DialectRegistry &registry, const InputLimits &limits,
                              int answer) {
  silence();
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.seconds);
  if (limitsMemory)
    limit(RLIMIT_DATA, memoryBase + memoryPerByte * file.getBufferSize());
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.allowUnregisteredDialects();
  context.getDiagEngine().registerHandler([](Diagnostic &) {});
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(file.getBuffer(), ParserConfig(&context, /*verifyAfterParse=*/false));
  if (module) {
    if (llvm::Error error = checkModule(*module, limits)) {
      std::string text = llvm::toString(std::move(error));
      if (write(answer, text.data(), text.size()) < 0)
        _exit(1);
    } else {
      (void)verify(*module);
    }
  }
  _exit(0); // taking the module down again is of no use
}

std::string readAll(int descriptor) {
  std::string text;
  char buffer[512];
  for (ssize_t count; (count = read(descriptor, buffer, sizeof(buffer))) != 0;) {
    if (count < 0 && errno != EINTR)
      break;
    text.append(buffer, count > 0 ? size_t(count) : 0);
  }
  return text;
}

} // namespace

llvm::Error qllm::tryReadingBytecode(llvm::MemoryBufferRef file, const DialectRegistry &registry, const InputLimits &limits) {
  auto failed = [&](const llvm::Twine &message) { return llvm::createStringError(file.getBufferIdentifier() + ": error: " + message); };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return failed("cannot make a pipe: " + llvm::sys::StrError(errno));
  pid_t child = fork();
  if (child == 0)
    readInChild(file, registry, limits, ends[1]);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return failed("cannot start a process to try the bytecode in: " + llvm::sys::StrError(errno));
  }
  std::string refusal = readAll(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (!refusal.empty())
    return failed(refusal);
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
    return failed("expected bytecode that is read in " + llvm::Twine(limits.seconds) +
                  " seconds of processor time (--max-seconds), but it takes longer");
  if (WIFSIGNALED(status))
    return failed("expected bytecode, but MLIR's reader fails on it: " + llvm::StringRef(strsignal(WTERMSIG(status))).lower());
  return llvm::Error::success();
}
