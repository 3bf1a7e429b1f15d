// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First look at an ONNX file: the protobuf wire format is walked over the mapping, every length is checked, and a copy
// without the bytes of large tensors is made. Only that copy is given to protobuf, so weights are never read here.

#ifndef QLLM_LIB_TARGET_ONNX_SKELETON_H
#define QLLM_LIB_TARGET_ONNX_SKELETON_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace qllm::onnx {

/// `raw_data` longer than this stays in the file.
constexpr uint64_t largestInlineTensor = 1024;

/// Returns the wire form of a ModelProto in which each `raw_data` of more than largestInlineTensor bytes is replaced by
/// `segment {begin, end}`: its byte range in `file`. (ONNX reserves `segment` for tensors stored in pieces, which nothing
/// writes; a model that has one is refused.) Errors give the byte offset. Fields that ONNX does not know are left out, and
/// counted in `unknownFields`.
llvm::Expected<std::string> makeSkeleton(llvm::ArrayRef<char> file, uint64_t &unknownFields);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_SKELETON_H
