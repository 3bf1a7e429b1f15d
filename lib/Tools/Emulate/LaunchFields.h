// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fields of one object of a launch description, each read as what it has to be.

#ifndef QLLM_LIB_TOOLS_EMULATE_LAUNCHFIELDS_H
#define QLLM_LIB_TOOLS_EMULATE_LAUNCHFIELDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace qllm::tool {

/// `launch description: <message>`
llvm::Error wrongLaunch(const llvm::Twine &message);

/// Inclusive.
struct IntegerRange {
  int64_t least = 0, most = INT64_MAX;
};

/// Readers leave the result as it is when the key is not there.
class LaunchFields {
public:
  /// `where` is the object's name in messages. Fails when `value` is no object, or has a key other
  /// than `known`: a misspelt one would otherwise go unnoticed.
  static llvm::Expected<LaunchFields> open(const llvm::json::Value &value, std::string where,
                                           llvm::ArrayRef<llvm::StringRef> known);

  bool has(llvm::StringRef key) const { return object->get(key); }
  const llvm::json::Value *find(llvm::StringRef key) const { return object->get(key); }
  const std::string &where() const { return name; }

  /// Fails at a key that is not among `allowed`, which mean nothing beside `beside`.
  llvm::Error allowOnly(llvm::ArrayRef<llvm::StringRef> allowed, llvm::StringRef beside) const;
  llvm::Error readText(llvm::StringRef key, std::string &text) const;
  llvm::Error readInteger(llvm::StringRef key, IntegerRange range, int64_t &number) const;
  llvm::Error readIntegers(llvm::StringRef key, IntegerRange range,
                           llvm::SmallVectorImpl<int64_t> &numbers) const;
  /// `expected 'key' of <where> to be <wanted>, but got ..`
  llvm::Error wrong(llvm::StringRef key, const llvm::Twine &wanted) const;

private:
  LaunchFields(const llvm::json::Object *object, std::string name)
      : object(object), name(std::move(name)) {}

  const llvm::json::Object *object;
  std::string name;
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_LAUNCHFIELDS_H
