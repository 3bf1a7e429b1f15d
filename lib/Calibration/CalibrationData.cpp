// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples out of NumPy and safetensors files, checked against the function's arguments.

#include "qllm/Calibration/CalibrationData.h"

#include "qllm/Interpreter/Evaluate.h"
#include "qllm/Support/DataDirectory.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/NumpyFile.h"
#include "qllm/Tensor/SafetensorsFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace {

using Samples = std::vector<std::vector<interp::Value>>;

class Reader {
public:
  Reader(func::FuncOp function, const CalibrationFile &file) : function(function), file(file) {}

  Expected<Samples> run() {
    if (file.path.empty())
      return createStringError("expected a calibration file, .npy, .npz or .safetensors");
    if (file.windows < 1 || file.length < 1)
      return createStringError(
          "expected at least 1 calibration window of at least 1 token, but got " +
          llvm::Twine(file.windows) + " of " + llvm::Twine(file.length));
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      names.push_back(interp::inputName(function, i));
    Expected<std::shared_ptr<MappedFile>> mapped = MappedFile::open(file.path);
    if (!mapped)
      return mapped.takeError();
    llvm::ArrayRef<char> bytes = (*mapped)->bytes();
    if (StringRef(bytes.data(), bytes.size()).starts_with("PK"))
      return readNumpyArchive(bytes);
    if (isSafetensors(bytes))
      return readSafetensorsFile(bytes);
    Expected<Tensor> array = parseNumpyArray(bytes);
    return array ? readSingle(*array) : fail(llvm::toString(array.takeError()));
  }

private:
  Error fail(const llvm::Twine &message) {
    return createStringError("'" + file.path + "': " + message);
  }

  bool takesTokens() const { return llvm::is_contained(names, "input_ids"); }

  /// Which samples of `count` are taken.
  llvm::SmallVector<int64_t> chosen(int64_t count) const {
    return interp::windowStarts(count, std::min(file.windows, count), 1);
  }

  Expected<Samples> readNumpyArchive(llvm::ArrayRef<char> bytes) {
    Expected<std::vector<ArchiveMember>> members = readArchive(bytes);
    if (!members)
      return fail(llvm::toString(members.takeError()));
    return readNamed(llvm::ArrayRef<ArchiveMember>(*members),
                     [](const ArchiveMember &member) { return parseNumpyArray(member.bytes); });
  }

  Expected<Samples> readSafetensorsFile(llvm::ArrayRef<char> bytes) {
    Expected<std::vector<SafetensorsMember>> members = readSafetensors(bytes);
    if (!members)
      return fail(llvm::toString(members.takeError()));
    // Whoever stores one tensor need not know what the model calls it.
    bool isOther = members->size() == 1 && !llvm::is_contained(names, members->front().name);
    if (!isOther)
      return readNamed(llvm::ArrayRef<SafetensorsMember>(*members),
                       [](const SafetensorsMember &member) { return member.read(); });
    Expected<Tensor> array = members->front().read();
    return array ? readSingle(*array) : fail(llvm::toString(array.takeError()));
  }

  /// `read` copies the array of a member.
  template <typename Member, typename Read>
  Expected<Samples> readNamed(llvm::ArrayRef<Member> members, Read read) {
    llvm::SmallVector<StringRef> held;
    for (const Member &member : members) {
      held.push_back(member.name);
      if (!llvm::is_contained(names, member.name))
        return fail("expected arrays for the inputs " + llvm::join(names, ", ") + ", but got '" +
                    member.name + "'");
    }
    std::vector<Tensor> arrays(names.size());
    for (auto [name, array] : llvm::zip_equal(names, arrays)) {
      auto member = llvm::find(held, name);
      if (member == held.end())
        continue;
      Expected<Tensor> parsed = read(members[member - held.begin()]);
      if (!parsed)
        return fail("'" + name + "': " + llvm::toString(parsed.takeError()));
      array = std::move(*parsed);
    }
    return assemble(arrays);
  }

  Expected<Samples> readSingle(const Tensor &array) {
    std::vector<Tensor> arrays(names.size());
    if (isInteger(array.type()) && (takesTokens() || names.size() == 1) && array.rank() == 1)
      return readText(array);
    if (takesTokens()) {
      arrays[llvm::find(names, "input_ids") - names.begin()] = array;
    } else if (names.size() == 1) {
      arrays.front() = array;
    } else {
      return fail("expected a .npz or .safetensors with arrays for the inputs " +
                  llvm::join(names, ", ") + ", but got one array without a name");
    }
    return assemble(arrays);
  }

  Expected<Samples> readText(const Tensor &array) {
    Expected<Tensor> tokens = cast(array, ElementType::I64);
    if (!tokens)
      return tokens.takeError();
    llvm::SmallVector<int64_t> starts =
        interp::windowStarts(tokens->size(), file.windows, file.length);
    if (starts.empty())
      return fail("expected at least " + llvm::Twine(file.length) + " tokens, but got " +
                  llvm::Twine(tokens->size()));
    Samples samples;
    for (int64_t start : starts)
      if (Error error = addPrefill(
              samples, tokens->values<int64_t>().slice(size_t(start), size_t(file.length))))
        return error;
    return samples;
  }

  Error addPrefill(Samples &samples, llvm::ArrayRef<int64_t> tokens) {
    samples.emplace_back();
    for (unsigned i = 0; i < names.size(); ++i) {
      Expected<Tensor> input = interp::prefillInput(function, i, tokens);
      if (!input)
        return fail(llvm::toString(input.takeError()));
      samples.back().emplace_back(std::move(*input));
    }
    return Error::success();
  }

  /// One sample of each array; what is missing belongs to a prefill of the tokens that are there.
  Expected<Samples> assemble(llvm::ArrayRef<Tensor> arrays) {
    int64_t count = -1;
    for (auto [name, array] : llvm::zip_equal(names, arrays)) {
      if (array.isNull())
        continue;
      if (array.rank() < 1 || array.dim(0) < 1)
        return fail("expected at least one sample of '" + name + "', but got " + describe(array));
      if (count >= 0 && array.dim(0) != count)
        return fail("expected " + llvm::Twine(count) + " samples of every input, but got " +
                    llvm::Twine(array.dim(0)) + " of '" + name + "'");
      count = array.dim(0);
    }
    Samples samples;
    for (int64_t index : chosen(count)) {
      samples.emplace_back();
      Tensor tokens;
      for (auto [i, array] : llvm::enumerate(arrays)) {
        samples.back().emplace_back();
        if (array.isNull())
          continue;
        Expected<Tensor> sample = sampleOf(array, index, i);
        if (!sample)
          return sample.takeError();
        if (names[i] == "input_ids")
          tokens = *sample;
        samples.back().back() = std::move(*sample);
      }
      if (Error error = fillIn(samples.back(), tokens))
        return error;
    }
    return samples;
  }

  Error fillIn(std::vector<interp::Value> &sample, const Tensor &tokens) {
    for (auto [i, value] : llvm::enumerate(sample)) {
      if (!value.isNone())
        continue;
      if (tokens.isNull())
        return fail("expected an array for input '" + names[i] + "', but got none");
      Expected<Tensor> ids = cast(tokens, ElementType::I64);
      if (!ids)
        return ids.takeError();
      Expected<Tensor> input = interp::prefillInput(function, unsigned(i), ids->values<int64_t>());
      if (!input)
        return fail(llvm::toString(input.takeError()));
      value = std::move(*input);
    }
    return Error::success();
  }

  Expected<Tensor> sampleOf(const Tensor &array, int64_t index, size_t argument) {
    auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[argument]);
    auto wanted = [&] {
      std::string text;
      llvm::raw_string_ostream(text) << function.getArgumentTypes()[argument];
      return text;
    };
    ElementType element =
        type ? interp::runtimeElementType(type.getElementType()) : ElementType::Undefined;
    bool bothIntegers = isInteger(element) && isInteger(array.type());
    bool bothFloats =
        element != ElementType::Undefined && isFloat(element) && isFloat(array.type());
    bool fits = type && (bothIntegers || bothFloats || element == array.type());
    Tensor sample = array.rows(index, 1);
    if (fits && array.rank() == type.getRank() + 1)
      sample = sample.reshaped(array.shape().drop_front());
    fits &= type && sample.rank() == type.getRank();
    for (int64_t d = 0; fits && d < sample.rank(); ++d)
      fits = type.isDynamicDim(d) || type.getDimSize(d) == sample.dim(d);
    if (!fits)
      return fail("expected samples of " + wanted() + " for input '" + names[argument] +
                  "', but got " + describe(sample) + " out of " + describe(array));
    return cast(sample, element);
  }

  func::FuncOp function;
  const CalibrationFile &file;
  std::vector<std::string> names;
};

} // namespace

Expected<std::vector<std::vector<interp::Value>>>
qllm::readCalibration(func::FuncOp function, const CalibrationFile &file) {
  return Reader(function, file).run();
}
