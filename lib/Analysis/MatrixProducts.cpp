// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of matrix products. An operator that computes products but that no rule knows is listed
// as such, too.

#include "qllm/Analysis/MatrixProducts.h"

#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Analysis/Constants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace qllm;

namespace {

std::string nameOf(Operation *op) {
  for (StringRef key : {StringRef(readableNameAttr), StringRef("onnx.node_name")})
    if (auto name = op->getAttrOfType<StringAttr>(key); name && !name.empty())
      return name.str();
  if (auto names = op->getAttrOfType<ArrayAttr>("onnx.output_names"); names && !names.empty())
    if (auto name = dyn_cast<StringAttr>(names[0]))
      return name.str();
  return "";
}

MatrixProduct start(Operation *op, StringRef kind) {
  MatrixProduct product;
  product.op = op;
  product.name = nameOf(op);
  product.kind = kind.str();
  return product;
}

int64_t sizeAt(Type type, int64_t axis) {
  auto ranked = dyn_cast<RankedTensorType>(type);
  if (!ranked)
    return -1;
  axis += axis < 0 ? ranked.getRank() : 0;
  if (axis < 0 || axis >= ranked.getRank() || ranked.isDynamicDim(axis))
    return -1;
  return ranked.getDimSize(axis);
}

int64_t elementsOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() ? type.getNumElements() : 0;
}

/// The weight behind a Transpose that swaps its two axes.
Value throughTranspose(Value value, bool &transposed) {
  transposed = false;
  while (auto transpose = value.getDefiningOp<onnx::TransposeOp>()) {
    std::optional<ArrayRef<int64_t>> perm = transpose.getPerm();
    if (perm && *perm != ArrayRef<int64_t>{1, 0})
      break;
    transposed = !transposed;
    value = transpose.getData();
  }
  return value;
}

/// Fills in what is the same for MatMul and Gemm: a rank-2 float weight as right operand.
void judgeWeight(MatrixProduct &product, Value left, Value right, bool transposedOperand) {
  bool viewTransposed;
  Value weight = throughTranspose(right, viewTransposed);
  bool transposed = viewTransposed != transposedOperand;
  product.outputSize = sizeAt(right.getType(), transposedOperand ? -2 : -1);
  product.inputSize = sizeAt(right.getType(), transposedOperand ? -1 : -2);
  product.outputMajor = transposed;
  if (!isConstantData(weight)) {
    product.reason = "both operands are activations";
    if (isConstantData(left)) {
      product.reason = "the weight is the left operand";
      product.weightElements = elementsOf(left);
    }
    return;
  }
  product.weight = weight;
  product.weightElements = elementsOf(weight);
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  if (!weight.getDefiningOp<onnx::InitializerOp>() && !weight.getDefiningOp<onnx::ConstantOp>())
    product.reason =
        "the weight is computed by " + weight.getDefiningOp()->getName().getStringRef().str();
  else if (!type || type.getRank() != 2)
    product.reason = "the weight has rank " +
                     (type ? std::to_string(type.getRank()) : std::string("unknown")) +
                     ", expected 2";
  else if (!type.getElementType().isF32() && !type.getElementType().isF16() &&
           !type.getElementType().isBF16())
    product.reason = "the weight is not f32, f16 or bf16";
  else
    product.quantizable = true;
}

void addAttention(Operation *op, StringRef operatorName, std::vector<MatrixProduct> &products) {
  for (StringRef which : {" (Q K^T)", " (P V)"}) {
    MatrixProduct product = start(op, (operatorName + which).str());
    product.reason = "both operands are activations";
    products.push_back(product);
  }
}

void addConv(onnx::ConvOp conv, std::vector<MatrixProduct> &products) {
  MatrixProduct product = start(conv, "Conv");
  product.outputSize = sizeAt(conv.getW().getType(), 0);
  if (auto type = dyn_cast<RankedTensorType>(conv.getW().getType());
      type && type.hasStaticShape()) {
    product.weightElements = type.getNumElements();
    product.inputSize = product.outputSize > 0 ? product.weightElements / product.outputSize : -1;
  }
  product.outputMajor = true;
  if (isConstantData(conv.getW()))
    product.weight = conv.getW();
  product.reason = "a convolution; only linear layers are quantized";
  products.push_back(product);
}

void addGemm(onnx::GemmOp gemm, std::vector<MatrixProduct> &products) {
  MatrixProduct product = start(gemm, "Gemm");
  judgeWeight(product, gemm.getA(), gemm.getB(), gemm.getTransB().value_or(0) != 0);
  if (product.quantizable && gemm.getTransA().value_or(0) != 0) {
    product.quantizable = false;
    product.reason = "transA is set";
  } else if (product.quantizable &&
             (gemm.getAlpha().value_or(APFloat(1.0f)).convertToFloat() != 1.0f ||
              gemm.getBeta().value_or(APFloat(1.0f)).convertToFloat() != 1.0f)) {
    product.quantizable = false;
    product.reason = "alpha or beta is not 1";
  }
  products.push_back(product);
}

/// Operators outside the typed subset that multiply matrices.
StringRef opaqueReason(StringRef name) {
  static const llvm::StringSet<> known = {"Attention",
                                          "ConvInteger",
                                          "ConvTranspose",
                                          "DecoderMaskedMultiHeadAttention",
                                          "DeformConv",
                                          "Einsum",
                                          "FusedConv",
                                          "FusedGemm",
                                          "GRU",
                                          "GemmFloat8",
                                          "LSTM",
                                          "MatMulBnb4",
                                          "MatMulFpQ4",
                                          "MatMulInteger",
                                          "MatMulIntegerToFloat",
                                          "MoE",
                                          "PackedAttention",
                                          "QAttention",
                                          "QLinearConv",
                                          "QLinearMatMul",
                                          "QMoE",
                                          "RNN",
                                          "DynamicQuantizeMatMul",
                                          "DynamicQuantizeLSTM",
                                          "LinearAttention",
                                          "MultiHeadAttention",
                                          "PagedAttention",
                                          "SparseAttention"};
  return known.contains(name) ? "no rule for this operator" : "";
}

void addOpaque(onnx::CustomOp custom, std::vector<MatrixProduct> &products) {
  StringRef reason = opaqueReason(custom.getOpType());
  if (reason.empty())
    return;
  MatrixProduct product = start(custom, custom.getOpType());
  product.reason = reason.str();
  for (Value operand : custom.getInputs())
    if (auto type = dyn_cast<RankedTensorType>(operand.getType());
        type && type.getRank() >= 2 && type.hasStaticShape() && isConstantData(operand))
      product.weightElements += type.getNumElements();
  products.push_back(product);
}

void addQuantized(Operation *op, Value weight, std::vector<MatrixProduct> &products) {
  MatrixProduct product = start(op, op->getName().stripDialect());
  product.reason = "already quantized";
  product.weight = weight;
  if (auto nbits = dyn_cast<onnx::MicrosoftMatMulNBitsOp>(op)) {
    product.inputSize = nbits.getK();
    product.outputSize = nbits.getN();
    product.outputMajor = true;
    product.weightElements = product.inputSize * product.outputSize;
  }
  products.push_back(product);
}

void add(Operation *op, std::vector<MatrixProduct> &products) {
  if (auto matmul = dyn_cast<onnx::MatMulOp>(op)) {
    MatrixProduct product = start(op, "MatMul");
    judgeWeight(product, matmul.getA(), matmul.getB(), /*transposedOperand=*/false);
    products.push_back(product);
  } else if (auto gemm = dyn_cast<onnx::GemmOp>(op)) {
    addGemm(gemm, products);
  } else if (auto conv = dyn_cast<onnx::ConvOp>(op)) {
    addConv(conv, products);
  } else if (auto fused = dyn_cast<onnx::MicrosoftFusedMatMulOp>(op)) {
    MatrixProduct product = start(op, "FusedMatMul");
    judgeWeight(product, fused.getA(), fused.getB(), fused.getTransB().value_or(0) != 0);
    product.quantizable = false;
    if (product.reason.empty())
      product.reason = "FusedMatMul is not raised";
    products.push_back(product);
  } else if (isa<onnx::AttentionOp>(op)) {
    addAttention(op, "Attention", products);
  } else if (isa<onnx::MicrosoftGroupQueryAttentionOp, onnx::MicrosoftMultiHeadAttentionOp>(op)) {
    addAttention(op, op->getName().stripDialect().drop_front(3), products);
  } else if (isa<onnx::MicrosoftMatMulNBitsOp>(op)) {
    addQuantized(op, op->getOperand(1), products);
  } else if (isa<onnx::EinsumOp>(op)) {
    MatrixProduct product = start(op, "Einsum");
    product.reason = "no rule for this operator";
    products.push_back(product);
  } else if (auto custom = dyn_cast<onnx::CustomOp>(op)) {
    addOpaque(custom, products);
  } else if (op->getName().getStringRef() == "qllm.linear") {
    // By name: the analysis must not depend on the dialect above it.
    MatrixProduct product = start(op, "linear");
    product.weight = op->getOperand(1);
    product.outputMajor = true;
    product.reason = "already a qllm.linear";
    products.push_back(product);
  }
}

std::string sizeText(int64_t size) { return size < 0 ? "?" : std::to_string(size); }

} // namespace

std::vector<MatrixProduct> qllm::findMatrixProducts(Operation *root) {
  std::vector<MatrixProduct> products;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) { add(op, products); });
  return products;
}

void qllm::printMatrixProducts(llvm::raw_ostream &os, const std::vector<MatrixProduct> &products) {
  size_t quantizable = 0;
  for (const MatrixProduct &product : products) {
    quantizable += product.quantizable;
    os << (product.quantizable ? "yes " : "no  ") << product.kind << " "
       << (product.name.empty() ? "-" : product.name) << " " << sizeText(product.outputSize) << "x"
       << sizeText(product.inputSize) << " " << product.weightElements;
    if (!product.quantizable)
      os << ": " << product.reason;
    os << "\n";
  }
  os << products.size() << " matrix products, " << quantizable << " quantizable\n";
}

llvm::json::Array qllm::toJSON(const std::vector<MatrixProduct> &products) {
  llvm::json::Array list;
  for (const MatrixProduct &product : products) {
    llvm::json::Object object{
        {"name", product.name}, {"kind", product.kind}, {"quantizable", product.quantizable}};
    if (product.inputSize >= 0)
      object["input_size"] = product.inputSize;
    if (product.outputSize >= 0)
      object["output_size"] = product.outputSize;
    object["weight_elements"] = product.weightElements;
    if (!product.quantizable)
      object["reason"] = product.reason;
    list.push_back(std::move(object));
  }
  return list;
}
