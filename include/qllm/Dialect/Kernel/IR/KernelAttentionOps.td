// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels around a paged cache of quantized keys and values.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELATTENTIONOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELATTENTIONOPS_TD

include "qllm/Dialect/Kernel/IR/KernelBase.td"
include "qllm/Dialect/QLLM/IR/QLLMAttrs.td"

/// Rows of all heads, one for each token.
def Kernel_HeadRows : 2DTensorOf<[F16, BF16, F32]>;
/// [pages, heads, bytes of a head's part of a page].
def Kernel_KVCache : 3DTensorOf<[I8]>;
def Kernel_Positions : 1DTensorOf<[I32]>;
/// [positions, half of a head].
def Kernel_RotaryTable : 2DTensorOf<[F32]>;
/// As many elements as a row of all heads.
def Kernel_HeadCenter : 1DTensorOf<[F32]>;

def Kernel_AppendKVOp : Kernel_Op<"append_kv", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes", "getInPlaceResults"]>]> {
  let summary = "new keys and values, quantized into the cache";
  let description = [{
    Row i of `key` and `value` is the token at position `positions[i]` of the sequence, its heads one after the other.
    Each head of each row is quantized by its own range, exactly as `qllm.quantize` does `per_token`: with the same
    scale, zero point and codes, bit for bit, with `clip` c too. 16-bit floats are extended to f32 first.

    With tables of cosines and sines keys are rotated before that, p being the position, h half of the head and i < h:

    ```
    k'[i]     = cos[p, i] * k[i] - sin[p, i] * k[i + h]
    k'[i + h] = sin[p, i] * k[i] + cos[p, i] * k[i + h]
    ```

    with a rounding to f32 after each operation. With `hadamard`, keys are multiplied by the Hadamard matrix as wide as a head
    behind that (QuaRot, arXiv 2404.00456, section 4.3), as `qllm.rotate_channels` does, to the bit. What is quantized is the
    difference of that to `center`, a constant for each column, if there is one; it is never added back, as it would move all
    scores of a query alike, which attention does not see. All keys of a cache must have the same.

    The result is the cache with the new tokens, in the memory of `cache`. The token at position p lies in page
    `pages[p / page_tokens]`. A cache is [pages, heads, bytes]; the bytes are those of one head of a page, chunks of 32
    tokens one after the other, and the bytes of a chunk, for heads of d elements and codes of kb and vb bits in memory
    (4 for formats of up to 4 bits, 8 for others), are:

    | part | bytes |
    |---|---|
    | codes of keys | `32 * d * kb / 8` |
    | codes of values | `32 * d * vb / 8` |
    | scale and zero point of each key, f32 | `32 * 8` |
    | scale and zero point of each value, f32 | `32 * 8` |

    Codes in the cache are unsigned, x = scale * (code - zero point): those of a symmetric format of b bits have 2^(b-1)
    added, and that is their zero point. The order of codes is that of `kernels::KVCache`: tensor instructions get keys
    from loads of 16 bytes and values from loads of 8, of bytes in a row for a warp. No two tokens share a byte.

    What a row with a NaN or an infinity gives is not defined; other rows are not touched by it.

    **Binary interface.** One pointer to global memory for each operand that is there, in their order, none to the
    result, and the number of rows m as an i32. Pointers are aligned to 16 bytes. Positions must be different, in the
    tables, and in pages of the cache.

    Constraints:
    - (C1) `key` and `value` have one type, with the rows of `positions` and a static number of columns that the heads
      of `cache` divide.
    - (C2) `cache` has static heads and bytes, and the bytes are those above. `result` has its type.
    - (C3) heads have 64 or 128 elements; `page_tokens` is a multiple of 32, up to 4096.
    - (C4) `cosines` and `sines` come together, with columns for half of a head.
    - (C5) `clip` is above 0 and at most 1.
    - (C6) `center` has an element for each column of keys.

    ```mlir
    func.func @append(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                      %pages: tensor<?xi32>, %cos: tensor<2048x32xf32>, %sin: tensor<2048x32xf32>) -> tensor<?x3x5120xi8> {
      %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin)
          formats(#qllm.int<4, asymmetric>, #qllm.int<4, asymmetric>) page_tokens 64
          : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<2048x32xf32>,
             tensor<2048x32xf32>) -> tensor<?x3x5120xi8>
      return %0 : tensor<?x3x5120xi8>
    }
    ```
  }];
  let arguments = (ins Kernel_HeadRows:$key, Kernel_HeadRows:$value, Kernel_KVCache:$cache,
      Kernel_Positions:$positions, Kernel_Positions:$pages, Optional<Kernel_RotaryTable>:$cosines,
      Optional<Kernel_RotaryTable>:$sines, Optional<Kernel_HeadCenter>:$center,
      QLLM_IntFormatAttr:$key_format, QLLM_IntFormatAttr:$value_format, I64Attr:$page_tokens,
      OptionalAttr<F32Attr>:$clip, UnitAttr:$hadamard);
  let results = (outs Kernel_KVCache:$result);
  let assemblyFormat = [{
    $key `,` $value `into` `(` $cache `)` `at` `(` $positions `,` $pages `)`
    (`rotary` `(` $cosines^ `,` $sines `)`)? (`hadamard` $hadamard^)? (`center` `(` $center^ `)`)?
    `formats` `(` $key_format `,` $value_format `)` `page_tokens` $page_tokens (`clip` $clip^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors. The operation must be verified.
    ::qllm::kernels::AppendKernel getKernel();
    /// What ranges are multiplied by.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

def Kernel_AttentionOp : Kernel_Op<"attention", [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes"]>]> {
  let summary = "attention of queries over the cache";
  let description = [{
    Row i of `query` is the token at position p = `positions[i]` of the sequence, its heads one after the other. Head h
    looks at head h / (heads / heads of the cache) of the tokens at positions 0 to p, which the cache has, its own too:

    ```
    s[t] = scale * sum over d of q[d] * k[t, d]
    y[d] = sum over t <= p of exp(s[t]) * v[t, d] / sum over t <= p of exp(s[t])
    ```

    so rows may be one token that is decoded or the tokens of a prompt, in any order. With tables, queries are rotated as
    `qk.append_kv` rotates keys; with `query_format` they are then quantized by their own range, as `qllm.quantize` does
    `per_token`, and q is what the codes stand for. `hadamard` is that of keys, for queries. With `center`, a constant
    for each column, it is taken off in front of the tables, and q is what the codes stand for plus the constant as the tables of
    position p and the matrix turn it, with a rounding to f32 after the product with the scale and after the sum.

    **Order and roundings.** The tokens are taken in chunks of 32. A split z of S and a warp w of W take the chunks zW + w,
    zW + w + SW, .. one after the other and keep the greatest score, the sum of weights and the sums of weighted values of
    each row; warps and splits are then combined in their order. So the result does not depend on how blocks are run, nor
    on other rows. Products of codes are made by tensor instructions on bf16 with f32 sums, in which all codes are exact.
    The rest is f32. Inexact are:

    - queries: the nearest bf16 and the nearest bf16 to what is left, together within 2^-17 of an element; nothing where
      they have no `center` and are quantized symmetrically or their zero point is one of the codes.
    - `s`: sums in f32 over d; then `(sum - z * sum of q) * (s of the key * (s of the query * scale * log2(e)))`, where
      queries with a `center` have no scale.
    - weights: ex2.approx of the difference to the greatest score so far, within 2^-22; times the scale of the value, then
      as two bf16 like queries, within 2^-17.
    - values: sums of weighted codes in f32, from which the sum of weighted zero points is subtracted.

    Scores beyond +-10^30 are not supported.

    `splits` above 1 give two results instead of one: sums of weighted values [splits, m, heads * d], and the greatest
    score (times log2(e)) and the sum of weights [splits, m, 2 * heads] of each row and head, both f32;
    `qk.combine_attention` makes one result of them.

    **Binary interface.** One pointer to global memory for each operand that is there and each result, in their order, and
    the number of rows m as an i32. Pointers are aligned to 16 bytes. `pages` has the pages of all tokens up to the greatest
    position; what lies in the cache beyond is not used.

    Constraints:
    - (C1) `query` has the rows of `positions` and a static number of columns that `heads` divides into heads of the
      cache's size.
    - (C2) `cache` has static heads and bytes, and the bytes are those of `qk.append_kv`.
    - (C3) heads have 64 or 128 elements; `page_tokens` is a multiple of 32, up to 4096; `heads` is 1 to 16 times the
      number of heads of the cache; there are 1, 2 or 4 `warps` and 1 to 64 `splits`.
    - (C4) `cosines` and `sines` come together, with columns for half of a head.
    - (C5) `clip` is above 0 and at most 1, and needs a `query_format`. `scale` is positive and finite.
    - (C6) without splits the result has the rows and columns of `query`; with splits there are two as above.
    - (C7) `center` has an element for each column of queries, and needs a `query_format`.

    ```mlir
    func.func @attention(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                         %cos: tensor<2048x32xf32>, %sin: tensor<2048x32xf32>) -> tensor<?x576xf16> {
      %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) heads 9 query_format(#qllm.int<8, asymmetric>)
          formats(#qllm.int<4, asymmetric>, #qllm.int<4, asymmetric>) page_tokens 64 scale 0.125 warps 4
          : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<2048x32xf32>, tensor<2048x32xf32>)
          -> tensor<?x576xf16>
      return %0 : tensor<?x576xf16>
    }
    ```
  }];
  let arguments = (ins Kernel_HeadRows:$query, Kernel_KVCache:$cache, Kernel_Positions:$positions,
      Kernel_Positions:$pages, Optional<Kernel_RotaryTable>:$cosines, Optional<Kernel_RotaryTable>:$sines,
      Optional<Kernel_HeadCenter>:$center, I64Attr:$heads, OptionalAttr<QLLM_IntFormatAttr>:$query_format,
      QLLM_IntFormatAttr:$key_format, QLLM_IntFormatAttr:$value_format, I64Attr:$page_tokens,
      F32Attr:$scale, OptionalAttr<F32Attr>:$clip, I64Attr:$warps,
      DefaultValuedAttr<I64Attr, "1">:$splits, UnitAttr:$hadamard);
  let results = (outs Variadic<RankedTensorOf<[F16, BF16, F32]>>:$results);
  let assemblyFormat = [{
    $query `over` `(` $cache `)` `at` `(` $positions `,` $pages `)`
    (`rotary` `(` $cosines^ `,` $sines `)`)? (`hadamard` $hadamard^)? (`center` `(` $center^ `)`)?
    `heads` $heads (`query_format` `(` $query_format^ `)`)? `formats` `(` $key_format `,` $value_format `)` `page_tokens` $page_tokens `scale` $scale
    (`clip` $clip^)? `warps` $warps (`splits` $splits^)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The kernel without its tensors. The operation must be verified.
    ::qllm::kernels::AttentionKernel getKernel();
    /// What the range of queries is multiplied by.
    float getRangeClip() { return getClip() ? getClip()->convertToFloat() : 1.0f; }
  }];
}

def Kernel_CombineAttentionOp : Kernel_Op<"combine_attention",
    [DeclareOpInterfaceMethods<Kernel_KernelOpInterface, ["getKernelTypes", "getRuntimeSizes"]>]> {
  let summary = "the splits of an attention put together";
  let description = [{
    `sums` and `statistics` are the results of a `qk.attention` with splits. With the greatest scores M[z] and the sums of
    weights L[z] of a row and head in split z, and M the greatest of all:

    ```
    y[d] = sum over z of 2^(M[z] - M) * sums[z, d] / sum over z of 2^(M[z] - M) * L[z]
    ```

    in f32, z ascending, by fused multiply-adds; the powers are ex2.approx within 2^-22.

    **Binary interface.** Pointers to both operands and the result, and the number of rows m as an i32. Pointers are aligned to 16
    bytes.

    Constraints:
    - (C1) `sums` is [splits, m, heads * d] and `statistics` [splits, m, 2 * heads], with 2 to 64 splits and static sizes
      but m; heads have 64 or 128 elements.
    - (C2) the result has m rows and heads * d columns.

    ```mlir
    func.func @combine(%sums: tensor<4x?x576xf32>, %statistics: tensor<4x?x18xf32>) -> tensor<?x576xf16> {
      %0 = qk.combine_attention %sums, %statistics : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x576xf16>
      return %0 : tensor<?x576xf16>
    }
    ```
  }];
  let arguments = (ins 3DTensorOf<[F32]>:$sums, 3DTensorOf<[F32]>:$statistics);
  let results = (outs Kernel_HeadRows:$result);
  let assemblyFormat = "$sums `,` $statistics attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELATTENTIONOPS_TD
