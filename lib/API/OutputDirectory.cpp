// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Making, filling and naming a result directory.

#include "qllm/API/OutputDirectory.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

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
  std::error_code code;
  raw_fd_ostream os(path(file), code);
  if (code)
    return fileError("write", path(file), code);
  os << text;
  os.close();
  if (os.has_error())
    return fileError("write", path(file), os.error());
  return Error::success();
}

Error OutputDirectory::commit() {
  if (fs::exists(name))
    if (std::error_code code = fs::remove_directories(name, /*IgnoreErrors=*/false))
      return fileError("replace", name, code);
  if (std::error_code code = fs::rename(partial, name))
    return fileError("rename to", name, code);
  partial.clear();
  return Error::success();
}
