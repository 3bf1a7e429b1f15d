// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options to types, with messages that say what would have been right.

#include "WeightFormat.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm;
using llvm::Error;
using llvm::Expected;

namespace {

Error optionError(const llvm::Twine &message) { return llvm::createStringError(message); }

/// Block formats of the OCP and NVIDIA specifications: their group and scale are part of the name.
struct BlockFormat {
  llvm::StringLiteral name;
  FloatKind element;
  int64_t groupSize;
  ScaleEncoding scale;
  bool tensorScale;
};
constexpr BlockFormat blockFormats[] = {
    {"mxfp4", FloatKind::E2M1, 32, ScaleEncoding::UE8M0, false},
    {"mxfp6", FloatKind::E3M2, 32, ScaleEncoding::UE8M0, false},
    {"mxfp8", FloatKind::E4M3, 32, ScaleEncoding::UE8M0, false},
    {"nvfp4", FloatKind::E2M1, 16, ScaleEncoding::E4M3, true},
};

std::string divisors(int64_t width) {
  std::string text;
  for (int64_t size = 2; size <= width; ++size)
    if (width % size == 0)
      text += (text.empty() ? "" : ", ") + std::to_string(size);
  return text;
}

/// The largest power of two that divides `width` and is at most `size`; 0 if only 1 does.
int64_t adaptedGroup(int64_t width, int64_t size) {
  int64_t group = 1;
  while (group * 2 <= size && width % (group * 2) == 0)
    group *= 2;
  return group == 1 ? 0 : group;
}

/// The format that the options `<what>-format` and `<what>-bits` name.
Expected<ElementFormatAttrInterface> resolveElement(MLIRContext *context, StringRef what,
                                                    const WeightFormatOptions &options) {
  if (options.format == "int")
    return resolveIntegerFormat(context, (what + "-bits").str(), options.bits, options.symmetric);
  if (options.format == "nf4")
    return ElementFormatAttrInterface(CodebookFormatAttr::get(context, CodebookKind::NF4));
  if (options.format == "ternary")
    return ElementFormatAttrInterface(TernaryFormatAttr::get(context));
  if (std::optional<FloatKind> kind = symbolizeFloatKind(options.format))
    return ElementFormatAttrInterface(FloatFormatAttr::get(context, *kind));
  return optionError(
      "expected int, e2m1, e2m3, e3m2, e4m3, e5m2, nf4, ternary, mxfp4, mxfp6, mxfp8 "
      "or nvfp4 as " +
      what + "-format, but got '" + options.format + "'");
}

/// The named block format; nothing if `name` is none.
std::optional<WeightFormat> findBlockFormat(MLIRContext *context, StringRef name) {
  for (const BlockFormat &block : blockFormats) {
    if (name != block.name)
      continue;
    WeightFormat format;
    format.element = FloatFormatAttr::get(context, block.element);
    format.granularity = GranularityKind::Group;
    format.groupSize = block.groupSize;
    format.adaptGroups = false;
    format.scale = block.scale;
    format.tensorScale = block.tensorScale;
    return format;
  }
  return std::nullopt;
}

} // namespace

Expected<ElementFormatAttrInterface>
qllm::resolveIntegerFormat(MLIRContext *context, StringRef option, int64_t bits, bool symmetric) {
  if (bits < 2 || bits > 8)
    return optionError("expected 2 to 8 bits, or 16 for floats, as " + option + ", but got " +
                       llvm::Twine(bits));
  return ElementFormatAttrInterface(
      IntFormatAttr::get(context, static_cast<unsigned>(bits), /*asymmetric=*/!symmetric));
}

Expected<WeightFormat> qllm::resolveWeightFormat(MLIRContext *context,
                                                 const WeightFormatOptions &options) {
  if (std::optional<WeightFormat> block = findBlockFormat(context, options.format))
    return *block;
  WeightFormat format;
  Expected<ElementFormatAttrInterface> element = resolveElement(context, "weight", options);
  if (!element)
    return element.takeError();
  format.element = *element;
  format.groupSize = options.groupSize;
  format.groupAxis = options.groupAxis;
  if (options.groupAxis != 0 && options.groupAxis != 1)
    return optionError("expected 1 (groups of a row) or 0 (of a column) as group-axis, but got " +
                       llvm::Twine(options.groupAxis));
  format.adaptGroups = options.adaptGroups;
  if (options.granularity == "tensor")
    format.granularity = GranularityKind::PerTensor;
  else if (options.granularity == "channel")
    format.granularity = GranularityKind::PerChannel;
  else if (options.granularity == "group")
    format.granularity = GranularityKind::Group;
  else
    return optionError("expected tensor, channel or group as granularity, but got '" +
                       options.granularity + "'");
  if (format.groupSize < 2)
    return optionError("expected a group-size of at least 2, but got " +
                       llvm::Twine(format.groupSize));
  std::optional<ScaleEncoding> scale = symbolizeScaleEncoding(options.scale);
  if (!scale || *scale == ScaleEncoding::UE8M0 || *scale == ScaleEncoding::E4M3)
    return optionError("expected f32, f16 or bf16 as scale, but got '" + options.scale + "'");
  format.scale = *scale;
  return format;
}

Expected<std::optional<WeightFormat>>
qllm::resolveActivationFormat(MLIRContext *context, const ActivationFormatOptions &options) {
  if (options.format == "int" && options.bits == 16)
    return std::nullopt;
  if (options.groupSize < 0 || options.groupSize == 1)
    return optionError("expected an activation-group-size of 0 or at least 2, but got " +
                       llvm::Twine(options.groupSize));
  if (std::optional<WeightFormat> block = findBlockFormat(context, options.format))
    return block;
  WeightFormatOptions rows = {options.bits, options.format, "", 0, false, options.symmetric, ""};
  Expected<ElementFormatAttrInterface> element = resolveElement(context, "activation", rows);
  if (!element)
    return element.takeError();
  WeightFormat format;
  format.element = *element;
  format.granularity = options.groupSize == 0 ? GranularityKind::PerToken : GranularityKind::Group;
  format.groupSize = options.groupSize;
  format.adaptGroups = options.adaptGroups;
  return format;
}

Expected<QuantizedType> WeightFormat::typeFor(ArrayRef<int64_t> shape, std::string &note) const {
  MLIRContext *context = element.getContext();
  GranularityAttr attribute;
  switch (granularity) {
  case GranularityKind::PerTensor:
    attribute = GranularityAttr::perTensor(context);
    break;
  case GranularityKind::Group: {
    int64_t axis = groupAxis ? int64_t(shape.size()) - 1 : 0, width = shape[axis], size = groupSize;
    if (width % size != 0 && adaptGroups && (size = adaptedGroup(width, groupSize)))
      note = "group size " + std::to_string(groupSize) + " does not divide " +
             std::to_string(width) + "; taking " + std::to_string(size);
    if (size == 0 || width % size != 0)
      return optionError("group size " + llvm::Twine(groupSize) + " does not divide " +
                         llvm::Twine(width) + ", but these do: " + divisors(width));
    attribute = GranularityAttr::group(context, axis, size);
    break;
  }
  case GranularityKind::PerToken:
    attribute = GranularityAttr::perToken(context);
    break;
  default:
    attribute = GranularityAttr::perChannel(context, 0);
  }
  return QuantizedType::get(shape, element, attribute, scale, tensorScale);
}
