// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A rewrite with a fault that can be switched on, to see that validation notices.

#ifndef QLLM_TEST_LIB_VALIDATION_TESTFOLDSCALES_H
#define QLLM_TEST_LIB_VALIDATION_TESTFOLDSCALES_H

namespace qllm::test {

/// Registers the pass test-fold-scales and its claim.
void registerTestFoldScales();

} // namespace qllm::test

#endif // QLLM_TEST_LIB_VALIDATION_TESTFOLDSCALES_H
