// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tools/Guard.h"

using namespace qllm;
namespace cl = llvm::cl;

LimitOptions::LimitOptions()
    : category("limits on what is read"),
      nesting("max-nesting",
              cl::desc("levels of brackets, regions, attributes and types within each other, "
                       "through aliases too"),
              cl::init(InputLimits().nesting), cl::cat(category)),
      literal("max-literal", cl::desc("digits of a number, and bits of an integer type"),
              cl::init(InputLimits().literal), cl::cat(category)),
      expansion("max-expansion",
                cl::desc("tokens that stand for aliases, once these are written out"),
                cl::init(InputLimits().expansion), cl::cat(category)),
      seconds("max-seconds", cl::desc("processor time for reading bytecode"),
              cl::init(InputLimits().seconds), cl::cat(category)) {}

InputLimits LimitOptions::limits() const { return {nesting, literal, expansion, seconds}; }
