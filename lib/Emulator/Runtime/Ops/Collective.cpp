// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads mnemonics word by word. Words that only restate what every form of an operation has
// (`aligned`, `row.col`) are dropped first.

#include "qllm/Emulator/Runtime/Ops/Collective.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

using namespace qllm;
using namespace qllm::emu;

namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view text) {
  Words words;
  while (!text.empty()) {
    size_t dot = std::min(text.find('.'), text.size());
    std::string_view word = text.substr(0, dot);
    if (word != "sync" && word != "aligned" && word != "row" && word != "col")
      words.push_back(word);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return words;
}

/// Removes `word` and tells whether it was there.
bool take(Words &words, std::string_view word) {
  auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    return false;
  words.erase(found);
  return true;
}

template <typename Value> struct Named {
  std::string_view name;
  Value value;
};

template <typename Value, size_t Size>
std::optional<Value> lookup(const Named<Value> (&table)[Size], std::string_view name) {
  for (const Named<Value> &entry : table)
    if (entry.name == name)
      return entry.value;
  return std::nullopt;
}

constexpr Named<Element> kElements[] = {{"s4", Element::S4},     {"u4", Element::U4},
                                        {"s8", Element::S8},     {"u8", Element::U8},
                                        {"f16", Element::F16},   {"bf16", Element::BF16},
                                        {"e4m3", Element::E4M3}, {"e5m2", Element::E5M2},
                                        {"f32", Element::F32},   {"s32", Element::S32}};

constexpr Named<Shuffle::Kind> kShuffles[] = {{"bfly", Shuffle::Butterfly},
                                              {"up", Shuffle::Up},
                                              {"down", Shuffle::Down},
                                              {"idx", Shuffle::Index}};

constexpr Named<Vote::Kind> kVotes[] = {
    {"any", Vote::Any}, {"all", Vote::All}, {"ballot", Vote::Ballot}, {"uni", Vote::Uniform}};

constexpr Named<Reduce::Kind> kReductions[] = {
    {"add", Reduce::Add},          {"and", Reduce::And},          {"or", Reduce::Or},
    {"xor", Reduce::Xor},          {"min", Reduce::Min},          {"max", Reduce::Max},
    {"umin", Reduce::UnsignedMin}, {"umax", Reduce::UnsignedMax}, {"fmin", Reduce::FloatMin},
    {"fmax", Reduce::FloatMax}};

struct Shape {
  unsigned m = 0, n = 0, k = 0;
};

std::optional<Shape> parseShape(std::string_view text) {
  Shape shape;
  const char *at = text.data(), *end = at + text.size();
  for (auto [letter, field] :
       {std::pair('m', &shape.m), std::pair('n', &shape.n), std::pair('k', &shape.k)}) {
    if (at == end || *at != letter)
      return std::nullopt;
    auto [next, error] = std::from_chars(at + 1, end, *field);
    if (error != std::errc())
      return std::nullopt;
    at = next;
  }
  return at == end ? std::optional(shape) : std::nullopt;
}

bool sameFamily(Element a, Element b) {
  return isFloat(a) == isFloat(b) && elementBits(a) == elementBits(b);
}

/// Whether an accumulator of this type goes with operands of that one.
bool accumulates(Element accumulator, Element operand) {
  if (!isFloat(operand))
    return accumulator == Element::S32;
  return accumulator == Element::F32 || (accumulator == Element::F16 && operand != Element::BF16);
}

/// `SHAPE[.satfinite].D.A.B.C`
std::optional<Collective> parseMma(Words words) {
  bool saturate = take(words, "satfinite");
  if (words.size() != 5)
    return std::nullopt;
  std::optional<Shape> shape = parseShape(words[0]);
  std::optional<Element> d = lookup(kElements, words[1]), a = lookup(kElements, words[2]),
                         b = lookup(kElements, words[3]), c = lookup(kElements, words[4]);
  if (!shape || !a || !b || !c || d != c || !sameFamily(*a, *b) || !accumulates(*c, *a) ||
      (saturate && isFloat(*a)))
    return std::nullopt;
  // A row of A is 32 bytes, or 16 in the forms of half the depth.
  unsigned rowBits = shape->k * elementBits(*a);
  if (shape->m != 16 || shape->n != 8 || (rowBits != 256 && rowBits != 128) || elementBits(*a) > 16)
    return std::nullopt;
  return Mma{shape->m, shape->n, shape->k, *a, *b, *c, saturate};
}

/// `SHAPE[.satfinite].D.A.B[.zero][.registers][.unfenced]`: D is not read, A lies in registers,
/// registers were written after the last fence.
std::optional<Collective> parseWarpgroupMma(Words words) {
  bool saturate = take(words, "satfinite"), zero = take(words, "zero"),
       registers = take(words, "registers"), unfenced = take(words, "unfenced");
  if (words.size() != 4)
    return std::nullopt;
  std::optional<Shape> shape = parseShape(words[0]);
  std::optional<Element> d = lookup(kElements, words[1]), a = lookup(kElements, words[2]),
                         b = lookup(kElements, words[3]);
  if (!shape || !a || !b || !d || !sameFamily(*a, *b) || !accumulates(*d, *a) ||
      elementBits(*a) < 8)
    return std::nullopt;
  if (shape->m != 64 || shape->n % 8 || shape->n == 0 || shape->n > 256 ||
      shape->k * elementBits(*a) != 256)
    return std::nullopt;
  return WarpgroupMma{shape->n, shape->k, *a, *b, *d, saturate, !zero, registers, unfenced};
}

/// `fence`, `commit_group`, `wait_group.PENDING`
std::optional<Collective> parseWarpgroupControl(const Words &words) {
  if (words == Words{"fence"})
    return WarpgroupControl{WarpgroupControl::Fence, 0};
  if (words == Words{"commit_group"})
    return WarpgroupControl{WarpgroupControl::Commit, 0};
  unsigned pending = 0;
  if (words.size() != 2 || words[0] != "wait_group" ||
      std::from_chars(words[1].data(), words[1].data() + words[1].size(), pending).ec !=
          std::errc())
    return std::nullopt;
  return WarpgroupControl{WarpgroupControl::Wait, pending};
}

std::optional<Collective> parseTensorControl(const Words &words) {
  constexpr Named<TensorControl::Kind> plain[] = {
      {"alloc", TensorControl::Allocate},
      {"dealloc", TensorControl::Free},
      {"relinquish_alloc_permit", TensorControl::Relinquish},
      {"wait::ld", TensorControl::WaitForLoads}};
  if (words.size() == 1)
    if (std::optional<TensorControl::Kind> kind = lookup(plain, words[0]))
      return TensorControl{*kind, 0};
  if (words.size() != 3 || words[0] != "ld" || words[1] != "32x32b")
    return std::nullopt;
  for (unsigned columns = 1; columns <= 128; columns *= 2)
    if (words[2] == "x" + std::to_string(columns))
      return TensorControl{TensorControl::Load, columns};
  return std::nullopt;
}

/// A form of block-scaled product that exists.
struct ScaledForm {
  std::string_view kind, vector, scale;
  unsigned k, scales;
};
constexpr ScaledForm kScaledForms[] = {
    {"kind::mxf8f6f4", "scale_vec::1X", "ue8m0", 32, 1},
    {"kind::mxf4", "scale_vec::2X", "ue8m0", 64, 2},
    {"kind::mxf4nvf4", "scale_vec::2X", "ue8m0", 64, 2},
    {"kind::mxf4nvf4", "scale_vec::4X", "ue4m3", 64, 4},
};

/// A format of elements in a product of this depth.
const ElementFormat *scaledElement(std::string_view name, unsigned k) {
  bool known = name == "e2m1" ||
               (k == 32 && (name == "e2m3" || name == "e3m2" || name == "e4m3" || name == "e5m2"));
  return known ? ElementFormat::lookup(name) : nullptr;
}

/// `SIDE::BYTE_THREAD` with a byte where `scales` of them begin, and one of `threads`.
std::optional<BlockScaledMma::Selector> parseSelector(std::string_view text, char side,
                                                      unsigned scales, unsigned threads) {
  if (text.size() != 6 || text[0] != side || text.substr(1, 2) != "::" || text[4] != '_')
    return std::nullopt;
  BlockScaledMma::Selector selector{unsigned(text[3] - '0'), unsigned(text[5] - '0')};
  if (selector.byte > 3 || selector.byte % scales || selector.thread >= threads)
    return std::nullopt;
  return selector;
}

/// `SHAPE.kind::K.block_scale.scale_vec::V.f32.A.B.f32.SCALE.SELECTOR_A.SELECTOR_B`
std::optional<Collective> parseBlockScaledMma(Words words) {
  if (words.size() != 10 || words[3] != "f32" || words[6] != "f32")
    return std::nullopt;
  std::optional<Shape> shape = parseShape(words[0]);
  const auto *form =
      std::find_if(std::begin(kScaledForms), std::end(kScaledForms), [&](const ScaledForm &f) {
        return words[1] == f.kind && words[2] == f.vector && words[7] == f.scale;
      });
  if (!shape || form == std::end(kScaledForms) || shape->m != 16 || shape->n != 8 ||
      shape->k != form->k)
    return std::nullopt;
  const ElementFormat *a = scaledElement(words[4], form->k), *b = scaledElement(words[5], form->k);
  auto selectorA = parseSelector(words[8], 'a', form->scales, 2);
  auto selectorB = parseSelector(words[9], 'b', form->scales, 4);
  if (!a || !b || !selectorA || !selectorB)
    return std::nullopt;
  // The sign of a ue4m3 is not there.
  const ElementFormat *scale = ElementFormat::lookup(form->scale == "ue4m3" ? "e4m3" : form->scale);
  return BlockScaledMma{form->k, a, b, scale, form->scales, *selectorA, *selectorB};
}

std::optional<Collective> parseMatrixCopy(Words words, bool store) {
  bool transpose = take(words, "trans");
  if (words.size() != 4 || words[0] != "m8n8" || words[2] != "shared" || words[3] != "b16")
    return std::nullopt;
  for (unsigned count : {1u, 2u, 4u})
    if (words[1] == "x" + std::to_string(count))
      return MatrixCopy{count, transpose, store};
  return std::nullopt;
}

std::optional<Collective> parseReduce(Words words) {
  bool absolute = take(words, "abs"), nan = take(words, "NaN");
  std::optional<Reduce::Kind> kind =
      words.size() == 1 ? lookup(kReductions, words[0]) : std::optional<Reduce::Kind>();
  return kind ? std::optional<Collective>(Reduce{*kind, absolute, nan}) : std::nullopt;
}

/// An operation that has one word more, its kind, from a table.
template <typename Operation, typename Table>
std::optional<Collective> parseKind(const Words &words, const Table &table) {
  auto kind = words.size() == 1 ? lookup(table, words[0]) : decltype(lookup(table, words[0]))();
  return kind ? std::optional<Collective>(Operation{*kind}) : std::nullopt;
}

} // namespace

unsigned qllm::emu::elementBits(Element element) {
  switch (element) {
  case Element::S4:
  case Element::U4:
    return 4;
  case Element::S8:
  case Element::U8:
  case Element::E4M3:
  case Element::E5M2:
    return 8;
  case Element::F16:
  case Element::BF16:
    return 16;
  case Element::F32:
  case Element::S32:
    break;
  }
  return 32;
}

bool qllm::emu::isFloat(Element element) {
  return element == Element::F16 || element == Element::BF16 || element == Element::E4M3 ||
         element == Element::E5M2 || element == Element::F32;
}

std::optional<Collective> qllm::emu::parseCollective(std::string_view mnemonic) {
  Words words = split(mnemonic);
  if (words.empty())
    return std::nullopt;
  std::string_view name = words.front();
  words.erase(words.begin());
  if (name == "mma" && take(words, "block_scale"))
    return parseBlockScaledMma(words);
  if (name == "mma")
    return parseMma(words);
  if (name == "wgmma" && take(words, "mma_async"))
    return parseWarpgroupMma(words);
  if (name == "wgmma")
    return parseWarpgroupControl(words);
  if (name == "tcgen05")
    return parseTensorControl(words);
  if (name == "ldmatrix" || name == "stmatrix")
    return parseMatrixCopy(words, name == "stmatrix");
  if (name == "shfl")
    return parseKind<Shuffle>(words, kShuffles);
  if (name == "vote")
    return parseKind<Vote>(words, kVotes);
  if (name == "redux")
    return parseReduce(words);
  if (name == "match" && words.size() == 1 && (words[0] == "any" || words[0] == "all"))
    return Match{words[0] == "all"};
  if (name == "elect" && words.empty())
    return Elect{};
  if (name == "bar" && words == Words{"warp"})
    return WarpBarrier{};
  return std::nullopt;
}
