// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tools/Guard.h"

using namespace qllm;

BoundedStream::BoundedStream(llvm::raw_ostream &to, uint64_t limit, std::function<void()> before,
                             std::function<void()> exceeded)
    : to(to), limit(limit), before(std::move(before)), exceeded(std::move(exceeded)) {}

BoundedStream::~BoundedStream() { flush(); }

void BoundedStream::write_impl(const char *data, size_t size) {
  if (size > limit - written)
    exceeded();
  written += size;
  before();
  to.write(data, size);
}
