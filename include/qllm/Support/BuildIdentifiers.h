// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which builds of which libraries this process is made of.

#ifndef QLLM_SUPPORT_BUILDIDENTIFIERS_H
#define QLLM_SUPPORT_BUILDIDENTIFIERS_H

#include <map>
#include <string>
#include <vector>

namespace qllm {

/// The identifier that the linker put into each file loaded into this process (a GNU build id, some
/// 20 bytes), by the file's name without folders; the executable's name is empty. Files without one
/// are left out. Sorted by name, since the order of loading is not the same in every process.
std::multimap<std::string, std::vector<unsigned char>> buildIdentifiers();

} // namespace qllm

#endif // QLLM_SUPPORT_BUILDIDENTIFIERS_H
