// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a kernel runs, and how its weights lie.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELATTRS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELATTRS_TD

include "mlir/IR/AttrTypeBase.td"
include "qllm/Dialect/Kernel/IR/KernelDialect.td"
include "qllm/Dialect/Kernel/IR/KernelEnums.td"

class Kernel_Attr<string name, string attrMnemonic> : AttrDef<Kernel_Dialect, name> {
  let mnemonic = attrMnemonic;
}

/// `[128, 64]`
def Kernel_Sizes : ArrayRefParameter<"int64_t"> {
  let parser = "parseSizes($_parser)";
  let printer = "printSizes($_printer, $_self)";
}

/// `[#qk.tensor_map<..>, ..]`
def Kernel_TensorMaps : OptionalArrayRefParameter<"::qllm::qk::TensorMapAttr"> {
  let parser = "parseTensorMaps($_parser)";
  let printer = "printTensorMaps($_printer, $_self)";
}

def Kernel_One : DefaultValuedParameter<"int64_t", "1">;
def Kernel_Zero : DefaultValuedParameter<"int64_t", "0">;
def Kernel_SchedulerParameter : EnumParameter<Kernel_TileScheduler> {
  let defaultValue = "TileScheduler::DataParallel";
}

def Kernel_ScheduleAttr : Kernel_Attr<"Schedule", "schedule"> {
  let summary = "Tile sizes, warps and pipeline of a kernel";
  let description = [{
    | parameter | meaning |
    |---|---|
    | `tile` | rows, columns and depth of the tile of a product that one block computes, in elements |
    | `warps` | rows and columns of the grid of warps that share the tile |
    | `stages` | tiles of operands that are in shared memory at a time |
    | `cluster` | blocks that share what they load, of neighbouring rows where the tile of the weight is the larger one, else of neighbouring columns; 1 unless given |
    | `producers` | warpgroups that load for the others, and where sums are in tensor memory also start the products; 0 unless given, and then every warp loads |
    | `scheduler` | `data_parallel` unless given: a block computes one tile over the whole depth. With `stream_k`, the steps of all tiles in a row of them, in order, are shared equally among blocks, so a block has parts of tiles, or whole ones between two parts |
    | `blocks` | blocks among which `stream_k` shares each row of tiles; 0 unless given |
    | `max_rows` | rows up to which this schedule is taken where an operation has several; 0 unless given: any number |

    Constraints:
    - (C1) `tile` has three sizes and `warps` two.
    - (C2) all sizes are positive, and at most 65536; there are 1 to 8 blocks in a cluster and at most 8
      producers.
    - (C3) there are 1 to 65535 blocks with `stream_k`, and 0 with `data_parallel`.
    - (C4) `max_rows` is 0 to 268435456.

    ```
    #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>
    #qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, producers = 1>
    #qk.schedule<tile = [16, 128, 128], warps = [1, 4], stages = 4, scheduler = stream_k, blocks = 132>
    ```
  }];
  let parameters = (ins Kernel_Sizes:$tile, Kernel_Sizes:$warps, "int64_t":$stages,
      Kernel_One:$cluster, Kernel_Zero:$producers, Kernel_SchedulerParameter:$scheduler,
      Kernel_Zero:$blocks, Kernel_Zero:$max_rows);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::qllm::kernels::Schedule getSchedule() const;
    /// The same schedule for so many rows, and with a tile for each block.
    ScheduleAttr upTo(int64_t rows) const;
    ScheduleAttr dataParallel() const;
    bool isStreamed() const { return getScheduler() == TileScheduler::StreamK; }
  }];
}

def Kernel_LayoutAttr : Kernel_Attr<"Layout", "layout"> {
  let summary = "The order of a weight's codes in memory: a bijection";
  let description = [{
    ```
    #qk.layout<ROWSxCOLUMNS, AXIS SIZE:STRIDE, ..>
    ```

    A weight of n rows (outputs) and k columns (inputs) is cut into tiles of ROWS by COLUMNS, which follow each
    other along the columns first; edges are filled up with zero codes. Inside a tile, the position of a code
    is a number with one digit for each AXIS SIZE:STRIDE, the first the slowest: the digit counts SIZE steps of
    STRIDE along `n` or `k`. Codes of 4 bits lie two to a byte, the first in the low half.

    It is the same permutation in both directions, so whoever holds the attribute can shuffle a weight or
    bring it back. It does not depend on a schedule.

    Constraints:
    - (C1) every element of the tile has exactly one position: for each axis the digits, put in the order
      of their strides, are the digits of a number below the size of the tile.

    ```
    #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>
    ```
  }];
  let parameters = (ins "int64_t":$tileRows, "int64_t":$tileColumns,
      ArrayRefParameter<"::qllm::kernels::LayoutDigit">:$digits);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::qllm::kernels::WeightLayout getLayout() const;
    static LayoutAttr get(::mlir::MLIRContext *context, const ::qllm::kernels::WeightLayout &layout);
  }];
}

def Kernel_TensorMapAttr : Kernel_Attr<"TensorMap", "tensor_map"> {
  let summary = "A matrix that a kernel copies tile by tile through a tensor map";
  let description = [{
    Instead of a pointer, the kernel gets the tensor map (a `CUtensorMap` of 128 bytes, by value) of operand
    `operand`, a row-major matrix of bytes. A copy brings `rows` rows of `row_bytes` bytes; what lies outside of the
    matrix is zero. `swizzle` is the bytes over which the 16-byte pieces of rows are permuted in shared memory, or 0.

    Constraints:
    - (C1) `rows` is 1 to 256, `row_bytes` a multiple of 16 of at most 256, `swizzle` 0, 32, 64 or 128 and not less than
      `row_bytes` unless it is 0.

    ```
    #qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>
    ```
  }];
  let parameters = (ins "int64_t":$operand, "int64_t":$rows, "int64_t":$row_bytes, "int64_t":$swizzle);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Kernel_GeometryAttr : Kernel_Attr<"Geometry", "geometry"> {
  let summary = "Blocks, threads and shared memory of a launch";
  let description = [{
    | parameter | meaning |
    |---|---|
    | `columns` | blocks along y |
    | `tile_rows` | rows that one block along x computes |
    | `layers` | blocks along z; 1 unless given |
    | `threads` | threads of a block, along x |
    | `shared` | bytes of dynamic shared memory of a block |
    | `cluster` | blocks of a cluster along x, which clusters fill; 1 unless given |
    | `column_cluster` | blocks of a cluster along y; 1 unless given |
    | `maps` | operands that the kernel gets a tensor map of; none unless given |

    Constraints:
    - (C1) all numbers but `shared` are positive; `threads` is a multiple of 32 and at most 1024; `cluster * column_cluster` is
      at most 8, `columns` a multiple of `column_cluster`, `tile_rows` at most
      268435456 (2^28); `columns` and `layers` are at most 65535, as for any grid.

    ```
    #qk.geometry<columns = 12, tile_rows = 128, threads = 256, shared = 65536>
    #qk.geometry<columns = 6, tile_rows = 128, threads = 384, shared = 196608, cluster = 2, maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>]>
    ```
  }];
  let parameters = (ins "int64_t":$columns, "int64_t":$tile_rows, Kernel_One:$layers, "int64_t":$threads,
      "int64_t":$shared, Kernel_One:$cluster, Kernel_One:$column_cluster, Kernel_TensorMaps:$maps);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Blocks along x for a number of rows: whole clusters.
    int64_t getBlocksOfRows(int64_t rows) const;
  }];
}

def Kernel_SpecializationAttr : Kernel_Attr<"Specialization", "specialization"> {
  let summary = "A kernel that a launch runs instead where there are few rows";
  let description = [{
    `kernel` and `geometry` are those of the launch, for at most `max_rows` rows.

    Constraints:
    - (C1) `max_rows` is 1 to 268435456.

    ```
    #qk.specialization<max_rows = 16, kernel = "linear_1", geometry = {sm_80 = #qk.geometry<columns = 4, tile_rows = 16, threads = 128, shared = 65536>}>
    ```
  }];
  let parameters = (ins "int64_t":$max_rows, "::mlir::StringAttr":$kernel, "::mlir::DictionaryAttr":$geometry);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // QLLM_DIALECT_KERNEL_IR_KERNELATTRS_TD
