// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The child is a fork: it has the file and the dialects, plugins' too, without finding a program of its own.

#include "TrialRead.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/ErrorHandling.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <new>
#include <poll.h>
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

/// What a child says that gets no memory, and to whom; there is none to say it with by then.
struct Shortage {
  int answer = -1;
  std::string text;
};
Shortage shortage;

[[noreturn]] void reportShortage() {
  _exit(write(shortage.answer, shortage.text.data(), shortage.text.size()) < 0);
}

void limitMemory(uint64_t bytes, int answer) {
  shortage = {answer, "expected bytecode that is read in " + std::to_string(bytes >> 20) + " MiB of memory, but it takes more"};
  std::set_new_handler(reportShortage);
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { reportShortage(); });
  limit(RLIMIT_DATA, bytes);
}

[[noreturn]] void readInChild(llvm::MemoryBufferRef file, const DialectRegistry &registry, const InputLimits &limits,
                              int answer) {
  silence();
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, limits.seconds);
  if (limitsMemory)
    limitMemory(memoryBase + memoryPerByte * file.getBufferSize(), answer);
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

/// Seconds that a child may wait for something without computing: it was made of a process that may have other threads,
/// and a lock that one of them held at that moment is held forever in the child. What they do is short, so another child
/// made later is likely to meet none.
constexpr int stallSeconds = 5, attempts = 4;

/// How a trial ended.
struct Trial {
  bool stalled = false;
  int status = 0;
  std::string refusal;
};

/// Processor time of a child that has not been waited for, in nanoseconds.
int64_t timeOf(pid_t child) {
  clockid_t clock;
  timespec time = {};
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &time) != 0)
    return -1;
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

/// Reads what the child answers until it ends, and ends it when it does nothing for too long.
Trial follow(pid_t child, int answer) {
  Trial trial;
  int64_t spent = timeOf(child);
  int still = 0;
  // The end of the answer does not tell: a child of another thread may hold it open, too.
  bool ended = false;
  char buffer[512];
  while (!trial.stalled) {
    pollfd ready = {answer, POLLIN, 0};
    int events = poll(&ready, 1, ended ? 0 : /*milliseconds=*/1000);
    if (events > 0) {
      ssize_t count = read(answer, buffer, sizeof(buffer));
      if (count == 0 || (count < 0 && errno != EINTR))
        break;
      trial.refusal.append(buffer, count > 0 ? size_t(count) : 0);
    } else if (events == 0 && ended) {
      break;
    } else if (events == 0) {
      siginfo_t info = {};
      ended = waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
      int64_t now = timeOf(child);
      still = now == spent ? still + 1 : 0;
      spent = now;
      trial.stalled = !ended && still >= stallSeconds;
    }
  }
  if (trial.stalled)
    kill(child, SIGKILL);
  while (waitpid(child, &trial.status, 0) < 0 && errno == EINTR)
    ;
  return trial;
}

} // namespace

llvm::Error qllm::tryReadingBytecode(llvm::MemoryBufferRef file, const DialectRegistry &registry, const InputLimits &limits) {
  auto failed = [&](const llvm::Twine &message) { return llvm::createStringError(file.getBufferIdentifier() + ": error: " + message); };
  Trial trial;
  for (int attempt = 0; attempt < attempts; ++attempt) {
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
    trial = follow(child, ends[0]);
    close(ends[0]);
    if (!trial.stalled)
      break;
  }
  if (trial.stalled)
    return failed("cannot try the bytecode: the process for it did nothing for " + llvm::Twine(stallSeconds) + " seconds, " +
                  llvm::Twine(attempts) + " times");
  if (!trial.refusal.empty())
    return failed(trial.refusal);
  int status = trial.status;
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
    return failed("expected bytecode that is read in " + llvm::Twine(limits.seconds) +
                  " seconds of processor time (--max-seconds), but it takes longer");
  if (WIFSIGNALED(status))
    return failed("expected bytecode, but MLIR's reader fails on it: " + llvm::StringRef(strsignal(WTERMSIG(status))).lower());
  return llvm::Error::success();
}
