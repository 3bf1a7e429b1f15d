// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads launch descriptions. What has no meaning is an error, be it a key or a value: otherwise
// another launch would run than the one that was meant.

#include "LaunchFile.h"

#include "LaunchFields.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/StringSet.h"

using namespace qllm;
using namespace qllm::tool;
using llvm::StringRef;

namespace {

/// One to three sizes; those that are left out are 1.
llvm::Error readSizes(const LaunchFields &fields, StringRef key, std::array<uint32_t, 3> &sizes) {
  Shape numbers;
  if (llvm::Error error = fields.readIntegers(key, {1, INT32_MAX}, numbers))
    return error;
  if (fields.has(key) && (numbers.empty() || numbers.size() > sizes.size()))
    return fields.wrong(key, "an array of one to three sizes");
  if (!numbers.empty())
    sizes.fill(1);
  std::copy(numbers.begin(), numbers.end(), sizes.begin());
  return llvm::Error::success();
}

ElementType elementTypeNamed(StringRef name) {
  for (auto code = unsigned(ElementType::F32); code <= unsigned(ElementType::F6E3M2); ++code)
    if (elementTypeName(ElementType(code)) == name && storageBytes(ElementType(code)))
      return ElementType(code);
  return ElementType::Undefined;
}

/// `type`, `shape` and `fill` of a buffer, which one with a file need not have.
llvm::Error readLayout(const LaunchFields &fields, LaunchArgument &argument) {
  if (fields.has("type") != fields.has("shape"))
    return wrongLaunch("expected both 'type' and 'shape' or neither in " + fields.where());
  if (argument.input.empty() && !fields.has("type"))
    return wrongLaunch("expected 'value', 'tensor_map', 'input', or 'type' and 'shape' in " +
                       fields.where());
  std::string type;
  if (llvm::Error error = fields.readText("type", type))
    return error;
  argument.type = elementTypeNamed(type);
  if (fields.has("type") && argument.type == ElementType::Undefined)
    return fields.wrong("type", "one such as f32, i32, i8");
  if (llvm::Error error = fields.readIntegers("shape", {}, argument.shape))
    return error;
  int64_t fill = argument.fill;
  if (llvm::Error error = fields.readInteger("fill", {0, 255}, fill))
    return error;
  argument.fill = uint8_t(fill);
  return llvm::Error::success();
}

/// Numbers are only kept in the range of their field of a map; which of those the driver takes is
/// known to `tensorMapError`.
llvm::Expected<LaunchTensorMap> readTensorMap(const llvm::json::Value &value,
                                              const std::string &where) {
  auto fields = LaunchFields::open(value, "the 'tensor_map' of " + where,
                                   {"buffer", "sizes", "strides", "box", "steps", "swizzle"});
  if (!fields)
    return fields.takeError();
  LaunchTensorMap map;
  if (llvm::Error error = fields->readText("buffer", map.buffer))
    return std::move(error);
  struct Entry {
    StringRef key;
    IntegerRange range;
    Shape *numbers;
  };
  for (auto [key, range, numbers] : {Entry{"sizes", {}, &map.sizes},
                                     {"strides", {}, &map.strides},
                                     {"box", {0, UINT16_MAX}, &map.box},
                                     {"steps", {0, UINT8_MAX}, &map.steps}})
    if (llvm::Error error = fields->readIntegers(key, range, *numbers))
      return std::move(error);
  if (llvm::Error error = fields->readInteger("swizzle", {0, UINT8_MAX}, map.swizzle))
    return std::move(error);
  if (map.box.empty())
    return wrongLaunch("expected a 'box' in " + fields->where());
  return map;
}

/// With its name, if it has one.
llvm::Expected<LaunchFields> openArgument(const llvm::json::Value &value, size_t index) {
  std::string where = "argument " + std::to_string(index);
  if (const llvm::json::Object *object = value.getAsObject())
    if (std::optional<StringRef> name = object->getString("name"))
      where += " ('" + name->str() + "')";
  return LaunchFields::open(
      value, where,
      {"name", "value", "tensor_map", "input", "output", "expect", "type", "shape", "fill"});
}

llvm::Expected<LaunchArgument> readArgument(const llvm::json::Value &value, size_t index) {
  llvm::Expected<LaunchFields> fields = openArgument(value, index);
  if (!fields)
    return fields.takeError();
  LaunchArgument argument;
  argument.name = "argument " + std::to_string(index);
  for (auto [key, text] : {std::pair<StringRef, std::string *>("name", &argument.name),
                           {"input", &argument.input},
                           {"output", &argument.output},
                           {"expect", &argument.expect}})
    if (llvm::Error error = fields->readText(key, *text))
      return std::move(error);
  if (const llvm::json::Value *number = fields->find("value")) {
    if (!number->getAsNumber())
      return fields->wrong("value", "a number");
    argument.number = *number;
    if (llvm::Error error = fields->allowOnly({"name", "value"}, "'value'"))
      return std::move(error);
    return argument;
  }
  if (const llvm::json::Value *given = fields->find("tensor_map")) {
    llvm::Expected<LaunchTensorMap> map = readTensorMap(*given, fields->where());
    if (!map)
      return map.takeError();
    argument.map = std::move(*map);
    if (!argument.map->buffer.empty()) {
      if (llvm::Error error =
              fields->allowOnly({"name", "tensor_map"}, "a 'tensor_map' of another 'buffer'"))
        return std::move(error);
      return argument;
    }
  }
  if (fields->has("input") && fields->has("fill"))
    return wrongLaunch("expected no 'fill' beside 'input' in " + fields->where());
  if (llvm::Error error = readLayout(*fields, argument))
    return std::move(error);
  return argument;
}

llvm::Error readArguments(const LaunchFields &fields, std::vector<LaunchArgument> &arguments) {
  const llvm::json::Value *value = fields.find("arguments");
  if (!value)
    return llvm::Error::success();
  const llvm::json::Array *array = value->getAsArray();
  if (!array)
    return fields.wrong("arguments", "an array of objects");
  llvm::StringSet<> names;
  for (size_t i = 0; i < array->size(); ++i) {
    llvm::Expected<LaunchArgument> argument = readArgument((*array)[i], i);
    if (!argument)
      return argument.takeError();
    if (!names.insert(argument->name).second)
      return wrongLaunch("expected a name of its own for argument " + llvm::Twine(i) +
                         ", but another is called '" + argument->name + "' too");
    arguments.push_back(std::move(*argument));
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<LaunchFile> qllm::tool::parseLaunchFile(StringRef text) {
  // The parser of JSON recurses without end, and brackets and strings are those of MLIR's text.
  if (llvm::Error error = checkModuleText(text, InputLimits()))
    return wrongLaunch(llvm::toString(std::move(error)));
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(text);
  if (!parsed)
    return wrongLaunch(llvm::toString(parsed.takeError()));
  auto fields = LaunchFields::open(*parsed, "the launch",
                                   {"kernel", "grid", "cluster", "block", "shared", "arguments"});
  if (!fields)
    return fields.takeError();
  LaunchFile launch;
  if (llvm::Error error = fields->readText("kernel", launch.kernel))
    return std::move(error);
  if (llvm::Error error = readSizes(*fields, "grid", launch.grid))
    return std::move(error);
  if (llvm::Error error = readSizes(*fields, "cluster", launch.cluster))
    return std::move(error);
  if (llvm::Error error = readSizes(*fields, "block", launch.block))
    return std::move(error);
  int64_t shared = 0;
  if (llvm::Error error = fields->readInteger("shared", {}, shared))
    return std::move(error);
  launch.sharedBytes = uint64_t(shared);
  if (llvm::Error error = readArguments(*fields, launch.arguments))
    return std::move(error);
  return launch;
}
