// Types, attributes and operations survive bytecode: what comes back prints as the original does.
// RUN: qllm-opt %S/round-trip.mlir -o %t.text.mlir
// RUN: qllm-opt %S/round-trip.mlir -emit-bytecode -o %t.mlirbc
// RUN: qllm-opt %t.mlirbc -o %t.back.mlir
// RUN: diff %t.text.mlir %t.back.mlir
// RUN: qllm-opt %S/types.mlir -o %t.text.mlir
// RUN: qllm-opt %S/types.mlir -emit-bytecode -o %t.mlirbc
// RUN: qllm-opt %t.mlirbc -o %t.back.mlir
// RUN: diff %t.text.mlir %t.back.mlir

// Bytecode, not text in disguise.
// RUN: head -c 4 %t.mlirbc | od -An -c | FileCheck %s
// CHECK: M L 357 R
