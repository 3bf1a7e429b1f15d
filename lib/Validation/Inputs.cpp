// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arguments are told apart by name and type, as those of a prefill are.

#include "qllm/Validation/Inputs.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/Evaluate.h"
#include "qllm/Support/DataDirectory.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/ADT/StringMap.h"
#include <numeric>
#include <random>

using namespace mlir;
using namespace qllm;
using llvm::createStringError;
using llvm::Expected;

namespace {

constexpr int64_t outlierPeriod = 16;
constexpr float outlierScale = 8;

/// The table that an operation looks `use` up in; null for others.
Value tableOf(OpOperand &use) {
  if (auto gather = dyn_cast<onnx::GatherOp>(use.getOwner()))
    return use.getOperandNumber() == 1 ? gather->getOperand(0) : Value();
  if (auto embedding = dyn_cast<EmbeddingOp>(use.getOwner()))
    return use.getOperandNumber() == 0 ? embedding->getOperand(1) : Value();
  return {};
}

/// Whether the operation reads `use` as a rotation, whose inverse it takes to be the transposed.
bool isRotation(OpOperand &use) {
  return isa<RotateChannelsOp>(use.getOwner()) && use.getOperandNumber() == 1;
}

/// The rows of the smallest table that `indices` are looked up in; 2 without one.
int64_t rowsOfTables(Value indices) {
  int64_t rows = INT64_MAX;
  for (OpOperand &use : indices.getUses()) {
    Value table = tableOf(use);
    if (!table)
      continue;
    if (auto quantized = dyn_cast<QuantizedType>(table.getType()))
      rows = std::min(rows, quantized.getDimSize(0));
    else if (auto type = dyn_cast<RankedTensorType>(table.getType()); type && type.getRank())
      rows = std::min(rows, type.isDynamicDim(0) ? 1 : type.getDimSize(0));
  }
  return rows == INT64_MAX ? 2 : rows;
}

class Generator {
public:
  Generator(func::FuncOp function, uint64_t seed, int64_t size)
      : function(function), engine(seed), size(size) {
    for (int64_t i = 0; i < size; ++i)
      tokens.push_back(0);
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (isTokens(i))
        llvm::for_each(tokens, [rows = rowsOfTables(function.getArgument(i)),
                                this](int64_t &token) { token = below(rows); });
  }

  Expected<interp::Value> argument(unsigned i) {
    std::string name = interp::inputName(function, i);
    auto type = dyn_cast<TensorType>(function.getArgumentTypes()[i]);
    ElementType element =
        type ? interp::runtimeElementType(type.getElementType()) : ElementType::Undefined;
    if (!type || !type.hasRank() || element == ElementType::Undefined ||
        element == ElementType::String || isComplex(element))
      return createStringError("no random values are made for argument '" + name + "'");
    bool ofPrefill = isTokens(i) || name == "attention_mask" || name == "position_ids" ||
                     name == "token_type_ids" || StringRef(name).starts_with("past");
    if (ofPrefill) {
      Expected<Tensor> input = interp::prefillInput(function, i, tokens);
      if (input) {
        for (auto [k, dim] : llvm::enumerate(input->shape()))
          if (std::string name = dimensionName(i, unsigned(k)); !name.empty())
            sizeOf.insert({name, dim});
        return interp::Value(std::move(*input));
      }
      llvm::consumeError(input.takeError());
    }
    return random(i, type, element);
  }

private:
  /// Not std::uniform_int_distribution, whose numbers are the library's choice.
  int64_t below(int64_t bound) { return int64_t(engine() % uint64_t(std::max<int64_t>(bound, 1))); }

  double uniform() { return double(engine() >> 11) * 0x1p-53; }

  float normal() {
    double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return float(radius * std::cos(2 * M_PI * uniform()));
  }

  bool isTokens(unsigned i) {
    auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
    return type && type.getRank() == 2 && type.getElementType().isInteger() &&
           interp::inputName(function, i) == "input_ids";
  }

  /// A square matrix becomes the reflection I - 2 v v^T / v^T v, v its first row: orthogonal.
  static void reflect(Tensor &matrix) {
    int64_t n = matrix.rank() == 2 && matrix.dim(0) == matrix.dim(1) ? matrix.dim(0) : 0;
    float *values = matrix.mutableData<float>();
    std::vector<double> v(values, values + n);
    double square = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
    for (int64_t k = 0; k < n * n; ++k)
      values[k] = float((k / n == k % n) - 2 * v[size_t(k / n)] * v[size_t(k % n)] / square);
  }

  Expected<interp::Value> random(unsigned i, TensorType type, ElementType element) {
    Shape shape;
    for (auto [k, dim] : llvm::enumerate(type.getShape())) {
      auto named = sizeOf.find(dimensionName(i, unsigned(k)));
      shape.push_back(!ShapedType::isDynamic(dim) ? dim
                      : named != sizeOf.end()     ? named->second
                                                  : size);
    }
    if (isFloat(element) || isMiniFloat(element)) {
      Expected<Tensor> floats = Tensor::allocate(ElementType::F32, shape);
      int64_t channels = shape.empty() ? 1 : shape.back();
      for (int64_t k = 0; floats && k < floats->size(); ++k)
        floats->mutableData<float>()[k] =
            normal() * (k % channels % outlierPeriod == 5 ? outlierScale : 1);
      if (!floats)
        return floats.takeError();
      if (llvm::any_of(function.getArgument(i).getUses(), isRotation))
        reflect(*floats);
      return finish(*floats, element);
    }
    Expected<Tensor> integers = Tensor::allocate(ElementType::I64, shape);
    int64_t rows = element == ElementType::Bool ? 2 : rowsOfTables(function.getArgument(i));
    for (int64_t k = 0; integers && k < integers->size(); ++k)
      integers->mutableData<int64_t>()[k] = below(rows);
    return integers ? finish(*integers, element) : integers.takeError();
  }

  /// What the model calls a dimension; empty when it has no name.
  std::string dimensionName(unsigned i, unsigned k) {
    auto names = function.getArgAttrOfType<ArrayAttr>(i, "onnx.dims");
    auto name = names && k < names.size() ? dyn_cast<StringAttr>(names[k]) : StringAttr();
    return name ? name.str() : std::string();
  }

  Expected<interp::Value> finish(const Tensor &tensor, ElementType element) {
    Expected<Tensor> result = cast(tensor, element);
    if (!result)
      return result.takeError();
    return interp::Value(std::move(*result));
  }

  func::FuncOp function;
  std::mt19937_64 engine;
  int64_t size;
  std::vector<int64_t> tokens;
  /// Of dimensions by name, as inputs of a prefill have them: a batch is 1 in all of them.
  llvm::StringMap<int64_t> sizeOf;
};

/// Whether the tensor is one that the type allows.
bool fits(const Tensor &tensor, TensorType type) {
  if (!type.hasRank() || type.getRank() != tensor.rank())
    return false;
  for (auto [dim, wanted] : llvm::zip_equal(tensor.shape(), type.getShape()))
    if (!ShapedType::isDynamic(wanted) && dim != wanted)
      return false;
  return true;
}

} // namespace

Expected<InputSet> qllm::randomInputs(func::FuncOp function, uint64_t seed, int64_t size) {
  Generator generator(function, seed, size);
  InputSet set{("random inputs, seed " + Twine(seed) + ", open dimensions " + Twine(size)).str(),
               {}};
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Expected<interp::Value> value = generator.argument(i);
    if (!value)
      return value.takeError();
    set.values.push_back(std::move(*value));
  }
  return set;
}

Expected<InputSet> qllm::readInputs(func::FuncOp function, StringRef path, uint64_t seed) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Expected<std::vector<ArchiveMember>> members = readArchive((*file)->bytes());
  if (!members)
    return createStringError("'" + path + "': " + toString(members.takeError()));
  Generator generator(function, seed, /*size=*/3);
  InputSet set{("inputs of '" + path + "'").str(), {}};
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = dyn_cast<TensorType>(function.getArgumentTypes()[i]);
    auto found =
        llvm::find_if(*members, [name = interp::inputName(function, i)](
                                    const ArchiveMember &member) { return member.name == name; });
    if (type && found != members->end()) {
      Expected<Tensor> array =
          parseNumpyArray(found->bytes, interp::runtimeElementType(type.getElementType()));
      if (array && fits(*array, type)) {
        set.values.push_back(std::move(*array));
        continue;
      }
      if (!array)
        llvm::consumeError(array.takeError());
    }
    Expected<interp::Value> value = generator.argument(i);
    if (!value)
      return value.takeError();
    set.values.push_back(std::move(*value));
  }
  return set;
}

llvm::Error qllm::writeInputs(func::FuncOp function, const InputSet &inputs, StringRef path) {
  std::vector<std::pair<std::string, Tensor>> arrays;
  for (auto [i, value] : llvm::enumerate(inputs.values))
    if (const Tensor *tensor = value.tensor())
      arrays.push_back({interp::inputName(function, unsigned(i)), *tensor});
  return writeArchive(path, arrays);
}
