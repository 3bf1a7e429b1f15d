// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is read by LLVM's JSON parser, which recurses: its nesting is bounded first.

#include "qllm/Tensor/SafetensorsFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

using namespace qllm;
using llvm::StringRef;
using llvm::Twine;

namespace {

constexpr uint64_t lengthBytes = 8, longestHeader = uint64_t(16) << 20;
/// File, tensor, list; one to spare.
constexpr unsigned deepestHeader = 4;

llvm::Error malformed(const Twine &what) {
  return llvm::createStringError("malformed safetensors data: " + what);
}

llvm::Error checkNesting(StringRef header) {
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < header.size(); ++i) {
    char c = header[i];
    if (inString) {
      if (c == '\\')
        ++i;
      inString = c != '"';
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepestHeader)
        return malformed("byte " + Twine(lengthBytes + i) + ": expected at most " +
                         Twine(deepestHeader) + " levels of nesting in the header");
    } else if ((c == '}' || c == ']') && depth != 0) {
      --depth;
    }
  }
  return llvm::Error::success();
}

ElementType typeOf(StringRef name) {
  using E = ElementType;
  static constexpr std::pair<const char *, ElementType> types[] = {
      {"BOOL", E::Bool},     {"U8", E::U8},
      {"I8", E::I8},         {"U16", E::U16},
      {"I16", E::I16},       {"F16", E::F16},
      {"BF16", E::BF16},     {"U32", E::U32},
      {"I32", E::I32},       {"F32", E::F32},
      {"U64", E::U64},       {"I64", E::I64},
      {"F64", E::F64},       {"F8_E4M3", E::F8E4M3FN},
      {"F8_E5M2", E::F8E5M2}};
  for (auto [text, type] : types)
    if (name == text)
      return type;
  return E::Undefined;
}

/// A list of whole numbers of at least 0; null if it is anything else.
std::optional<Shape> numbersOf(const llvm::json::Array *list) {
  Shape numbers;
  if (!list)
    return std::nullopt;
  for (const llvm::json::Value &value : *list) {
    std::optional<int64_t> number = value.getAsInteger();
    if (!number || *number < 0)
      return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

/// Bytes that type and shape need; null if they are too many to count.
std::optional<uint64_t> bytesOf(ElementType type, llvm::ArrayRef<int64_t> shape) {
  uint64_t bytes = storageBytes(type);
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t size : shape) {
    bool overflowed = false;
    bytes = llvm::SaturatingMultiply<uint64_t>(bytes, uint64_t(size), &overflowed);
    if (overflowed || bytes > INT64_MAX)
      return std::nullopt;
  }
  return bytes;
}

llvm::Expected<SafetensorsMember> memberOf(StringRef name, const llvm::json::Value &value,
                                           llvm::ArrayRef<char> data) {
  auto fail = [&](const Twine &what) { return malformed("tensor '" + name + "': " + what); };
  const llvm::json::Object *entry = value.getAsObject();
  if (!entry)
    return fail("expected an object");
  StringRef typeName = entry->getString("dtype").value_or("");
  ElementType type = typeOf(typeName);
  if (type == ElementType::Undefined)
    return fail("expected a known dtype, but got '" + typeName + "'");
  std::optional<Shape> shape = numbersOf(entry->getArray("shape"));
  if (!shape || shape->size() > 64)
    return fail("expected a shape of at most 64 sizes of at least 0");
  std::optional<Shape> offsets = numbersOf(entry->getArray("data_offsets"));
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1] ||
      uint64_t((*offsets)[1]) > data.size())
    return fail("expected two ascending data_offsets within " + Twine(data.size()) +
                " bytes of data");
  uint64_t begin = uint64_t((*offsets)[0]), size = uint64_t((*offsets)[1]) - begin;
  std::optional<uint64_t> wanted = bytesOf(type, *shape);
  if (!wanted)
    return fail("its shape has more elements than can be counted");
  if (size != *wanted)
    return fail("expected " + Twine(*wanted) + " bytes for its type and shape, but got " +
                Twine(size));
  return SafetensorsMember{name.str(), type, std::move(*shape), data.slice(begin, size)};
}

} // namespace

llvm::Expected<Tensor> SafetensorsMember::read() const {
  llvm::Expected<Tensor> tensor = Tensor::allocate(type, shape);
  if (tensor && !bytes.empty())
    std::memcpy(tensor->rawMutableData(), bytes.data(), bytes.size());
  return tensor;
}

bool qllm::isSafetensors(llvm::ArrayRef<char> bytes) {
  return bytes.size() > lengthBytes && bytes[lengthBytes] == '{' &&
         !StringRef(bytes.data(), bytes.size()).starts_with("PK");
}

llvm::Expected<std::vector<SafetensorsMember>> qllm::readSafetensors(llvm::ArrayRef<char> bytes) {
  if (bytes.size() < lengthBytes)
    return malformed("expected 8 bytes with the length of the header, but the file has " +
                     Twine(bytes.size()));
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  if (length > longestHeader || length > bytes.size() - lengthBytes)
    return malformed("byte 0: expected a header of at most " +
                     Twine(std::min<uint64_t>(longestHeader, bytes.size() - lengthBytes)) +
                     " bytes, but got a length of " + Twine(length));
  StringRef header(bytes.data() + lengthBytes, length);
  if (llvm::Error error = checkNesting(header))
    return std::move(error);
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(header);
  if (!parsed)
    return malformed("header: " + llvm::toString(parsed.takeError()));
  const llvm::json::Object *entries = parsed->getAsObject();
  if (!entries)
    return malformed("expected an object as the header");
  std::vector<SafetensorsMember> members;
  for (const auto &[key, value] : *entries) {
    StringRef name = key;
    if (name == "__metadata__")
      continue;
    llvm::Expected<SafetensorsMember> member =
        memberOf(name, value, bytes.drop_front(lengthBytes + length));
    if (!member)
      return member.takeError();
    members.push_back(std::move(*member));
  }
  llvm::sort(members, [](const auto &a, const auto &b) { return a.name < b.name; });
  return members;
}
