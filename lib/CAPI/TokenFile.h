// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens in memory as the file that recipes and measurements read.

#ifndef QLLM_LIB_CAPI_TOKENFILE_H
#define QLLM_LIB_CAPI_TOKENFILE_H

#include "qllm/Tensor/NumpyFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

namespace qllm::capi {

/// A report says that there were tokens, not where they lay for a moment.
inline constexpr const char *tokensAlias = "<tokens>";

/// A temporary file that is there as long as the object.
class TokenFile {
public:
  llvm::Error write(const Tensor &tokens) {
    llvm::SmallString<128> made, real;
    int descriptor;
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("qllm-tokens", "npy", descriptor, made))
      return llvm::createStringError(code, "cannot write tokens: " + code.message());
    remover.setFile(made);
    // Recipes name files by their real paths, and the folder for temporary files may be a link.
    name = llvm::sys::fs::real_path(made, real) ? made.str().str() : real.str().str();
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
    std::vector<char> bytes = formatNumpyArray(tokens);
    os.write(bytes.data(), bytes.size());
    os.close();
    if (!os.has_error())
      return llvm::Error::success();
    std::error_code code = os.error();
    os.clear_error(); // or the stream ends the process
    return llvm::createStringError(code, "cannot write tokens: " + code.message());
  }

  const std::string &path() const { return name; }

private:
  std::string name;
  llvm::FileRemover remover;
};

} // namespace qllm::capi

#endif // QLLM_LIB_CAPI_TOKENFILE_H
