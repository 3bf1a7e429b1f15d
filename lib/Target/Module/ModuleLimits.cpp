// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Depth and printed size of a module's regions, attributes and types. Bytecode shares what text
// writes out, so a small file can hold what no disk can print.

#include "qllm/Target/Module/InputLimits.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace qllm;

namespace {

struct Extent {
  uint64_t depth = 0;
  uint64_t size = 0;
};

uint64_t addSaturating(uint64_t left, uint64_t right) {
  return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

/// Extents of attributes and types, each visited once and without recursion.
class Extents {
public:
  explicit Extents(const InputLimits &limits) : limits(limits) {}

  Extent of(Attribute attribute) {
    return attribute ? compute(attribute.getAsOpaquePointer()) : Extent();
  }
  Extent of(Type type) { return type ? compute(tagged(type)) : Extent(); }
  bool hasWideInteger() const { return wideInteger; }

private:
  // Types and attributes are aligned objects of one arena, so the lowest bit tells them apart.
  static const void *tagged(Type type) {
    return reinterpret_cast<const void *>(reinterpret_cast<uintptr_t>(type.getAsOpaquePointer()) |
                                          1);
  }

  void children(const void *key, SmallVectorImpl<const void *> &found) {
    auto attribute = [&](Attribute child) {
      if (child)
        found.push_back(child.getAsOpaquePointer());
    };
    auto type = [&](Type child) {
      if (child)
        found.push_back(tagged(child));
    };
    auto bits = reinterpret_cast<uintptr_t>(key);
    if ((bits & 1) == 0) {
      Attribute::getFromOpaquePointer(key).walkImmediateSubElements(attribute, type);
      return;
    }
    Type node = Type::getFromOpaquePointer(reinterpret_cast<const void *>(bits & ~uintptr_t(1)));
    if (auto integer = dyn_cast<IntegerType>(node))
      wideInteger |= integer.getWidth() > limits.literal;
    node.walkImmediateSubElements(attribute, type);
  }

  Extent compute(const void *root) {
    SmallVector<const void *> stack{root}, below;
    while (!stack.empty()) {
      const void *key = stack.back();
      if (known.contains(key)) {
        stack.pop_back();
        continue;
      }
      below.clear();
      children(key, below);
      Extent extent{1, 1};
      bool ready = true;
      // A recursive type comes round to itself: an element in progress counts as nothing.
      bool again = !entered.insert(key).second;
      for (const void *child : below) {
        auto found = known.find(child);
        if (found != known.end()) {
          extent.depth = std::max(extent.depth, found->second.depth + 1);
          extent.size = addSaturating(extent.size, found->second.size);
        } else if (!again) {
          stack.push_back(child);
          ready = false;
        }
      }
      if (ready) {
        known[key] = extent;
        stack.pop_back();
      }
    }
    return known[root];
  }

  const InputLimits &limits;
  llvm::DenseMap<const void *, Extent> known;
  llvm::DenseSet<const void *> entered;
  bool wideInteger = false;
};

class Checker {
public:
  explicit Checker(const InputLimits &limits) : limits(limits), extents(limits) {}

  llvm::Error run(Operation *module) {
    SmallVector<std::pair<Operation *, uint64_t>> stack{{module, 1}};
    while (!stack.empty()) {
      auto [op, depth] = stack.pop_back_val();
      if (llvm::Error error = check(op, depth))
        return error;
      for (Region &region : op->getRegions())
        for (Block &block : region) {
          for (BlockArgument argument : block.getArguments())
            add(extents.of(argument.getType()), depth);
          for (Operation &inner : block)
            stack.push_back({&inner, depth + 1});
        }
    }
    return llvm::Error::success();
  }

private:
  void add(Extent extent, uint64_t depth) {
    size = addSaturating(size, extent.size);
    deepest = std::max(deepest, extent.depth + depth);
  }

  llvm::Error check(Operation *op, uint64_t depth) {
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      add(extents.of(attribute.getValue()), depth);
    add(extents.of(op->getPropertiesAsAttribute()), depth);
    for (Type type : op->getResultTypes())
      add(extents.of(type), depth);
    // Locations are printed by name or not at all: only their depth counts.
    deepest = std::max({deepest, depth, extents.of(op->getLoc()).depth});
    auto refuse = [&](uint64_t limit, const char *what, const char *flag) {
      return llvm::createStringError("operation '" + op->getName().getStringRef() +
                                     "': expected at most " + llvm::Twine(limit) + what + flag +
                                     ", but got more");
    };
    if (deepest > limits.nesting)
      return refuse(limits.nesting, " levels of nesting", " (--max-nesting)");
    if (size > limits.expansion)
      return refuse(limits.expansion, " attributes and types with shared ones written out",
                    " (--max-expansion)");
    if (extents.hasWideInteger())
      return refuse(limits.literal, " bits in an integer type", " (--max-literal)");
    return llvm::Error::success();
  }

  const InputLimits &limits;
  Extents extents;
  uint64_t size = 0, deepest = 0;
};

} // namespace

llvm::Error qllm::checkModule(Operation *module, const InputLimits &limits) {
  return Checker(limits).run(module);
}
