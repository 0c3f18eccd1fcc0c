#include "part.h"

#include <optional>

#include "../convert.h"
#include "../dtype.h"
#include "../handle.h"
#include "literal.h"

namespace napi_torch::engine {
namespace {

constexpr uint32_t kMostItems = 100'000;  // Of a list, values and steps of a plan among them.

}  // namespace

Part Part::operator[](const char* key) const {
  if (!value_.IsObject()) throw Wrong("an object");
  return {value_.As<Napi::Object>().Get(key), path_ + "." + key};
}

std::vector<Part> Part::Items() const {
  if (!value_.IsArray() || value_.As<Napi::Array>().Length() > kMostItems) throw Wrong("an array");
  const Napi::Array array = value_.As<Napi::Array>();
  std::vector<Part> items;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    items.emplace_back(array.Get(i), path_ + "[" + std::to_string(i) + "]");
  }
  return items;
}

int64_t Part::Integer(int64_t least, int64_t most) const {
  const double number = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : -1;
  const bool fits = number >= static_cast<double>(least) && number <= static_cast<double>(most);
  if (!value_.IsNumber() || !fits || number != static_cast<double>(static_cast<int64_t>(number))) {
    throw Wrong("an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int64_t>(number);
}

std::array<int64_t, 2> Part::Pair(int64_t least, int64_t most) const {
  const std::vector<Part> items = Items();
  if (items.size() != 2) throw Wrong("two integers");
  const int64_t first = items[0].Integer(least, most);
  return {first, items[1].Integer(least, most)};
}

bool Part::Boolean() const {
  if (!value_.IsBoolean()) throw Wrong("a boolean");
  return value_.As<Napi::Boolean>().Value();
}

std::string Part::Text() const {
  if (!value_.IsString()) throw Wrong("a string");
  return value_.As<Napi::String>().Utf8Value();
}

at::ScalarType Part::DType() const {
  const std::optional<at::ScalarType> dtype = value_.IsString() ? DTypeOf(Text()) : std::nullopt;
  if (!dtype) throw Wrong("a dtype");
  return *dtype;
}

at::Device Part::Device() const {
  const at::Device device = ToDevice(value_.Env(), Text(), path_);
  if (device.is_cpu()) return at::kCPU;
  // Nothing here makes another device than the first the current one.
  return device.has_index() ? device : at::Device(device.type(), 0);
}

at::Tensor Part::Tensor(const at::Device& device) const {
  at::Tensor tensor = UnwrapTensor(value_, path_);
  if (tensor.device() != device) throw Wrong(device.is_cpu() ? "a tensor on the CPU" : "a tensor on " + device.str());
  return tensor;
}

c10::IValue Part::Literal(const c10::TypePtr& type) const { return ToLiteral(value_, type, path_); }

Napi::Error Part::Wrong(const std::string& what) const { return Expected(value_.Env(), what, path_); }

}  // namespace napi_torch::engine
