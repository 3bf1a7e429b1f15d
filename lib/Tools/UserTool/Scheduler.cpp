// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The child lives as long as the socket is open.

#include "Scheduler.h"

#include "qllm/Version.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
using namespace qllm::tool;

extern char **environ;

/// The environment with the package of this build tree in front, if we are in one.
static std::vector<std::string> childEnvironment() {
  SmallString<256> package(sys::fs::getMainExecutable(nullptr, nullptr));
  sys::path::remove_filename(package);
  sys::path::append(package, "..", "python");
  bool isBuildTree = sys::fs::is_directory(package + "/qllm");
  std::string paths = package.str().str();
  std::vector<std::string> variables;
  for (char **variable = environ; *variable; ++variable) {
    StringRef text = *variable;
    if (isBuildTree && text.consume_front("PYTHONPATH="))
      paths += (":" + text).str();
    else
      variables.push_back(*variable);
  }
  if (isBuildTree)
    variables.push_back("PYTHONPATH=" + paths);
  return variables;
}

static std::vector<char *> pointersTo(std::vector<std::string> &words) {
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

Expected<std::unique_ptr<Scheduler>> Scheduler::connect(StringRef address) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
    return createStringError("cannot make a socket: " + sys::StrError(errno));
  const char *named = getenv("QLLM_PYTHON");
  std::string python = named && *named ? named : "python3";
  std::vector<std::string> words = {python, "-m", "qllm.distributed", address.str(), QLLM_VERSION};
  std::vector<std::string> environment = childEnvironment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = -1;
  int error = posix_spawnp(&child, python.c_str(), &actions, nullptr, pointersTo(words).data(),
                           pointersTo(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(sockets[1]);
  std::unique_ptr<Scheduler> scheduler(new Scheduler(error == 0 ? child : -1, sockets[0]));
  std::string wayOut = "--scheduler needs '" + python +
                       "' with the package qllm[dask]; QLLM_PYTHON names another Python";
  if (error != 0)
    return createStringError("cannot run '" + python + "': " + sys::StrError(error) + "; " +
                             wayOut);
  Expected<std::vector<std::string>> answer = scheduler->answer(wayOut);
  if (!answer)
    return answer.takeError();
  return scheduler;
}

Scheduler::~Scheduler() {
  close(socket);
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR)
    continue;
}

bool Scheduler::send(const void *data, size_t size) {
  const char *at = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t count = ::send(socket, at, size, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    at += count;
    size -= size_t(count);
    byteCount += uint64_t(count);
  }
  return true;
}

bool Scheduler::receive(void *data, size_t size) {
  char *at = static_cast<char *>(data);
  while (size > 0) {
    ssize_t count = recv(socket, at, size, 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    at += count;
    size -= size_t(count);
  }
  return true;
}

Expected<std::vector<std::string>> Scheduler::answer(StringRef ifGone) {
  uint64_t count = 0;
  std::vector<std::string> words;
  bool whole = receive(&count, sizeof(count));
  for (uint64_t i = 0; whole && i < count; ++i) {
    uint64_t size = 0;
    whole = receive(&size, sizeof(size));
    if (!whole)
      break;
    words.emplace_back(size, '\0');
    whole = receive(words.back().data(), size);
  }
  if (!whole || words.empty())
    return createStringError(ifGone);
  if (!words.front().empty())
    return createStringError(words.front());
  words.erase(words.begin());
  return words;
}

Expected<std::vector<std::string>> Scheduler::run(StringRef inputs, ArrayRef<std::string> tasks) {
  auto sendOne = [&](StringRef bytes) {
    uint64_t size = bytes.size();
    return send(&size, sizeof(size)) && send(bytes.data(), bytes.size());
  };
  uint64_t count = tasks.size() + 1;
  bool sent = send(&count, sizeof(count)) && sendOne(inputs);
  for (const std::string &task : tasks)
    sent = sent && sendOne(task);
  Expected<std::vector<std::string>> results =
      answer("the process that talks to the Dask scheduler has ended");
  if (!results)
    return results.takeError();
  if (!sent || results->size() != tasks.size())
    return createStringError("expected " + Twine(tasks.size()) +
                             " results from the Dask scheduler, but got " + Twine(results->size()));
  taskCount += tasks.size();
  return results;
}
