// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes in memory: from one code per byte to the layout of ONNX's raw_data and back. Byte by byte
// in docs/formats/packing.md.

#ifndef QLLM_FORMAT_PACKING_H
#define QLLM_FORMAT_PACKING_H

#include "qllm/Format/ElementFormat.h"
#include "qllm/Format/FormatStatus.h"
#include "qllm/Format/Span.h"

#include <cstddef>
#include <cstdint>

namespace qllm {

/// Bytes that `count` packed codes take: ceil(count * storageBits / 8).
std::size_t packedSize(const ElementFormat &format, std::size_t count);

/// Packs code bytes (see ElementFormat). 2-bit codes lie four to a byte, 4-bit two to a byte (3-bit
/// ones too), 6-bit minifloats four to three bytes, always from the least significant bits up;
/// anything else one to a byte. Bits past the last code are zero. Fails if `bytes` is not
/// `packedSize` long.
FormatStatus packCodes(const ElementFormat &format, Span<const std::uint8_t> codes,
                       Span<std::uint8_t> bytes);

/// The inverse; code bytes come out sign- or zero-extended as the format says. Bits past the last
/// code are ignored.
FormatStatus unpackCodes(const ElementFormat &format, Span<const std::uint8_t> bytes,
                         Span<std::uint8_t> codes);

} // namespace qllm

#endif // QLLM_FORMAT_PACKING_H
