// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's raw_data layouts for elements below eight bits. Whole bytes go through fixed-size loops
// that the compiler vectorizes; the last partial byte or triple goes through the bit-by-bit
// definition.

#include "qllm/Format/Packing.h"

#include <cstring>
#include <string>

namespace qllm {

namespace {

constexpr std::size_t groupCodes(unsigned width) { return width == 6 ? 4 : 8 / width; }
constexpr std::size_t groupBytes(unsigned width) { return width == 6 ? 3 : 1; }

// `Width` low bits of each code, least significant bits first, in whole groups that fill whole
// bytes.
template <unsigned Width>
void packGroups(const std::uint8_t *codes, std::size_t groups, std::uint8_t *bytes) {
  constexpr unsigned mask = (1u << Width) - 1u;
  for (std::size_t group = 0; group != groups; ++group) {
    unsigned word = 0;
    for (unsigned i = 0; i != groupCodes(Width); ++i)
      word |= (codes[group * groupCodes(Width) + i] & mask) << (Width * i);
    for (unsigned i = 0; i != groupBytes(Width); ++i)
      bytes[group * groupBytes(Width) + i] = static_cast<std::uint8_t>(word >> (8 * i));
  }
}

template <unsigned Width>
void unpackGroups(const std::uint8_t *bytes, std::size_t groups, std::uint8_t *codes) {
  constexpr unsigned mask = (1u << Width) - 1u;
  for (std::size_t group = 0; group != groups; ++group) {
    unsigned word = 0;
    for (unsigned i = 0; i != groupBytes(Width); ++i)
      word |= static_cast<unsigned>(bytes[group * groupBytes(Width) + i]) << (8 * i);
    for (unsigned i = 0; i != groupCodes(Width); ++i)
      codes[group * groupCodes(Width) + i] =
          static_cast<std::uint8_t>((word >> (Width * i)) & mask);
  }
}

template <unsigned Width> void packAll(Span<const std::uint8_t> codes, Span<std::uint8_t> bytes) {
  std::size_t groups = codes.size() / groupCodes(Width);
  packGroups<Width>(codes.data(), groups, bytes.data());
  std::size_t packed = groups * groupCodes(Width), written = groups * groupBytes(Width);
  if (packed == codes.size())
    return;
  std::uint8_t lastCodes[groupCodes(Width)] = {}, lastBytes[groupBytes(Width)];
  std::memcpy(lastCodes, codes.data() + packed, codes.size() - packed);
  packGroups<Width>(lastCodes, 1, lastBytes);
  std::memcpy(bytes.data() + written, lastBytes, bytes.size() - written);
}

template <unsigned Width> void unpackAll(Span<const std::uint8_t> bytes, Span<std::uint8_t> codes) {
  std::size_t groups = codes.size() / groupCodes(Width);
  unpackGroups<Width>(bytes.data(), groups, codes.data());
  std::size_t unpacked = groups * groupCodes(Width), read = groups * groupBytes(Width);
  if (unpacked == codes.size())
    return;
  std::uint8_t lastBytes[groupBytes(Width)] = {}, lastCodes[groupCodes(Width)];
  std::memcpy(lastBytes, bytes.data() + read, bytes.size() - read);
  unpackGroups<Width>(lastBytes, 1, lastCodes);
  std::memcpy(codes.data() + unpacked, lastCodes, codes.size() - unpacked);
}

void signExtend(unsigned bits, Span<std::uint8_t> codes) {
  unsigned sign = 1u << (bits - 1), mask = (1u << bits) - 1u;
  for (std::uint8_t &code : codes)
    code = static_cast<std::uint8_t>(((code & mask) ^ sign) - sign);
}

void zeroExtend(unsigned bits, Span<std::uint8_t> codes) {
  for (std::uint8_t &code : codes)
    code = static_cast<std::uint8_t>(code & ((1u << bits) - 1u));
}

FormatStatus checkSizes(const ElementFormat &format, std::size_t codes, std::size_t bytes) {
  if (bytes == packedSize(format, codes))
    return {};
  return FormatStatus::failure("expected " + std::to_string(packedSize(format, codes)) +
                               " bytes for " + std::to_string(codes) + " packed " +
                               std::string(format.name()) + " codes, but got " +
                               std::to_string(bytes));
}

} // namespace

std::size_t packedSize(const ElementFormat &format, std::size_t count) {
  // Split so that no count overflows.
  std::size_t width = format.storageBits();
  return count / 8 * width + (count % 8 * width + 7) / 8;
}

FormatStatus packCodes(const ElementFormat &format, Span<const std::uint8_t> codes,
                       Span<std::uint8_t> bytes) {
  if (FormatStatus status = checkSizes(format, codes.size(), bytes.size()); !status)
    return status;
  switch (format.storageBits()) {
  case 2:
    packAll<2>(codes, bytes);
    break;
  case 4:
    packAll<4>(codes, bytes);
    break;
  case 6:
    packAll<6>(codes, bytes);
    break;
  default:
    if (!codes.empty())
      std::memcpy(bytes.data(), codes.data(), codes.size());
    break;
  }
  return {};
}

FormatStatus unpackCodes(const ElementFormat &format, Span<const std::uint8_t> bytes,
                         Span<std::uint8_t> codes) {
  if (FormatStatus status = checkSizes(format, codes.size(), bytes.size()); !status)
    return status;
  switch (format.storageBits()) {
  case 2:
    unpackAll<2>(bytes, codes);
    break;
  case 4:
    unpackAll<4>(bytes, codes);
    break;
  case 6:
    unpackAll<6>(bytes, codes);
    break;
  default:
    if (!codes.empty())
      std::memcpy(codes.data(), bytes.data(), codes.size());
    break;
  }
  if (format.isSignExtended())
    signExtend(format.bits(), codes);
  else if (format.bits() < 8)
    zeroExtend(format.bits(), codes);
  return {};
}

} // namespace qllm
