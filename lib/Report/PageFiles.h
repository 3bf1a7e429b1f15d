// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files of Page/ and the plotting library, put into the program by qllm_embed_files.

#ifndef QLLM_LIB_REPORT_PAGEFILES_H
#define QLLM_LIB_REPORT_PAGEFILES_H

#include "llvm/ADT/StringRef.h"

namespace qllm::report {

llvm::StringRef pageTemplate();
llvm::StringRef pageStyle();
llvm::StringRef pageScript();
/// D3, minified, with its licence notice.
llvm::StringRef pageLibrary();

} // namespace qllm::report

#endif // QLLM_LIB_REPORT_PAGEFILES_H
