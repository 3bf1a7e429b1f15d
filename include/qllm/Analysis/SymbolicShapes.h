// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known about shapes whose dimensions are not numbers: which dimensions are equal, and what
// the integers are that exporters compute shapes with. A rewrite that is right only if two
// dimensions agree asks here for the proof.

#ifndef QLLM_ANALYSIS_SYMBOLICSHAPES_H
#define QLLM_ANALYSIS_SYMBOLICSHAPES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <optional>
#include <tuple>

namespace qllm {

namespace onnx {
class ConstantOfShapeOp;
class ReshapeOp;
class SliceOp;
} // namespace onnx

/// A dimension or an integer used as one: a number, or a symbol that stands for one value
/// throughout the function. Equal means proved equal, from the operators or from names of
/// dimensions that the model declares; two different symbols may still have the same value at run
/// time.
struct SymbolicDim {
  bool known = false;
  /// The number when known, else the symbol's index.
  int64_t value = 0;

  static SymbolicDim number(int64_t n) { return {true, n}; }
  bool is(int64_t n) const { return known && value == n; }
  bool operator==(const SymbolicDim &other) const {
    return known == other.known && value == other.value;
  }
  bool operator!=(const SymbolicDim &other) const { return !(*this == other); }
  bool operator<(const SymbolicDim &other) const {
    return std::tie(known, value) < std::tie(other.known, other.value);
  }
};

using SymbolicShape = llvm::SmallVector<SymbolicDim, 5>;

/// Lazy and memoized; valid as long as the operations it has looked at are neither changed nor
/// erased.
class SymbolicShapes {
public:
  /// Learns what every successful run implies: the operands of a Concat agree outside its axis.
  explicit SymbolicShapes(mlir::Operation *root);

  /// The shape of a tensor, or nothing when even the rank is unknown.
  std::optional<SymbolicShape> shape(mlir::Value value);

  /// The elements of an integer or bool tensor of rank 0 or 1, as far as they are numbers or sizes.
  std::optional<SymbolicShape> elements(mlir::Value value);

  /// Dimension `axis` (negative from the end); nothing when the rank is unknown or too small.
  std::optional<SymbolicDim> dim(mlir::Value value, int64_t axis);

  /// False if the dimension may be negative, as a difference may.
  bool isSize(SymbolicDim dim) const {
    return dim.known ? dim.value >= 0 : !signedSymbols.contains(dim.value);
  }

  /// The number or the one symbol that stands for all that are proved equal to `dim`.
  SymbolicDim resolve(SymbolicDim dim) const;

  /// True if the two are proved equal.
  bool equal(SymbolicDim a, SymbolicDim b) const { return resolve(a) == resolve(b); }

  /// True if both shapes are known and every dimension is proved equal.
  bool sameShape(mlir::Value a, mlir::Value b);

private:
  std::optional<SymbolicShape> computeShape(mlir::Value value);
  std::optional<SymbolicShape> shapeByRule(mlir::Value value);
  std::optional<SymbolicShape> elementwiseRule(mlir::Operation *op);
  std::optional<SymbolicShape> generatorRule(mlir::Operation *op);
  std::optional<SymbolicShape> viewRule(mlir::Operation *op, const SymbolicShape &first);
  std::optional<SymbolicShape> reshapeRule(onnx::ReshapeOp op);
  std::optional<SymbolicShape> reduceRule(mlir::Operation *op, SymbolicShape first);
  std::optional<SymbolicShape> indexRule(mlir::Operation *op, SymbolicShape first);
  std::optional<SymbolicShape> sliceRule(onnx::SliceOp op, SymbolicShape first);
  std::optional<SymbolicShape> productRule(mlir::Operation *op, SymbolicShape first);

  std::optional<SymbolicShape> computeElements(mlir::Value value);
  std::optional<SymbolicShape> elementsOfPart(mlir::Operation *op);
  std::optional<SymbolicShape> elementsOfFill(onnx::ConstantOfShapeOp op);
  std::optional<SymbolicShape> elementsOfArithmetic(mlir::Operation *op);
  std::optional<SymbolicShape> elementsOfView(mlir::Operation *op);
  std::optional<SymbolicDim> elementOf(mlir::Operation *op, llvm::ArrayRef<SymbolicDim> at);

  SymbolicShape freshShape(mlir::Value value, unsigned rank);
  SymbolicDim valueSymbol(mlir::Value value, unsigned index);
  SymbolicDim named(llvm::StringRef name);
  SymbolicDim combine(char operation, SymbolicDim a, SymbolicDim b);
  void unify(SymbolicDim a, SymbolicDim b);
  SymbolicDim product(llvm::ArrayRef<SymbolicDim> factors);

  SymbolicShape broadcast(llvm::ArrayRef<SymbolicShape> shapes, mlir::Value result);
  std::optional<SymbolicShape> reshape(mlir::Value data, mlir::Value target, bool allowZero,
                                       mlir::Value result);
  std::optional<SymbolicDim> restOf(llvm::ArrayRef<SymbolicDim> from,
                                    llvm::ArrayRef<SymbolicDim> wanted, size_t rest);

  llvm::DenseMap<mlir::Value, std::optional<SymbolicShape>> shapeOf, elementsOf;
  llvm::DenseMap<mlir::Value, bool> inProgress;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, int64_t> symbolOf;
  llvm::StringMap<int64_t> symbolOfName;
  std::map<std::tuple<char, SymbolicDim, SymbolicDim>, int64_t> symbolOfTerm;
  llvm::DenseMap<int64_t, SymbolicDim> representative;
  llvm::DenseSet<int64_t> signedSymbols;
  int64_t symbols = 0;
};

} // namespace qllm

#endif // QLLM_ANALYSIS_SYMBOLICSHAPES_H
