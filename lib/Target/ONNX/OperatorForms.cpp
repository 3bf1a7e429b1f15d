// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Forms of typed operations, from the schema registry or, for com.microsoft, from a table.

#include "OperatorForms.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "onnx/defs/data_type_utils.h"
#include "onnx/defs/schema.h"

using namespace qllm::onnx;
using llvm::StringRef;
using proto::AttributeProto;
using proto::OpSchema;
using proto::OpSchemaRegistry;

namespace {

/// Operators whose older versions take the same attributes and inputs as the typed operation but mean something else.
/// Every other older version either means the same or does not fit by its form.
struct Meaning {
  const char *name;
  int64_t since;
  const char *reason;
};
constexpr Meaning meanings[] = {
    {"BatchNormalization", 9, "training statistics in the same outputs"},
    {"Dropout", 12, "a mask that is not boolean"},
    {"GroupNormalization", 21, "a scale for each group instead of each channel"},
    {"LogSoftmax", 13, "all axes from the given one on are normalized together"},
    {"PRelu", 7, "the slope belongs to axis 1"},
    {"Resize", 11, "the second input is the scales"},
    {"Softmax", 13, "all axes from the given one on are normalized together"},
    {"Split", 13, "the sizes are an attribute"},
};

/// Inputs and outputs: r required, o optional, v variadic. Attributes: i int, f float, s string; a capital is required.
struct MicrosoftForm {
  const char *name, *inputs, *outputs, *attributes;
};
constexpr MicrosoftForm microsoftForms[] = {
    {"BiasGelu", "rr", "r", ""},
    {"FastGelu", "ro", "r", ""},
    {"FusedMatMul", "rr", "r", "f:alpha i:transA i:transB i:transBatchA i:transBatchB"},
    {"GatherBlockQuantized", "rrro", "r", "i:bits i:block_size i:gather_axis i:quantize_axis"},
    {"Gelu", "r", "r", ""},
    {"GroupQueryAttention", "roooorrooooooo", "rooo",
     "i:do_rotary s:k_quant_type i:kv_cache_bit_width I:kv_num_heads i:local_window_size I:num_heads i:qk_output "
     "i:rotary_interleaved f:scale i:smooth_softmax f:softcap s:v_quant_type"},
    {"MatMulNBits", "rrrooo", "r", "I:K I:N i:accuracy_level i:bits I:block_size"},
    {"MultiHeadAttention", "rooooooooo", "rooo", "f:mask_filter_value I:num_heads f:scale i:unidirectional"},
    {"QuickGelu", "r", "r", "f:alpha"},
    {"RotaryEmbedding", "rrrr", "r",
     "i:interleaved i:is_packed_batching i:num_heads i:rotary_embedding_dim f:scale"},
    {"SimplifiedLayerNormalization", "rr", "ro", "i:axis f:epsilon i:stash_type"},
    {"SkipLayerNormalization", "rrroo", "rooo", "f:epsilon"},
    {"SkipSimplifiedLayerNormalization", "rrro", "rooo", "f:epsilon"},
};

/// The operators that utils/onnx-ops.txt gives typed operations; kept in step by a test.
constexpr const char *typedOperators[] = {
    "Abs", "Add", "And", "Ceil", "Clip", "Cos", "CumSum", "Div", "Einsum", "Equal", "Erf", "Exp", "Floor", "Gemm", "Greater",
    "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "MatMul", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Or",
    "Pow", "Range", "Reciprocal", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Round", "Sign", "Sin", "Sqrt", "Sub", "Tanh", "Where", "Xor", "Attention", "AveragePool",
    "BatchNormalization", "Conv", "Dropout", "Elu", "Gelu", "GlobalAveragePool", "GroupNormalization", "HardSigmoid",
    "HardSwish", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "LogSoftmax", "MaxPool", "PRelu",
    "RMSNormalization", "Relu", "RotaryEmbedding", "Sigmoid", "Softmax", "Softplus", "Swish", "ArgMax", "ArgMin", "Cast",
    "CastLike", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "Identity", "NonZero", "OneHot", "Pad", "Reshape", "Resize", "ScatterElements", "ScatterND", "Shape", "Size",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "DequantizeLinear",
    "DynamicQuantizeLinear", "MatMulInteger", "QuantizeLinear"};

Arity arityOf(OpSchema::FormalParameterOption option) {
  return option == OpSchema::Single ? Arity::Single : option == OpSchema::Optional ? Arity::Optional : Arity::Variadic;
}

OperatorForm formOf(const OpSchema &schema) {
  OperatorForm form;
  for (const auto &input : schema.inputs())
    form.inputs.push_back(arityOf(input.GetOption()));
  for (const auto &output : schema.outputs())
    form.outputs.push_back(arityOf(output.GetOption()));
  for (const auto &[name, attribute] : schema.attributes())
    form.attributes[name] = {static_cast<int>(attribute.type), attribute.required};
  return form;
}

OperatorForm formOf(const MicrosoftForm &description) {
  auto arities = [](StringRef letters) {
    llvm::SmallVector<Arity> result;
    for (char letter : letters)
      result.push_back(letter == 'r' ? Arity::Single : letter == 'o' ? Arity::Optional : Arity::Variadic);
    return result;
  };
  OperatorForm form{arities(description.inputs), arities(description.outputs), {}};
  for (StringRef entry : llvm::split(description.attributes, ' ')) {
    if (entry.empty())
      continue;
    char letter = entry.front();
    int type = llvm::toLower(letter) == 'i'   ? AttributeProto::INT
               : llvm::toLower(letter) == 'f' ? AttributeProto::FLOAT
                                              : AttributeProto::STRING;
    form.attributes[entry.drop_front(2)] = {type, llvm::isUpper(letter)};
  }
  return form;
}

using FormTable = llvm::StringMap<OperatorForm>;

const FormTable &standardTable() {
  static const FormTable table = [] {
    FormTable forms;
    for (const char *name : typedOperators)
      if (const OpSchema *schema = OpSchemaRegistry::Schema(name))
        forms[name] = formOf(*schema);
    return forms;
  }();
  return table;
}

const FormTable &microsoftTable() {
  static const FormTable table = [] {
    FormTable forms;
    for (const MicrosoftForm &description : microsoftForms)
      forms[description.name] = formOf(description);
    return forms;
  }();
  return table;
}

/// Whether `names` (empty for absent ones) fill `parameters` so that an operation can hold them.
template <typename Names> bool namesFit(const Names &names, llvm::ArrayRef<Arity> parameters) {
  int count = names.size();
  while (count > 0 && names[count - 1].empty())
    --count;
  bool variadic = !parameters.empty() && parameters.back() == Arity::Variadic;
  size_t fixed = parameters.size() - variadic;
  if (static_cast<size_t>(count) > fixed && !variadic)
    return false;
  for (int i = 0; i < count; ++i)
    if (names[i].empty() && (static_cast<size_t>(i) >= fixed || parameters[i] != Arity::Optional))
      return false;
  for (size_t i = static_cast<size_t>(count); i < fixed; ++i)
    if (parameters[i] == Arity::Single)
      return false;
  return true;
}

bool attributesFit(const proto::NodeProto &node, const OperatorForm &form) {
  llvm::StringSet<> seen;
  for (const AttributeProto &attribute : node.attribute()) {
    auto known = form.attributes.find(attribute.name());
    if (known == form.attributes.end() || !attribute.ref_attr_name().empty() || attribute.type() != known->second.type ||
        !seen.insert(attribute.name()).second)
      return false;
  }
  return llvm::all_of(form.attributes, [&](const auto &entry) { return !entry.second.required || seen.contains(entry.first()); });
}

/// Whether the schema takes tensors of these elements. Unknown ones (0) are taken.
bool elementsFit(llvm::ArrayRef<int32_t> elements, const OpSchema &schema) {
  for (size_t i = 0; i != elements.size() && !schema.inputs().empty(); ++i) {
    if (elements[i] == 0)
      continue;
    std::string type = "tensor(" + proto::Utils::DataTypeUtils::ToDataTypeString(elements[i]) + ")";
    const auto &allowed = schema.inputs()[std::min(i, schema.inputs().size() - 1)].GetTypes();
    if (llvm::none_of(allowed, [&](const std::string *text) { return *text == type; }))
      return false;
  }
  return true;
}

} // namespace

const OperatorForm *qllm::onnx::lookupForm(StringRef domain, StringRef name) {
  const FormTable *table = domain.empty() ? &standardTable() : domain == microsoftDomain ? &microsoftTable() : nullptr;
  // ONNX Runtime keeps this one in the default domain, and its exporters write it so.
  if (domain.empty() && name == "SimplifiedLayerNormalization")
    table = &microsoftTable();
  if (!table)
    return nullptr;
  auto found = table->find(name);
  return found == table->end() ? nullptr : &found->second;
}

bool qllm::onnx::fitsForm(const proto::NodeProto &node, int64_t opset, const OperatorForm &form) {
  if (!node.overload().empty() || !attributesFit(node, form) || !namesFit(node.input(), form.inputs) || !namesFit(node.output(), form.outputs))
    return false;
  if (!canonicalDomain(node.domain()).empty() || node.op_type() == "SimplifiedLayerNormalization")
    return true;
  int64_t since = sinceVersion("", node.op_type(), opset);
  if (since == 0)
    return false;
  for (const Meaning &meaning : meanings)
    if (node.op_type() == meaning.name && since < meaning.since)
      return false;
  // Up to version 13, outputs 2 and 3 were something else.
  return node.op_type() != "BatchNormalization" || since >= 14 || node.output_size() == 1;
}

int64_t qllm::onnx::sinceVersion(StringRef domain, StringRef name, int64_t opset) {
  const OpSchema *schema = OpSchemaRegistry::Schema(name.str(), static_cast<int>(opset), domain.str());
  return schema && !schema->Deprecated() ? schema->since_version() : 0;
}

bool qllm::onnx::meansTheSame(StringRef name, int64_t from, int64_t to) {
  int64_t since = sinceVersion("", name, from);
  if (since == sinceVersion("", name, to))
    return true;
  // Older operators changed their meaning under the same form, and this one the names of its modes (in 20).
  if (since < 13 || name == "GridSample")
    return false;
  const OpSchema *old = OpSchemaRegistry::Schema(name.str(), static_cast<int>(from), "");
  const OpSchema *now = OpSchemaRegistry::Schema(name.str(), static_cast<int>(to), "");
  if (!old || !now || now->Deprecated())
    return false;
  auto sameParameters = [](const auto &left, const auto &right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const auto &a, const auto &b) { return a.GetName() == b.GetName() && a.GetOption() == b.GetOption(); });
  };
  auto sameAttribute = [](const auto &a, const auto &b) {
    const auto &left = a.second, &right = b.second;
    return a.first == b.first && left.type == right.type && left.required == right.required &&
           left.default_value.SerializeAsString() == right.default_value.SerializeAsString();
  };
  return sameParameters(old->inputs(), now->inputs()) && sameParameters(old->outputs(), now->outputs()) &&
         std::equal(old->attributes().begin(), old->attributes().end(), now->attributes().begin(), now->attributes().end(), sameAttribute);
}

int64_t qllm::onnx::newestVersion(StringRef domain) {
  static const OpSchemaRegistry::DomainToVersionRange ranges;
  auto found = ranges.Map().find(domain.str());
  return found == ranges.Map().end() ? 0 : found->second.second;
}

int64_t qllm::onnx::firstOpsetAccepting(const proto::NodeProto &node, llvm::ArrayRef<int32_t> elements, int64_t atLeast) {
  int64_t tried = 0;
  for (int64_t opset = atLeast, newest = newestVersion(""); opset <= newest; ++opset) {
    int64_t since = sinceVersion("", node.op_type(), opset);
    if (since == 0 || since == tried)
      continue;
    tried = since;
    const OpSchema &schema = *OpSchemaRegistry::Schema(node.op_type(), static_cast<int>(opset), "");
    OperatorForm form = formOf(schema);
    if (attributesFit(node, form) && namesFit(node.input(), form.inputs) && namesFit(node.output(), form.outputs) &&
        elementsFit(elements, schema))
      return opset;
  }
  return 0;
}
