// RUN: qllm-opt %s --qllm-embed-for-emulator -split-input-file -verify-diagnostics | FileCheck %s

// An object for each target; what launches refer to keeps its name.
// CHECK-LABEL: module attributes {gpu.container_module}
// CHECK: gpu.binary @kernels [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "ML\EFR{{.*}}">, #gpu.object<#nvvm.target<chip = "sm_90a">, bin = "ML\EFR{{.*}}">]
// CHECK: gpu.binary @others <#gpu.select_object<0 : i64>> [#gpu.object<#nvvm.target<chip = "sm_80">
// CHECK-NOT: gpu.module
// CHECK: gpu.launch_func @kernels::@nothing
module attributes {gpu.container_module} {
  gpu.module @kernels [#nvvm.target<chip = "sm_80">, #nvvm.target<chip = "sm_90a">] {
    llvm.func @nothing() attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  gpu.module @others <#gpu.select_object<0>> [#nvvm.target<chip = "sm_80">] {
    llvm.func @nothing() attributes {gpu.kernel, nvvm.kernel} {
      llvm.return
    }
  }
  func.func @main() {
    %one = arith.constant 1 : index
    gpu.launch_func @kernels::@nothing blocks in (%one, %one, %one) threads in (%one, %one, %one)
    return
  }
}

// -----

// expected-error @below {{expected a target, such as [#nvvm.target<chip = "sm_80">]}}
gpu.module @kernels {
}

// -----

gpu.module @kernels [#nvvm.target<chip = "sm_80">] {
  // expected-error @below {{expected a function of the llvm dialect to embed, but got 'gpu.func'; lower the kernels first}}
  gpu.func @nothing() kernel {
    gpu.return
  }
}
