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
    | `cluster` | blocks that share what they load; 1 unless given |
    | `producers` | warpgroups that only load; 0 unless given, and then every warp loads |
    | `scheduler` | `data_parallel` unless given: a block computes one tile over the whole depth. `split_k` and `stream_k` divide the depth among blocks |

    Constraints:
    - (C1) `tile` has three sizes and `warps` two.
    - (C2) all sizes are positive, and at most 65536; there are 1 to 16 blocks in a cluster and at most 8
      producers.

    ```
    #qk.schedule<tile = [128, 128, 64], warps = [2, 4], stages = 4>
    #qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, cluster = 2, producers = 1, scheduler = stream_k>
    ```
  }];
  let parameters = (ins Kernel_Sizes:$tile, Kernel_Sizes:$warps, "int64_t":$stages,
      Kernel_One:$cluster, Kernel_Zero:$producers, Kernel_SchedulerParameter:$scheduler);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    ::qllm::kernels::Schedule getSchedule() const;
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

#endif // QLLM_DIALECT_KERNEL_IR_KERNELATTRS_TD
