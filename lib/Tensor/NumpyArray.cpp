// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The .npy format: a magic, a version, and a Python dictionary of type, order and shape before the
// elements.

#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"

using namespace qllm;

namespace {

struct Header {
  llvm::StringRef descriptor;
  bool columnMajor = false;
  Shape shape;
  size_t dataOffset = 0;
};

llvm::Error malformed(const llvm::Twine &what) {
  return llvm::createStringError("malformed .npy data: " + what);
}

/// The text after a key of the header's dictionary.
llvm::StringRef afterKey(llvm::StringRef dictionary, llvm::StringRef key) {
  size_t at = dictionary.find(("'" + key + "'").str());
  if (at == llvm::StringRef::npos)
    return {};
  return dictionary.drop_front(at + key.size() + 2).ltrim(" :");
}

llvm::Error parseShape(llvm::StringRef text, Shape &shape) {
  if (!text.consume_front("("))
    return malformed("expected a tuple as the shape");
  auto [inside, rest] = text.split(')');
  while (!(inside = inside.ltrim(", ")).empty()) {
    int64_t dim;
    if (inside.consumeInteger(10, dim) || dim < 0)
      return malformed("expected dimensions of at least 0 in the shape");
    inside.consume_front("L");
    shape.push_back(dim);
    if (shape.size() > 64)
      return malformed("expected at most 64 dimensions");
  }
  return llvm::Error::success();
}

llvm::Expected<Header> parseHeader(llvm::ArrayRef<char> bytes) {
  llvm::StringRef text(bytes.data(), bytes.size());
  if (text.size() < 12 || !text.starts_with("\x93NUMPY"))
    return malformed("expected the magic bytes of NumPy at the start");
  bool wide = text[6] >= 2;
  size_t length = wide ? llvm::support::endian::read32le(bytes.data() + 8)
                       : llvm::support::endian::read16le(bytes.data() + 8);
  size_t start = wide ? 12 : 10;
  if (length > text.size() - start)
    return malformed("the header is longer than the file");
  llvm::StringRef dictionary = text.substr(start, length);
  Header header;
  header.dataOffset = start + length;
  llvm::StringRef descriptor = afterKey(dictionary, "descr");
  if (!descriptor.consume_front("'"))
    return malformed("expected a simple element type");
  header.descriptor = descriptor.split('\'').first;
  header.columnMajor = afterKey(dictionary, "fortran_order").starts_with("True");
  if (llvm::Error error = parseShape(afterKey(dictionary, "shape"), header.shape))
    return std::move(error);
  return header;
}

ElementType typeOfDescriptor(llvm::StringRef text) {
  struct Entry {
    const char *descriptor;
    ElementType type;
  };
  using E = ElementType;
  static constexpr Entry entries[] = {
      {"f4", E::F32}, {"f8", E::F64},  {"f2", E::F16}, {"i1", E::I8},   {"i2", E::I16},
      {"i4", E::I32}, {"i8", E::I64},  {"u1", E::U8},  {"u2", E::U16},  {"u4", E::U32},
      {"u8", E::U64}, {"b1", E::Bool}, {"c8", E::C64}, {"c16", E::C128}};
  for (const Entry &entry : entries)
    if (text == entry.descriptor)
      return entry.type;
  return E::Undefined;
}

std::string descriptorOf(ElementType type) {
  using E = ElementType;
  switch (type) {
  case E::I2:
  case E::I4:
    return "|i1";
  case E::U2:
  case E::U4:
    return "|u1";
  case E::Bool:
    return "|b1";
  case E::BF16:
    return "|V2";
  default:
    break;
  }
  if (isMiniFloat(type))
    return "|V1";
  const char *kind = isFloat(type)           ? "f"
                     : isComplex(type)       ? "c"
                     : isSignedInteger(type) ? "i"
                                             : "u";
  return (storageBytes(type) == 1 ? "|" : "<") + std::string(kind) +
         std::to_string(storageBytes(type));
}

/// Whether data that NumPy calls `stored` may be meant as `wanted`: 4- and 2-bit integers travel as
/// bytes.
bool mayMean(ElementType stored, ElementType wanted) {
  return (stored == ElementType::I8 && isSignedInteger(wanted) && fileBits(wanted) < 8) ||
         (stored == ElementType::U8 && isUnsignedInteger(wanted) && fileBits(wanted) < 8);
}

/// Text of a fixed number of UTF-32 units, padded with zeros.
llvm::Expected<Tensor> parseStrings(const Header &header, llvm::ArrayRef<char> data,
                                    uint64_t units) {
  std::optional<int64_t> count = elementCount(header.shape);
  if (!count || units > (1u << 24) || (units && data.size() / 4 / units < uint64_t(*count)))
    return malformed("the data is shorter than type and shape need");
  std::vector<std::string> texts;
  for (int64_t i = 0; i < *count; ++i) {
    std::string text;
    for (uint64_t k = 0; k < units; ++k) {
      uint32_t unit = llvm::support::endian::read32le(data.data() + (uint64_t(i) * units + k) * 4);
      char buffer[UNI_MAX_UTF8_BYTES_PER_CODE_POINT], *end = buffer;
      if (unit == 0)
        break;
      if (llvm::ConvertCodePointToUTF8(unit, end))
        text.append(buffer, end);
    }
    texts.push_back(std::move(text));
  }
  return Tensor::ofStrings(header.shape, std::move(texts));
}

/// Column-major arrays are row-major ones of the reversed shape with the axes reversed.
void reverseAxes(const Tensor &from, Tensor &to) {
  size_t width = storageBytes(from.type());
  llvm::ArrayRef<int64_t> shape = to.shape();
  for (int64_t i = 0; i < to.size(); ++i) {
    int64_t rest = i, offset = 0;
    Shape index(shape.size());
    for (int64_t d = to.rank() - 1; d >= 0; --d) {
      index[d] = rest % shape[d];
      rest /= shape[d];
    }
    for (int64_t d = to.rank() - 1; d >= 0; --d)
      offset = offset * shape[d] + index[d];
    std::memcpy(to.rawMutableData() + size_t(i) * width, from.rawData() + size_t(offset) * width,
                width);
  }
}

} // namespace

llvm::Expected<Tensor> qllm::parseNumpyArray(llvm::ArrayRef<char> bytes, ElementType wanted) {
  llvm::Expected<Header> header = parseHeader(bytes);
  if (!header)
    return header.takeError();
  llvm::ArrayRef<char> data = bytes.drop_front(header->dataOffset);
  llvm::StringRef descriptor = header->descriptor;
  if (descriptor.consume_front(">"))
    return malformed("expected little-endian elements");
  descriptor = descriptor.ltrim("<|=");
  if (uint64_t units;
      descriptor.starts_with("U") && !descriptor.drop_front().getAsInteger(10, units))
    return parseStrings(*header, data, units);
  ElementType type = typeOfDescriptor(descriptor);
  bool isVoid = descriptor == "V2" || descriptor == "V1" || descriptor == "f1";
  if (isVoid) {
    type = wanted == ElementType::Undefined && descriptor == "V2" ? ElementType::BF16 : wanted;
    if (type == ElementType::Undefined || storageBytes(type) != (descriptor == "V2" ? 2u : 1u))
      return malformed("expected to be told which type the void elements have");
  } else if (type == ElementType::Undefined) {
    return malformed("expected a numeric or string element type, but got '" + descriptor + "'");
  } else if (mayMean(type, wanted)) {
    type = wanted;
  }
  // Before memory is asked for: a header of a few bytes may claim any size.
  std::optional<int64_t> count = elementCount(header->shape);
  if (!count || uint64_t(*count) > data.size() / storageBytes(type))
    return malformed("expected " +
                     (count ? llvm::Twine(*count) : llvm::Twine("uncountably many")) +
                     " elements of " + llvm::Twine(storageBytes(type)) + " bytes, but got " +
                     llvm::Twine(data.size()) + " bytes");
  llvm::Expected<Tensor> tensor = Tensor::allocate(type, header->shape);
  if (!tensor)
    return tensor;
  if (tensor->size())
    std::memcpy(tensor->rawMutableData(), data.data(), tensor->byteSize());
  // Whoever wrote a narrow integer need not have extended it.
  if (isInteger(type) && fileBits(type) < 8)
    tensor = cast(tensor->reinterpreted(ElementType::U8), type);
  if (!tensor || !header->columnMajor || tensor->rank() < 2)
    return tensor;
  llvm::Expected<Tensor> ordered = Tensor::allocate(type, header->shape);
  if (ordered)
    reverseAxes(*tensor, *ordered);
  return ordered;
}

std::vector<char> qllm::formatNumpyArray(const Tensor &tensor) {
  std::vector<char> data;
  std::string descriptor;
  if (tensor.type() == ElementType::String) {
    std::vector<std::vector<uint32_t>> texts;
    size_t units = 1;
    for (const std::string &text : tensor.strings()) {
      std::vector<uint32_t> wide(text.size());
      const llvm::UTF8 *from = reinterpret_cast<const llvm::UTF8 *>(text.data());
      llvm::UTF32 *to = wide.data();
      llvm::ConvertUTF8toUTF32(&from, from + text.size(), &to, wide.data() + wide.size(),
                               llvm::lenientConversion);
      wide.resize(size_t(to - wide.data()));
      units = std::max(units, wide.size());
      texts.push_back(std::move(wide));
    }
    for (std::vector<uint32_t> &text : texts) {
      text.resize(units, 0);
      const char *begin = reinterpret_cast<const char *>(text.data());
      data.insert(data.end(), begin, begin + units * 4);
    }
    descriptor = "<U" + std::to_string(units);
  } else {
    data.assign(tensor.rawData(), tensor.rawData() + tensor.byteSize());
    descriptor = descriptorOf(tensor.type());
  }
  std::string header = "{'descr': '" + descriptor + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : tensor.shape())
    header += std::to_string(dim) + ",";
  header += "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::vector<char> file;
  llvm::StringRef magic("\x93NUMPY\x01\x00", 8);
  file.insert(file.end(), magic.begin(), magic.end());
  file.push_back(char(header.size() & 0xff));
  file.push_back(char(header.size() >> 8));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}
