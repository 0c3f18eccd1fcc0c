#include "literal.h"

#include <cmath>
#include <optional>

#include "../convert.h"
#include "../dtype.h"

namespace napi_torch::engine {
namespace {

constexpr double kLargestExactInteger = 9007199254740991.0;  // 2^53 - 1, as Number.MAX_SAFE_INTEGER.
constexpr uint32_t kMostItems = 1024;

std::optional<int64_t> IntegerOf(Napi::Value value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    const int64_t integer = value.As<Napi::BigInt>().Int64Value(&lossless);
    return lossless ? std::optional(integer) : std::nullopt;
  }
  if (!value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::trunc(number) != number || std::abs(number) > kLargestExactInteger) return std::nullopt;
  return static_cast<int64_t>(number);
}

c10::IValue ToInteger(Napi::Value value, const std::string& name) {
  const std::optional<int64_t> integer = IntegerOf(value);
  if (!integer) throw Expected(value.Env(), "an integer", name);
  return *integer;
}

std::string TextOf(Napi::Value value, const char* what, const std::string& name) {
  if (!value.IsString()) throw Expected(value.Env(), what, name);
  return value.As<Napi::String>().Utf8Value();
}

// libtorch's boxed calls have dtypes and memory formats as integers.
c10::IValue ToDType(Napi::Value value, const std::string& name) {
  const std::optional<at::ScalarType> dtype = DTypeOf(TextOf(value, "a dtype", name));
  if (!dtype) throw Expected(value.Env(), "a dtype", name);
  return static_cast<int64_t>(*dtype);
}

c10::IValue ToMemoryFormat(Napi::Value value, const std::string& name) {
  const std::string text = TextOf(value, "a memory format", name);
  if (text == "contiguous_format") return static_cast<int64_t>(at::MemoryFormat::Contiguous);
  if (text == "channels_last") return static_cast<int64_t>(at::MemoryFormat::ChannelsLast);
  throw Expected(value.Env(), "a memory format", name);
}

c10::IValue ToScalar(Napi::Value value, const std::string& name) {
  if (value.IsBoolean()) return at::Scalar(value.As<Napi::Boolean>().Value());
  const std::optional<int64_t> integer = IntegerOf(value);
  if (integer) return at::Scalar(*integer);
  if (!value.IsNumber()) throw Expected(value.Env(), "a number", name);
  return at::Scalar(value.As<Napi::Number>().DoubleValue());
}

c10::IValue ToList(Napi::Value value, const c10::ListType& type, const std::string& name) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > kMostItems) {
    throw Expected(value.Env(), "an array of at most 1024 items", name);
  }
  // Where a schema allows for symbolic sizes, the operators take plain ones.
  const bool is_symbolic = type.getElementType()->kind() == c10::TypeKind::SymIntType;
  const c10::TypePtr element = is_symbolic ? c10::TypePtr(c10::IntType::get()) : type.getElementType();
  const Napi::Array array = value.As<Napi::Array>();
  c10::impl::GenericList list(element);
  for (uint32_t i = 0; i < array.Length(); ++i) {
    list.push_back(ToLiteral(array.Get(i), element, name + "[" + std::to_string(i) + "]"));
  }
  return list;
}

}  // namespace

c10::IValue ToLiteral(Napi::Value value, const c10::TypePtr& type, const std::string& name) {
  const Napi::Env env = value.Env();
  switch (type->kind()) {
    case c10::TypeKind::OptionalType:
      if (value.IsNull() || value.IsUndefined()) return {};
      return ToLiteral(value, type->castRaw<c10::OptionalType>()->getElementType(), name);
    case c10::TypeKind::ListType:
      return ToList(value, *type->castRaw<c10::ListType>(), name);
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return ToInteger(value, name);
    case c10::TypeKind::ScalarTypeType:
      return ToDType(value, name);
    case c10::TypeKind::MemoryFormatType:
      return ToMemoryFormat(value, name);
    case c10::TypeKind::NumberType:
      return ToScalar(value, name);
    case c10::TypeKind::FloatType:
      if (!value.IsNumber()) throw Expected(env, "a number", name);
      return value.As<Napi::Number>().DoubleValue();
    case c10::TypeKind::BoolType:
      if (!value.IsBoolean()) throw Expected(env, "a boolean", name);
      return value.As<Napi::Boolean>().Value();
    case c10::TypeKind::StringType:
      return TextOf(value, "a string", name);
    default:
      throw Expected(env, "no literal, as the schema says " + type->str() + ",", name);
  }
}

}  // namespace napi_torch::engine
