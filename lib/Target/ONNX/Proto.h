// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The protobuf classes of ONNX. Included by the files of this folder only.

#ifndef QLLM_LIB_TARGET_ONNX_PROTO_H
#define QLLM_LIB_TARGET_ONNX_PROTO_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "onnx/onnx_pb.h"
#pragma GCC diagnostic pop

#include "llvm/ADT/StringRef.h"
#include <google/protobuf/arena.h>

namespace qllm::onnx {
namespace proto = ::ONNX_NAMESPACE;

/// `ai.onnx` is another spelling of the default domain, which this library always spells "".
inline llvm::StringRef canonicalDomain(llvm::StringRef domain) { return domain == "ai.onnx" ? "" : domain; }

constexpr llvm::StringLiteral microsoftDomain = "com.microsoft";

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_PROTO_H
