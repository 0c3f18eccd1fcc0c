#include "spec_reader.h"

#include "../../convert.h"

namespace napi_torch::engine {
namespace {

constexpr uint32_t kMaxItems = 100'000;  // Of any list, such as the values and the steps of a plan.

}  // namespace

SpecReader SpecReader::operator[](const char* key) const {
  if (!value_.IsObject()) throw Expected("an object");
  return {value_.As<Napi::Object>().Get(key), path_ + "." + key};
}

std::vector<SpecReader> SpecReader::Items() const {
  if (!value_.IsArray()) throw Expected("an array");
  const Napi::Array array = value_.As<Napi::Array>();
  if (array.Length() > kMaxItems) throw Expected("at most 100000 items");
  std::vector<SpecReader> items;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    items.emplace_back(array.Get(i), path_ + "[" + std::to_string(i) + "]");
  }
  return items;
}

int64_t SpecReader::Integer(int64_t min, int64_t max) const {
  const double number = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : -1;
  const bool fits = number >= static_cast<double>(min) && number <= static_cast<double>(max);
  if (!value_.IsNumber() || !fits || number != static_cast<double>(static_cast<int64_t>(number))) {
    throw Expected("an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<int64_t>(number);
}

std::array<int64_t, 2> SpecReader::Pair(int64_t min, int64_t max) const {
  const std::vector<SpecReader> items = Items();
  if (items.size() != 2) throw Expected("two integers");
  const int64_t first = items[0].Integer(min, max);
  return {first, items[1].Integer(min, max)};
}

float SpecReader::Float() const {
  if (!value_.IsNumber()) throw Expected("a number");
  return value_.As<Napi::Number>().FloatValue();
}

bool SpecReader::Boolean() const {
  if (!value_.IsBoolean()) throw Expected("a boolean");
  return value_.As<Napi::Boolean>().Value();
}

std::string SpecReader::Text() const {
  if (!value_.IsString()) throw Expected("a string");
  return value_.As<Napi::String>().Utf8Value();
}

Napi::Error SpecReader::Expected(const std::string& what) const {
  return napi_torch::Expected(value_.Env(), what, path_);
}

}  // namespace napi_torch::engine
