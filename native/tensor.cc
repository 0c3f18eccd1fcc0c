#include "tensor.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cstring>
#include <limits>
#include <memory>

#include "borrowed.h"
#include "convert.h"
#include "dtype.h"
#include "env.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

// Bytes of a tensor. Throws where a size is negative or the product overflows.
size_t BytesOf(Napi::Env env, at::IntArrayRef sizes, at::ScalarType type) {
  auto bytes = static_cast<int64_t>(c10::elementSize(type));
  for (const int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes))
      throw Expected(env, "sizes that fit in memory", "shape");
  }
  return static_cast<size_t>(bytes);
}

// empty(shape, dtype, device): Tensor
Napi::Value Empty(const Napi::CallbackInfo& info) {
  const Arguments args(info, "empty");
  const std::vector<int64_t> shape = args.Sizes(0, "shape");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const at::Device device = args.Device(2, "device");

  return WrapTensor(info.Env(), at::empty(shape, at::TensorOptions(device).dtype(dtype)));
}

// zeros(shape, dtype, device): Tensor
Napi::Value Zeros(const Napi::CallbackInfo& info) {
  const Arguments args(info, "zeros");
  const std::vector<int64_t> shape = args.Sizes(0, "shape");
  const at::ScalarType dtype = args.DType(1, "dtype");
  const at::Device device = args.Device(2, "device");

  return WrapTensor(info.Env(), at::zeros(shape, at::TensorOptions(device).dtype(dtype)));
}

// full(shape, value, dtype, device): Tensor
Napi::Value Full(const Napi::CallbackInfo& info) {
  const Arguments args(info, "full");
  const std::vector<int64_t> shape = args.Sizes(0, "shape");
  const at::Scalar value = args.Scalar(1, "value");
  const at::ScalarType dtype = args.DType(2, "dtype");
  const at::Device device = args.Device(3, "device");

  return WrapTensor(info.Env(), at::full(shape, value, at::TensorOptions(device).dtype(dtype)));
}

// arange(start, end, step, dtype, device): Tensor
Napi::Value Arange(const Napi::CallbackInfo& info) {
  const Arguments args(info, "arange");
  const at::Scalar start = args.Scalar(0, "start");
  const at::Scalar end = args.Scalar(1, "end");
  const at::Scalar step = args.Scalar(2, "step");
  const at::ScalarType dtype = args.DType(3, "dtype");
  const at::Device device = args.Device(4, "device");

  return WrapTensor(info.Env(), at::arange(start, end, step, at::TensorOptions(device).dtype(dtype)));
}

// fromBytes(data, shape, dtype, device): Tensor, a copy.
Napi::Value FromBytes(const Napi::CallbackInfo& info) {
  const Arguments args(info, "fromBytes");
  const std::vector<int64_t> shape = args.Sizes(1, "shape");
  const at::ScalarType dtype = args.DType(2, "dtype");
  const at::Device device = args.Device(3, "device");
  const Bytes bytes = args.Bytes(0, "data");
  if (bytes.length != BytesOf(info.Env(), shape, dtype))
    throw Expected(info.Env(), "as many bytes as the shape has", "data");

  at::Tensor tensor = at::empty(shape, dtype);
  if (bytes.length > 0) std::memcpy(tensor.mutable_data_ptr(), bytes.data, bytes.length);
  return WrapTensor(info.Env(), device.is_cpu() ? tensor : tensor.to(device));
}

// viewOfBytes(data, shape, dtype): Tensor that shares the memory of `data`.
Napi::Value ViewOfBytes(const Napi::CallbackInfo& info) {
  const Arguments args(info, "viewOfBytes");
  const std::vector<int64_t> shape = args.Sizes(1, "shape");
  const at::ScalarType dtype = args.DType(2, "dtype");
  const Bytes bytes = args.Bytes(0, "data");
  if (bytes.length != BytesOf(info.Env(), shape, dtype))
    throw Expected(info.Env(), "as many bytes as the shape has", "data");
  if (reinterpret_cast<uintptr_t>(bytes.data) % c10::elementSize(dtype) != 0) {
    throw Expected(info.Env(), "memory aligned for the dtype", "data");
  }
  // There is nothing to share, and from_blob would never call the deleter for the null pointer of an empty array.
  if (bytes.length == 0) return WrapTensor(info.Env(), at::empty(shape, dtype));

  // The reference keeps the buffer, and so what JavaScript knows of the memory; `memory` keeps the memory itself, where
  // the buffer is made to lose it. The deleter may run on any thread, but only the JavaScript thread may delete
  // references: the ledger keeps it until then.
  napi_ref reference = nullptr;
  NAPI_THROW_IF_FAILED(info.Env(), napi_create_reference(info.Env(), bytes.buffer, 1, &reference), Napi::Value());
  const auto release = [ledger = EnvData::Of(info.Env()).ledger, reference,
                        memory = HoldMemory(info.Env(), bytes)](void*) { ledger->Retire(reference); };
  return WrapTensor(info.Env(), at::from_blob(bytes.data, shape, release, at::TensorOptions(dtype)));
}

// isDetachable(data): false for the memory of WebAssembly.
Napi::Value IsDetachable(const Napi::CallbackInfo& info) {
  const Bytes bytes = Arguments(info, "isDetachable").Bytes(0, "data");
  return Napi::Boolean::New(info.Env(), MayBeDetached(info.Env(), bytes));
}

// freeBytes(data): takes the memory away from its ArrayBuffer, if `data` is all of it. That of libraries, as of sharp,
// which JavaScript cannot transfer, goes back to them.
Napi::Value FreeBytes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Bytes bytes = Arguments(info, "freeBytes").Bytes(0, "data");
  bool is_array_buffer = false;
  napi_is_arraybuffer(env, bytes.buffer, &is_array_buffer);
  if (!is_array_buffer || bytes.length == 0 || !MayBeDetached(env, bytes)) return env.Undefined();
  size_t length = 0;
  napi_get_arraybuffer_info(env, bytes.buffer, nullptr, &length);
  if (length == bytes.length) napi_detach_arraybuffer(env, bytes.buffer);
  return env.Undefined();
}

Napi::Value Shape(const Napi::CallbackInfo& info) {
  return SizesToArray(info.Env(), Arguments(info, "shape").Tensor(0, "tensor").sizes());
}

Napi::Value Strides(const Napi::CallbackInfo& info) {
  return SizesToArray(info.Env(), Arguments(info, "strides").Tensor(0, "tensor").strides());
}

Napi::Value StorageOffset(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "storageOffset").Tensor(0, "tensor");
  return Napi::Number::New(info.Env(), static_cast<double>(tensor.storage_offset()));
}

Napi::Value DType(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "dtype").Tensor(0, "tensor");
  const std::optional<std::string_view> name = NameOf(tensor.scalar_type());
  if (!name) throw TorchError(info.Env(), "TORCH_INTERNAL", "A tensor has a dtype outside the table");
  return Napi::String::New(info.Env(), name->data(), name->size());
}

Napi::Value Device(const Napi::CallbackInfo& info) {
  return DeviceName(info.Env(), Arguments(info, "device").Tensor(0, "tensor").device());
}

// isContiguous(tensor, channelsLast): boolean
Napi::Value IsContiguous(const Napi::CallbackInfo& info) {
  const Arguments args(info, "isContiguous");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const bool channels_last = args.Boolean(1, "channelsLast");

  const auto format = channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  return Napi::Boolean::New(info.Env(), tensor.is_contiguous(format));
}

// toBytes(tensor): ArrayBuffer with the elements in row-major order.
Napi::Value ToBytes(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "toBytes").Tensor(0, "tensor").cpu().contiguous();
  Napi::ArrayBuffer buffer = NewArrayBuffer(info.Env(), tensor.nbytes());
  if (tensor.nbytes() > 0) std::memcpy(buffer.Data(), tensor.const_data_ptr(), tensor.nbytes());
  return buffer;
}

// item(tensor): the one element, as bigint for int64, boolean for bool, else number.
Napi::Value Item(const Napi::CallbackInfo& info) {
  const at::Tensor tensor = Arguments(info, "item").Tensor(0, "tensor");
  const at::Scalar scalar = tensor.item();

  if (tensor.scalar_type() == at::ScalarType::Bool) return Napi::Boolean::New(info.Env(), scalar.toBool());
  if (tensor.scalar_type() == at::ScalarType::Long) return Napi::BigInt::New(info.Env(), scalar.toLong());
  return Napi::Number::New(info.Env(), scalar.toDouble());
}

}  // namespace

void InitTensor(Napi::Env env, Napi::Object exports) {
  Export<Empty>(env, exports, "empty");
  Export<Zeros>(env, exports, "zeros");
  Export<Full>(env, exports, "full");
  Export<Arange>(env, exports, "arange");
  Export<FromBytes>(env, exports, "fromBytes");
  Export<ViewOfBytes>(env, exports, "viewOfBytes");
  Export<IsDetachable>(env, exports, "isDetachable");
  Export<FreeBytes>(env, exports, "freeBytes");
  Export<Shape>(env, exports, "shape");
  Export<Strides>(env, exports, "strides");
  Export<StorageOffset>(env, exports, "storageOffset");
  Export<DType>(env, exports, "dtype");
  Export<Device>(env, exports, "device");
  Export<IsContiguous>(env, exports, "isContiguous");
  Export<ToBytes>(env, exports, "toBytes");
  Export<Item>(env, exports, "item");
}

}  // namespace napi_torch
