#include "convert.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <cmath>

#include "dtype.h"
#include "env.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;  // 2^53 - 1, as Number.MAX_SAFE_INTEGER.
constexpr uint32_t kMaxSizes = 128;  // Padding has two for each of the 64 dimensions that libtorch supports.

std::optional<int64_t> ExactInteger(Napi::Value value) {
  if (!value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::trunc(number) != number || std::abs(number) > kMaxSafeInteger) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace

Napi::Error Expected(Napi::Env env, const std::string& what, const std::string& name) {
  return TorchError(env, "TORCH_INVALID_ARGUMENT", "Expected " + what + " for " + name);
}

at::Device ToDevice(Napi::Env env, const std::string& text, const std::string& name) {
  const at::Device device(text);
  if (device.is_cuda()) {
    CheckCuda(env, device);
  } else if (!device.is_cpu()) {
    throw Expected(env, "'cpu', 'cuda' or 'cuda:N'", name);
  }
  return device;
}

std::optional<std::string> CudaUnavailable() {
  if (at::globalContext().hasCUDA()) return std::nullopt;
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  if (!hooks.hasCUDART()) return "this libtorch is a build for the CPU only";
  // Only a failed initialization reports what the driver says.
  try {
    hooks.init();
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    return "this machine has no usable CUDA: " + text.substr(0, text.find('\n'));
  }
  return "this machine has no usable CUDA";
}

void CheckCuda(Napi::Env env, const at::Device& device) {
  if (const std::optional<std::string> reason = CudaUnavailable()) {
    throw TorchError(env, "TORCH_CUDA_UNAVAILABLE", "Device '" + device.str() + "' was asked for, but " + *reason);
  }
  const int64_t count = at::detail::getCUDAHooks().deviceCount();
  if (device.has_index() && device.index() >= count) {
    throw TorchError(env, "TORCH_CUDA_UNAVAILABLE",
                     "Device '" + device.str() + "' was asked for, but this machine has " + std::to_string(count) +
                         " CUDA device(s), counted from 0");
  }
}

Napi::Error Arguments::Expected(const char* what, const char* name) const {
  return napi_torch::Expected(Env(), what, std::string(name) + " of " + function_);
}

at::Tensor Arguments::Tensor(size_t index, const char* name) const { return UnwrapTensor(info_[index], name); }

std::optional<at::Tensor> Arguments::OptionalTensor(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Tensor(index, name);
}

std::vector<at::Tensor> Arguments::Tensors(size_t index, const char* name) const {
  if (!info_[index].IsArray()) throw Expected("an array of tensors", name);
  const Napi::Array array = info_[index].As<Napi::Array>();
  std::vector<at::Tensor> tensors;
  tensors.reserve(std::min<size_t>(array.Length(), 64));  // Bounded, as a sparse array has any length at no cost.
  for (uint32_t i = 0; i < array.Length(); ++i) {
    tensors.push_back(UnwrapTensor(array.Get(i), std::string(name) + "[" + std::to_string(i) + "]"));
  }
  return tensors;
}

bool Arguments::Boolean(size_t index, const char* name) const {
  if (!info_[index].IsBoolean()) throw Expected("a boolean", name);
  return info_[index].As<Napi::Boolean>().Value();
}

double Arguments::Number(size_t index, const char* name) const {
  if (!info_[index].IsNumber()) throw Expected("a number", name);
  return info_[index].As<Napi::Number>().DoubleValue();
}

std::optional<double> Arguments::OptionalNumber(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Number(index, name);
}

int64_t Arguments::Integer(size_t index, const char* name) const {
  const std::optional<int64_t> integer = ExactInteger(info_[index]);
  if (!integer) throw Expected("an integer", name);
  return *integer;
}

std::optional<int64_t> Arguments::OptionalInteger(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Integer(index, name);
}

uint64_t Arguments::Unsigned(size_t index, const char* name) const {
  if (!info_[index].IsBigInt()) throw Expected("a bigint", name);
  bool lossless = false;
  const uint64_t value = info_[index].As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Expected("a bigint from 0 to 2^64 - 1", name);
  return value;
}

std::string Arguments::String(size_t index, const char* name) const {
  if (!info_[index].IsString()) throw Expected("a string", name);
  return info_[index].As<Napi::String>().Utf8Value();
}

at::Scalar Arguments::Scalar(size_t index, const char* name) const {
  const Napi::Value value = info_[index];
  if (value.IsBoolean()) return at::Scalar(value.As<Napi::Boolean>().Value());
  if (value.IsBigInt()) {
    bool lossless = false;
    const int64_t integer = value.As<Napi::BigInt>().Int64Value(&lossless);
    if (!lossless) throw Expected("a bigint that fits int64", name);
    return at::Scalar(integer);
  }
  // -0 stays a float, as no integer can represent it.
  const std::optional<int64_t> integer = ExactInteger(value);
  if (integer && !(*integer == 0 && std::signbit(value.As<Napi::Number>().DoubleValue()))) return at::Scalar(*integer);
  return at::Scalar(Number(index, name));
}

std::optional<at::Scalar> Arguments::OptionalScalar(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Scalar(index, name);
}

std::vector<int64_t> Arguments::Integers(size_t index, const char* name) const {
  if (!info_[index].IsArray()) throw Expected("an array of integers", name);
  const Napi::Array array = info_[index].As<Napi::Array>();
  const uint32_t length = array.Length();
  std::vector<int64_t> integers;
  integers.reserve(std::min<size_t>(length, 1024));  // Bounded, as a sparse array has any length at no cost.
  for (uint32_t i = 0; i < length; ++i) {
    const std::optional<int64_t> integer = ExactInteger(array.Get(i));
    if (!integer) throw Expected("an array of integers", name);
    integers.push_back(*integer);
  }
  return integers;
}

std::vector<int64_t> Arguments::Sizes(size_t index, const char* name) const {
  if (info_[index].IsArray() && info_[index].As<Napi::Array>().Length() > kMaxSizes) {
    throw Expected("at most 128 integers", name);
  }
  return Integers(index, name);
}

std::optional<std::vector<int64_t>> Arguments::OptionalSizes(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Sizes(index, name);
}

std::array<int64_t, 2> Arguments::Pair(size_t index, const char* name) const {
  const std::vector<int64_t> sizes = Sizes(index, name);
  if (sizes.size() != 2) throw Expected("two integers", name);
  return {sizes[0], sizes[1]};
}

at::ScalarType Arguments::DType(size_t index, const char* name) const {
  const std::optional<at::ScalarType> type = info_[index].IsString() ? DTypeOf(String(index, name)) : std::nullopt;
  if (!type) throw Expected("a dtype", name);
  return *type;
}

std::optional<at::ScalarType> Arguments::OptionalDType(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return DType(index, name);
}

at::Device Arguments::Device(size_t index, const char* name) const {
  return ToDevice(Env(), String(index, name), name);
}

std::optional<at::Device> Arguments::OptionalDevice(size_t index, const char* name) const {
  if (IsMissing(index)) return std::nullopt;
  return Device(index, name);
}

napi_torch::Bytes Arguments::Bytes(size_t index, const char* name) const {
  return ToBytes(info_[index], std::string(name) + " of " + function_);
}

bool Arguments::IsTensor(size_t index) const { return napi_torch::IsTensor(info_[index]); }

Bytes ToBytes(Napi::Value value, const std::string& name) {
  const Napi::Env env = value.Env();
  void* data = nullptr;
  size_t length = 0;
  napi_value buffer = nullptr;
  // The C functions, as the wrapper expects an ArrayBuffer and fails on shared memory.
  if (value.IsTypedArray()) {
    const size_t item_size = value.As<Napi::TypedArray>().ElementSize();
    NAPI_THROW_IF_FAILED(env, napi_get_typedarray_info(env, value, nullptr, &length, &data, &buffer, nullptr), {});
    length *= item_size;
  } else if (value.IsDataView()) {
    NAPI_THROW_IF_FAILED(env, napi_get_dataview_info(env, value, &length, &data, &buffer, nullptr), {});
  } else {
    throw Expected(env, "a typed array", name);
  }
  if (data == nullptr) length = 0;
  return {static_cast<uint8_t*>(data), length, Napi::Object(env, buffer), value.As<Napi::Object>()};
}

Napi::ArrayBuffer NewArrayBuffer(Napi::Env env, size_t length) {
  // By the constructor of JavaScript, as the function of Node-API ends the process when memory is short.
  try {
    const auto constructor = EnvData::Of(env).globals.Value().Get("ArrayBuffer").As<Napi::Function>();
    const Napi::Value buffer = constructor.New({Napi::Number::New(env, static_cast<double>(length))});
    if (buffer.IsArrayBuffer()) return buffer.As<Napi::ArrayBuffer>();
  } catch (const Napi::Error&) {
  }
  throw TorchError(env, "TORCH_OUT_OF_MEMORY",
                   "JavaScript refused an ArrayBuffer of " + std::to_string(length) + " bytes");
}

Napi::Uint8Array NewUint8Array(Napi::Env env, size_t length) {
  const Napi::ArrayBuffer buffer = NewArrayBuffer(env, length);
  const auto constructor = EnvData::Of(env).globals.Value().Get("Uint8Array").As<Napi::Function>();
  const Napi::Value array = constructor.New({buffer});
  if (array.IsTypedArray() && array.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    return array.As<Napi::Uint8Array>();
  }
  throw TorchError(env, "TORCH_INTERNAL", "The global Uint8Array is not that of JavaScript");
}

Napi::String DeviceName(Napi::Env env, const at::Device& device) { return Napi::String::New(env, device.str()); }

Napi::Array SizesToArray(Napi::Env env, at::IntArrayRef sizes) {
  Napi::Array array = Napi::Array::New(env, sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Number::New(env, static_cast<double>(sizes[i])));
  }
  return array;
}

}  // namespace napi_torch
