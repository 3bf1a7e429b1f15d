// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element formats and granularities.

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm;

#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMAttrs.cpp.inc"

void QLLMDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qllm/Dialect/QLLM/IR/QLLMAttrs.cpp.inc"
      >();
}

//===------------------------------------------------------------------------------------------===//
// Integers
//===------------------------------------------------------------------------------------------===//

LogicalResult IntFormatAttr::verify(function_ref<InFlightDiagnostic()> emitError, unsigned bits,
                                    Symmetry) {
  // int_c1
  if (bits < 2 || bits > 8)
    return emitError() << "expected 2 to 8 bits, but got " << bits;
  return success();
}

unsigned IntFormatAttr::getBitWidth() const { return getBits(); }

Type IntFormatAttr::getStorageType() const {
  unsigned width = getBits() <= 2 ? 2 : getBits() <= 4 ? 4 : 8;
  return IntegerType::get(getContext(), width,
                          isAsymmetric() ? IntegerType::Unsigned : IntegerType::Signless);
}

bool IntFormatAttr::isSigned() const { return !isAsymmetric(); }
bool IntFormatAttr::hasZeroPoint() const { return isAsymmetric(); }

std::string IntFormatAttr::getFormatName() const {
  return (isAsymmetric() ? "uint" : "int") + std::to_string(getBits());
}

int64_t IntFormatAttr::getMinCode() const {
  return isAsymmetric() ? 0 : -(int64_t(1) << (getBits() - 1));
}

int64_t IntFormatAttr::getMaxCode() const {
  return isAsymmetric() ? (int64_t(1) << getBits()) - 1 : (int64_t(1) << (getBits() - 1)) - 1;
}

//===------------------------------------------------------------------------------------------===//
// Floats
//===------------------------------------------------------------------------------------------===//

unsigned FloatFormatAttr::getBitWidth() const { return getStorageType().getIntOrFloatBitWidth(); }

Type FloatFormatAttr::getStorageType() const {
  switch (getKind()) {
  case FloatKind::E2M1:
    return Float4E2M1FNType::get(getContext());
  case FloatKind::E2M3:
    return Float6E2M3FNType::get(getContext());
  case FloatKind::E3M2:
    return Float6E3M2FNType::get(getContext());
  case FloatKind::E4M3:
    return Float8E4M3FNType::get(getContext());
  case FloatKind::E5M2:
    return Float8E5M2Type::get(getContext());
  }
  llvm_unreachable("all kinds are covered");
}

bool FloatFormatAttr::isSigned() const { return true; }
bool FloatFormatAttr::hasZeroPoint() const { return false; }
std::string FloatFormatAttr::getFormatName() const { return stringifyEnum(getKind()).str(); }

//===------------------------------------------------------------------------------------------===//
// Code books and ternary
//===------------------------------------------------------------------------------------------===//

unsigned CodebookFormatAttr::getBitWidth() const { return 4; }

Type CodebookFormatAttr::getStorageType() const {
  return IntegerType::get(getContext(), getBitWidth(), IntegerType::Unsigned);
}

bool CodebookFormatAttr::isSigned() const { return false; }
bool CodebookFormatAttr::hasZeroPoint() const { return false; }
std::string CodebookFormatAttr::getFormatName() const { return stringifyEnum(getKind()).str(); }

unsigned TernaryFormatAttr::getBitWidth() const { return 2; }
Type TernaryFormatAttr::getStorageType() const { return IntegerType::get(getContext(), 2); }
bool TernaryFormatAttr::isSigned() const { return true; }
bool TernaryFormatAttr::hasZeroPoint() const { return false; }
std::string TernaryFormatAttr::getFormatName() const { return "ternary"; }

//===------------------------------------------------------------------------------------------===//
// Granularity
//===------------------------------------------------------------------------------------------===//

GranularityAttr GranularityAttr::perTensor(MLIRContext *context) {
  return get(context, GranularityKind::PerTensor, 0, 1);
}

GranularityAttr GranularityAttr::perChannel(MLIRContext *context, int64_t axis) {
  return get(context, GranularityKind::PerChannel, axis, 1);
}

GranularityAttr GranularityAttr::perToken(MLIRContext *context) {
  return get(context, GranularityKind::PerToken, 0, 1);
}

GranularityAttr GranularityAttr::group(MLIRContext *context, int64_t axis, int64_t groupSize) {
  return get(context, GranularityKind::Group, axis, groupSize);
}

LogicalResult GranularityAttr::verify(function_ref<InFlightDiagnostic()> emitError, GranularityKind,
                                      int64_t axis, int64_t groupSize) {
  // granularity_c1
  if (axis < 0)
    return emitError() << "expected an axis of at least 0, but got " << axis;
  // granularity_c2
  if (groupSize < 1)
    return emitError() << "expected a group size of at least 1, but got " << groupSize;
  return success();
}

FailureOr<GranularityAttr> GranularityAttr::parseKeyword(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  StringRef keyword;
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<GranularityKind> kind = symbolizeGranularityKind(keyword);
  if (!kind)
    return parser.emitError(loc) << "expected per_tensor, per_channel<axis>, per_token or "
                                    "group<axis, size>, but got '"
                                 << keyword << "'";
  int64_t axis = 0, groupSize = 1;
  bool isGroup = *kind == GranularityKind::Group;
  if (isGroup || *kind == GranularityKind::PerChannel) {
    if (parser.parseLess() || parser.parseInteger(axis) ||
        (isGroup && (parser.parseComma() || parser.parseInteger(groupSize))) ||
        parser.parseGreater())
      return failure();
  }
  auto attr = getChecked([&] { return parser.emitError(loc); }, parser.getContext(), *kind, axis,
                         groupSize);
  if (!attr)
    return failure();
  return attr;
}

void GranularityAttr::printKeyword(raw_ostream &os) const {
  os << stringifyEnum(getKind());
  if (isPerChannel())
    os << '<' << getAxis() << '>';
  if (isGroup())
    os << '<' << getAxis() << ", " << getGroupSize() << '>';
}

Attribute GranularityAttr::parse(AsmParser &parser, Type) {
  if (parser.parseLess())
    return {};
  FailureOr<GranularityAttr> attr = parseKeyword(parser);
  if (failed(attr) || parser.parseGreater())
    return {};
  return *attr;
}

void GranularityAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printKeyword(printer.getStream());
  printer << '>';
}
