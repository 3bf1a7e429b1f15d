// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The script looks for the words of the error, so that a module which fails otherwise (it does not
// parse, or another pass is wrong) does not count.

#include "Reproducer.h"

#include "qllm/Support/OutputFile.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qllm;
namespace fs = llvm::sys::fs;

namespace {

/// In single quotes for a shell.
std::string quoted(StringRef text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string checkScript(const PassRun &run, StringRef workingDirectory) {
  return "#!/bin/sh\n"
         "# usage: check.sh [MODULE.mlir]\n"
         "# Exits with 1 while the module (before.mlir unless given) shows the failure, and with 0 "
         "otherwise, as\n"
         "# qllm-reduce wants its tests.\n"
         "here=$(cd \"$(dirname \"$0\")\" && pwd)\n"
         "module=$(realpath \"${1:-$here/before.mlir}\")\n"
         // Files that options of the pass name are relative to where it ran.
         "cd " +
         quoted(workingDirectory) + "\n" +
         "\"${QLLM_OPT:-qllm-opt}\" \"$module\" -o /dev/null --validate "
         "--validate-inputs=\"$here/inputs.npz\" \\\n"
         "  --validate-reproducers= --pass-pipeline=" +
         quoted(run.pipeline) +
         " 2>&1 |\n"
         "  grep -qF " +
         quoted("pass '" + run.pass + "' changes what") +
         " && exit 1\n"
         "exit 0\n";
}

llvm::Error writeScript(StringRef path, StringRef text) {
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = (*file)->write({text.data(), text.size()}))
    return error;
  if (llvm::Error error = (*file)->commit())
    return error;
  if (std::error_code code = fs::setPermissions(path, fs::all_read | fs::owner_write | fs::all_exe))
    return llvm::createStringError(code, "cannot make '" + path + "' executable");
  return llvm::Error::success();
}

/// `parent/pass`, `parent/pass-2`, ...: earlier failures stay.
llvm::Expected<std::string> newFolder(StringRef parent, StringRef pass) {
  if (std::error_code code = fs::create_directories(parent))
    return llvm::createStringError(code, "cannot create '" + parent + "': " + code.message());
  SmallString<128> absolute(parent);
  fs::make_absolute(absolute);
  for (unsigned i = 1;; ++i) {
    SmallString<128> path(absolute);
    llvm::sys::path::append(path, pass + (i > 1 ? "-" + Twine(i) : Twine()));
    std::error_code code = fs::create_directory(path, /*IgnoreExisting=*/false);
    if (!code)
      return path.str().str();
    if (code != std::errc::file_exists)
      return llvm::createStringError(code, "cannot create '" + path + "': " + code.message());
  }
}

} // namespace

llvm::Expected<std::string> qllm::writeReproducer(StringRef parent, ModuleOp before,
                                                  func::FuncOp function, const PassRun &run,
                                                  const InputSet &inputs) {
  llvm::Expected<std::string> folder = newFolder(parent, run.pass);
  if (!folder)
    return folder;
  if (failed(saveModule(before, *folder + "/before.mlir")))
    return llvm::createStringError("cannot write '" + *folder + "/before.mlir'");
  if (llvm::Error error = writeInputs(function, inputs, *folder + "/inputs.npz"))
    return error;
  SmallString<128> workingDirectory;
  fs::current_path(workingDirectory);
  if (llvm::Error error = writeScript(*folder + "/check.sh", checkScript(run, workingDirectory)))
    return error;
  return folder;
}
