// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Making, filling and naming a result directory.

#include "qllm/API/OutputDirectory.h"

#include "qllm/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstdio>
#include <fcntl.h>

using namespace llvm;
using namespace qllm::api;
namespace fs = llvm::sys::fs;

namespace {

Error fileError(const Twine &what, StringRef name, std::error_code code) {
  return createStringError(code, "cannot " + what + " '" + name + "': " + code.message());
}

bool isEmpty(StringRef directory) {
  std::error_code code;
  fs::directory_iterator first(directory, code);
  return !code && first == fs::directory_iterator();
}

/// Only what the tool itself wrote may be replaced.
bool isResult(StringRef directory) {
  SmallString<256> module(directory);
  sys::path::append(module, "model.mlirbc");
  return fs::exists(module);
}

} // namespace

Expected<OutputDirectory> OutputDirectory::create(StringRef name) {
  while (name.size() > 1 && name.ends_with("/"))
    name = name.drop_back();
  if (fs::exists(name) && !(fs::is_directory(name) && (isEmpty(name) || isResult(name))))
    return createStringError("expected '" + name +
                             "' to be free, empty or an earlier result, but it holds "
                             "something else");
  OutputDirectory directory;
  directory.name = name.str();
  std::string partial = (name + ".partial").str();
  if (std::error_code code = fs::remove_directories(partial, /*IgnoreErrors=*/false);
      code && code != std::errc::no_such_file_or_directory)
    return fileError("remove", partial, code);
  if (std::error_code code = fs::create_directories(partial))
    return fileError("create", partial, code);
  directory.partial = partial;
  return directory;
}

OutputDirectory::~OutputDirectory() {
  if (!partial.empty())
    (void)fs::remove_directories(partial);
}

std::string OutputDirectory::path(StringRef file) const { return partial + "/" + file.str(); }

Error OutputDirectory::write(StringRef file, StringRef text) const {
  return writeOutputFile(path(file), text);
}

/// An earlier result goes away in the same instant as the new one comes, or is moved aside where
/// the file system cannot do that.
static std::error_code replaceDirectory(const std::string &from, const std::string &to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0)
    return {};
  if (errno != EINVAL && errno != ENOSYS)
    return {errno, std::generic_category()};
  std::string aside = to + ".earlier";
  if (std::error_code code = fs::rename(to, aside))
    return code;
  if (std::error_code code = fs::rename(from, to))
    return (void)fs::rename(aside, to), code;
  return fs::rename(aside, from);
}

Error OutputDirectory::commit() {
  if (Error error = syncDirectory(partial))
    return error;
  bool replaces = fs::exists(name);
  if (std::error_code code = replaces ? replaceDirectory(partial, name) : fs::rename(partial, name))
    return fileError("rename to", name, code);
  // What is left under that name is the earlier result.
  std::string earlier = std::exchange(partial, "");
  if (Error error = syncDirectory(sys::path::parent_path(name)))
    return error;
  if (replaces)
    if (std::error_code code = fs::remove_directories(earlier, /*IgnoreErrors=*/false))
      return fileError("remove", earlier, code);
  return Error::success();
}
