#include "aten_values.h"

#include <cmath>
#include <optional>
#include <string>

#include "../../convert.h"
#include "../../dtype.h"
#include "../../handle.h"

namespace napi_torch::engine {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;  // 2^53 - 1, as Number.MAX_SAFE_INTEGER.
constexpr size_t kMaxListItems = 1024;

std::optional<int64_t> IntegerOf(Napi::Value value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    const int64_t integer = value.As<Napi::BigInt>().Int64Value(&lossless);
    return lossless ? std::optional(integer) : std::nullopt;
  }
  if (!value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::trunc(number) != number || std::abs(number) > kMaxSafeInteger) return std::nullopt;
  return static_cast<int64_t>(number);
}

c10::IValue ReadInteger(const SpecReader& spec) {
  const std::optional<int64_t> integer = IntegerOf(spec.value());
  if (!integer) throw spec.Expected("an integer");
  return *integer;
}

// Boxed calls of libtorch take memory formats, and dtypes, as integers.
c10::IValue ReadMemoryFormat(const SpecReader& spec) {
  const std::string name = spec.IsString() ? spec.Text() : "";
  if (name == "contiguous_format") return static_cast<int64_t>(at::MemoryFormat::Contiguous);
  if (name == "channels_last") return static_cast<int64_t>(at::MemoryFormat::ChannelsLast);
  throw spec.Expected("a memory format");
}

c10::IValue ReadScalar(const SpecReader& spec) {
  const Napi::Value& value = spec.value();
  if (value.IsBoolean()) return at::Scalar(value.As<Napi::Boolean>().Value());
  const std::optional<int64_t> integer = IntegerOf(value);
  const bool is_negative_zero =
      value.IsNumber() && std::signbit(value.As<Napi::Number>().DoubleValue()) && integer == 0;
  if (integer && !is_negative_zero) return at::Scalar(*integer);
  if (!value.IsNumber()) throw spec.Expected("a number");
  return at::Scalar(value.As<Napi::Number>().DoubleValue());
}

c10::IValue ReadLiteralOf(const SpecReader& spec, const c10::TypePtr& type);

// Operators take plain sizes where their schema declares symbolic ones.
c10::TypePtr ElementOf(const c10::ListType& type) {
  const c10::TypePtr& element = type.getElementType();
  return element->kind() == c10::TypeKind::SymIntType ? c10::TypePtr(c10::IntType::get()) : element;
}

c10::IValue ReadList(const SpecReader& spec, const c10::ListType& type) {
  const std::vector<SpecReader> items = spec.Items();
  if (items.size() > kMaxListItems) throw spec.Expected("at most 1024 items");
  const c10::TypePtr element = ElementOf(type);
  c10::impl::GenericList list(element);
  for (const SpecReader& item : items) list.push_back(ReadLiteralOf(item, element));
  return list;
}

// Boxed calls of libtorch take layouts as integers.
c10::IValue ReadLayout(const SpecReader& spec) {
  if (spec.IsString() && spec.Text() == "strided") return static_cast<int64_t>(at::kStrided);
  throw spec.Expected("the layout 'strided'");
}

c10::IValue ReadLiteralOf(const SpecReader& spec, const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (spec.IsNull()) return {};
      return ReadLiteralOf(spec, type->castRaw<c10::OptionalType>()->getElementType());
    case c10::TypeKind::ListType:
      return ReadList(spec, *type->castRaw<c10::ListType>());
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return ReadInteger(spec);
    case c10::TypeKind::ScalarTypeType:
      return static_cast<int64_t>(ReadDType(spec));
    case c10::TypeKind::LayoutType:
      return ReadLayout(spec);
    case c10::TypeKind::DeviceObjType:
      return ReadDevice(spec);
    case c10::TypeKind::MemoryFormatType:
      return ReadMemoryFormat(spec);
    case c10::TypeKind::NumberType:
      return ReadScalar(spec);
    case c10::TypeKind::FloatType:
      if (!spec.IsNumber()) throw spec.Expected("a number");
      return spec.value().As<Napi::Number>().DoubleValue();
    case c10::TypeKind::BoolType:
      return spec.Boolean();
    case c10::TypeKind::StringType:
      return spec.Text();
    default:
      throw spec.Expected("a value of type " + type->str() + " instead of a literal");
  }
}

// The type without the question mark.
const c10::TypePtr& Required(const c10::TypePtr& type) {
  return type->kind() == c10::TypeKind::OptionalType ? type->castRaw<c10::OptionalType>()->getElementType() : type;
}

c10::IValue ReadTensors(const SpecReader& spec, const c10::TypePtr& element) {
  const std::vector<SpecReader> items = spec.Items();
  if (items.size() > kMaxListItems) throw spec.Expected("at most 1024 items");
  c10::impl::GenericList list(element);
  list.reserve(items.size());
  const bool is_optional = element->kind() == c10::TypeKind::OptionalType;
  for (const SpecReader& item : items) {
    list.push_back(is_optional && item.IsNull() ? c10::IValue() : UnwrapTensor(item.value(), item.path()));
  }
  return list;
}

}  // namespace

std::optional<c10::OperatorHandle> FindOperator(const std::string& schema) {
  const size_t dot = schema.find('.');
  const std::string overload = dot == std::string::npos ? "" : schema.substr(dot + 1);
  return c10::Dispatcher::singleton().findSchema({schema.substr(0, dot), overload});
}

bool TakesTensor(const c10::TypePtr& type) { return Required(type)->kind() == c10::TypeKind::TensorType; }

at::ScalarType ReadDType(const SpecReader& spec) {
  const std::optional<at::ScalarType> dtype = spec.IsString() ? DTypeOf(spec.Text()) : std::nullopt;
  if (!dtype) throw spec.Expected("a dtype");
  return *dtype;
}

at::Device ReadDevice(const SpecReader& spec) {
  const at::Device device = ToDevice(spec.value().Env(), spec.Text(), spec.path());
  if (device.is_cpu()) return at::kCPU;
  // Without an index it is the first one: nothing in this addon changes the current device.
  return device.has_index() ? device : at::Device(device.type(), 0);
}

at::Tensor ReadTensor(const SpecReader& spec, const at::Device& device) {
  at::Tensor tensor = UnwrapTensor(spec.value(), spec.path());
  if (tensor.device() != device) {
    throw spec.Expected(device.is_cpu() ? "a tensor on the CPU" : "a tensor on " + device.str());
  }
  return tensor;
}

c10::IValue ReadLiteral(const SpecReader& spec, const c10::Argument& argument) {
  const c10::TypePtr& type = argument.real_type();
  const c10::TypePtr& required = Required(type);
  if (argument.N() && *argument.N() > 0 && required->kind() == c10::TypeKind::ListType && spec.IsNumber()) {
    const c10::TypePtr element = ElementOf(*required->castRaw<c10::ListType>());
    c10::impl::GenericList list(element);
    for (int32_t i = 0; i < *argument.N(); ++i) list.push_back(ReadLiteralOf(spec, element));
    return list;
  }
  return ReadLiteralOf(spec, type);
}

c10::IValue ReadValue(const SpecReader& spec, const c10::Argument& argument) {
  const c10::TypePtr& type = Required(argument.real_type());
  if (spec.IsNull() || (type->kind() != c10::TypeKind::TensorType && type->kind() != c10::TypeKind::ListType)) {
    return ReadLiteral(spec, argument);
  }
  if (type->kind() == c10::TypeKind::TensorType) return UnwrapTensor(spec.value(), spec.path());
  const c10::TypePtr& element = type->castRaw<c10::ListType>()->getElementType();
  return TakesTensor(element) ? ReadTensors(spec, element) : ReadLiteral(spec, argument);
}

}  // namespace napi_torch::engine
