// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quantized type: syntax, constraints, and the tensors that a value of it consists of.

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm;

#define GET_TYPEDEF_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMTypes.cpp.inc"

void QLLMDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "qllm/Dialect/QLLM/IR/QLLMTypes.cpp.inc"
      >();
}

//===------------------------------------------------------------------------------------------===//
// Syntax
//===------------------------------------------------------------------------------------------===//

namespace {

ParseResult parseFormat(AsmParser &parser, ElementFormatAttrInterface &format) {
  SMLoc loc = parser.getCurrentLocation();
  Attribute attr;
  if (parser.parseAttribute(attr))
    return failure();
  format = dyn_cast<ElementFormatAttrInterface>(attr);
  if (!format)
    return parser.emitError(loc) << "expected an element format such as #qllm.int<4>, but got "
                                 << attr;
  return success();
}

/// `scale = ENCODING` and `tensor_scale`, each at most once and in this order.
ParseResult parseOptions(AsmParser &parser, ScaleEncoding &encoding, bool &tensorScale) {
  bool sawScale = false;
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc loc = parser.getCurrentLocation();
    StringRef keyword;
    if (parser.parseKeyword(&keyword))
      return failure();
    if (keyword == "tensor_scale" && !tensorScale) {
      tensorScale = true;
      continue;
    }
    if (keyword != "scale" || sawScale || tensorScale)
      return parser.emitError(loc)
             << "expected 'scale = ENCODING' and 'tensor_scale', each at most "
                "once and in this order, but got '"
             << keyword << "'";
    StringRef name;
    if (parser.parseEqual() || parser.parseKeyword(&name))
      return failure();
    std::optional<ScaleEncoding> parsed = symbolizeScaleEncoding(name);
    if (!parsed)
      return parser.emitError(loc)
             << "expected scales in f32, f16, bf16, ue8m0 or e4m3, but got '" << name << "'";
    encoding = *parsed;
    sawScale = true;
  }
  return success();
}

} // namespace

Type QuantizedType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  ElementFormatAttrInterface format;
  if (parser.parseLess() ||
      parser.parseDimensionList(shape, /*allowDynamic=*/true, /*withTrailingX=*/false) ||
      parser.parseComma() || parseFormat(parser, format) || parser.parseComma())
    return {};
  FailureOr<GranularityAttr> granularity = GranularityAttr::parseKeyword(parser);
  if (failed(granularity))
    return {};
  ScaleEncoding encoding = ScaleEncoding::F32;
  bool tensorScale = false;
  if (parseOptions(parser, encoding, tensorScale) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), shape, format,
                    *granularity, encoding, tensorScale);
}

void QuantizedType::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printDimensionList(getShape());
  printer << ", " << getFormat() << ", ";
  getGranularity().printKeyword(printer.getStream());
  if (getScaleEncoding() != ScaleEncoding::F32)
    printer << ", scale = " << stringifyEnum(getScaleEncoding());
  if (hasTensorScale())
    printer << ", tensor_scale";
  printer << '>';
}

//===------------------------------------------------------------------------------------------===//
// Constraints
//===------------------------------------------------------------------------------------------===//

namespace {

/// "1, 2, 4" and so on, every divisor up to the sizes anyone uses for groups.
std::string listDivisors(int64_t size) {
  std::string text;
  for (int64_t divisor = 2; divisor <= std::min<int64_t>(size, 1024); ++divisor)
    if (size % divisor == 0)
      text += (text.empty() ? "" : ", ") + std::to_string(divisor);
  return text.empty() ? "1" : text;
}

/// The first constraint that the parts of a type break, as a message; empty when they fit. Text
/// rather than a diagnostic, as asking for another shape must not report anything.
std::string findViolation(ArrayRef<int64_t> shape, ElementFormatAttrInterface format,
                          GranularityAttr granularity, ScaleEncoding scaleEncoding,
                          bool tensorScale) {
  std::string message;
  llvm::raw_string_ostream os(message);
  int64_t rank = shape.size();
  // quantized_c1
  if (rank < 1) {
    os << "expected a shape of rank at least 1, but got rank 0";
    return message;
  }
  // quantized_c2
  int64_t axis = granularity.getAxis(), groupSize = granularity.getGroupSize();
  if (granularity.hasAxis() && axis >= rank) {
    os << "expected a granularity axis below the rank " << rank << ", but got " << axis;
    return message;
  }
  // quantized_c3
  if (granularity.isGroup() && !ShapedType::isDynamic(shape[axis]) && shape[axis] % groupSize != 0)
    os << "expected a group size that divides axis " << axis << " of size " << shape[axis]
       << ", but got " << groupSize << "; group sizes that do: " << listDivisors(shape[axis]);
  // quantized_c4
  else if (format.hasZeroPoint() &&
           (scaleEncoding == ScaleEncoding::UE8M0 || scaleEncoding == ScaleEncoding::E4M3))
    os << "expected a format without zero points for scales in " << stringifyEnum(scaleEncoding)
       << ", but got " << format;
  // quantized_c5
  else if (tensorScale && granularity.isPerTensor())
    os << "expected a granularity finer than the tensor beside tensor_scale, but got per_tensor";
  else if (tensorScale && format.hasZeroPoint())
    os << "expected a format without zero points beside tensor_scale, but got " << format;
  return message;
}

} // namespace

LogicalResult QuantizedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                    ArrayRef<int64_t> shape, ElementFormatAttrInterface format,
                                    GranularityAttr granularity, ScaleEncoding scaleEncoding,
                                    bool tensorScale) {
  std::string violation = findViolation(shape, format, granularity, scaleEncoding, tensorScale);
  if (!violation.empty())
    return emitError() << violation;
  return success();
}

//===------------------------------------------------------------------------------------------===//
// Parts
//===------------------------------------------------------------------------------------------===//

SmallVector<int64_t> QuantizedType::getScaleShape() const {
  GranularityAttr granularity = getGranularity();
  switch (granularity.getKind()) {
  case GranularityKind::PerTensor:
    return {};
  case GranularityKind::PerChannel:
    return {getDimSize(granularity.getAxis())};
  case GranularityKind::PerToken:
    return SmallVector<int64_t>(getShape().drop_back());
  case GranularityKind::Group: {
    SmallVector<int64_t> shape(getShape());
    int64_t &dim = shape[granularity.getAxis()];
    if (!ShapedType::isDynamic(dim))
      dim /= granularity.getGroupSize();
    return shape;
  }
  }
  llvm_unreachable("all kinds are covered");
}

Type QuantizedType::getScaleElementType() const {
  MLIRContext *context = getContext();
  switch (getScaleEncoding()) {
  case ScaleEncoding::F32:
    return Float32Type::get(context);
  case ScaleEncoding::F16:
    return Float16Type::get(context);
  case ScaleEncoding::BF16:
    return BFloat16Type::get(context);
  case ScaleEncoding::UE8M0:
    return Float8E8M0FNUType::get(context);
  case ScaleEncoding::E4M3:
    return Float8E4M3FNType::get(context);
  }
  llvm_unreachable("all encodings are covered");
}

RankedTensorType QuantizedType::getCodesType() const {
  return RankedTensorType::get(getShape(), getFormat().getStorageType());
}

RankedTensorType QuantizedType::getScalesType() const {
  return RankedTensorType::get(getScaleShape(), getScaleElementType());
}

RankedTensorType QuantizedType::getZeroPointsType() const {
  return RankedTensorType::get(getScaleShape(), IntegerType::get(getContext(), 32));
}

RankedTensorType QuantizedType::getTensorScaleType() const {
  return RankedTensorType::get({}, Float32Type::get(getContext()));
}

RankedTensorType QuantizedType::getDequantizedType(Type elementType) const {
  return RankedTensorType::get(getShape(), elementType);
}

QuantizedType QuantizedType::cloneWithShape(ArrayRef<int64_t> shape) const {
  if (!findViolation(shape, getFormat(), getGranularity(), getScaleEncoding(), getTensorScale())
           .empty())
    return {};
  return get(getContext(), shape, getFormat(), getGranularity(), getScaleEncoding(),
             getTensorScale());
}
