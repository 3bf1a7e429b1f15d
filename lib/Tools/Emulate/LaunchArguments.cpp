// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files to buffers and back.

#include "LaunchArguments.h"

#include "Differences.h"
#include "ElementFile.h"
#include "ParameterValue.h"
#include "TensorMapEncoding.h"
#include "qllm/Support/OutputFile.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace qllm;
using namespace qllm::tool;
using llvm::StringRef;

namespace {

/// Device allocations begin at a multiple of this.
constexpr size_t kAlignment = 256;
/// All buffers of a launch together. A thread takes microseconds here, so no kernel gets through
/// more in a time that anybody waits, and filling it alone takes seconds.
constexpr uint64_t mostBytes = uint64_t(1) << 31;

llvm::Error wrong(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The error of a file that the argument names under `key`.
llvm::Error about(const LaunchArgument &argument, StringRef key, llvm::Error error) {
  return wrong("'" + key + "' of '" + argument.name + "': " + llvm::toString(std::move(error)));
}

} // namespace

std::string LaunchArguments::path(StringRef name) const {
  if (llvm::sys::path::is_absolute(name) || folder.empty())
    return name.str();
  llvm::SmallString<128> joined(folder);
  llvm::sys::path::append(joined, name);
  return joined.str().str();
}

llvm::Error LaunchArguments::allocate(DeviceBuffer &buffer) {
  std::optional<int64_t> count = elementCount(buffer.shape);
  uint64_t width = storageBytes(buffer.type), left = mostBytes - usedBytes;
  if (!count || uint64_t(*count) > left / width)
    return wrong("expected buffers of at most " + llvm::Twine(mostBytes) +
                 " bytes together, but with '" + buffer.argument->name + "' they take more");
  buffer.size = size_t(*count) * width;
  usedBytes += buffer.size;
  size_t room = (std::max<size_t>(buffer.size, 1) + kAlignment - 1) / kAlignment * kAlignment;
  buffer.data.reset(static_cast<uint8_t *>(std::aligned_alloc(kAlignment, room)));
  if (!buffer.data)
    return wrong("no memory for the " + llvm::Twine(buffer.size) + " bytes of '" +
                 buffer.argument->name + "'");
  buffer.address = buffer.data.get();
  return llvm::Error::success();
}

llvm::Error LaunchArguments::addBuffer(const LaunchArgument &argument) {
  DeviceBuffer buffer{&argument, argument.type, argument.shape, 0, nullptr, nullptr, {}};
  Tensor contents;
  if (!argument.input.empty()) {
    llvm::Expected<Tensor> read =
        readElementFile(path(argument.input), argument.type, argument.shape);
    if (!read)
      return about(argument, "input", read.takeError());
    contents = *read;
    buffer.type = contents.type();
    buffer.shape.assign(contents.shape().begin(), contents.shape().end());
  }
  if (llvm::Error error = allocate(buffer))
    return error;
  if (contents.isNull())
    std::memset(buffer.address, argument.fill, buffer.size);
  else
    std::memcpy(buffer.address, contents.rawData(), buffer.size);
  if (!argument.expect.empty()) {
    llvm::Expected<Tensor> read = readElementFile(path(argument.expect), buffer.type, buffer.shape);
    if (!read)
      return about(argument, "expect", read.takeError());
    buffer.expected = *read;
  }
  device.push_back(std::move(buffer));
  return llvm::Error::success();
}

llvm::Error LaunchArguments::load(const LaunchFile &file, const emu::Kernel &kernel,
                                  StringRef where) {
  folder = where.str();
  if (file.arguments.size() != kernel.parameters.size())
    return wrong("kernel '" + kernel.name + "' takes " + llvm::Twine(kernel.parameters.size()) +
                 " arguments, but the launch gives " + llvm::Twine(file.arguments.size()));
  for (auto [argument, parameter] : llvm::zip(file.arguments, kernel.parameters))
    if (llvm::Error error = addArgument(argument, parameter))
      return error;
  for (DeviceMap &map : maps)
    if (llvm::Error error = encode(map))
      return error;
  return llvm::Error::success();
}

llvm::Error LaunchArguments::addArgument(const LaunchArgument &argument,
                                         const emu::Parameter &parameter) {
  bool isPointer = parameter.kind == emu::ParameterKind::Pointer,
       isBytes = parameter.kind == emu::ParameterKind::Bytes;
  if (argument.map) {
    if (!isPointer && (!isBytes || parameter.bits != 8 * sizeof(emu::TensorMap)))
      return wrong("'" + argument.name +
                   "' is a tensor map in the launch, but neither a pointer nor 128 bytes in the "
                   "kernel");
    if (argument.map->buffer.empty())
      if (llvm::Error error = addBuffer(argument))
        return error;
    addMap(argument, isBytes);
    return llvm::Error::success();
  }
  if (argument.number && isPointer)
    return wrong("'" + argument.name + "' is a pointer in the kernel, but a number in the launch");
  if (!argument.number && !isPointer)
    return wrong("'" + argument.name + "' is no pointer in the kernel, but a buffer in the launch");
  if (argument.number) {
    std::optional<uint64_t> bits = encodeNumber(*argument.number, parameter);
    if (!bits)
      return wrong("expected a 'value' of '" + argument.name + "' that the kernel's parameter, " +
                   parameterTypeName(parameter) + ", can hold, but got " +
                   llvm::formatv("{0}", *argument.number).str());
    addresses.push_back(&numbers.emplace_back(*bits));
    return llvm::Error::success();
  }
  if (llvm::Error error = addBuffer(argument))
    return error;
  addresses.push_back(&device.back().address);
  return llvm::Error::success();
}

void LaunchArguments::addMap(const LaunchArgument &argument, bool byValue) {
  DeviceMap &map = maps.emplace_back();
  map.argument = &argument;
  map.address = reinterpret_cast<uint8_t *>(&map.map);
  addresses.push_back(byValue ? static_cast<const void *>(map.address) : &map.address);
}

llvm::Error LaunchArguments::encode(DeviceMap &entry) const {
  const LaunchTensorMap &given = *entry.argument->map;
  const std::string &name = entry.argument->name;
  const std::string &wanted = given.buffer.empty() ? name : given.buffer;
  auto found = llvm::find_if(
      device, [&](const DeviceBuffer &buffer) { return buffer.argument->name == wanted; });
  if (found == device.end())
    return wrong("'" + name + "' maps a buffer '" + given.buffer + "' that no argument has");
  llvm::Expected<emu::TensorMap> map =
      encodeTensorMap(given, found->address, found->type, found->shape);
  if (!map)
    return wrong("tensor map '" + name + "': " + llvm::toString(map.takeError()));
  entry.map = *map;
  return llvm::Error::success();
}

std::vector<emu::Buffer> LaunchArguments::buffers() const {
  std::vector<emu::Buffer> all;
  for (const DeviceBuffer &buffer : device)
    all.push_back(
        {buffer.argument->name, buffer.address, buffer.size, buffer.argument->isWritten()});
  for (const DeviceMap &map : maps)
    all.push_back({"the map of " + map.argument->name, map.address, sizeof map.map, false});
  return all;
}

llvm::Error LaunchArguments::store() const {
  for (const DeviceBuffer &buffer : device) {
    const std::string &name = buffer.argument->output;
    if (name.empty())
      continue;
    llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path(name));
    if (!file)
      return file.takeError();
    std::vector<char> formatted;
    llvm::ArrayRef<char> bytes = buffer.bytes();
    if (llvm::sys::path::extension(name) == ".npy") {
      llvm::Expected<Tensor> tensor = Tensor::borrow(buffer.type, buffer.shape, bytes);
      if (!tensor)
        return tensor.takeError();
      formatted = formatNumpyArray(*tensor);
      bytes = formatted;
    }
    if (llvm::Error error = (*file)->write(bytes))
      return error;
    if (llvm::Error error = (*file)->commit())
      return error;
  }
  return llvm::Error::success();
}

std::vector<std::string> LaunchArguments::compare() const {
  std::vector<std::string> lines;
  for (const DeviceBuffer &buffer : device) {
    if (buffer.expected.isNull())
      continue;
    Tensor found = llvm::cantFail(Tensor::borrow(buffer.type, buffer.shape, buffer.bytes()));
    if (std::string text = describeDifferences(buffer.expected, found); !text.empty())
      lines.push_back("'" + buffer.argument->name + "': " + text);
  }
  return lines;
}
