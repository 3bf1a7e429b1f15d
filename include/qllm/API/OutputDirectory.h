// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results that are complete or not there at all.

#ifndef QLLM_API_OUTPUTDIRECTORY_H
#define QLLM_API_OUTPUTDIRECTORY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace qllm::api {

/// A directory that gets its name when `commit` is called; until then everything lies in
/// `<name>.partial` beside it. An earlier result of the same name is replaced at that moment; a
/// directory that is not a result is never touched.
class OutputDirectory {
public:
  static llvm::Expected<OutputDirectory> create(llvm::StringRef name);
  OutputDirectory(OutputDirectory &&) = default;
  /// Without commit, leaves nothing behind.
  ~OutputDirectory();

  /// Where `file` is to be written.
  std::string path(llvm::StringRef file) const;
  llvm::Error write(llvm::StringRef file, llvm::StringRef text) const;
  llvm::Error commit();

private:
  OutputDirectory() = default;
  std::string name, partial;
};

} // namespace qllm::api

#endif // QLLM_API_OUTPUTDIRECTORY_H
