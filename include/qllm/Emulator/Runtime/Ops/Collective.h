// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations that a whole warp or warpgroup performs together, as data, and their names in PTX.

#ifndef QLLM_EMULATOR_RUNTIME_OPS_COLLECTIVE_H
#define QLLM_EMULATOR_RUNTIME_OPS_COLLECTIVE_H

#include "qllm/Format/ElementFormat.h"
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace qllm::emu {

/// Element types of matrix operands.
enum class Element : uint8_t { S4, U4, S8, U8, F16, BF16, E4M3, E5M2, F32, S32 };

/// Bits of an element, 4 to 32.
unsigned elementBits(Element element);

/// True for the types whose products are summed by the floating-point model.
bool isFloat(Element element);

/// D = A B + C on matrices that lie in registers: m x k by k x n.
struct Mma {
  unsigned m, n, k;
  Element a, b, accumulator;
  bool saturate;
  /// 32-bit registers that each lane gives for A, B and C (D has as many as C).
  unsigned wordsA() const { return m * k * elementBits(a) / 1024; }
  unsigned wordsB() const { return n * k * elementBits(b) / 1024; }
  unsigned wordsC() const { return m * n * elementBits(accumulator) / 1024; }
};

/// D = A B + C on 16 x k by k x 8, where each row of A and each column of B consists of blocks that
/// are multiplied by a scale. Elements of k = 64 are 4 bits wide; of k = 32 they take a byte, the
/// 4-bit ones its bits 2 to 5. Lanes give 4 registers of A, 2 of B, 4 of C, and one of scales for
/// each side.
struct BlockScaledMma {
  /// Of a scale register, the first of the bytes that count, and of four neighbouring lanes those
  /// that give it: one of two pairs for A, whose first has the scale of the upper row, one lane for
  /// B.
  struct Selector {
    unsigned byte, thread;
  };
  static constexpr unsigned kWordsA = 4, kWordsB = 2, kWordsC = 4;

  unsigned k;
  const ElementFormat *a, *b, *scale;
  unsigned scales; ///< of a row or column
  Selector selectorA, selectorB;
  /// Whether products are summed in groups before they are scaled.
  bool isGrouped() const { return k == 64; }
};

/// D = A B + D of four warps, or A B without `accumulate`: 64 x k by k x n. Lanes give the
/// descriptors of A and B, two registers each, then D; or with `registerA` four registers of A
/// first, and a descriptor of B only.
struct WarpgroupMma {
  unsigned n, k;
  Element a, b, accumulator;
  bool saturate;
  bool accumulate;
  bool registerA;
  /// Registers that the operation takes were written after the last wgmma.fence before it.
  bool unfenced;
  unsigned firstDescriptor() const { return registerA ? 4 : 0; }
  unsigned firstD() const { return registerA ? 6 : 4; }
  unsigned wordsD() const { return n * elementBits(accumulator) / 64; }
};

/// wgmma.fence, wgmma.commit_group, and wgmma.wait_group, which leaves `pending` groups under way.
struct WarpgroupControl {
  enum Kind : uint8_t { Fence, Commit, Wait } kind;
  unsigned pending;
};

/// tcgen05.alloc, .dealloc, .relinquish_alloc_permit, .ld of shape 32x32b, .wait::ld
struct TensorControl {
  enum Kind : uint8_t { Allocate, Free, Relinquish, Load, WaitForLoads } kind;
  unsigned columns; ///< that a load brings
};

/// Loads or stores `count` 8x8 matrices of 16-bit elements; each of the first 8 * count lanes gives
/// a row's address.
struct MatrixCopy {
  unsigned count;
  bool transpose;
  bool store;
};

struct Shuffle {
  enum Kind : uint8_t { Butterfly, Up, Down, Index } kind;
};

struct Vote {
  enum Kind : uint8_t { Any, All, Ballot, Uniform } kind;
};

struct Reduce {
  enum Kind : uint8_t {
    Add,
    And,
    Or,
    Xor,
    Min,
    Max,
    UnsignedMin,
    UnsignedMax,
    FloatMin,
    FloatMax
  } kind;
  bool absolute = false;
  bool propagateNan = false;
};

struct Match {
  bool all;
};

struct Elect {};

/// bar.warp.sync
struct WarpBarrier {};

using Collective = std::variant<Mma, BlockScaledMma, WarpgroupMma, WarpgroupControl, TensorControl,
                                MatrixCopy, Shuffle, Vote, Reduce, Match, Elect, WarpBarrier>;

/// The operation that PTX calls `mnemonic`, such as
/// `mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32`; nothing if it is not one of ours. The
/// selectors of scales, operands in PTX, are part of the name here: `.a::BYTE_THREAD.b::..`.
std::optional<Collective> parseCollective(std::string_view mnemonic);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_OPS_COLLECTIVE_H
