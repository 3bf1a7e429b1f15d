// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays, strings and lists as values of a run, and back, without copying arrays.

#include "Native.h"
#include <nanobind/stl/optional.h>

namespace {

/// The plain type of an element; those that NumPy has from elsewhere (bfloat16, float8, int4, ...)
/// are unsigned integers of their size, which Python code then views as what they are.
nb::dlpack::dtype plainType(int element) {
  switch (element) {
  case 1:
    return nb::dtype<float>();
  case 3:
    return nb::dtype<int8_t>();
  case 5:
    return nb::dtype<int16_t>();
  case 6:
    return nb::dtype<int32_t>();
  case 7:
    return nb::dtype<int64_t>();
  case 9:
    return nb::dtype<bool>();
  case 10:
    return {uint8_t(nb::dlpack::dtype_code::Float), 16, 1};
  case 11:
    return nb::dtype<double>();
  case 14:
    return {uint8_t(nb::dlpack::dtype_code::Complex), 64, 1};
  case 15:
    return {uint8_t(nb::dlpack::dtype_code::Complex), 128, 1};
  default:
    return {uint8_t(nb::dlpack::dtype_code::UInt), uint8_t(8 * qllmElementSize(element)), 1};
  }
}

Value makeTensor(nb::object array, int elementType) {
  std::vector<int64_t> shape;
  QllmTensorView view = viewOf(nb::cast<AnyArray>(array), elementType, shape);
  QllmValue *value = nullptr;
  Call(nb::none()).run([&](const QllmListener *) { return qllmValueCreateTensor(&view, &value); });
  return {value, std::move(array)};
}

Value makeStrings(const std::vector<int64_t> &shape, const std::vector<nb::bytes> &strings) {
  std::vector<const char *> texts;
  std::vector<size_t> lengths;
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  if (count != int64_t(strings.size()))
    throw nb::value_error("expected as many strings as the shape says");
  for (const nb::bytes &text : strings) {
    texts.push_back(text.c_str());
    lengths.push_back(text.size());
  }
  QllmValue *value = nullptr;
  Call(nb::none()).run([&](const QllmListener *) {
    return qllmValueCreateStrings(shape.data(), shape.size(), texts.data(), lengths.data(), &value);
  });
  return value;
}

Value makeSequence(nb::list elements) {
  std::vector<const QllmValue *> handles;
  for (nb::handle element : elements)
    handles.push_back(nb::cast<Value &>(element).handle.get());
  QllmValue *value = nullptr;
  Call(nb::none()).run([&](const QllmListener *) {
    return qllmValueCreateSequence(handles.data(), handles.size(), &value);
  });
  return {value, std::move(elements)};
}

QllmTensorView tensorOf(const Value &value) {
  QllmTensorView view{};
  Call(nb::none()).run([&](const QllmListener *) {
    return qllmValueGetTensor(value.handle.get(), &view);
  });
  return view;
}

/// Over the value's own memory, which `self` keeps.
nb::ndarray<nb::numpy> toArray(nb::object self) {
  QllmTensorView view = tensorOf(nb::cast<Value &>(self));
  if (!view.data && qllmElementSize(view.element_type) == 0)
    throw nb::type_error("expected a tensor of numbers, but got one of strings");
  std::vector<size_t> shape(view.shape, view.shape + view.rank);
  return {const_cast<void *>(view.data),
          view.rank,
          shape.data(),
          self,
          nullptr,
          plainType(view.element_type),
          nb::device::cpu::value,
          0};
}

std::vector<nb::bytes> toStrings(const Value &value) {
  std::vector<nb::bytes> strings;
  size_t length = 0;
  while (const char *text = qllmValueGetString(value.handle.get(), strings.size(), &length))
    strings.emplace_back(text, length);
  return strings;
}

nb::list toElements(const Value &value) {
  nb::list elements;
  for (size_t i = 0, count = qllmValueGetElementCount(value.handle.get()); i < count; ++i)
    elements.append(nb::cast(Value(qllmValueGetElement(value.handle.get(), i))));
  return elements;
}

std::vector<int64_t> shapeOf(const Value &value) {
  QllmTensorView view = tensorOf(value);
  return {view.shape, view.shape + view.rank};
}

} // namespace

QllmTensorView viewOf(const AnyArray &array, int elementType, std::vector<int64_t> &shape) {
  if (array.itemsize() != qllmElementSize(elementType))
    throw nb::type_error("the array's elements have another size than the element type");
  for (size_t i = 0; i < array.ndim(); ++i)
    shape.push_back(int64_t(array.shape(i)));
  return {elementType, shape.size(), shape.data(), array.data()};
}

void defineValue(nb::module_ &m) {
  nb::class_<Value>(m, "Value", "A tensor, a sequence, or nothing.")
      .def_static("tensor", makeTensor, nb::arg("array"), nb::arg("element_type"),
                  "Borrows the memory of an array. Types are numbered as in ONNX.")
      .def_static("strings", makeStrings, nb::arg("shape"), nb::arg("strings"))
      .def_static("sequence", makeSequence, nb::arg("elements"))
      .def_static("none", [] { return Value(qllmValueCreateNone()); })
      .def_prop_ro(
          "kind", [](const Value &value) { return int(qllmValueGetKind(value.handle.get())); },
          "0 for nothing, 1 for a tensor, 2 for a sequence, 3 for a quantized tensor.")
      .def_prop_ro("element_type",
                   [](const Value &value) { return int(tensorOf(value).element_type); })
      .def_prop_ro("shape", shapeOf)
      .def(
          "to_array", [](nb::object self) { return toArray(std::move(self)); },
          nb::rv_policy::reference,
          "An array over the memory of the tensor; types that NumPy lacks as unsigned integers.")
      .def("to_strings", toStrings)
      .def("to_elements", toElements);
}
