// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over the wire format.

#include "Skeleton.h"
#include "WireFormat.h"

#include "llvm/Support/FormatVariadic.h"
#include <climits>

using namespace qllm::onnx;

namespace {

// protobuf itself gives up at 100; a subgraph takes three levels.
constexpr unsigned deepestNesting = 90;

enum WireType : uint32_t { WireVarint = 0, WireFixed64 = 1, WireLength = 2, WireFixed32 = 5 };

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Walks one file. Each step returns false after having recorded an error.
class Walker {
public:
  Walker(llvm::ArrayRef<char> file, uint64_t &unknownFields) : file(file), unknownFields(unknownFields) {}

  bool walk(Message message, uint64_t position, uint64_t end, unsigned depth);

  std::string out;
  std::string error;

private:
  struct Tag {
    uint32_t number;
    uint32_t wire;
    uint64_t position; ///< of the tag
    uint64_t begin;    ///< of the value
    uint64_t end;
  };

  bool fail(uint64_t position, const llvm::Twine &text) {
    error = llvm::formatv("byte {0}: {1}", position, text.str()).str();
    return false;
  }
  bool readVarint(uint64_t &position, uint64_t end, uint64_t &value);
  bool readTag(Message message, uint64_t position, uint64_t end, Tag &tag);
  bool checkKind(Message message, FieldRule rule, const Tag &tag);
  bool checkPackedVarints(const Tag &tag);
  bool checkContents(Message message, uint64_t position, uint64_t fields);
  bool walkNested(Message outer, FieldRule rule, const Tag &tag, unsigned depth);
  bool keepInFile(const Tag &tag);
  void copy(uint64_t begin, uint64_t end) {
    if (copying)
      out.append(file.data() + begin, end - begin);
  }

  llvm::ArrayRef<char> file;
  uint64_t &unknownFields;
  /// Off inside a message that is copied as one piece.
  bool copying = true;
};

bool Walker::readVarint(uint64_t &position, uint64_t end, uint64_t &value) {
  value = 0;
  uint64_t start = position;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (position == end)
      return fail(start, "a number runs past the end of its message at byte " + llvm::Twine(end));
    uint8_t byte = static_cast<uint8_t>(file[position++]);
    if (shift == 63 && byte > 1)
      return fail(start, "a number does not fit 64 bits");
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return fail(start, "a number has more than 10 bytes");
}

bool Walker::readTag(Message message, uint64_t position, uint64_t end, Tag &tag) {
  tag.position = position;
  uint64_t key;
  if (!readVarint(position, end, key))
    return false;
  if (key > UINT32_MAX || key >> 3 == 0)
    return fail(tag.position, llvm::Twine("expected a field of ") + messageName(message) + ", but got tag " + llvm::Twine(key));
  tag.number = static_cast<uint32_t>(key >> 3);
  tag.wire = key & 7;
  tag.begin = position;
  uint64_t length = 0;
  switch (tag.wire) {
  case WireVarint:
    if (!readVarint(position, end, length))
      return false;
    tag.end = position;
    return true;
  case WireFixed64:
    length = 8;
    break;
  case WireFixed32:
    length = 4;
    break;
  case WireLength:
    if (!readVarint(position, end, length))
      return false;
    tag.begin = position;
    break;
  default:
    return fail(tag.position, llvm::formatv("field {0} of {1} has unknown wire type {2}", tag.number, messageName(message), tag.wire));
  }
  if (length > end - tag.begin)
    return fail(tag.position, llvm::formatv("field {0} of {1} has {2} bytes, but only {3} are left", tag.number,
                                            messageName(message), length, end - tag.begin));
  tag.end = tag.begin + length;
  return true;
}

bool Walker::checkPackedVarints(const Tag &tag) {
  uint64_t ignored;
  for (uint64_t position = tag.begin; position != tag.end;)
    if (!readVarint(position, tag.end, ignored))
      return false;
  return true;
}

bool Walker::checkKind(Message message, FieldRule rule, const Tag &tag) {
  bool packed = tag.wire == WireLength;
  uint64_t length = tag.end - tag.begin;
  bool fits = false;
  switch (rule.kind) {
  case Field::Varint:
    fits = tag.wire == WireVarint;
    break;
  case Field::Fixed32:
    fits = tag.wire == WireFixed32;
    break;
  case Field::Bytes:
  case Field::Nested:
    fits = packed;
    break;
  case Field::PackedVarint:
    if (packed)
      return checkPackedVarints(tag);
    fits = tag.wire == WireVarint;
    break;
  case Field::PackedFixed32:
    fits = packed ? length % 4 == 0 : tag.wire == WireFixed32;
    break;
  case Field::PackedFixed64:
    fits = packed ? length % 8 == 0 : tag.wire == WireFixed64;
    break;
  case Field::Unknown:
    return true;
  }
  if (fits)
    return true;
  return fail(tag.position, llvm::formatv("field {0} of {1} has wire type {2} and {3} bytes, which it cannot have", tag.number,
                                          messageName(message), tag.wire, length));
}

/// `fields` has a bit for each field below 64 that the message has.
bool Walker::checkContents(Message message, uint64_t position, uint64_t fields) {
  if (fields == 0 && !mayBeEmpty(message))
    return fail(position, llvm::Twine(messageName(message)) + " is empty");
  RequiredField required = requiredField(message);
  if (required.number != 0 && (fields >> required.number & 1) == 0)
    return fail(position, llvm::formatv("{0} has no {1} (field {2})", messageName(message), required.name, required.number));
  return true;
}

bool Walker::keepInFile(const Tag &tag) {
  std::string segment;
  segment.push_back(8);
  appendVarint(segment, tag.begin);
  segment.push_back(16);
  appendVarint(segment, tag.end);
  out.push_back(3 << 3 | WireLength);
  appendVarint(out, segment.size());
  out += segment;
  return true;
}

bool Walker::walkNested(Message outer, FieldRule rule, const Tag &tag, unsigned depth) {
  if (depth == deepestNesting)
    return fail(tag.position, llvm::formatv("messages nest more than {0} deep", deepestNesting));
  if (outer == Message::Tensor && rule.nested == Message::Segment)
    return fail(tag.position, "a tensor stored in segments is not supported");
  if (!copying)
    return walk(rule.nested, tag.begin, tag.end, depth + 1);
  if (!holdsTensors(rule.nested)) {
    copy(tag.position, tag.end);
    copying = false;
    bool ok = walk(rule.nested, tag.begin, tag.end, depth + 1);
    copying = true;
    return ok;
  }
  // The new length is known only afterwards: reserve a padded one of five bytes.
  appendVarint(out, static_cast<uint64_t>(tag.number) << 3 | WireLength);
  size_t lengthAt = out.size();
  out.append(5, '\0');
  if (!walk(rule.nested, tag.begin, tag.end, depth + 1))
    return false;
  uint64_t length = out.size() - lengthAt - 5;
  if (length > INT_MAX)
    return fail(tag.position, llvm::formatv("{0} has {1} bytes besides weights, more than the 2147483647 that protobuf allows",
                                            messageName(rule.nested), length));
  for (unsigned i = 0; i != 5; ++i)
    out[lengthAt + i] = static_cast<char>((length >> (7 * i) & 0x7f) | (i != 4 ? 0x80 : 0));
  return true;
}

bool Walker::walk(Message message, uint64_t position, uint64_t end, unsigned depth) {
  bool sawRawData = false;
  uint64_t start = position, fields = 0;
  while (position != end) {
    Tag tag;
    if (!readTag(message, position, end, tag))
      return false;
    position = tag.end;
    FieldRule rule = lookupField(message, tag.number);
    fields |= tag.number < 64 ? uint64_t(1) << tag.number : 0;
    if (!checkKind(message, rule, tag))
      return false;
    if (rule.kind == Field::Unknown) {
      ++unknownFields;
      continue;
    }
    if (rule.kind == Field::Nested) {
      if (!walkNested(message, rule, tag, depth))
        return false;
      continue;
    }
    bool rawData = message == Message::Tensor && tag.number == 9;
    if (rawData && sawRawData)
      return fail(tag.position, "a tensor has its raw data twice");
    sawRawData |= rawData;
    if (rawData && copying && tag.end - tag.begin > largestInlineTensor)
      keepInFile(tag);
    else
      copy(tag.position, tag.end);
  }
  return checkContents(message, start, fields);
}

} // namespace

llvm::Expected<std::string> qllm::onnx::makeSkeleton(llvm::ArrayRef<char> file, uint64_t &unknownFields) {
  Walker walker(file, unknownFields);
  if (file.empty())
    return llvm::createStringError("byte 0: expected an ONNX model, but the file is empty");
  if (!walker.walk(Message::Model, 0, file.size(), 0))
    return llvm::createStringError(walker.error);
  if (walker.out.size() > INT_MAX)
    return llvm::createStringError("the model has more than 2147483647 bytes besides weights");
  return std::move(walker.out);
}
