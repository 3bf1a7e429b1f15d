// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/Convert.h"
#include "qllm/Format/HalfFloat.h"
#include "qllm/Format/Packing.h"
#include "qllm/Tensor/Dispatch.h"
#include <charconv>
#include <cmath>
#include <limits>

using namespace qllm;

namespace {

/// Float to integer as C does inside the range; what is outside, where C says nothing, goes to the
/// nearest end, NaN to 0.
template <typename To, typename From> To convertOne(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (!(value == value))
      return 0;
    constexpr double low = double(std::numeric_limits<To>::min());
    if (double(value) <= low)
      return std::numeric_limits<To>::min();
    if (double(value) >= double(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
  }
  return static_cast<To>(value);
}

template <typename To, typename From> void convertAll(const From *in, To *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = convertOne<To>(in[i]);
}

/// Integers narrower than a byte keep their low bits, sign- or zero-extended.
void wrapNarrow(ElementType type, Tensor &tensor) {
  unsigned drop = 8 - fileBits(type);
  if (isSignedInteger(type)) {
    int8_t *data = tensor.mutableData<int8_t>();
    for (int64_t i = 0; i < tensor.size(); ++i)
      data[i] = static_cast<int8_t>(static_cast<int8_t>(uint8_t(data[i]) << drop) >> drop);
    return;
  }
  uint8_t *data = tensor.mutableData<uint8_t>();
  for (int64_t i = 0; i < tensor.size(); ++i)
    data[i] = static_cast<uint8_t>(uint8_t(data[i] << drop) >> drop);
}

bool isNarrow(ElementType type) { return isInteger(type) && fileBits(type) < 8; }

/// f16, bf16 and the small floats, to f32.
void decodeToFloat(const Tensor &input, float *out) {
  int64_t count = input.size();
  if (input.type() == ElementType::F16) {
    for (int64_t i = 0; i < count; ++i)
      out[i] = halfToFloat(input.data<uint16_t>()[i]);
  } else if (input.type() == ElementType::BF16) {
    for (int64_t i = 0; i < count; ++i)
      out[i] = bfloat16ToFloat(input.data<uint16_t>()[i]);
  } else {
    llvm::ArrayRef<float> values = miniFloatValues(input.type());
    for (int64_t i = 0; i < count; ++i)
      out[i] = values[input.data<uint8_t>()[i]];
  }
}

void encodeFromFloat(const float *in, Tensor &output, CastOptions options) {
  int64_t count = output.size();
  if (output.type() == ElementType::F16) {
    for (int64_t i = 0; i < count; ++i)
      output.mutableData<uint16_t>()[i] = floatToHalf(in[i]);
  } else if (output.type() == ElementType::BF16) {
    for (int64_t i = 0; i < count; ++i)
      output.mutableData<uint16_t>()[i] = floatToBFloat16(in[i]);
  } else {
    for (int64_t i = 0; i < count; ++i)
      output.mutableData<uint8_t>()[i] = encodeMiniFloat(output.type(), in[i], options);
  }
}

bool isEncodedFloat(ElementType type) { return isHalf(type) || isMiniFloat(type); }

template <typename T> std::string numberText(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value))
      return "NaN";
    if (std::isinf(value))
      return value > 0 ? "INF" : "-INF";
  }
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

llvm::Expected<double> parseNumber(llvm::StringRef text) {
  llvm::StringRef trimmed = text.trim();
  if (trimmed.equals_insensitive("nan"))
    return std::nan("");
  if (trimmed.equals_insensitive("inf") || trimmed.equals_insensitive("+inf"))
    return HUGE_VAL;
  if (trimmed.equals_insensitive("-inf"))
    return -HUGE_VAL;
  double value;
  if (trimmed.empty() || trimmed.getAsDouble(value))
    return llvm::createStringError("expected a number, but got the string '" + text.str() + "'");
  return value;
}

llvm::Expected<Tensor> castFromStrings(const Tensor &input, ElementType type, CastOptions options) {
  llvm::Expected<Tensor> numbers = Tensor::allocate(ElementType::F64, input.shape());
  if (!numbers)
    return numbers;
  for (int64_t i = 0; i < input.size(); ++i) {
    llvm::Expected<double> value = parseNumber(input.strings()[i]);
    if (!value)
      return value.takeError();
    numbers->mutableData<double>()[i] = *value;
  }
  return cast(*numbers, type, options);
}

llvm::Expected<Tensor> castToStrings(const Tensor &input) {
  if (isEncodedFloat(input.type())) {
    llvm::Expected<Tensor> floats = cast(input, ElementType::F32);
    return floats ? castToStrings(*floats) : std::move(floats);
  }
  std::vector<std::string> texts(input.size());
  bool known = dispatchArithmetic(input.type(), [&](auto tag) {
    for (int64_t i = 0; i < input.size(); ++i)
      texts[i] = numberText(input.data<TypeIn<decltype(tag)>>()[i]);
  });
  for (int64_t i = 0; !known && i < input.size(); ++i)
    texts[i] = input.data<uint8_t>()[i] ? "1" : "0";
  return Tensor::ofStrings(input.shape(), std::move(texts));
}

/// Both types are bool, integers, f32 or f64.
void castPlain(const Tensor &input, Tensor &output) {
  auto from = [&](auto fromTag) {
    using From = TypeIn<decltype(fromTag)>;
    if (output.type() == ElementType::Bool) {
      for (int64_t i = 0; i < input.size(); ++i)
        output.mutableData<uint8_t>()[i] = input.data<From>()[i] != From(0);
      return;
    }
    dispatchArithmetic(output.type(), [&](auto toTag) {
      using To = TypeIn<decltype(toTag)>;
      // A narrow target wraps, so it must see more than its own storage.
      if constexpr (sizeof(To) == 1 && std::is_floating_point_v<From>) {
        if (isNarrow(output.type())) {
          for (int64_t i = 0; i < input.size(); ++i)
            output.mutableData<To>()[i] =
                static_cast<To>(convertOne<int64_t>(input.data<From>()[i]));
          return;
        }
      }
      convertAll(input.data<From>(), output.mutableData<To>(), input.size());
    });
  };
  if (input.type() == ElementType::Bool)
    from(TypeTag<uint8_t>());
  else
    dispatchArithmetic(input.type(), from);
  if (isNarrow(output.type()))
    wrapNarrow(output.type(), output);
}

} // namespace

llvm::Expected<Tensor> qllm::cast(const Tensor &input, ElementType type, CastOptions options) {
  if (input.type() == type)
    return input;
  if (isComplex(input.type()) || isComplex(type))
    return llvm::createStringError("expected a cast between real types, but got %s to %s",
                                   elementTypeName(input.type()).data(),
                                   elementTypeName(type).data());
  if (input.type() == ElementType::String)
    return castFromStrings(input, type, options);
  if (type == ElementType::String)
    return castToStrings(input);
  if (isEncodedFloat(input.type()) && type != ElementType::F32) {
    llvm::Expected<Tensor> floats = cast(input, ElementType::F32);
    return floats ? cast(*floats, type, options) : std::move(floats);
  }
  if (isEncodedFloat(type) && input.type() != ElementType::F32) {
    llvm::Expected<Tensor> floats = cast(input, ElementType::F32);
    return floats ? cast(*floats, type, options) : std::move(floats);
  }
  llvm::Expected<Tensor> output = Tensor::allocate(type, input.shape());
  if (!output)
    return output;
  if (isEncodedFloat(input.type()))
    decodeToFloat(input, output->mutableData<float>());
  else if (isEncodedFloat(type))
    encodeFromFloat(input.data<float>(), *output, options);
  else
    castPlain(input, *output);
  return output;
}

/// The format whose packed layout a narrow type has; null for types of whole bytes.
static const ElementFormat *narrowFormat(ElementType type) {
  switch (type) {
  case ElementType::F4E2M1:
    return &ElementFormat::e2m1();
  case ElementType::F6E2M3:
    return &ElementFormat::e2m3();
  case ElementType::F6E3M2:
    return &ElementFormat::e3m2();
  default:
    return fileBits(type) < 8 ? ElementFormat::integer(fileBits(type), isSignedInteger(type))
                              : nullptr;
  }
}

size_t qllm::packedBytes(ElementType type, int64_t count) {
  if (const ElementFormat *format = narrowFormat(type))
    return packedSize(*format, size_t(count));
  return size_t(count) * fileBits(type) / 8;
}

llvm::Expected<Tensor> qllm::unpackElements(ElementType type, llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<char> bytes,
                                            std::shared_ptr<const void> owner) {
  const ElementFormat *format = narrowFormat(type);
  if (!format)
    return Tensor::borrow(type, shape, bytes, std::move(owner));
  std::optional<int64_t> count = elementCount(shape);
  if (!count || packedBytes(type, *count) != bytes.size())
    return llvm::createStringError(
        "expected %llu bytes for %s of %s, but got %llu",
        static_cast<unsigned long long>(count ? packedBytes(type, *count) : 0),
        describeShape(shape).c_str(), elementTypeName(type).data(),
        static_cast<unsigned long long>(bytes.size()));
  llvm::Expected<Tensor> tensor = Tensor::allocate(type, shape);
  if (!tensor)
    return tensor;
  Span<const uint8_t> packed(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  Span<uint8_t> codes(tensor->mutableData<uint8_t>(), size_t(*count));
  if (FormatStatus status = unpackCodes(*format, packed, codes); !status)
    return llvm::createStringError(status.message());
  return tensor;
}

std::vector<char> qllm::packElements(const Tensor &tensor) {
  const ElementFormat *format = narrowFormat(tensor.type());
  if (!format)
    return std::vector<char>(tensor.rawData(), tensor.rawData() + tensor.byteSize());
  std::vector<char> packed(packedBytes(tensor.type(), tensor.size()));
  // The sizes agree, so that packing cannot fail.
  (void)packCodes(*format, {tensor.data<uint8_t>(), size_t(tensor.size())},
                  {reinterpret_cast<uint8_t *>(packed.data()), packed.size()})
      .ok();
  return packed;
}
