// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed layouts, byte by byte as docs/formats/packing.md draws them.

#include "qllm/Format/Packing.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes pack(const char *name, const Bytes &codes) {
  const ElementFormat &format = *ElementFormat::lookup(name);
  Bytes bytes(packedSize(format, codes.size()));
  EXPECT_TRUE(packCodes(format, codes, bytes).ok());
  return bytes;
}

TEST(Packing, TwoBitsFourToAByteLowFirst) {
  EXPECT_EQ(pack("uint2", {1, 2, 3, 0, 2}), (Bytes{0b00111001, 0b10}));
  EXPECT_EQ(pack("int2", {0xff, 0xfe, 1, 0}), (Bytes{0b00011011}));
  EXPECT_EQ(pack("ternary", {0xff, 0, 1}), (Bytes{0b00010011}));
}

TEST(Packing, FourBitsLowNibbleFirst) {
  EXPECT_EQ(pack("uint4", {1, 2, 15}), (Bytes{0x21, 0x0f}));
  EXPECT_EQ(pack("int4", {0xff, 0xf8, 7}), (Bytes{0x8f, 0x07}));
  EXPECT_EQ(pack("int3", {0xff, 0xfc}), (Bytes{0xcf})); // sign-extended to the nibble
  EXPECT_EQ(pack("e2m1", {0x8, 0x7}), (Bytes{0x78}));
}

TEST(Packing, SixBitsFourToThreeBytes) {
  EXPECT_EQ(pack("e3m2", {0x3f, 0, 0x3f, 0}), (Bytes{0x3f, 0xf0, 0x03}));
  EXPECT_EQ(pack("e2m3", {0x01, 0x02, 0x04, 0x20, 0x3f}), (Bytes{0x81, 0x40, 0x80, 0x3f}));
}

TEST(Packing, WholeBytesStay) { EXPECT_EQ(pack("int5", {0xf0, 0x0f}), (Bytes{0xf0, 0x0f})); }

// Every format, every length up to a few groups: unpack gives the codes back.
TEST(Packing, RoundTripOfEveryFormat) {
  for (const ElementFormat &format : ElementFormat::all())
    for (std::size_t count = 0; count != 70; ++count) {
      Bytes codes(count), back(count);
      for (std::size_t i = 0; i != count; ++i)
        codes[i] =
            format.encode(format.decode(static_cast<std::uint8_t>(i * 37 % format.codeCount())));
      Bytes bytes(packedSize(format, count));
      ASSERT_EQ(bytes.size(), (count * format.storageBits() + 7) / 8);
      ASSERT_TRUE(packCodes(format, codes, bytes).ok());
      ASSERT_TRUE(unpackCodes(format, bytes, back).ok());
      ASSERT_EQ(back, codes) << format.name() << " " << count;
    }
}

TEST(Packing, BitsPastTheEndAreIgnored) {
  Bytes bytes{0xf1}, codes(1);
  ASSERT_TRUE(unpackCodes(*ElementFormat::lookup("uint4"), bytes, codes).ok());
  EXPECT_EQ(codes[0], 1);
}

TEST(Packing, WrongSizesAreRefused) {
  Bytes codes(5), bytes(2);
  FormatStatus status = packCodes(*ElementFormat::lookup("int4"), codes, bytes);
  EXPECT_EQ(status.message(), "expected 3 bytes for 5 packed int4 codes, but got 2");
  EXPECT_FALSE(unpackCodes(*ElementFormat::lookup("int4"), bytes, codes).ok());
}

// No product overflows, so a hostile element count cannot ask for a small buffer.
TEST(Packing, HugeCounts) {
  EXPECT_EQ(packedSize(*ElementFormat::lookup("int8"), ~std::size_t{0}), ~std::size_t{0});
  EXPECT_EQ(packedSize(ElementFormat::e3m2(), std::size_t{1} << 63), std::size_t{3} << 61);
}

} // namespace
