// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scan of MLIR text ahead of its parser: tokens as MLIR has them, brackets, and aliases.

#include "qllm/Target/Module/InputLimits.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace qllm;
using llvm::StringRef;

namespace {

/// The resource section writes an alignment before the bytes, as eight hex digits. MLIR allocates
/// what it says.
constexpr uint32_t largestAlignment = 4096;

uint64_t addSaturating(uint64_t left, uint64_t right) {
  return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

bool isIdentifierBody(char c) { return llvm::isAlnum(c) || c == '_' || c == '$' || c == '.'; }

/// Width of iN, siN or uiN; 0 for other words.
uint64_t integerWidth(StringRef word) {
  if (!word.consume_front("si") && !word.consume_front("ui"))
    word.consume_front("i");
  uint64_t width = 0;
  return word.empty() || !llvm::all_of(word, llvm::isDigit) ? 0
         : word.size() > 18 || word.getAsInteger(10, width) ? UINT64_MAX
                                                            : width;
}

class Scanner {
public:
  Scanner(StringRef text, const InputLimits &limits, StringRef splitMarker)
      : text(text), limits(limits), splitMarker(splitMarker) {}

  llvm::Error run();

private:
  enum class Kind { Word, Number, String, Reference, Punctuation };
  struct Alias {
    uint64_t depth = 0; ///< Of brackets in it, with aliases it refers to.
    uint64_t size = 0;  ///< Tokens in it, with aliases written out.
  };

  bool skipSpace();
  void skipComment();
  void skipString();
  llvm::Error scanNumber();
  llvm::Error scanWord();
  llvm::Error scanReference();
  llvm::Error scanPunctuation();
  void open(char bracket);
  void close(char bracket);
  /// An operator, of an affine expression wherever it is in brackets but braces: the parser
  /// recurses on each of them.
  llvm::Error scanOperator();
  llvm::Error use(const Alias &alias);
  llvm::Error noteDepth(uint64_t depth);
  bool startsStatement(Kind next) const;
  void reset();
  llvm::Error fail(const llvm::Twine &message) const;
  llvm::Error checkAlignment(StringRef body) const;

  StringRef text;
  const InputLimits &limits;
  StringRef splitMarker;
  size_t at = 0;
  size_t tokenAt = 0;
  bool newline = true; ///< Between the token before and this one.

  std::string brackets;                  ///< Open ones.
  llvm::SmallVector<uint64_t> operators; ///< Since the last comma, within each open bracket.
  uint64_t operatorDepth = 0;
  size_t resources = 0; ///< How many were open with a `{-#`; 0 outside of its section.

  Kind previous = Kind::Word;
  char previousMark = 0; ///< The last punctuation when `previous` is one.
  llvm::StringMap<Alias> aliases;
  Alias *defined = nullptr;
  bool definedHasValue = false;
  uint64_t size = 0; ///< Of all uses of aliases.
};

llvm::Error Scanner::fail(const llvm::Twine &message) const {
  StringRef before = text.take_front(tokenAt);
  size_t start = before.rfind('\n') + 1; // npos + 1 is 0
  return llvm::createStringError(llvm::Twine(before.count('\n') + 1) + ":" +
                                 llvm::Twine(tokenAt - start + 1) + ": error: " + message);
}

llvm::Error Scanner::noteDepth(uint64_t depth) {
  if (depth > limits.nesting)
    return fail("expected at most " + llvm::Twine(limits.nesting) +
                " levels of nesting (--max-nesting), but got more");
  if (defined)
    defined->depth = std::max(defined->depth, depth);
  return llvm::Error::success();
}

void Scanner::reset() {
  brackets.clear();
  operators.clear();
  operatorDepth = resources = 0;
  aliases.clear();
  defined = nullptr;
}

void Scanner::skipComment() {
  StringRef line = text.substr(at).split('\n').first;
  bool wholeLine = at == 0 || text[at - 1] == '\n';
  if (!splitMarker.empty() && wholeLine && line.starts_with(splitMarker))
    reset();
  at += line.size();
}

/// False at the end of the text.
bool Scanner::skipSpace() {
  for (newline = false; at < text.size();) {
    char c = text[at];
    if (c == '\n')
      newline = true;
    if (c == '/' && text.substr(at).starts_with("//"))
      skipComment();
    else if (llvm::isSpace(c) || c == 0)
      ++at;
    else
      return true;
  }
  return false;
}

void Scanner::skipString() {
  ++at;
  while (at < text.size() && text[at] != '"' && text[at] != '\n')
    at += text[at] == '\\' ? 2 : 1;
  at = std::min(at + (at < text.size() && text[at] == '"'), text.size());
}

/// A name within an alias's value at no depth ends it when it begins a line of its own.
bool Scanner::startsStatement(Kind next) const {
  bool complete = previous != Kind::Punctuation || StringRef(")]}>").contains(previousMark);
  return newline && brackets.empty() && complete && definedHasValue && next != Kind::Punctuation &&
         next != Kind::Number;
}

void Scanner::open(char bracket) {
  brackets.push_back(bracket);
  operators.push_back(0);
}

void Scanner::close(char bracket) {
  char opening = bracket == ')' ? '(' : bracket == ']' ? '[' : bracket == '}' ? '{' : '<';
  if (bracket == '>' && (brackets.empty() || brackets.back() != '<'))
    return; // a comparison
  while (!brackets.empty()) {
    char last = brackets.back();
    brackets.pop_back();
    operatorDepth -= operators.pop_back_val();
    if (last == opening)
      break;
  }
  if (brackets.size() < resources)
    resources = 0;
}

llvm::Error Scanner::scanOperator() {
  if (brackets.empty() || brackets.back() == '{')
    return llvm::Error::success();
  ++operators.back();
  return noteDepth(brackets.size() + ++operatorDepth);
}

llvm::Error Scanner::scanPunctuation() {
  StringRef rest = text.substr(at);
  char c = rest.front();
  previousMark = c;
  if (rest.starts_with("->") || rest.starts_with("<=")) {
    at += 2;
    return llvm::Error::success();
  }
  if (rest.starts_with("{-#")) {
    at += 3;
    open('{');
    resources = brackets.size();
    return noteDepth(brackets.size());
  }
  ++at;
  if (StringRef("([{<").contains(c)) {
    open(c);
    return noteDepth(brackets.size() + operatorDepth);
  }
  if (StringRef("+-*").contains(c))
    return scanOperator();
  if (StringRef(")]}>").contains(c)) {
    close(c);
  } else if (c == ',' && !operators.empty()) {
    operatorDepth -= operators.back();
    operators.back() = 0;
  }
  return llvm::Error::success();
}

llvm::Error Scanner::scanNumber() {
  at += text.substr(at).starts_with("0x") ? 2 : 0;
  size_t start = at;
  while (at < text.size() && (llvm::isHexDigit(text[at]) || text[at] == '.'))
    ++at;
  at += at == tokenAt; // `0x` and nothing more
  if (at - start > limits.literal)
    return fail("expected at most " + llvm::Twine(limits.literal) +
                " digits in a number (--max-literal), but got " + llvm::Twine(at - start));
  return llvm::Error::success();
}

llvm::Error Scanner::scanWord() {
  // The x of a shape is a token of its own.
  if (text[at] == 'x' && at > 0 &&
      (llvm::isDigit(text[at - 1]) || StringRef("?*]").contains(text[at - 1]))) {
    ++at;
    return llvm::Error::success();
  }
  while (at < text.size() && isIdentifierBody(text[at]))
    ++at;
  StringRef word = text.slice(tokenAt, at);
  if (uint64_t width = integerWidth(word); width > limits.literal)
    return fail("expected an integer type of at most " + llvm::Twine(limits.literal) +
                " bits (--max-literal), but got '" + word.take_front(20) + "'");
  if (word == "mod" || word == "floordiv" || word == "ceildiv")
    return scanOperator();
  return llvm::Error::success();
}

llvm::Error Scanner::use(const Alias &alias) {
  size = addSaturating(size, alias.size);
  if (defined)
    defined->size = addSaturating(defined->size, alias.size);
  if (size > limits.expansion)
    return fail("expected at most " + llvm::Twine(limits.expansion) +
                " tokens with aliases written out (--max-expansion), but got more");
  return noteDepth(brackets.size() + operatorDepth + alias.depth);
}

/// `#name`, `!name`, and values, symbols and blocks, which are of no interest.
llvm::Error Scanner::scanReference() {
  ++at;
  while (at < text.size() && (isIdentifierBody(text[at]) || text[at] == '-'))
    ++at;
  StringRef name = text.slice(tokenAt, at);
  if (name.front() != '#' && name.front() != '!')
    return llvm::Error::success();
  StringRef rest = text.substr(at).ltrim();
  if (brackets.empty() && rest.starts_with("=") && !rest.starts_with("==")) {
    defined = &aliases[name];
    *defined = {};
    definedHasValue = false;
    return llvm::Error::success();
  }
  auto known = aliases.find(name);
  if (known == aliases.end() || &known->second == defined)
    return llvm::Error::success();
  return use(Alias(known->second));
}

llvm::Error Scanner::checkAlignment(StringRef body) const {
  uint32_t value;
  if (!body.consume_front("0x") || body.size() < 8 || body.take_front(8).getAsInteger(16, value))
    return llvm::Error::success();
  uint32_t alignment = llvm::byteswap(value);
  if (alignment == 0 || alignment > largestAlignment)
    return fail("expected a resource of an alignment from 1 to " + llvm::Twine(largestAlignment) +
                ", but got " + llvm::Twine(alignment));
  return llvm::Error::success();
}

llvm::Error Scanner::run() {
  while (skipSpace()) {
    tokenAt = at;
    char c = text[at];
    Kind kind = c == '"'                         ? Kind::String
                : llvm::isDigit(c)               ? Kind::Number
                : llvm::isAlpha(c) || c == '_'   ? Kind::Word
                : StringRef("#!%@^").contains(c) ? Kind::Reference
                                                 : Kind::Punctuation;
    if (defined && kind != Kind::Reference && startsStatement(kind))
      defined = nullptr;
    bool isValue = defined && !(kind == Kind::Punctuation && c == '=' && !definedHasValue);
    llvm::Error error = llvm::Error::success();
    switch (kind) {
    case Kind::String:
      skipString();
      if (resources)
        error = checkAlignment(text.slice(tokenAt + 1, at));
      break;
    case Kind::Number:
      error = scanNumber();
      break;
    case Kind::Word:
      error = scanWord();
      break;
    case Kind::Reference:
      error = scanReference();
      break;
    case Kind::Punctuation:
      error = scanPunctuation();
      break;
    }
    // Tokens that are there count only when an alias repeats them.
    if (defined)
      defined->size = addSaturating(defined->size, 1);
    if (!error)
      error = noteDepth(brackets.size() + operatorDepth);
    if (error)
      return error;
    definedHasValue |= isValue;
    previous = kind;
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error qllm::checkModuleText(StringRef text, const InputLimits &limits,
                                  StringRef splitMarker) {
  return Scanner(text, limits, splitMarker).run();
}
