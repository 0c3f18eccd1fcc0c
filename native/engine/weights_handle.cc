#include "weights_handle.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "../error.h"
#include "wrapped.h"

namespace napi_torch::engine {
namespace {

// Far from where a product of sizes could overflow.
constexpr int64_t kMostSteps = 1 << 16;

// Drawn as the tag of tensors is.
const napi_type_tag kWeightsTag = {0x61d7a80f3be94c25, reinterpret_cast<uint64_t>(&kWeightsTag)};

struct WeightsHandle {
  std::shared_ptr<ConvWeights> weights;  // Null when disposed.
};

WeightsHandle& UnwrapHandle(Napi::Value value, const std::string& name) {
  return Unwrap<WeightsHandle>(value, kWeightsTag, "weights of a convolution", name);
}

constexpr std::array<Isa, 3> kIsas{Isa::kAvx512, Isa::kAvx2, Isa::kPortable};

// kernelSets(): the names of the kernels that this processor can run, best first.
Napi::Value KernelSets(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const Isa isa : kIsas) {
    if (const Kernels* kernels = KernelsOf(isa))
      names.Set(names.Length(), Napi::String::New(info.Env(), kernels->name));
  }
  return names;
}

const Kernels& KernelsNamed(const Arguments& args, size_t index) {
  const std::string name = args.String(index, "kernels");
  for (const Isa isa : kIsas) {
    const Kernels* kernels = KernelsOf(isa);
    if (kernels != nullptr && kernels->name == name) return *kernels;
  }
  throw Expected(args.Env(), "kernels that this processor can run", "kernels");
}

std::array<int64_t, 2> Steps(const Arguments& args, size_t index, const char* name, int64_t least) {
  const std::array<int64_t, 2> steps = args.Pair(index, name);
  const bool fits =
      std::all_of(steps.begin(), steps.end(), [&](int64_t step) { return step >= least && step <= kMostSteps; });
  if (!fits) throw Expected(args.Env(), "two integers from " + std::to_string(least) + " to 65536", name);
  return steps;
}

at::Tensor Floats(const Arguments& args, at::Tensor tensor, const char* name) {
  const bool fits = tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
  if (!fits) throw Expected(args.Env(), "a float32 tensor on the CPU", name);
  return tensor.contiguous();
}

// createConvWeights(kernels, weight (O, I, kH, kW) or (O, I), bias? (O), stride, padding, dilation): Weights
Napi::Value CreateConvWeights(const Napi::CallbackInfo& info) {
  const Arguments args(info, "createConvWeights");
  const Kernels& kernels = KernelsNamed(args, 0);
  at::Tensor weight = Floats(args, args.Tensor(1, "weight"), "weight");
  if (weight.dim() == 2) weight = weight.unsqueeze(-1).unsqueeze(-1);
  std::optional<at::Tensor> bias = args.OptionalTensor(2, "bias");
  ConvGeometry geometry;
  geometry.stride = Steps(args, 3, "stride", 1);
  geometry.padding = Steps(args, 4, "padding", 0);
  geometry.dilation = Steps(args, 5, "dilation", 1);
  const bool fits =
      weight.dim() == 4 && weight.numel() > 0 && weight.size(2) <= kMostSteps && weight.size(3) <= kMostSteps;
  if (!fits) throw Expected(args.Env(), "a tensor (O, I, kH, kW)", "weight");
  geometry.out_channels = weight.size(0);
  geometry.in_channels = weight.size(1);
  geometry.kernel = {weight.size(2), weight.size(3)};
  if (bias) {
    bias = Floats(args, *bias, "bias");
    if (bias->dim() != 1 || bias->size(0) != geometry.out_channels) throw Expected(args.Env(), "a tensor (O,)", "bias");
  }

  const float* const bias_floats = bias ? bias->const_data_ptr<float>() : nullptr;
  const auto owner = std::make_shared<const at::Tensor>(weight);
  WeightsHandle handle{
      std::make_shared<ConvWeights>(kernels, geometry, owner->const_data_ptr<float>(), bias_floats, owner)};
  return Wrap(info.Env(), std::move(handle), kWeightsTag);
}

// disposeConvWeights(weights): lets their memory go as soon as no plan has them.
Napi::Value DisposeConvWeights(const Napi::CallbackInfo& info) {
  UnwrapHandle(info[0], "weights").weights.reset();
  return info.Env().Undefined();
}

// convWeightsBytes(weights): bytes of the forms into which they have been packed.
Napi::Value ConvWeightsBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(UnwrapWeights(info[0], "weights")->bytes()));
}

}  // namespace

std::shared_ptr<ConvWeights> UnwrapWeights(Napi::Value value, const std::string& name) {
  const WeightsHandle& handle = UnwrapHandle(value, name);
  if (handle.weights == nullptr) throw Expected(value.Env(), "weights that are not disposed", name);
  return handle.weights;
}

void InitWeights(Napi::Env env, Napi::Object exports) {
  Export<KernelSets>(env, exports, "kernelSets");
  Export<CreateConvWeights>(env, exports, "createConvWeights");
  Export<DisposeConvWeights>(env, exports, "disposeConvWeights");
  Export<ConvWeightsBytes>(env, exports, "convWeightsBytes");
}

}  // namespace napi_torch::engine
