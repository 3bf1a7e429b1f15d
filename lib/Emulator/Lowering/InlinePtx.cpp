// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inline PTX, as nvvm.inline_ptx and llvm.inline_asm write it: a straight line of instructions on
// 32-bit registers. `$i` counts results first, then operands; other names are registers of the
// text.

#include "BitOperations.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace qllm::emu;

namespace {

/// Translates one text. All registers are i32 while it runs.
class PtxText {
public:
  PtxText(OpBuilder &builder, Operation *op, HostLowering &host, ValueRange operands,
          unsigned results)
      : builder(builder), op(op), location(op->getLoc()), host(host), operands(operands),
        results(results) {}

  LogicalResult translate(StringRef text) {
    SmallVector<StringRef> statements;
    text.split(statements, ';', -1, false);
    for (StringRef statement : statements) {
      statement = statement.trim().trim("{}").trim();
      if (!statement.empty() && !statement.starts_with(".reg") && failed(instruction(statement)))
        return failure();
    }
    for (auto [i, result] : llvm::enumerate(results))
      if (!result)
        return op->emitOpError("has inline PTX that does not set result ") << i;
    return success();
  }
  ArrayRef<Value> values() const { return results; }

private:
  LogicalResult instruction(StringRef statement) {
    auto [mnemonic, rest] = statement.split(' ');
    if (mnemonic.starts_with("mma.sync."))
      return product(mnemonic, rest);
    SmallVector<StringRef> names;
    rest.split(names, ',');
    unsigned table = 0;
    bool logic = mnemonic == "lop3.b32";
    if (logic && (names.size() != 5 || names.pop_back_val().trim().getAsInteger(0, table)))
      return op->emitOpError("has inline PTX with a lop3 that is not 'd, a, b, c, table': ")
             << statement;
    SmallVector<Value> sources;
    for (StringRef name : ArrayRef<StringRef>(names).drop_front()) {
      sources.push_back(read(name.trim()));
      if (!sources.back())
        return op->emitOpError("has inline PTX that reads an unknown register: ") << name.trim();
    }
    Value result =
        logic ? threeInputLogic(builder, location, sources[0], sources[1], sources[2], table)
              : compute(mnemonic, sources);
    if (!result)
      return op->emitOpError("has inline PTX that the emulator does not know: ") << statement;
    return write(names.front().trim(), result);
  }

  /// mma.sync, of which NVVM has no operation for small floats: groups of registers in braces, D
  /// first, which are as many as those of C at the end.
  LogicalResult product(StringRef mnemonic, StringRef text) {
    SmallVector<StringRef> groups;
    text.split(groups, '}', -1, /*KeepEmpty=*/false);
    SmallVector<SmallVector<StringRef>> names;
    for (StringRef group : groups)
      group.ltrim(", {").split(names.emplace_back(), ',');
    std::optional<Collective> known = parseCollective(mnemonic);
    const Mma *mma = known ? std::get_if<Mma>(&*known) : nullptr;
    if (!mma)
      return op->emitOpError("has inline PTX that the emulator does not know: ") << mnemonic;
    if (names.size() != 4 || names[0].size() != mma->wordsC() || names[1].size() != mma->wordsA() ||
        names[2].size() != mma->wordsB() || names[3].size() != mma->wordsC())
      return op->emitOpError("has inline PTX with an mma whose registers are not ")
             << mma->wordsC() << ", " << mma->wordsA() << ", " << mma->wordsB() << " and "
             << mma->wordsC() << " in braces: " << mnemonic;
    SmallVector<Value> sources;
    for (StringRef name : llvm::concat<StringRef>(names[1], names[2], names[3])) {
      sources.push_back(read(name.trim()));
      if (!sources.back())
        return op->emitOpError("has inline PTX that reads an unknown register: ") << name.trim();
    }
    SmallVector<Type> types(names[0].size(), builder.getI32Type());
    FailureOr<SmallVector<Value>> values =
        host.collective(builder, op, mnemonic, sources, Value(), types);
    if (failed(values))
      return failure();
    for (auto [name, value] : llvm::zip(names[0], *values))
      if (failed(write(name.trim(), value)))
        return failure();
    return success();
  }

  Value compute(StringRef name, ArrayRef<Value> x) {
    if (x.size() == 1)
      return unary(name, x[0]);
    if (x.size() == 2)
      return binary(name, x[0], x[1]);
    if (x.size() != 3)
      return Value();
    if (name == "prmt.b32")
      return permuteBytes(builder, location, x[0], x[1], x[2]);
    if (name == "fma.rn.f16x2" || name == "fma.rn.bf16x2") {
      Type type = pairType(name);
      return bits(fusedMultiplyAdd(builder, location, host, cast(x[0], type), cast(x[1], type),
                                   cast(x[2], type)));
    }
    if (name == "cvt.pack.sat.s8.s32.b32" || name == "cvt.pack.sat.u8.s32.b32")
      return host.call(builder, location,
                       name.contains(".s8.") ? "qllm_emu_pack_s8" : "qllm_emu_pack_u8",
                       builder.getI32Type(), x);
    return Value();
  }

  Value unary(StringRef name, Value x) {
    if (name == "mov.b32" || name == "mov.u32" || name == "mov.s32")
      return x;
    if (name == "not.b32")
      return LLVM::XOrOp::create(builder, location, x, host.constant(builder, location, ~0u));
    StringRef function = llvm::StringSwitch<StringRef>(name)
                             .Cases({"ex2.approx.f32", "ex2.approx.ftz.f32"}, "qllm_emu_exp2")
                             .Cases({"lg2.approx.f32", "lg2.approx.ftz.f32"}, "qllm_emu_log2")
                             .Cases({"rcp.approx.f32", "rcp.approx.ftz.f32"}, "qllm_emu_reciprocal")
                             .Cases({"rsqrt.approx.f32", "rsqrt.approx.ftz.f32"}, "qllm_emu_rsqrt")
                             .Cases({"tanh.approx.f32"}, "qllm_emu_tanh")
                             .Default("");
    Type f32 = builder.getF32Type();
    if (!function.empty())
      return bits(host.call(builder, location, function, f32, {cast(x, f32)}));
    if (name == "cvt.rni.s32.f32")
      return host.call(builder, location, "qllm_emu_round_s32", builder.getI32Type(),
                       {cast(x, f32)});
    return Value();
  }

  Value binary(StringRef name, Value a, Value b) {
    if (name == "and.b32")
      return LLVM::AndOp::create(builder, location, a, b);
    if (name == "or.b32")
      return LLVM::OrOp::create(builder, location, a, b);
    if (name == "xor.b32")
      return LLVM::XOrOp::create(builder, location, a, b);
    if (name == "add.s32" || name == "add.u32")
      return LLVM::AddOp::create(builder, location, a, b);
    if (name == "sub.s32" || name == "sub.u32")
      return LLVM::SubOp::create(builder, location, a, b);
    // Shifts by 32 or more, which LLVM leaves undefined, are not in what we emit.
    if (name == "shl.b32")
      return LLVM::ShlOp::create(builder, location, a, b);
    if (name == "shr.u32" || name == "shr.b32")
      return LLVM::LShrOp::create(builder, location, a, b);
    Type type = pairType(name);
    if (!type)
      return Value();
    Value x = cast(a, type), y = cast(b, type);
    StringRef operation = name.split('.').first;
    if (operation == "add")
      return bits(LLVM::FAddOp::create(builder, location, x, y));
    if (operation == "sub")
      return bits(LLVM::FSubOp::create(builder, location, x, y));
    if (operation == "mul")
      return bits(LLVM::FMulOp::create(builder, location, x, y));
    return Value();
  }

  Type pairType(StringRef name) {
    if (name.ends_with(".bf16x2"))
      return VectorType::get(2, builder.getBF16Type());
    return name.ends_with(".f16x2") ? VectorType::get(2, builder.getF16Type()) : Type();
  }
  Value cast(Value value, Type type) {
    return value.getType() == type ? value
                                   : Value(LLVM::BitcastOp::create(builder, location, type, value));
  }
  Value bits(Value value) { return cast(value, builder.getI32Type()); }

  Value read(StringRef name) {
    int64_t number;
    if (!name.getAsInteger(0, number))
      return host.constant(builder, location, uint32_t(number));
    if (!name.consume_front("$"))
      return registers.lookup(name);
    unsigned index;
    if (name.getAsInteger(10, index))
      return Value();
    if (index < results.size())
      return results[index];
    index -= unsigned(results.size());
    if (index >= operands.size() || operands[index].getType().getIntOrFloatBitWidth() != 32)
      return Value();
    return bits(operands[index]);
  }

  LogicalResult write(StringRef name, Value value) {
    if (!name.consume_front("$")) {
      registers[name] = value;
      return success();
    }
    unsigned index;
    if (name.getAsInteger(10, index) || index >= results.size())
      return op->emitOpError("has inline PTX that writes operand $") << name;
    results[index] = value;
    return success();
  }

  OpBuilder &builder;
  Operation *op;
  Location location;
  HostLowering &host;
  ValueRange operands;
  SmallVector<Value> results;
  llvm::StringMap<Value> registers;
};

bool allOneRegister(TypeRange types) {
  return llvm::all_of(types, [](Type type) {
    if (auto vector = llvm::dyn_cast<VectorType>(type))
      return vector.getNumElements() * vector.getElementTypeBitWidth() == 32;
    return type.isIntOrFloat() && type.getIntOrFloatBitWidth() == 32;
  });
}

LogicalResult lower(PatternRewriter &rewriter, HostLowering &host, Operation *op, StringRef text,
                    ValueRange inputs, TypeRange results) {
  if (!allOneRegister(inputs.getTypes()) || !allOneRegister(results))
    return op->emitOpError("has inline PTX on values that are not 32 bits wide");
  Location location = op->getLoc();
  SmallVector<Value> words;
  for (Value input : inputs)
    words.push_back(
        input.getType().isInteger(32)
            ? input
            : Value(LLVM::BitcastOp::create(rewriter, location, rewriter.getI32Type(), input)));
  PtxText ptx(rewriter, op, host, words, unsigned(results.size()));
  if (failed(ptx.translate(text)))
    return failure();
  SmallVector<Value> values;
  for (auto [value, type] : llvm::zip(ptx.values(), results))
    values.push_back(value.getType() == type
                         ? value
                         : Value(LLVM::BitcastOp::create(rewriter, location, type, value)));
  auto structure = op->getNumResults() == 1
                       ? llvm::dyn_cast<LLVM::LLVMStructType>(op->getResult(0).getType())
                       : nullptr;
  if (!structure) {
    rewriter.replaceOp(op, values);
    return success();
  }
  Value packed = LLVM::PoisonOp::create(rewriter, location, structure);
  for (auto [i, value] : llvm::enumerate(values))
    packed = LLVM::InsertValueOp::create(rewriter, location, packed, value,
                                         ArrayRef<int64_t>{int64_t(i)});
  rewriter.replaceOp(op, packed);
  return success();
}

struct LowerInlinePtx : HostPattern<NVVM::InlinePtxOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(NVVM::InlinePtxOp op, PatternRewriter &rewriter) const override {
    if (op.getPredicate() || !op.getReadWriteArgs().empty())
      return op.emitOpError("with a predicate or read-write operands is not known to the emulator");
    return lower(rewriter, host, op, op.getPtxCode(), op.getReadOnlyArgs(), op.getResultTypes());
  }
};

struct LowerInlineAssembly : HostPattern<LLVM::InlineAsmOp> {
  using HostPattern::HostPattern;
  LogicalResult matchAndRewrite(LLVM::InlineAsmOp op, PatternRewriter &rewriter) const override {
    SmallVector<Type> results(op->getResultTypes());
    if (results.size() == 1)
      if (auto structure = llvm::dyn_cast<LLVM::LLVMStructType>(results.front()))
        results = llvm::to_vector(structure.getBody());
    return lower(rewriter, host, op, op.getAsmString(), op.getOperands(), results);
  }
};

} // namespace

void qllm::emu::populateInlinePtxPatterns(RewritePatternSet &patterns, HostLowering &host) {
  patterns.add<LowerInlinePtx, LowerInlineAssembly>(patterns.getContext(), host);
}
