// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules and layouts.

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Kernels/LaunchLimits.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

FailureOr<SmallVector<int64_t>> parseSizes(AsmParser &parser) {
  SmallVector<int64_t> sizes;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseInteger(sizes.emplace_back()); }))
    return failure();
  return sizes;
}

void printSizes(AsmPrinter &printer, ArrayRef<int64_t> sizes) {
  printer << '[';
  llvm::interleaveComma(sizes, printer);
  printer << ']';
}

LogicalResult check(const FormatStatus &status, function_ref<InFlightDiagnostic()> emitError) {
  if (!status)
    return emitError() << status.message();
  return success();
}

FailureOr<SmallVector<TensorMapAttr>> parseTensorMaps(AsmParser &parser) {
  SmallVector<TensorMapAttr> maps;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseAttribute(maps.emplace_back()); }))
    return failure();
  return maps;
}

void printTensorMaps(AsmPrinter &printer, ArrayRef<TensorMapAttr> maps) {
  printer << '[';
  llvm::interleaveComma(maps, printer);
  printer << ']';
}

kernels::Schedule makeSchedule(ArrayRef<int64_t> tile, ArrayRef<int64_t> warps, int64_t stages) {
  kernels::Schedule schedule;
  schedule.tileRows = tile[0];
  schedule.tileColumns = tile[1];
  schedule.tileDepth = tile[2];
  schedule.warpRows = warps[0];
  schedule.warpColumns = warps[1];
  schedule.stages = stages;
  return schedule;
}

kernels::WeightLayout makeLayout(int64_t rows, int64_t columns,
                                 ArrayRef<kernels::LayoutDigit> digits) {
  return kernels::WeightLayout(rows, columns, {digits.begin(), digits.end()});
}

} // namespace

#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/Kernel/IR/KernelAttrs.cpp.inc"

/// Blocks of a cluster on every card whose architecture has them; more are for some cards.
static constexpr int64_t maxCluster = 8;

void KernelDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qllm/Dialect/Kernel/IR/KernelAttrs.cpp.inc"
      >();
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   ArrayRef<int64_t> tile, ArrayRef<int64_t> warps, int64_t stages,
                                   int64_t cluster, int64_t producers, TileScheduler scheduler,
                                   int64_t blocks, int64_t maxRows) {
  // schedule_c1
  if (tile.size() != 3 || warps.size() != 2)
    return emitError() << "expected a tile of 3 sizes and 2 sizes of warps, but got " << tile.size()
                       << " and " << warps.size();
  // schedule_c2
  if (failed(check(makeSchedule(tile, warps, stages).verify(), emitError)))
    return failure();
  if (cluster < 1 || cluster > maxCluster || producers < 0 || producers > 8)
    return emitError() << "expected a cluster of 1 to " << maxCluster
                       << " and 0 to 8 producers, but got " << cluster << " and " << producers;
  // schedule_c3
  constexpr int64_t mostBlocks = kernels::maxColumnsOfGrid;
  if (scheduler == TileScheduler::StreamK ? blocks < 1 || blocks > mostBlocks : blocks != 0)
    return emitError() << "expected 1 to " << mostBlocks
                       << " blocks with stream_k and 0 with data_parallel, but got " << blocks
                       << " with " << stringifyTileScheduler(scheduler);
  // schedule_c4
  if (maxRows < 0 || maxRows > kernels::maxRows)
    return emitError() << "expected 1 to " << kernels::maxRows << " rows, but got " << maxRows;
  return success();
}

ScheduleAttr ScheduleAttr::upTo(int64_t rows) const {
  return get(getContext(), getTile(), getWarps(), getStages(), getCluster(), getProducers(),
             getScheduler(), getBlocks(), rows);
}

ScheduleAttr ScheduleAttr::dataParallel() const {
  return get(getContext(), getTile(), getWarps(), getStages(), getCluster(), getProducers(),
             TileScheduler::DataParallel, /*blocks=*/0, getMaxRows());
}

LogicalResult SpecializationAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                         int64_t maxRows, StringAttr, DictionaryAttr) {
  // specialization_c1
  if (maxRows < 1 || maxRows > kernels::maxRows)
    return emitError() << "expected 1 to " << kernels::maxRows << " rows, but got " << maxRows;
  return success();
}

kernels::Schedule ScheduleAttr::getSchedule() const {
  kernels::Schedule schedule = makeSchedule(getTile(), getWarps(), getStages());
  schedule.blocks = getBlocks();
  schedule.producers = getProducers();
  schedule.cluster = getCluster();
  return schedule;
}

LogicalResult TensorMapAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t operand,
                                    int64_t rows, int64_t rowBytes, int64_t swizzle) {
  // tensor_map_c1
  if (operand < 0)
    return emitError() << "expected an operand of at least 0, but got " << operand;
  if (rows < 1 || rows > 256 || rowBytes < 16 || rowBytes > 256 || rowBytes % 16 != 0)
    return emitError() << "expected 1 to 256 rows of 16 to 256 bytes, a multiple of 16, but got "
                       << rows << " of " << rowBytes;
  if (!llvm::is_contained({0, 32, 64, 128}, swizzle) || (swizzle != 0 && swizzle < rowBytes))
    return emitError() << "expected a swizzle of 0, 32, 64 or 128 bytes that holds rows of "
                       << rowBytes << " bytes, but got " << swizzle;
  return success();
}

LogicalResult GeometryAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t columns,
                                   int64_t tileRows, int64_t layers, int64_t threads,
                                   int64_t shared, int64_t cluster, int64_t columnCluster,
                                   ArrayRef<TensorMapAttr>) {
  // geometry_c1
  for (auto [name, value] : {std::pair("columns", columns),
                             {"rows of a tile", tileRows},
                             {"layers", layers},
                             {"blocks of a cluster", std::min(cluster, columnCluster)}})
    if (value < 1)
      return emitError() << "expected positive " << name << ", but got " << value;
  if (columns > kernels::maxColumnsOfGrid || layers > kernels::maxLayersOfGrid)
    return emitError() << "expected a grid of at most " << kernels::maxColumnsOfGrid
                       << " columns and " << kernels::maxLayersOfGrid << " layers, but got "
                       << columns << " and " << layers;
  if (shared < 0)
    return emitError() << "expected bytes of shared memory, but got " << shared;
  if (threads < 32 || threads > kernels::maxThreads || threads % 32 != 0)
    return emitError() << "expected a multiple of 32 of at most " << kernels::maxThreads
                       << " threads, but got " << threads;
  if (tileRows > kernels::maxRows)
    return emitError() << "expected at most " << kernels::maxRows << " rows of a tile, but got "
                       << tileRows;
  if (cluster > maxCluster / columnCluster)
    return emitError() << "expected at most " << maxCluster << " blocks of a cluster, but got "
                       << cluster << " by " << columnCluster;
  if (columns % columnCluster != 0)
    return emitError() << "expected columns that clusters of " << columnCluster
                       << " divide, but got " << columns;
  return success();
}

int64_t GeometryAttr::getBlocksOfRows(int64_t rows) const {
  return llvm::divideCeil(rows, getTileRows() * getCluster()) * getCluster();
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows,
                                 int64_t columns, ArrayRef<kernels::LayoutDigit> digits) {
  // layout_c1
  return check(makeLayout(rows, columns, digits).verify(), emitError);
}

kernels::WeightLayout LayoutAttr::getLayout() const {
  return makeLayout(getTileRows(), getTileColumns(), getDigits());
}

LayoutAttr LayoutAttr::get(MLIRContext *context, const kernels::WeightLayout &layout) {
  Span<const kernels::LayoutDigit> digits = layout.getDigits();
  return get(context, layout.tileRows(), layout.tileColumns(),
             ArrayRef<kernels::LayoutDigit>(digits.begin(), digits.end()));
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> tile;
  SmallVector<kernels::LayoutDigit> digits;
  if (parser.parseLess() || parser.parseDimensionList(tile, /*allowDynamic=*/false,
                                                      /*withTrailingX=*/false))
    return {};
  if (tile.size() != 2) {
    parser.emitError(loc) << "expected a tile of rows by columns, but got " << tile.size()
                          << " sizes";
    return {};
  }
  while (succeeded(parser.parseOptionalComma())) {
    SMLoc digitLoc = parser.getCurrentLocation();
    StringRef axis;
    kernels::LayoutDigit &digit = digits.emplace_back();
    if (parser.parseKeyword(&axis) || parser.parseInteger(digit.size) || parser.parseColon() ||
        parser.parseInteger(digit.stride))
      return {};
    if (axis != "n" && axis != "k") {
      parser.emitError(digitLoc) << "expected a digit of n or k, but got '" << axis << "'";
      return {};
    }
    digit.axis = axis == "n" ? kernels::LayoutAxis::Row : kernels::LayoutAxis::Column;
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), tile[0], tile[1],
                    digits);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << '<' << getTileRows() << 'x' << getTileColumns();
  for (const kernels::LayoutDigit &digit : getDigits())
    printer << ", " << (digit.axis == kernels::LayoutAxis::Row ? "n " : "k ") << digit.size << ':'
            << digit.stride;
  printer << '>';
}
