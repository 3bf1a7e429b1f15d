// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The test-only check dialect; see CheckOps.td.

#ifndef QLLM_TEST_LIB_CHECK_CHECKDIALECT_H
#define QLLM_TEST_LIB_CHECK_CHECKDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"

#include "Check/CheckDialect.h.inc"
#define GET_OP_CLASSES
#include "Check/CheckOps.h.inc"

#endif // QLLM_TEST_LIB_CHECK_CHECKDIALECT_H
