// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Readable names for linear layers. A layer's place around the Attention operators says what it is,
// whatever its exporter called it; the exporter's name serves where the place says nothing.

#include "RaiseUtils.h"
#include "qllm/Analysis/MatrixProducts.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Regex.h"

namespace qllm {
#define GEN_PASS_DEF_ONNXNAMELAYERS
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

/// Operators between a linear layer and what uses it, none of which mixes channels with a weight.
bool passesThrough(Operation *op) {
  return isa<onnx::TransposeOp, onnx::ReshapeOp, onnx::RotaryEmbeddingOp, onnx::AddOp,
             onnx::SplitOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::ExpandOp, onnx::ConcatOp,
             onnx::RMSNormalizationOp, onnx::CastOp, onnx::MulOp>(op) ||
         (isa<onnx::CustomOp>(op) && cast<onnx::CustomOp>(op).getOpType() == "TensorScatter");
}

class Names {
public:
  explicit Names(ModuleOp module) : module(module) {
    for (MatrixProduct &product : findMatrixProducts(module))
      if (product.weight && isa<onnx::MatMulOp, onnx::GemmOp>(product.op)) {
        linears.push_back(product);
        isLinearOp.insert(product.op);
      }
  }

  unsigned assign();

private:
  bool isLinear(Operation *op) { return isLinearOp.contains(op); }
  void name(Operation *op, const Twine &text) {
    if (op)
      given.try_emplace(op, text.str());
  }
  Operation *sourceOf(Value value, int depth = 12);
  Operation *linearAfter(Value value, int depth = 6);
  void nameAround(onnx::AttentionOp attention, unsigned layer);
  void nameFeedForward(Operation *op, unsigned layer);
  void nameOutput(Operation *op);
  std::string fromExporter(const MatrixProduct &product);

  ModuleOp module;
  std::vector<MatrixProduct> linears;
  DenseSet<Operation *> isLinearOp;
  DenseMap<Operation *, std::string> given;
};

/// The linear layer that `value` comes from through views, rotary embedding, bias and cache.
Operation *Names::sourceOf(Value value, int depth) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return nullptr;
  if (isLinear(op))
    return op;
  if (!passesThrough(op))
    return nullptr;
  for (Value operand : op->getOperands()) {
    // A table of cosines, a shape or a mask is not on the way.
    auto type = dyn_cast<TensorType>(operand.getType());
    if (type && isa<FloatType>(type.getElementType()) && !isConstantData(operand))
      if (Operation *found = sourceOf(operand, depth - 1))
        return found;
  }
  return nullptr;
}

/// The linear layer that `value` goes to through views.
Operation *Names::linearAfter(Value value, int depth) {
  if (depth == 0)
    return nullptr;
  for (Operation *user : value.getUsers()) {
    if (isLinear(user))
      return user;
    if (isa<onnx::TransposeOp, onnx::ReshapeOp, onnx::CastOp>(user))
      if (Operation *found = linearAfter(user->getResult(0), depth - 1))
        return found;
  }
  return nullptr;
}

void Names::nameAround(onnx::AttentionOp attention, unsigned layer) {
  std::string prefix = "layers." + std::to_string(layer) + ".";
  Operation *q = sourceOf(attention.getQ()), *k = sourceOf(attention.getK()),
            *v = sourceOf(attention.getV());
  if (q && q == k && k == v) {
    name(q, prefix + "qkv_proj");
  } else {
    name(q, prefix + "q_proj");
    name(k, prefix + "k_proj");
    name(v, prefix + "v_proj");
  }
  name(linearAfter(attention.getY()), prefix + "o_proj");
  attention->setAttr(readableNameAttr, StringAttr::get(module.getContext(), prefix + "attention"));
}

/// gate, up and down around the product of two branches, one of them through a SiLU or GELU; fc1
/// and fc2 around a GELU.
void Names::nameFeedForward(Operation *op, unsigned layer) {
  std::string prefix = "layers." + std::to_string(layer) + ".";
  auto activated = [&](Value value) -> Operation * {
    Operation *activation = value.getDefiningOp();
    if (!activation)
      return nullptr;
    if (isa<onnx::GeluOp, onnx::ReluOp>(activation))
      return sourceOf(activation->getOperand(0), 3);
    auto mul = dyn_cast<onnx::MulOp>(activation);
    auto sigmoid = mul ? mul->getOperand(1).getDefiningOp<onnx::SigmoidOp>() : onnx::SigmoidOp();
    return sigmoid && sigmoid.getX() == mul->getOperand(0) ? sourceOf(sigmoid.getX(), 3) : nullptr;
  };
  if (isa<onnx::MulOp>(op)) {
    for (unsigned i : {0u, 1u}) {
      Operation *gate = activated(op->getOperand(i)), *up = sourceOf(op->getOperand(1 - i), 3);
      Operation *down = linearAfter(op->getResult(0));
      if (!gate || !up || !down || gate == up)
        continue;
      name(gate, prefix + "gate_proj");
      name(up, prefix + "up_proj");
      name(down, prefix + "down_proj");
      return;
    }
  } else if (isa<onnx::GeluOp, onnx::ReluOp>(op)) {
    Operation *first = activated(op->getResult(0)), *second = linearAfter(op->getResult(0));
    if (first && second && first != second) {
      name(first, prefix + "fc1");
      name(second, prefix + "fc2");
    }
  }
}

/// A layer whose result leaves the graph: the language model's head if its size is that of the
/// embedding table.
void Names::nameOutput(Operation *op) {
  for (Operation *user : op->getUsers()) {
    if (isa<onnx::AddOp>(user))
      nameOutput(user);
    if (!user->hasTrait<OpTrait::IsTerminator>())
      continue;
    Operation *layer = isLinear(op) ? op : sourceOf(op->getResult(0), 2);
    if (!layer)
      continue;
    auto logits = dyn_cast<RankedTensorType>(layer->getResult(0).getType());
    int64_t outputs = logits && logits.getRank() ? logits.getShape().back() : ShapedType::kDynamic;
    bool isVocabulary = false;
    module.walk([&](onnx::GatherOp gather) {
      auto table = dyn_cast<RankedTensorType>(gather.getData().getType());
      isVocabulary |= table && table.getRank() == 2 && isConstantData(gather.getData()) &&
                      table.getDimSize(0) == outputs;
    });
    name(layer, isVocabulary ? "lm_head" : "head");
  }
}

/// The exporter's name, shortened: `/model/layers.0/self_attn/q_proj/MatMul` to
/// `layers.0.self_attn.q_proj`.
std::string Names::fromExporter(const MatrixProduct &product) {
  std::string text;
  if (auto initializer = product.weight.getDefiningOp<onnx::InitializerOp>())
    if (initializer.getName().ends_with(".weight"))
      text = initializer.getName().drop_back(7).str();
  if (auto node = product.op->getAttrOfType<StringAttr>("onnx.node_name"); text.empty() && node)
    text = node.str();
  std::replace(text.begin(), text.end(), '/', '.');
  StringRef rest = StringRef(text).trim('.');
  for (StringRef suffix : {".MatMul", ".Gemm"})
    rest.consume_back(suffix);
  for (StringRef prefix : {"model.", "model.", "transformer."})
    rest.consume_front(prefix);
  return rest.empty() ? "linear" : rest.str();
}

unsigned Names::assign() {
  unsigned layer = 0;
  bool inside = false;
  for (Operation *op : operationsOf(module)) {
    if (auto attention = dyn_cast<onnx::AttentionOp>(op)) {
      layer += inside;
      inside = true;
      nameAround(attention, layer);
    } else if (inside) {
      nameFeedForward(op, layer);
    }
  }
  for (const MatrixProduct &product : linears)
    nameOutput(product.op);

  llvm::StringSet<> taken;
  for (const MatrixProduct &product : linears) {
    auto it = given.find(product.op);
    std::string base = it != given.end() ? it->second : fromExporter(product), unique = base;
    for (unsigned number = 2; !taken.insert(unique).second; ++number)
      unique = base + "_" + std::to_string(number);
    product.op->setAttr(readableNameAttr, StringAttr::get(module.getContext(), unique));
  }
  return linears.size();
}

struct OnnxNameLayers : qllm::impl::OnnxNameLayersBase<OnnxNameLayers> {
  void runOnOperation() override { numRaised += Names(getOperation()).assign(); }
};

} // namespace
