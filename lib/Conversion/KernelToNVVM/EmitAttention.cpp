// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qk.attention: the loop over chunks of tokens, with the greatest score so far.

#include "EmitAttention.h"

#include "AttentionResult.h"
#include "CachePlace.h"
#include "FloatMath.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// A score that no token has: its weight is zero beside any other.
constexpr float leastScore = -1e30f;

class AttentionEmitter {
public:
  AttentionEmitter(OpBuilder &builder, AttentionOp op, StringRef name, StringRef sharedName);

  void emit();

private:
  static constexpr int64_t chunkTokens = kernels::KVCache::chunkTokens;
  /// Of a chunk: blocks of 8 tokens, steps of 16, and tokens of a lane's quarter.
  static constexpr int64_t blocks = chunkTokens / 8, steps = chunkTokens / 16,
                           quarterTokens = chunkTokens / 4;

  /// What the loop carries for each of the lane's rows, the sum of weighted zero points negated,
  /// and the sums of weighted codes: two of each row for each block of 8 elements.
  struct State {
    SmallVector<Value, 2> greatest, weights, zeros;
    SmallVector<Value> sums;

    SmallVector<Value> values() const;
  };
  /// Scale and zero point of the lane's two tokens of a block; 0 for tokens beyond the last.
  struct Parameters {
    std::array<Value, 2> scale, zero;
  };
  using Scores = std::array<Words, blocks>;
  using Keys = std::array<Words, blocks>;

  State start();
  State stateOf(ValueRange values);
  State addChunk(State state, Value first);
  Words readKeyBlock(Value address, int64_t block);
  Keys readKeys(Value address);
  Scores multiplyKeys(const Keys &keys);
  Parameters readParameters(Value address, int64_t at, int64_t block, Value firstToken);
  void toScores(Scores &scores, Value address, Value firstToken);
  Value token(Value firstToken, int64_t block, unsigned i) {
    return code.add(firstToken, block * 2 + i % 2);
  }
  Value isVisible(Value token, unsigned i) {
    return code.less(token, code.add(queries->rows[i / 2].row.position, 1));
  }
  void rescale(State &state, const Scores &scores);
  Scores toWeights(State &state, const Scores &scores, Value address, Value firstToken);
  SmallVector<Value> readValues(Value address);
  void multiplyValues(State &state, const Scores &weights, ArrayRef<Value> codes);
  WarpSums finish(const State &state);

  AttentionOp op;
  kernels::AttentionTile tile;
  kernels::AttentionKernel kernel;
  kernels::KVCache cache;
  KernelFunction function;
  CodeBuilder code;
  AttentionPlace place;
  Value shared, quarter, column; ///< lane % 4 and lane / 4
  Value length;                  ///< tokens up to the last position of the tile
  std::unique_ptr<AttentionQueries> queries;
};

} // namespace

SmallVector<Value> AttentionEmitter::State::values() const {
  SmallVector<Value> all;
  for (const auto &pair : {greatest, weights, zeros})
    llvm::append_range(all, pair);
  llvm::append_range(all, sums);
  return all;
}

AttentionEmitter::State AttentionEmitter::stateOf(ValueRange values) {
  size_t rows = tile.halves();
  auto part = [&](size_t i) { return SmallVector<Value, 2>(values.slice(i * rows, rows)); };
  return {part(0), part(1), part(2), llvm::to_vector(values.drop_front(3 * rows))};
}

AttentionEmitter::AttentionEmitter(OpBuilder &builder, AttentionOp op, StringRef name,
                                   StringRef sharedName)
    : op(op), tile(tileOf(op)), kernel(tile.kernel), cache(kernel.cache),
      function(builder, op, name, kernel.threads()), code(builder, op.getLoc()) {
  Location loc = op.getLoc();
  // Sums want registers more than there is use for a second block.
  giveAllRegisters(builder);
  shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  place.thread = NVVM::ThreadIdXOp::create(builder, loc, code.i32());
  place.lane = code.bitAnd(place.thread, 31);
  place.warp = code.shiftRight(place.thread, 5);
  place.head = code.columnBlock();
  // The last queries of a prompt have the most tokens before them. They start first, so that no
  // long block is left at the end.
  place.tile = code.subtract(code.add(code.rowBlocks(), -1), code.rowBlock());
  place.split = NVVM::BlockIdZOp::create(builder, loc, code.i32());
  quarter = code.bitAnd(place.lane, 3);
  column = code.shiftRight(place.lane, 2);
  queries = std::make_unique<AttentionQueries>(code, op, function, place, shared);
  length = code.add(queries->lastPosition, 1);
}

AttentionEmitter::State AttentionEmitter::start() {
  Value zero = code.constant(0.0f), least = code.constant(leastScore);
  size_t rows = tile.halves();
  return {SmallVector<Value, 2>(rows, least), SmallVector<Value, 2>(rows, zero),
          SmallVector<Value, 2>(rows, zero),
          SmallVector<Value>(cache.headSize / 8 * 2 * rows, zero)};
}

/// The words of the lane's part of its key in a block.
Words AttentionEmitter::readKeyBlock(Value address, int64_t block) {
  int64_t laneBytes = cache.keyLaneBytes();
  Value mine = code.advance(address, code.multiply(place.lane, 16));
  Words words;
  auto read = [&](int64_t piece, unsigned first, unsigned count) {
    Value vector =
        code.loadConstant(VectorType::get(4, code.i32()), code.advance(mine, piece * 512), 16);
    for (unsigned i = 0; i != count; ++i)
      words.push_back(code.element(vector, first + i));
  };
  if (laneBytes == 8) {
    read(block / 2, block % 2 * 2, 2);
    return words;
  }
  for (int64_t piece = 0; piece != laneBytes / 16; ++piece)
    read(block * (laneBytes / 16) + piece, 0, 4);
  return words;
}

AttentionEmitter::Keys AttentionEmitter::readKeys(Value address) {
  Keys keys;
  for (int64_t block = 0; block != blocks; ++block)
    keys[block] = readKeyBlock(address, block);
  return keys;
}

AttentionEmitter::Scores AttentionEmitter::multiplyKeys(const Keys &keys) {
  Scores scores;
  scores.fill(Words(2 * tile.halves(), code.constant(0.0f)));
  SplitWords query;
  for (int64_t step = 0; step != tile.steps(); ++step) {
    query = queries->read(step);
    for (int64_t block = 0; block != blocks; ++block) {
      if (step == 0)
        scores[block] = startSums(code, query, scores[block]);
      Value codes = codesOfStep(code, keys[block], step, cache.keyBits);
      scores[block] =
          multiplyAdd(code, query, negatedCodes(code, codes, cache.keyBits), scores[block]);
    }
  }
  for (Words &ofBlock : scores)
    ofBlock = finishSums(code, query, ofBlock);
  return scores;
}

AttentionEmitter::Parameters AttentionEmitter::readParameters(Value address, int64_t at,
                                                              int64_t block, Value firstToken) {
  Value pointer = code.advance(
      address, code.multiply(quarter, quarterTokens * kernels::KVCache::parameterBytes));
  Value vector = code.loadConstant(
      VectorType::get(4, code.f32()),
      code.advance(pointer, at + block * 2 * kernels::KVCache::parameterBytes), 16);
  Parameters parameters;
  for (unsigned i = 0; i != 2; ++i) {
    // What lies beyond the last token may be no number, and no weight of zero would make it one.
    Value exists = code.less(token(firstToken, block, i), length);
    Value zero = code.constant(0.0f);
    parameters.scale[i] = code.select(exists, code.element(vector, 2 * i), zero);
    parameters.zero[i] = code.select(exists, code.element(vector, 2 * i + 1), zero);
  }
  return parameters;
}

/// Products of codes to scores in powers of two; those of tokens that the query does not see to the
/// least.
void AttentionEmitter::toScores(Scores &scores, Value address, Value firstToken) {
  for (int64_t block = 0; block != blocks; ++block) {
    Parameters parameters = readParameters(address, cache.keyParametersAt(), block, firstToken);
    for (unsigned i = 0; i != 2 * tile.halves(); ++i) {
      const LaneRow &row = queries->rows[i / 2];
      Value &score = scores[block][i];
      // Negative, as the factor is.
      Value centred = code.multiplyAdd(parameters.zero[i % 2], row.sum, score);
      score = code.multiplyFloat(centred, code.multiplyFloat(parameters.scale[i % 2], row.factor));
      score =
          code.select(isVisible(token(firstToken, block, i), i), score, code.constant(leastScore));
    }
  }
}

/// Takes the chunk's greatest scores into the state.
void AttentionEmitter::rescale(State &state, const Scores &scores) {
  std::array<Value, 2> factors;
  for (unsigned half = 0; half != tile.halves(); ++half) {
    Value greatest = scores[0][half * 2];
    for (const Words &block : scores)
      for (unsigned i : {0, 1})
        greatest = floats::maximum(code, greatest, block[half * 2 + i]);
    greatest = floats::reduce(code, greatest, {1, 2}, floats::maximum);
    greatest = floats::maximum(code, greatest, state.greatest[half]);
    factors[half] = floats::exp2(code, code.subtractFloat(state.greatest[half], greatest));
    state.greatest[half] = greatest;
    state.weights[half] = code.multiplyFloat(state.weights[half], factors[half]);
    state.zeros[half] = code.multiplyFloat(state.zeros[half], factors[half]);
  }
  for (auto [i, sum] : llvm::enumerate(state.sums))
    sum = code.multiplyFloat(sum, factors[i / 2 % tile.halves()]);
}

/// Weights times the scales of values, negated as codes are. Sums of weights, and these times zero
/// points, go to the state.
AttentionEmitter::Scores AttentionEmitter::toWeights(State &state, const Scores &scores,
                                                     Value address, Value firstToken) {
  Scores weights;
  for (int64_t block = 0; block != blocks; ++block) {
    Parameters parameters = readParameters(address, cache.valueParametersAt(), block, firstToken);
    for (unsigned i = 0; i != 2 * tile.halves(); ++i) {
      unsigned half = i / 2;
      Value weight = floats::exp2(code, code.subtractFloat(scores[block][i], state.greatest[half]));
      // Where a row sees no token yet, its greatest score is the least one too.
      weight = code.select(isVisible(token(firstToken, block, i), i), weight, code.constant(0.0f));
      state.weights[half] = code.addFloat(state.weights[half], weight);
      weight = code.multiplyFloat(weight, floats::negate(code, parameters.scale[i % 2]));
      state.zeros[half] = code.multiplyAdd(weight, parameters.zero[i % 2], state.zeros[half]);
      weights[block].push_back(weight);
    }
  }
  return weights;
}

/// For each 8 elements, or 16 where two share a byte: a word for each 16 tokens.
SmallVector<Value> AttentionEmitter::readValues(Value address) {
  Value offset =
      code.add(code.multiply(column, chunkTokens), code.multiply(quarter, quarterTokens));
  Value mine = code.advance(code.advance(address, cache.valuesAt()), offset);
  SmallVector<Value> words;
  for (int64_t row = 0; row != cache.headSize * cache.valueBits / 64; ++row)
    words.push_back(code.loadConstant(VectorType::get(steps, code.i32()),
                                      code.advance(mine, row * 8 * chunkTokens),
                                      unsigned(quarterTokens)));
  return words;
}

void AttentionEmitter::multiplyValues(State &state, const Scores &weights, ArrayRef<Value> codes) {
  // Two blocks of tokens are a step of 16: rows of the left operand are those of scores.
  SmallVector<SplitWords> left;
  for (int64_t step = 0; step != steps; ++step) {
    SmallVector<std::array<Value, 2>, 4> pairs;
    for (const Words &block : {weights[2 * step], weights[2 * step + 1]})
      for (size_t i = 0; i != block.size(); i += 2)
        pairs.push_back({block[i], block[i + 1]});
    left.push_back(splitPairs(code, pairs, /*isExact=*/false));
  }
  int64_t columnBlocks = cache.headSize / 8, codesOfByte = 8 / cache.valueBits;
  for (int64_t row = 0; row != columnBlocks / codesOfByte; ++row) {
    for (int64_t part = 0; part != codesOfByte; ++part) {
      // The upper half bytes are elements of the second half.
      size_t count = 2 * tile.halves(), first = (row + part * (columnBlocks / 2)) * count;
      Words sums = startSums(code, left.front(), ArrayRef(state.sums).slice(first, count));
      for (int64_t step = 0; step != steps; ++step) {
        Value ofStep =
            codesOfStep(code, code.element(codes[row], unsigned(step)), part, cache.valueBits);
        sums = multiplyAdd(code, left[step], negatedCodes(code, ofStep, cache.valueBits), sums);
      }
      llvm::copy(finishSums(code, left.front(), sums), state.sums.begin() + first);
    }
  }
}

AttentionEmitter::State AttentionEmitter::addChunk(State state, Value first) {
  // Nothing that is read from shared memory may be kept in registers from chunk to chunk.
  NVVM::SyncWarpOp::create(code.getBuilder(), op.getLoc(), code.constant(int64_t(-1)));
  Value address =
      chunkAddress(code, cache, function[op.getCache()].pointer, function[op.getPages()].pointer,
                   place.head, code.divide(first, chunkTokens));
  // Of the lane in the first block.
  Value firstToken = code.add(first, code.multiply(quarter, quarterTokens));
  // All codes of the chunk may be on their way before the first product.
  Keys keys = readKeys(address);
  SmallVector<Value> values = readValues(address);
  Scores scores = multiplyKeys(keys);
  toScores(scores, address, firstToken);
  rescale(state, scores);
  multiplyValues(state, toWeights(state, scores, address, firstToken), values);
  return state;
}

WarpSums AttentionEmitter::finish(const State &state) {
  WarpSums sums{state.greatest, {}, state.sums};
  std::array<Value, 2> zeros;
  for (unsigned half = 0; half != tile.halves(); ++half) {
    sums.weights.push_back(floats::reduce(code, state.weights[half], {1, 2}, floats::sum));
    zeros[half] = floats::reduce(code, state.zeros[half], {1, 2}, floats::sum);
  }
  for (auto [i, sum] : llvm::enumerate(sums.values))
    sum = code.addFloat(sum, zeros[i / 2 % tile.halves()]);
  return sums;
}

void AttentionEmitter::emit() {
  OpBuilder &builder = code.getBuilder();
  Value turn = code.add(code.multiply(place.split, kernel.warps), place.warp);
  // Counted in tokens: there is no register for another end than `length`.
  auto loop = scf::ForOp::create(
      builder, op.getLoc(), code.multiply(turn, chunkTokens), length,
      code.constant(chunkTokens * kernel.warps * kernel.splits), start().values(),
      [&](OpBuilder &, Location loc, Value first, ValueRange carried) {
        scf::YieldOp::create(builder, loc, addChunk(stateOf(carried), first).values());
      });
  emitAttentionResult(code, op, function, place, finish(stateOf(loop.getResults())),
                      code.advance(shared, tile.warpsAt()));
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}

void qllm::emitAttention(OpBuilder &builder, AttentionOp op, StringRef name, StringRef shared) {
  OpBuilder::InsertionGuard guard(builder);
  AttentionEmitter(builder, op, name, shared).emit();
}
