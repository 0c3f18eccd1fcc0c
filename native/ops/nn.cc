// Operators of neural networks. lib/nn/functional.ts checks what arguments mean; the readers here check their types.
#include <ATen/Context.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include "../convert.h"
#include "../error.h"
#include "../handle.h"
#include "ops.h"

namespace napi_torch {
namespace {

// Whether oneDNN, by which libtorch convolves images or kernels that are channels-last, crashes or gives other sums:
// see lib/engine/ops/onednn.ts. More geometries count than those: where exactly it does is not known.
bool DefeatsOneDnn(const at::Tensor& input, const at::Tensor& weight, const std::array<int64_t, 2>& stride,
                   const std::array<int64_t, 2>& padding, const std::array<int64_t, 2>& dilation) {
  const auto is_channels_last = [](const at::Tensor& tensor) {
    return tensor.dim() == 4 && tensor.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
  };
  if (!input.is_cpu() || weight.dim() != 4 || !(is_channels_last(input) || is_channels_last(weight))) return false;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t dim = static_cast<int64_t>(i) - 2;
    const int64_t room = input.size(dim) + 2 * padding[i] - dilation[i] * (weight.size(dim) - 1) - 1;
    if (stride[i] > 1 && (dilation[i] > 1 || room < stride[i])) return true;
  }
  return false;
}

// conv2d(input, weight, bias?, stride, padding, dilation, groups): Tensor
// input (N, C, H, W) or (C, H, W), weight (O, C / groups, kH, kW), bias (O); padding a pair, 'same' or 'valid'.
Napi::Value Conv2d(const Napi::CallbackInfo& info) {
  const Arguments args(info, "conv2d");
  const at::Tensor input = args.Tensor(0, "input");
  const at::Tensor weight = args.Tensor(1, "weight");
  const std::optional<at::Tensor> bias = args.OptionalTensor(2, "bias");
  const auto stride = args.Pair(3, "stride");
  const auto dilation = args.Pair(5, "dilation");
  const int64_t groups = args.Integer(6, "groups");

  std::array<int64_t, 2> padding{};
  if (!args.IsString(4)) {
    padding = args.Pair(4, "padding");
  } else if (const std::string mode = args.String(4, "padding"); mode != "valid") {
    return WrapTensor(info.Env(), at::conv2d(input, weight, bias, stride, mode, dilation, groups));
  }
  if (DefeatsOneDnn(input, weight, stride, padding, dilation)) {
    const at::Tensor images = input.clone(at::MemoryFormat::Contiguous);
    const at::Tensor kernels = weight.clone(at::MemoryFormat::Contiguous);
    const at::Tensor result = at::conv2d(images, kernels, bias, stride, padding, dilation, groups);
    return WrapTensor(info.Env(), result.contiguous(result.dim() == 4 ? at::MemoryFormat::ChannelsLast
                                                                      : at::MemoryFormat::Contiguous));
  }
  return WrapTensor(info.Env(), at::conv2d(input, weight, bias, stride, padding, dilation, groups));
}

// batchNorm(input, runningMean?, runningVar?, weight?, bias?, training, momentum, eps): Tensor
// input (N, C, ...), the four optional vectors (C). Updates the running vectors in place when training.
Napi::Value BatchNorm(const Napi::CallbackInfo& info) {
  const Arguments args(info, "batchNorm");
  const at::Tensor input = args.Tensor(0, "input");
  const std::optional<at::Tensor> running_mean = args.OptionalTensor(1, "runningMean");
  const std::optional<at::Tensor> running_var = args.OptionalTensor(2, "runningVar");
  const std::optional<at::Tensor> weight = args.OptionalTensor(3, "weight");
  const std::optional<at::Tensor> bias = args.OptionalTensor(4, "bias");
  const bool training = args.Boolean(5, "training");
  const double momentum = args.Number(6, "momentum");
  const double eps = args.Number(7, "eps");

  const bool cudnn = at::globalContext().userEnabledCuDNN();
  return WrapTensor(info.Env(),
                    at::batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn));
}

// linear(input, weight, bias?): Tensor; input (..., C), weight (O, C), bias (O).
Napi::Value Linear(const Napi::CallbackInfo& info) {
  const Arguments args(info, "linear");
  const at::Tensor input = args.Tensor(0, "input");
  const at::Tensor weight = args.Tensor(1, "weight");
  const std::optional<at::Tensor> bias = args.OptionalTensor(2, "bias");

  return WrapTensor(info.Env(), at::linear(input, weight, bias));
}

Napi::Value Relu(const Napi::CallbackInfo& info) {
  return WrapTensor(info.Env(), at::relu(Arguments(info, "relu").Tensor(0, "input")));
}

Napi::Value ReluInPlace(const Napi::CallbackInfo& info) {
  at::Tensor input = Arguments(info, "relu_").Tensor(0, "input");
  at::relu_(input);
  return info.Env().Undefined();
}

// maxPool2d(input, kernelSize, stride, padding, dilation, ceilMode): Tensor
Napi::Value MaxPool2d(const Napi::CallbackInfo& info) {
  const Arguments args(info, "maxPool2d");
  const at::Tensor input = args.Tensor(0, "input");
  const auto kernel_size = args.Pair(1, "kernelSize");
  const auto stride = args.Pair(2, "stride");
  const auto padding = args.Pair(3, "padding");
  const auto dilation = args.Pair(4, "dilation");
  const bool ceil_mode = args.Boolean(5, "ceilMode");

  return WrapTensor(info.Env(), at::max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode));
}

// avgPool2d(input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride?): Tensor
Napi::Value AvgPool2d(const Napi::CallbackInfo& info) {
  const Arguments args(info, "avgPool2d");
  const at::Tensor input = args.Tensor(0, "input");
  const auto kernel_size = args.Pair(1, "kernelSize");
  const auto stride = args.Pair(2, "stride");
  const auto padding = args.Pair(3, "padding");
  const bool ceil_mode = args.Boolean(4, "ceilMode");
  const bool count_include_pad = args.Boolean(5, "countIncludePad");
  const std::optional<int64_t> divisor_override = args.OptionalInteger(6, "divisorOverride");

  return WrapTensor(
      info.Env(), at::avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override));
}

// adaptiveAvgPool2d(input, outputSize): Tensor
Napi::Value AdaptiveAvgPool2d(const Napi::CallbackInfo& info) {
  const Arguments args(info, "adaptiveAvgPool2d");
  const at::Tensor input = args.Tensor(0, "input");
  const auto output_size = args.Pair(1, "outputSize");

  return WrapTensor(info.Env(), at::adaptive_avg_pool2d(input, output_size));
}

// softmax(input, dim, dtype?): Tensor
Napi::Value Softmax(const Napi::CallbackInfo& info) {
  const Arguments args(info, "softmax");
  const at::Tensor input = args.Tensor(0, "input");
  const int64_t dim = args.Integer(1, "dim");
  const std::optional<at::ScalarType> dtype = args.OptionalDType(2, "dtype");

  return WrapTensor(info.Env(), at::softmax(input, dim, dtype));
}

// logSoftmax(input, dim, dtype?): Tensor
Napi::Value LogSoftmax(const Napi::CallbackInfo& info) {
  const Arguments args(info, "logSoftmax");
  const at::Tensor input = args.Tensor(0, "input");
  const int64_t dim = args.Integer(1, "dim");
  const std::optional<at::ScalarType> dtype = args.OptionalDType(2, "dtype");

  return WrapTensor(info.Env(), at::log_softmax(input, dim, dtype));
}

}  // namespace

void InitNn(Napi::Env env, Napi::Object exports) {
  Export<Conv2d>(env, exports, "conv2d");
  Export<BatchNorm>(env, exports, "batchNorm");
  Export<Linear>(env, exports, "linear");
  Export<Relu>(env, exports, "relu");
  Export<ReluInPlace>(env, exports, "relu_");
  Export<MaxPool2d>(env, exports, "maxPool2d");
  Export<AvgPool2d>(env, exports, "avgPool2d");
  Export<AdaptiveAvgPool2d>(env, exports, "adaptiveAvgPool2d");
  Export<Softmax>(env, exports, "softmax");
  Export<LogSoftmax>(env, exports, "logSoftmax");
}

}  // namespace napi_torch
