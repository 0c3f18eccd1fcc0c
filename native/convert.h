// Readers of JavaScript arguments. Each checks the type and throws a TorchError that names the argument, so that no
// argument can crash the process. Meaning (ranges, shapes) is checked in TypeScript.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Scalar.h>
#include <napi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace napi_torch {

// TORCH_INVALID_ARGUMENT in the wording of lib/util/check.ts, without the received value.
Napi::Error Expected(Napi::Env env, const std::string& what, const std::string& name);

// The memory of a typed array or DataView. Valid until JavaScript runs again: read it after all other arguments.
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
  Napi::Object buffer;  // The ArrayBuffer or SharedArrayBuffer.
  Napi::Object view;    // The typed array or DataView.
};

// The bytes of `value`. Runs no JavaScript. Throws TORCH_INVALID_ARGUMENT, which names `name`, for what is no view of
// memory.
Bytes ToBytes(Napi::Value value, const std::string& name);

class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& info, const char* function) : info_(info), function_(function) {}

  at::Tensor Tensor(size_t index, const char* name) const;
  std::optional<at::Tensor> OptionalTensor(size_t index, const char* name) const;
  std::vector<at::Tensor> Tensors(size_t index, const char* name) const;

  bool Boolean(size_t index, const char* name) const;
  double Number(size_t index, const char* name) const;
  std::optional<double> OptionalNumber(size_t index, const char* name) const;
  int64_t Integer(size_t index, const char* name) const;
  std::optional<int64_t> OptionalInteger(size_t index, const char* name) const;
  uint64_t Unsigned(size_t index, const char* name) const;  // A bigint of 64 bits.
  std::string String(size_t index, const char* name) const;

  // A number or a bigint. A number without a fraction is an integer, as a Python literal would be.
  at::Scalar Scalar(size_t index, const char* name) const;
  std::optional<at::Scalar> OptionalScalar(size_t index, const char* name) const;

  std::vector<int64_t> Integers(size_t index, const char* name) const;
  // At most 128 integers, such as the sizes of a shape.
  std::vector<int64_t> Sizes(size_t index, const char* name) const;
  std::optional<std::vector<int64_t>> OptionalSizes(size_t index, const char* name) const;
  std::array<int64_t, 2> Pair(size_t index, const char* name) const;

  at::ScalarType DType(size_t index, const char* name) const;
  std::optional<at::ScalarType> OptionalDType(size_t index, const char* name) const;
  // Refuses a CUDA device that libtorch or the machine lacks.
  at::Device Device(size_t index, const char* name) const;
  std::optional<at::Device> OptionalDevice(size_t index, const char* name) const;

  napi_torch::Bytes Bytes(size_t index, const char* name) const;

  bool IsTensor(size_t index) const;
  bool IsString(size_t index) const { return info_[index].IsString(); }

  Napi::Env Env() const { return info_.Env(); }

 private:
  bool IsMissing(size_t index) const { return info_[index].IsNull() || info_[index].IsUndefined(); }
  Napi::Error Expected(const char* what, const char* name) const;

  const Napi::CallbackInfo& info_;
  const char* function_;
};

// TORCH_CUDA_UNAVAILABLE unless the machine has the CUDA device.
void CheckCuda(Napi::Env env, const at::Device& device);

// Why there is no CUDA device, as the end of a sentence; nothing if there is one.
std::optional<std::string> CudaUnavailable();

// The device that a text names. Throws TORCH_INVALID_ARGUMENT, or TORCH_CUDA_UNAVAILABLE as CheckCuda does.
at::Device ToDevice(Napi::Env env, const std::string& text, const std::string& name);

// An ArrayBuffer of `length` zeros. Throws TORCH_OUT_OF_MEMORY where JavaScript refuses it.
Napi::ArrayBuffer NewArrayBuffer(Napi::Env env, size_t length);
// As NewArrayBuffer.
Napi::Uint8Array NewUint8Array(Napi::Env env, size_t length);

// The text of a device: `cpu` or `cuda:N`.
Napi::String DeviceName(Napi::Env env, const at::Device& device);

Napi::Array SizesToArray(Napi::Env env, at::IntArrayRef sizes);

}  // namespace napi_torch
