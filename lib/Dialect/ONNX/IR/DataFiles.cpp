// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes of weights: mapped, held in a resource, or packed from a dense attribute.

#include "qllm/Dialect/ONNX/IR/DataFiles.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;

namespace {

template <typename... Args> llvm::Error failed(Args &&...args) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  (stream << ... << args);
  return llvm::createStringError(text);
}

/// Appends the low `bits` bits of each value, narrow ones packed from the low end of each byte.
class Packer {
public:
  Packer(unsigned bits, llvm::SmallVectorImpl<char> &out) : bits(bits), out(out) {}

  void add(const llvm::APInt &value) {
    if (bits >= 8) {
      for (unsigned shift = 0; shift < bits; shift += 8)
        out.push_back(static_cast<char>(shift < value.getBitWidth()
                                            ? value.extractBitsAsZExtValue(std::min(8u, value.getBitWidth() - shift), shift)
                                            : 0));
      return;
    }
    uint64_t code = value.getZExtValue();
    for (unsigned bit = 0; bit != bits; ++bit, ++position) {
      if (position % 8 == 0)
        out.push_back(0);
      out.back() = static_cast<char>(out.back() | ((code >> bit & 1) << (position % 8)));
    }
  }

private:
  unsigned bits;
  uint64_t position = 0;
  llvm::SmallVectorImpl<char> &out;
};

void pack(DenseElementsAttr dense, llvm::SmallVectorImpl<char> &out) {
  Type element = dense.getElementType();
  unsigned bits = *storageBits(element);
  bool isWhole = isa<ComplexType>(element) || element.getIntOrFloatBitWidth() == bits;
  if (bits >= 8 && !dense.isSplat() && isWhole &&
      dense.getRawData().size() == static_cast<size_t>(dense.getNumElements()) * (bits / 8)) {
    llvm::append_range(out, dense.getRawData());
    return;
  }
  if (auto complex = dyn_cast<ComplexType>(element)) {
    Packer packer(bits / 2, out);
    if (isa<FloatType>(complex.getElementType())) {
      for (const std::complex<llvm::APFloat> &value : dense.getValues<std::complex<llvm::APFloat>>()) {
        packer.add(value.real().bitcastToAPInt());
        packer.add(value.imag().bitcastToAPInt());
      }
    }
    return;
  }
  Packer packer(bits, out);
  if (isa<FloatType>(element)) {
    for (const llvm::APFloat &value : dense.getValues<llvm::APFloat>())
      packer.add(value.bitcastToAPInt());
    return;
  }
  // Widths that ONNX lacks are extended to the ones they are stored in.
  bool zeroExtend = element.isUnsignedInteger() || element.isInteger(1);
  for (const llvm::APInt &value : dense.getValues<llvm::APInt>())
    packer.add(zeroExtend ? value.zext(bits) : value.sext(bits));
}

class DirectoryExtension : public DialectExtension<DirectoryExtension, ONNXDialect> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DirectoryExtension)
  explicit DirectoryExtension(llvm::StringRef path) : path(path) {}
  void apply(MLIRContext *, ONNXDialect *dialect) const final {
    // Whoever asks for weights of a directory that cannot be opened is told then.
    llvm::consumeError(dialect->getDataFiles().setDirectory(path));
  }

private:
  std::string path;
};

} // namespace

void qllm::onnx::setDataDirectory(DialectRegistry &registry, llvm::StringRef path) {
  registry.addExtension(TypeID::get<DirectoryExtension>(), std::make_unique<DirectoryExtension>(path));
}

DataFiles &DataFiles::get(MLIRContext *context) { return context->getOrLoadDialect<ONNXDialect>()->getDataFiles(); }

llvm::Error DataFiles::setDirectory(llvm::StringRef path) {
  if (root) {
    if (root->isSameAs(path))
      return llvm::Error::success();
    return failed("one context reads weights from one directory: expected '", root->path(), "', but got '", path, "'");
  }
  llvm::Expected<std::unique_ptr<DataDirectory>> opened = DataDirectory::open(path);
  if (!opened)
    return opened.takeError();
  root = std::move(*opened);
  return llvm::Error::success();
}

llvm::Expected<std::shared_ptr<MappedFile>> DataFiles::file(ExternalAttr attribute) {
  if (!root)
    return failed("'", attribute.getFile(), "': no directory is known to read weights from; read the module from a file");
  return root->file(attribute.getFile());
}

llvm::Expected<llvm::ArrayRef<char>> DataFiles::bytes(Attribute elements) {
  if (auto external = dyn_cast<ExternalAttr>(elements)) {
    llvm::Expected<std::shared_ptr<MappedFile>> mapped = file(external);
    if (!mapped)
      return mapped.takeError();
    return (*mapped)->range(external.getOffset(), external.getSize());
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    std::optional<uint64_t> wanted = storageBytes(resource.getType());
    if (!blob || !wanted)
      return failed("resource '", resource.getRawHandle().getKey(), "' has no data");
    // A splat or a shortened blob would otherwise be read past its end.
    if (blob->getData().size() != *wanted)
      return failed("resource '", resource.getRawHandle().getKey(), "': expected ", *wanted, " bytes, but got ",
                    blob->getData().size());
    return blob->getData();
  }
  return failed("expected an attribute with bytes, #onnx.external or dense_resource");
}

llvm::Expected<llvm::ArrayRef<char>> DataFiles::bytes(Attribute elements, llvm::SmallVectorImpl<char> &scratch) {
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return bytes(elements);
  if (!storageBytes(dense.getType()))
    return failed("elements of this type have no raw layout");
  scratch.clear();
  pack(dense, scratch);
  return llvm::ArrayRef<char>(scratch);
}

void DataFiles::setSpillDirectory(llvm::StringRef directory, uint64_t inMemory) {
  spill = std::make_shared<SpillFile>(directory);
  leftInMemory = inMemory;
}

llvm::Expected<AsmResourceBlob> DataFiles::allocateBlob(size_t size) {
  constexpr size_t alignment = 64;
  if (!spill || size <= leftInMemory) {
    leftInMemory -= spill ? size : 0;
    return HeapAsmResourceBlob::allocate(size, alignment);
  }
  llvm::Expected<llvm::MutableArrayRef<char>> region = spill->allocate(size);
  if (!region)
    return region.takeError();
  return AsmResourceBlob(*region, alignment,
                         [file = spill](void *data, size_t size, size_t) { file->release({static_cast<char *>(data), size}); },
                         /*dataIsMutable=*/true);
}

void DataFiles::evict(Attribute elements) {
  if (auto external = dyn_cast<ExternalAttr>(elements)) {
    if (llvm::Expected<std::shared_ptr<MappedFile>> mapped = file(external))
      (*mapped)->evict(external.getOffset(), external.getSize());
    else
      llvm::consumeError(mapped.takeError());
  } else if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements); resource && spill) {
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      spill->evict(blob->getData());
  }
}
