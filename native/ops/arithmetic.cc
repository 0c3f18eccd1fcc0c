// Element-wise operators, comparison and the matrix product. The second operand is a tensor or a number.
#include <ATen/ScalarOps.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/le.h>
#include <ATen/ops/log.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/result_type.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>

#include "../convert.h"
#include "../error.h"
#include "../handle.h"
#include "ops.h"

namespace napi_torch {
namespace {

// Calls `operation` with the second operand, a tensor or a scalar.
template <typename Operation>
auto WithOther(const Arguments& args, Operation operation) {
  return args.IsTensor(1) ? operation(args.Tensor(1, "other")) : operation(args.Scalar(1, "other"));
}

// The rounding mode of div, or nothing for true division.
std::optional<std::string> RoundingMode(const Arguments& args) {
  if (!args.IsString(2)) return std::nullopt;
  return args.String(2, "roundingMode");
}

std::optional<std::string_view> ViewOf(const std::optional<std::string>& text) {
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

// The quotient, rounded as `mode` says.
template <typename Other>
at::Tensor Quotient(const at::Tensor& tensor, const Other& other, const std::optional<std::string>& mode) {
  if (mode != "trunc" || !at::isIntegralType(at::result_type(tensor, other), /*includeBool=*/false)) {
    return at::div(tensor, other, ViewOf(mode));
  }
  // libtorch's truncating division of integers crashes where the lowest integer is divided by -1, as the CPU traps. Its
  // floor division does not, and is one too low where the quotient is negative and has a fraction.
  const at::Tensor floor = at::div(tensor, other, "floor");
  return floor.add(floor.lt(0).logical_and(at::mul(floor, other).ne(tensor)));
}

// add(tensor, other, alpha): tensor + alpha * other
Napi::Value Add(const Napi::CallbackInfo& info) {
  const Arguments args(info, "add");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Scalar alpha = args.Scalar(2, "alpha");

  return WrapTensor(info.Env(), WithOther(args, [&](const auto& other) { return at::add(tensor, other, alpha); }));
}

// sub(tensor, other, alpha): tensor - alpha * other
Napi::Value Sub(const Napi::CallbackInfo& info) {
  const Arguments args(info, "sub");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Scalar alpha = args.Scalar(2, "alpha");

  return WrapTensor(info.Env(), WithOther(args, [&](const auto& other) { return at::sub(tensor, other, alpha); }));
}

// div(tensor, other, roundingMode?): Tensor
Napi::Value Div(const Napi::CallbackInfo& info) {
  const Arguments args(info, "div");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<std::string> mode = RoundingMode(args);

  return WrapTensor(info.Env(), WithOther(args, [&](const auto& other) { return Quotient(tensor, other, mode); }));
}

// add_(tensor, other, alpha)
Napi::Value AddInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "add_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Scalar alpha = args.Scalar(2, "alpha");

  WithOther(args, [&](const auto& other) { return tensor.add_(other, alpha); });
  return info.Env().Undefined();
}

// sub_(tensor, other, alpha)
Napi::Value SubInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "sub_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Scalar alpha = args.Scalar(2, "alpha");

  WithOther(args, [&](const auto& other) { return tensor.sub_(other, alpha); });
  return info.Env().Undefined();
}

// mul_(tensor, other)
Napi::Value MulInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "mul_");
  at::Tensor tensor = args.Tensor(0, "tensor");

  // libtorch's own overload for numbers rounds the number to the dtype of the tensor first; that of Python does not.
  tensor.mul_(args.IsTensor(1) ? args.Tensor(1, "other") : at::native::wrapped_scalar_tensor(args.Scalar(1, "other")));
  return info.Env().Undefined();
}

// div_(tensor, other, roundingMode?)
Napi::Value DivInPlace(const Napi::CallbackInfo& info) {
  const Arguments args(info, "div_");
  at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<std::string> mode = RoundingMode(args);

  WithOther(args, [&](const auto& other) {
    // libtorch refuses a result of another dtype.
    const bool keeps_dtype = at::result_type(tensor, other) == tensor.scalar_type();
    return mode == "trunc" && keeps_dtype ? tensor.copy_(Quotient(tensor, other, mode))
                                          : tensor.div_(other, ViewOf(mode));
  });
  return info.Env().Undefined();
}

// clamp(tensor, min?, max?): Tensor
Napi::Value Clamp(const Napi::CallbackInfo& info) {
  const Arguments args(info, "clamp");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const std::optional<at::Scalar> min = args.OptionalScalar(1, "min");
  const std::optional<at::Scalar> max = args.OptionalScalar(2, "max");

  return WrapTensor(info.Env(), at::clamp(tensor, min, max));
}

// matmul(tensor, other): Tensor
Napi::Value Matmul(const Napi::CallbackInfo& info) {
  const Arguments args(info, "matmul");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Tensor other = args.Tensor(1, "other");

  return WrapTensor(info.Env(), at::matmul(tensor, other));
}

// equal(tensor, other): boolean
Napi::Value Equal(const Napi::CallbackInfo& info) {
  const Arguments args(info, "equal");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Tensor other = args.Tensor(1, "other");

  return Napi::Boolean::New(info.Env(), at::equal(tensor, other));
}

// allclose(tensor, other, rtol, atol, equalNan): boolean
Napi::Value Allclose(const Napi::CallbackInfo& info) {
  const Arguments args(info, "allclose");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  const at::Tensor other = args.Tensor(1, "other");
  const double rtol = args.Number(2, "rtol");
  const double atol = args.Number(3, "atol");
  const bool equal_nan = args.Boolean(4, "equalNan");

  return Napi::Boolean::New(info.Env(), at::allclose(tensor, other, rtol, atol, equal_nan));
}

template <at::Tensor (*Operation)(const at::Tensor&)>
Napi::Value Unary(const Napi::CallbackInfo& info) {
  return WrapTensor(info.Env(), Operation(Arguments(info, "this operator").Tensor(0, "tensor")));
}

// An operator without further arguments, with its overloads for a tensor and a scalar.
template <at::Tensor (*OfTensor)(const at::Tensor&, const at::Tensor&),
          at::Tensor (*OfScalar)(const at::Tensor&, const at::Scalar&)>
Napi::Value Binary(const Napi::CallbackInfo& info) {
  const Arguments args(info, "this operator");
  const at::Tensor tensor = args.Tensor(0, "tensor");
  if (args.IsTensor(1)) return WrapTensor(info.Env(), OfTensor(tensor, args.Tensor(1, "other")));
  return WrapTensor(info.Env(), OfScalar(tensor, args.Scalar(1, "other")));
}

}  // namespace

void InitArithmetic(Napi::Env env, Napi::Object exports) {
  Export<Add>(env, exports, "add");
  Export<Sub>(env, exports, "sub");
  Export<Binary<at::mul, at::mul>>(env, exports, "mul");
  Export<Div>(env, exports, "div");
  Export<AddInPlace>(env, exports, "add_");
  Export<SubInPlace>(env, exports, "sub_");
  Export<MulInPlace>(env, exports, "mul_");
  Export<DivInPlace>(env, exports, "div_");
  Export<Binary<at::pow, at::pow>>(env, exports, "pow");
  Export<Matmul>(env, exports, "matmul");
  Export<Unary<at::neg>>(env, exports, "neg");
  Export<Unary<at::abs>>(env, exports, "abs");
  Export<Unary<at::sqrt>>(env, exports, "sqrt");
  Export<Unary<at::exp>>(env, exports, "exp");
  Export<Unary<at::log>>(env, exports, "log");
  Export<Unary<at::sigmoid>>(env, exports, "sigmoid");
  Export<Unary<at::tanh>>(env, exports, "tanh");
  Export<Unary<at::isnan>>(env, exports, "isnan");
  Export<Unary<at::isfinite>>(env, exports, "isfinite");
  Export<Clamp>(env, exports, "clamp");
  Export<Binary<at::eq, at::eq>>(env, exports, "eq");
  Export<Binary<at::ne, at::ne>>(env, exports, "ne");
  Export<Binary<at::lt, at::lt>>(env, exports, "lt");
  Export<Binary<at::le, at::le>>(env, exports, "le");
  Export<Binary<at::gt, at::gt>>(env, exports, "gt");
  Export<Binary<at::ge, at::ge>>(env, exports, "ge");
  Export<Equal>(env, exports, "equal");
  Export<Allclose>(env, exports, "allclose");
}

}  // namespace napi_torch
