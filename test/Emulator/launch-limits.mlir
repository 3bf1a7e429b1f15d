// Launches that a driver would refuse: by the kernel, by the architecture, by any device. And wrong usage, which has a status of
// its own.

// RUN: rm -rf %t && split-file %s %t
// DEFINE: %{kernel} =
// DEFINE: %{geometry} =
// DEFINE: %{options} =
// DEFINE: %{launch} = echo '{"kernel": "%{kernel}", %{geometry}, "arguments": []}' > %t/launch.json
// DEFINE: %{emulate} = %{launch} && qllm-emu %t/kernels.mlir --launch=%t/launch.json --check=none %{options}
// DEFINE: %{clean} = %{emulate} | FileCheck %s --check-prefix=CLEAN
// DEFINE: %{wrong} = %{launch} && not qllm-emu %t/kernels.mlir --launch=%t/launch.json %{options} 2>&1 | FileCheck %s
// CLEAN: {{^clean$}}

// REDEFINE: %{kernel} = required
// REDEFINE: %{geometry} = "block": [8, 16]
// RUN: %{clean}
// REDEFINE: %{geometry} = "block": [128]
// RUN: %{wrong} --check-prefix=REQUIRED
// REQUIRED: qllm-emu: expected a block of 8x16x1 threads, which the kernel requires (reqntid), but got 128x1x1
// REDEFINE: %{kernel} = at_most
// REDEFINE: %{geometry} = "block": [16, 8]
// RUN: %{clean}
// REDEFINE: %{geometry} = "block": [129]
// RUN: %{wrong} --check-prefix=AT-MOST
// AT-MOST: qllm-emu: expected a block of at most 128 threads, for which the kernel is compiled (maxntid), but got 129
// REDEFINE: %{kernel} = any
// RUN: %{clean}

// REDEFINE: %{geometry} = "block": [1, 1, 64]
// RUN: %{clean}
// REDEFINE: %{geometry} = "block": [1, 1, 65]
// RUN: %{wrong} --check-prefix=DEPTH
// DEPTH: qllm-emu: expected a block of at most 64 threads along z, but got 65
// REDEFINE: %{geometry} = "grid": [1, 65535]
// RUN: %{clean}
// REDEFINE: %{geometry} = "grid": [1, 65536]
// RUN: %{wrong} --check-prefix=GRID-Y
// GRID-Y: qllm-emu: expected a grid of at most 65535 blocks along y, but got 65536
// REDEFINE: %{geometry} = "grid": [1, 1, 65536]
// RUN: %{wrong} --check-prefix=GRID-Z
// GRID-Z: qllm-emu: expected a grid of at most 65535 blocks along z, but got 65536
// REDEFINE: %{geometry} = "grid": [134217728]
// RUN: %{wrong} --check-prefix=GRID-X
// GRID-X: qllm-emu: expected a grid of 1 to 2^27 - 1 blocks, but got more

// REDEFINE: %{geometry} = "shared": 166912
// RUN: %{clean}
// REDEFINE: %{geometry} = "shared": 166913
// RUN: %{wrong} --check-prefix=SM80
// SM80: qllm-emu: expected at most 166912 bytes of shared memory on sm_80, but got 166913
// REDEFINE: %{options} = --arch=sm_89
// RUN: %{wrong} --check-prefix=SM89
// SM89: qllm-emu: expected at most 101376 bytes of shared memory on sm_89, but got 166913
// REDEFINE: %{options} = --arch=sm_120
// RUN: %{wrong} --check-prefix=SM120
// SM120: qllm-emu: expected at most 101376 bytes of shared memory on sm_120, but got 166913
// REDEFINE: %{options} = --arch=sm_90
// REDEFINE: %{geometry} = "shared": 232448
// RUN: %{clean}
// REDEFINE: %{options} = --arch=sm_100a
// RUN: %{clean}
// REDEFINE: %{options} = --arch=sm_90a
// REDEFINE: %{geometry} = "shared": 232449
// RUN: %{wrong} --check-prefix=SM90
// SM90: qllm-emu: expected at most 232448 bytes of shared memory on sm_90, but got 232449

// RUN: %python %t/usage.py %t | FileCheck %s --check-prefix=USAGE
// USAGE: --arch=sm_70: 2 qllm-emu: expected --arch to be one of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, but got 'sm_70'
// USAGE: --arch=sm_99999: 2 qllm-emu: expected --arch to be one of
// USAGE: --arch=90: 2 qllm-emu: expected --arch to be one of
// USAGE: --async=never: 2 {{.*}}never
// USAGE: --seed=-1: 2 {{.*}}'-1'
// USAGE: --check=luck: 2 qllm-emu: expected --check
// USAGE: --nonsense: 2 {{.*}}--nonsense
// USAGE: --kernel=other: 1 qllm-emu: the module has no kernel 'other'

//--- kernels.mlir
gpu.module @kernels {
  llvm.func @required() attributes {nvvm.kernel, nvvm.reqntid = array<i32: 8, 16>} {
    llvm.return
  }
  llvm.func @at_most() attributes {nvvm.kernel, nvvm.maxntid = array<i32: 64, 2>} {
    llvm.return
  }
  llvm.func @any() attributes {nvvm.kernel} {
    llvm.return
  }
}
//--- usage.py
import subprocess
import sys

for option in ("--arch=sm_70", "--arch=sm_99999", "--arch=90", "--async=never", "--seed=-1", "--check=luck", "--nonsense", "--kernel=other"):
    command = ["qllm-emu", f"{sys.argv[1]}/kernels.mlir", f"--launch={sys.argv[1]}/launch.json", option]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    print(f"{option}: {run.returncode} {run.stderr.splitlines()[0]}")
