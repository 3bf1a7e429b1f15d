// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading a mapped file that someone has made shorter raises SIGBUS: what a tool says then.

#ifndef QLLM_SUPPORT_MAPPINGFAULTS_H
#define QLLM_SUPPORT_MAPPINGFAULTS_H

#include "llvm/ADT/StringRef.h"

namespace qllm {

/// From now on such a signal ends the process with exit code 1 and a line on stderr that names the
/// file; temporary files are removed. For tools: a library leaves signals to its host. Takes the
/// place of a handler for SIGBUS that is there.
void installMappingFaults();

/// The file whose bytes begin at `data`, for that line, until forgetMapping. Of very many files at
/// once some go without a name. Safe to use from several threads.
void nameMapping(const char *data, size_t size, llvm::StringRef name);
void forgetMapping(const char *data);

} // namespace qllm

#endif // QLLM_SUPPORT_MAPPINGFAULTS_H
