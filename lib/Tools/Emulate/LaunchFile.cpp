// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads launch descriptions. Keys that mean nothing are errors: a misspelt one would otherwise go
// unnoticed.

#include "LaunchFile.h"

#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

using namespace qllm;
using namespace qllm::tool;
using llvm::StringRef;

namespace {

llvm::Error wrong(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "launch description: " + message);
}

llvm::Error checkKeys(const llvm::json::Object &object, StringRef where,
                      std::initializer_list<StringRef> known) {
  llvm::StringSet<> names;
  for (StringRef name : known)
    names.insert(name);
  for (const auto &entry : object)
    if (!names.contains(StringRef(entry.first)))
      return wrong("unknown key '" + StringRef(entry.first) + "' in " + where + "; known are " +
                   llvm::join(known, ", "));
  return llvm::Error::success();
}

/// One to three positive sizes; those that are left out are 1.
llvm::Error readSizes(const llvm::json::Object &object, StringRef key,
                      std::array<uint32_t, 3> &sizes) {
  const llvm::json::Value *value = object.get(key);
  if (!value)
    return llvm::Error::success();
  const llvm::json::Array *array = value->getAsArray();
  if (!array || array->empty() || array->size() > 3)
    return wrong("expected '" + key + "' to be an array of one to three sizes");
  for (size_t i = 0; i < array->size(); ++i) {
    std::optional<int64_t> size = (*array)[i].getAsInteger();
    if (!size || *size < 1 || *size > INT32_MAX)
      return wrong("expected sizes of '" + key + "' from 1 to 2^31 - 1");
    sizes[i] = uint32_t(*size);
  }
  return llvm::Error::success();
}

llvm::Error readText(const llvm::json::Object &object, StringRef key, StringRef where,
                     std::string &text) {
  const llvm::json::Value *value = object.get(key);
  if (!value)
    return llvm::Error::success();
  std::optional<StringRef> found = value->getAsString();
  if (!found)
    return wrong("expected '" + key + "' of " + where + " to be a string");
  text = found->str();
  return llvm::Error::success();
}

ElementType elementTypeNamed(StringRef name) {
  for (auto code = unsigned(ElementType::F32); code <= unsigned(ElementType::F6E3M2); ++code)
    if (elementTypeName(ElementType(code)) == name && storageBytes(ElementType(code)))
      return ElementType(code);
  return ElementType::Undefined;
}

/// `type`, `shape` and `fill` of a buffer without a file.
llvm::Error readLayout(const llvm::json::Object &object, const std::string &where,
                       LaunchArgument &argument) {
  std::string type;
  if (llvm::Error error = readText(object, "type", where, type))
    return error;
  const llvm::json::Array *shape = object.getArray("shape");
  if (type.empty() || !shape)
    return wrong("expected 'value', 'tensor_map', 'input', or 'type' and 'shape' in " + where);
  argument.type = elementTypeNamed(type);
  if (argument.type == ElementType::Undefined)
    return wrong("expected the 'type' of " + where + " to be one such as f32, i32, i8, but got '" +
                 type + "'");
  for (const llvm::json::Value &size : *shape) {
    std::optional<int64_t> number = size.getAsInteger();
    if (!number || *number < 0)
      return wrong("expected the 'shape' of " + where + " to be sizes");
    argument.shape.push_back(*number);
  }
  int64_t fill = object.getInteger("fill").value_or(0xcd);
  if (fill < 0 || fill > 255)
    return wrong("expected the 'fill' of " + where + " to be a byte, but got " + llvm::Twine(fill));
  argument.fill = uint8_t(fill);
  return llvm::Error::success();
}

/// An array of numbers, none if the key is not there.
llvm::Error readNumbers(const llvm::json::Object &object, StringRef key, const std::string &where,
                        Shape &numbers) {
  const llvm::json::Value *value = object.get(key);
  if (!value)
    return llvm::Error::success();
  const llvm::json::Array *array = value->getAsArray();
  for (size_t i = 0; array && i < array->size(); ++i)
    if (std::optional<int64_t> number = (*array)[i].getAsInteger(); number && *number >= 0)
      numbers.push_back(*number);
  if (!array || numbers.size() != array->size())
    return wrong("expected '" + key + "' of " + where + " to be an array of natural numbers");
  return llvm::Error::success();
}

llvm::Expected<LaunchTensorMap> readTensorMap(const llvm::json::Value &value,
                                              const std::string &where) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return wrong("expected " + where + " to be an object");
  if (llvm::Error error =
          checkKeys(*object, where, {"buffer", "sizes", "strides", "box", "steps", "swizzle"}))
    return std::move(error);
  LaunchTensorMap map;
  if (llvm::Error error = readText(*object, "buffer", where, map.buffer))
    return std::move(error);
  for (auto [key, numbers] : {std::pair<StringRef, Shape *>("sizes", &map.sizes),
                              {"strides", &map.strides},
                              {"box", &map.box},
                              {"steps", &map.steps}})
    if (llvm::Error error = readNumbers(*object, key, where, *numbers))
      return std::move(error);
  map.swizzle = object->getInteger("swizzle").value_or(0);
  if (map.box.empty())
    return wrong("expected a 'box' in " + where);
  return map;
}

llvm::Expected<LaunchArgument> readArgument(const llvm::json::Value &value, size_t index) {
  std::string where = "argument " + std::to_string(index);
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return wrong("expected " + where + " to be an object");
  if (llvm::Error error = checkKeys(
          *object, where,
          {"name", "value", "tensor_map", "input", "output", "expect", "type", "shape", "fill"}))
    return std::move(error);
  LaunchArgument argument;
  argument.name = where;
  for (auto [key, text] : {std::pair<StringRef, std::string *>("name", &argument.name),
                           {"input", &argument.input},
                           {"output", &argument.output},
                           {"expect", &argument.expect}})
    if (llvm::Error error = readText(*object, key, where, *text))
      return std::move(error);
  if (const llvm::json::Value *number = object->get("value")) {
    argument.number = number->getAsNumber();
    if (!argument.number)
      return wrong("expected the 'value' of " + where + " to be a number");
    return argument;
  }
  if (const llvm::json::Value *given = object->get("tensor_map")) {
    llvm::Expected<LaunchTensorMap> map = readTensorMap(*given, "the 'tensor_map' of " + where);
    if (!map)
      return map.takeError();
    argument.map = std::move(*map);
    if (!argument.map->buffer.empty())
      return argument;
  }
  if (argument.input.empty())
    if (llvm::Error error = readLayout(*object, where, argument))
      return std::move(error);
  return argument;
}

} // namespace

llvm::Expected<LaunchFile> qllm::tool::parseLaunchFile(StringRef text) {
  // The parser of JSON recurses without end, and brackets and strings are those of MLIR's text.
  if (llvm::Error error = checkModuleText(text, InputLimits()))
    return wrong(llvm::toString(std::move(error)));
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed)
    return wrong(llvm::toString(parsed.takeError()));
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return wrong("expected an object");
  if (llvm::Error error =
          checkKeys(*object, "the launch", {"kernel", "grid", "block", "shared", "arguments"}))
    return std::move(error);
  LaunchFile launch;
  if (llvm::Error error = readText(*object, "kernel", "the launch", launch.kernel))
    return std::move(error);
  if (llvm::Error error = readSizes(*object, "grid", launch.grid))
    return std::move(error);
  if (llvm::Error error = readSizes(*object, "block", launch.block))
    return std::move(error);
  int64_t shared = object->getInteger("shared").value_or(0);
  if (shared < 0)
    return wrong("expected 'shared' to be a number of bytes, but got " + llvm::Twine(shared));
  launch.sharedBytes = uint64_t(shared);
  if (const llvm::json::Array *arguments = object->getArray("arguments"))
    for (size_t i = 0; i < arguments->size(); ++i) {
      llvm::Expected<LaunchArgument> argument = readArgument((*arguments)[i], i);
      if (!argument)
        return argument.takeError();
      launch.arguments.push_back(std::move(*argument));
    }
  return launch;
}
