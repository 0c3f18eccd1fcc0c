// Views, layouts, casts and copies.
#include <ATen/ops/cat.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/split.h>
#include <ATen/ops/stack.h>

#include <cstring>

#include "../convert.h"
#include "../error.h"
#include "../handle.h"
#include "ops.h"

namespace napi_torch {
namespace {

at::MemoryFormat FormatOf(bool channels_last) {
  return channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

// Wraps a result that may be the argument itself. Each handle needs a tensor of its own, as it is disposed by itself.
Napi::Value WrapFresh(Napi::Env env, const at::Tensor& result, const at::Tensor& argument) {
  return WrapTensor(env, result.is_same(argument) ? result.alias() : result);
}

// to(tensor, dtype?, device?, copy, channelsLast?): Tensor
Napi::Value To(const Napi::CallbackInfo& info) {
  const Arguments args(info, "to");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<at::ScalarType> dtype = args.OptionalDType(1, "dtype");
  const std::optional<at::Device> device = args.OptionalDevice(2, "device");
  const bool copy = args.Boolean(3, "copy");
  const bool keeps_format = info[4].IsNull();
  const at::MemoryFormat format = keeps_format ? at::MemoryFormat::Preserve : FormatOf(args.Boolean(4, "channelsLast"));

  const at::TensorOptions options =
      at::TensorOptions().dtype(dtype.value_or(tensor.scalar_type())).device(device.value_or(tensor.device()));
  return WrapFresh(info.Env(), tensor.to(options, /*non_blocking=*/false, copy, format), tensor);
}

// contiguous(tensor, channelsLast): Tensor
Napi::Value Contiguous(const Napi::CallbackInfo& info) {
  const Arguments args(info, "contiguous");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::MemoryFormat format = FormatOf(args.Boolean(1, "channelsLast"));

  return WrapFresh(info.Env(), tensor.contiguous(format), tensor);
}

Napi::Value Clone(const Napi::CallbackInfo& info) {
  return WrapTensor(info.Env(), Arguments(info, "clone").Tensor(0, "tensor").clone());
}

// view(tensor, shape): Tensor
Napi::Value View(const Napi::CallbackInfo& info) {
  const Arguments args(info, "view");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> shape = args.Sizes(1, "shape");

  return WrapTensor(info.Env(), tensor.view(shape));
}

// reshape(tensor, shape): Tensor
Napi::Value Reshape(const Napi::CallbackInfo& info) {
  const Arguments args(info, "reshape");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> shape = args.Sizes(1, "shape");

  return WrapFresh(info.Env(), tensor.reshape(shape), tensor);
}

// flatten(tensor, startDim, endDim): Tensor
Napi::Value Flatten(const Napi::CallbackInfo& info) {
  const Arguments args(info, "flatten");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t start_dim = args.Integer(1, "startDim");
  const int64_t end_dim = args.Integer(2, "endDim");

  return WrapFresh(info.Env(), at::flatten(tensor, start_dim, end_dim), tensor);
}

// permute(tensor, dims): Tensor
Napi::Value Permute(const Napi::CallbackInfo& info) {
  const Arguments args(info, "permute");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> dims = args.Sizes(1, "dims");

  return WrapTensor(info.Env(), tensor.permute(dims));
}

// transpose(tensor, dim0, dim1): Tensor
Napi::Value Transpose(const Napi::CallbackInfo& info) {
  const Arguments args(info, "transpose");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t dim0 = args.Integer(1, "dim0");
  const int64_t dim1 = args.Integer(2, "dim1");

  return WrapFresh(info.Env(), tensor.transpose(dim0, dim1), tensor);
}

// squeeze(tensor, dims?): Tensor
Napi::Value Squeeze(const Napi::CallbackInfo& info) {
  const Arguments args(info, "squeeze");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<std::vector<int64_t>> dims = args.OptionalSizes(1, "dims");

  return WrapFresh(info.Env(), dims ? tensor.squeeze(*dims) : tensor.squeeze(), tensor);
}

// unsqueeze(tensor, dim): Tensor
Napi::Value Unsqueeze(const Napi::CallbackInfo& info) {
  const Arguments args(info, "unsqueeze");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t dim = args.Integer(1, "dim");

  return WrapTensor(info.Env(), tensor.unsqueeze(dim));
}

// expand(tensor, shape): Tensor
Napi::Value Expand(const Napi::CallbackInfo& info) {
  const Arguments args(info, "expand");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> shape = args.Sizes(1, "shape");

  return WrapTensor(info.Env(), tensor.expand(shape));
}

// select(tensor, dim, index): Tensor
Napi::Value Select(const Napi::CallbackInfo& info) {
  const Arguments args(info, "select");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t dim = args.Integer(1, "dim");
  const int64_t index = args.Integer(2, "index");

  return WrapTensor(info.Env(), tensor.select(dim, index));
}

// slice(tensor, dim, start, end?, step): Tensor
Napi::Value Slice(const Napi::CallbackInfo& info) {
  const Arguments args(info, "slice");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t dim = args.Integer(1, "dim");
  const int64_t start = args.Integer(2, "start");
  const std::optional<int64_t> end = args.OptionalInteger(3, "end");
  const int64_t step = args.Integer(4, "step");

  return WrapTensor(info.Env(), tensor.slice(dim, start, end, step));
}

// indexSelect(tensor, dim, index): Tensor
Napi::Value IndexSelect(const Napi::CallbackInfo& info) {
  const Arguments args(info, "indexSelect");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t dim = args.Integer(1, "dim");
  const at::Tensor index = args.Tensor(2, "index");

  return WrapTensor(info.Env(), at::index_select(tensor, dim, index));
}

// flip(tensor, dims): Tensor
Napi::Value Flip(const Napi::CallbackInfo& info) {
  const Arguments args(info, "flip");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> dims = args.Sizes(1, "dims");

  return WrapTensor(info.Env(), at::flip(tensor, dims));
}

// cat(tensors, dim): Tensor
Napi::Value Cat(const Napi::CallbackInfo& info) {
  const Arguments args(info, "cat");
  const std::vector<at::Tensor> tensors = args.Tensors(0, "tensors");
  const int64_t dim = args.Integer(1, "dim");

  return WrapTensor(info.Env(), at::cat(tensors, dim));
}

// stack(tensors, dim): Tensor
Napi::Value Stack(const Napi::CallbackInfo& info) {
  const Arguments args(info, "stack");
  const std::vector<at::Tensor> tensors = args.Tensors(0, "tensors");
  const int64_t dim = args.Integer(1, "dim");

  return WrapTensor(info.Env(), at::stack(tensors, dim));
}

// split(tensor, size, dim): Tensor[]
Napi::Value Split(const Napi::CallbackInfo& info) {
  const Arguments args(info, "split");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t size = args.Integer(1, "size");
  const int64_t dim = args.Integer(2, "dim");

  const std::vector<at::Tensor> parts = at::split(tensor, size, dim);
  Napi::Array result = Napi::Array::New(info.Env(), parts.size());
  for (size_t i = 0; i < parts.size(); ++i) result.Set(static_cast<uint32_t>(i), WrapTensor(info.Env(), parts[i]));
  return result;
}

// pad(tensor, pad, mode, value?): Tensor. `pad` has a pair for each dimension, from the last one on; `value` is for
// mode 'constant' only.
Napi::Value Pad(const Napi::CallbackInfo& info) {
  const Arguments args(info, "pad");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::vector<int64_t> pad = args.Sizes(1, "pad");
  const std::string mode = args.String(2, "mode");
  const std::optional<double> value = args.OptionalNumber(3, "value");

  return WrapFresh(info.Env(), at::pad(tensor, pad, mode, value), tensor);
}

// For larger copies, several threads gain more than waiting for them can cost. The weights of a ResNet are smaller.
constexpr size_t kMaxPlainCopyBytes = size_t{16} << 20;

// Whether the memory can be copied as a whole, on this thread. libtorch's copy uses all threads and waits for the last
// of them: on a busy CPU, as while a server starts, that takes ten times as long as on one thread.
bool IsPlainCopy(const at::Tensor& tensor, const at::Tensor& source) {
  if (c10::GradMode::is_enabled() && (tensor.requires_grad() || source.requires_grad())) return false;
  return tensor.nbytes() > 0 && tensor.nbytes() <= kMaxPlainCopyBytes && tensor.is_cpu() && source.is_cpu() &&
         tensor.scalar_type() == source.scalar_type() && tensor.sizes() == source.sizes() && tensor.is_contiguous() &&
         source.is_contiguous() && !tensor.is_alias_of(source);
}

// copy_(tensor, source)
Napi::Value CopyInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "copy_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Tensor source = args.Tensor(1, "source");

  if (IsPlainCopy(tensor, source)) {
    std::memcpy(tensor.mutable_data_ptr(), source.const_data_ptr(), tensor.nbytes());
    // So that a backward pass which needs the elements from before finds out.
    if (!tensor.is_inference()) tensor.unsafeGetTensorImpl()->bump_version();
  } else {
    tensor.copy_(source);
  }
  return info.Env().Undefined();
}

// fill_(tensor, value)
Napi::Value FillInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "fill_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Scalar value = args.Scalar(1, "value");

  tensor.fill_(value);
  return info.Env().Undefined();
}

}  // namespace

void InitShape(Napi::Env env, Napi::Object exports) {
  Export<To>(env, exports, "to");
  Export<Contiguous>(env, exports, "contiguous");
  Export<Clone>(env, exports, "clone");
  Export<View>(env, exports, "view");
  Export<Reshape>(env, exports, "reshape");
  Export<Flatten>(env, exports, "flatten");
  Export<Permute>(env, exports, "permute");
  Export<Transpose>(env, exports, "transpose");
  Export<Squeeze>(env, exports, "squeeze");
  Export<Unsqueeze>(env, exports, "unsqueeze");
  Export<Expand>(env, exports, "expand");
  Export<Select>(env, exports, "select");
  Export<Slice>(env, exports, "slice");
  Export<IndexSelect>(env, exports, "indexSelect");
  Export<Flip>(env, exports, "flip");
  Export<Cat>(env, exports, "cat");
  Export<Stack>(env, exports, "stack");
  Export<Split>(env, exports, "split");
  Export<Pad>(env, exports, "pad");
  Export<CopyInPlace>(env, exports, "copy_");
  Export<FillInPlace>(env, exports, "fill_");
}

}  // namespace napi_torch
