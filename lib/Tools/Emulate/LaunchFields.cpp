// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A field that is there but is not what it has to be is an error, never the same as one left out.

#include "LaunchFields.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace qllm::tool;
using llvm::StringRef;

namespace {

/// The value as JSON, its beginning if it is long.
std::string shown(const llvm::json::Value &value) {
  constexpr size_t most = 60;
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text.size() > most ? text.substr(0, most) + ".." : text;
}

std::string describe(IntegerRange range) {
  return range.most == INT64_MAX
             ? "of at least " + std::to_string(range.least)
             : "from " + std::to_string(range.least) + " to " + std::to_string(range.most);
}

std::optional<int64_t> integerIn(const llvm::json::Value &value, IntegerRange range) {
  std::optional<int64_t> number = value.getAsInteger();
  return number && *number >= range.least && *number <= range.most ? number : std::nullopt;
}

} // namespace

llvm::Error qllm::tool::wrongLaunch(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "launch description: " + message);
}

llvm::Expected<LaunchFields> LaunchFields::open(const llvm::json::Value &value, std::string where,
                                                llvm::ArrayRef<StringRef> known) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return wrongLaunch("expected " + where + " to be an object, but got " + shown(value));
  for (const auto &entry : *object)
    if (!llvm::is_contained(known, StringRef(entry.first)))
      return wrongLaunch("unknown key '" + StringRef(entry.first) + "' in " + where +
                         "; known are " + llvm::join(known, ", "));
  return LaunchFields(object, std::move(where));
}

llvm::Error LaunchFields::allowOnly(llvm::ArrayRef<StringRef> allowed, StringRef beside) const {
  for (const auto &entry : *object)
    if (!llvm::is_contained(allowed, StringRef(entry.first)))
      return wrongLaunch("expected no '" + StringRef(entry.first) + "' beside " + beside + " in " +
                         name);
  return llvm::Error::success();
}

llvm::Error LaunchFields::readText(StringRef key, std::string &text) const {
  const llvm::json::Value *value = object->get(key);
  if (!value)
    return llvm::Error::success();
  std::optional<StringRef> found = value->getAsString();
  if (!found)
    return wrong(key, "a string");
  text = found->str();
  return llvm::Error::success();
}

llvm::Error LaunchFields::readInteger(StringRef key, IntegerRange range, int64_t &number) const {
  const llvm::json::Value *value = object->get(key);
  if (!value)
    return llvm::Error::success();
  std::optional<int64_t> found = integerIn(*value, range);
  if (!found)
    return wrong(key, "an integer " + describe(range));
  number = *found;
  return llvm::Error::success();
}

llvm::Error LaunchFields::readIntegers(StringRef key, IntegerRange range,
                                       llvm::SmallVectorImpl<int64_t> &numbers) const {
  const llvm::json::Value *value = object->get(key);
  if (!value)
    return llvm::Error::success();
  const llvm::json::Array *array = value->getAsArray();
  for (size_t i = 0; array && i < array->size(); ++i)
    if (std::optional<int64_t> number = integerIn((*array)[i], range))
      numbers.push_back(*number);
  if (!array || numbers.size() != array->size())
    return wrong(key, "an array of integers " + describe(range));
  return llvm::Error::success();
}

llvm::Error LaunchFields::wrong(StringRef key, const llvm::Twine &wanted) const {
  return wrongLaunch("expected '" + key + "' of " + name + " to be " + wanted + ", but got " +
                     shown(*object->get(key)));
}
