// Reductions.
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>

#include "../convert.h"
#include "../error.h"
#include "../handle.h"
#include "ops.h"

namespace napi_torch {
namespace {

// Optional dimensions as at:: takes them. `dims` must outlive the result.
at::OptionalIntArrayRef DimsOf(const std::optional<std::vector<int64_t>>& dims) {
  return dims ? at::OptionalIntArrayRef(*dims) : std::nullopt;
}

// sum(tensor, dims?, keepdim, dtype?): Tensor
Napi::Value Sum(const Napi::CallbackInfo& info) {
  const Arguments args(info, "sum");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const auto dims = args.OptionalSizes(1, "dims");
  const bool keepdim = args.Boolean(2, "keepdim");
  const std::optional<at::ScalarType> dtype = args.OptionalDType(3, "dtype");

  return WrapTensor(info.Env(), at::sum(tensor, DimsOf(dims), keepdim, dtype));
}

// mean(tensor, dims?, keepdim, dtype?): Tensor
Napi::Value Mean(const Napi::CallbackInfo& info) {
  const Arguments args(info, "mean");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const auto dims = args.OptionalSizes(1, "dims");
  const bool keepdim = args.Boolean(2, "keepdim");
  const std::optional<at::ScalarType> dtype = args.OptionalDType(3, "dtype");

  return WrapTensor(info.Env(), at::mean(tensor, DimsOf(dims), keepdim, dtype));
}

// amax(tensor, dims, keepdim): Tensor
Napi::Value Amax(const Napi::CallbackInfo& info) {
  const Arguments args(info, "amax");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const auto dims = args.Sizes(1, "dims");
  const bool keepdim = args.Boolean(2, "keepdim");

  return WrapTensor(info.Env(), at::amax(tensor, dims, keepdim));
}

// amin(tensor, dims, keepdim): Tensor
Napi::Value Amin(const Napi::CallbackInfo& info) {
  const Arguments args(info, "amin");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const auto dims = args.Sizes(1, "dims");
  const bool keepdim = args.Boolean(2, "keepdim");

  return WrapTensor(info.Env(), at::amin(tensor, dims, keepdim));
}

// argmax(tensor, dim?, keepdim): Tensor of int64
Napi::Value Argmax(const Napi::CallbackInfo& info) {
  const Arguments args(info, "argmax");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<int64_t> dim = args.OptionalInteger(1, "dim");
  const bool keepdim = args.Boolean(2, "keepdim");

  return WrapTensor(info.Env(), at::argmax(tensor, dim, keepdim));
}

// topk(tensor, k, dim, largest, sorted): [values, indices]
Napi::Value Topk(const Napi::CallbackInfo& info) {
  const Arguments args(info, "topk");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const int64_t k = args.Integer(1, "k");
  const int64_t dim = args.Integer(2, "dim");
  const bool largest = args.Boolean(3, "largest");
  const bool sorted = args.Boolean(4, "sorted");

  const auto [values, indices] = at::topk(tensor, k, dim, largest, sorted);
  Napi::Array result = Napi::Array::New(info.Env(), 2);
  result.Set(uint32_t{0}, WrapTensor(info.Env(), values));
  result.Set(uint32_t{1}, WrapTensor(info.Env(), indices));
  return result;
}

}  // namespace

void InitReduce(Napi::Env env, Napi::Object exports) {
  Export<Sum>(env, exports, "sum");
  Export<Mean>(env, exports, "mean");
  Export<Amax>(env, exports, "amax");
  Export<Amin>(env, exports, "amin");
  Export<Argmax>(env, exports, "argmax");
  Export<Topk>(env, exports, "topk");
}

}  // namespace napi_torch
