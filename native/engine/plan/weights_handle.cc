#include "weights_handle.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "../../error.h"
#include "../../wrapped.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMaxWindow = 1 << 16;  // Far below where a product of sizes could overflow.

// Made as the tag of tensors is: see handle.cc.
const napi_type_tag kWeightsTag = {0x61d7a80f3be94c25, reinterpret_cast<uint64_t>(&kWeightsTag)};

struct WeightsHandle {
  std::shared_ptr<ConvWeights> weights;  // Null when disposed.
};

WeightsHandle& UnwrapHandle(Napi::Value value, const std::string& name) {
  return Unwrap<WeightsHandle>(value, kWeightsTag, "a handle of weights", name);
}

constexpr std::array<Isa, 3> kIsas{Isa::kAvx512, Isa::kAvx2, Isa::kPortable};

// kernelSets(): the names of the kernel sets that this CPU supports, best first.
Napi::Value KernelSets(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const Isa isa : kIsas) {
    const KernelSet* kernels = KernelSetOf(isa);
    if (kernels != nullptr) names.Set(names.Length(), Napi::String::New(info.Env(), kernels->name));
  }
  return names;
}

const KernelSet& ReadKernels(const Arguments& args, size_t index) {
  const std::string name = args.String(index, "kernels");
  for (const Isa isa : kIsas) {
    const KernelSet* kernels = KernelSetOf(isa);
    if (kernels != nullptr && kernels->name == name) return *kernels;
  }
  throw Expected(args.Env(), "kernels that this CPU supports", "kernels");
}

std::array<int64_t, 2> ReadWindow(const Arguments& args, size_t index, const char* name, int64_t min) {
  const std::array<int64_t, 2> sizes = args.Pair(index, name);
  const bool fits =
      std::all_of(sizes.begin(), sizes.end(), [&](int64_t size) { return size >= min && size <= kMaxWindow; });
  if (!fits) throw Expected(args.Env(), "two integers from " + std::to_string(min) + " to 65536", name);
  return sizes;
}

at::Tensor ContiguousFloats(const Arguments& args, const at::Tensor& tensor, const char* name) {
  const bool fits = tensor.is_cpu() && tensor.scalar_type() == at::kFloat;
  if (!fits) throw Expected(args.Env(), "a float32 tensor on the CPU", name);
  return tensor.contiguous();
}

// createConvWeights(kernels, weight (O, I, kH, kW) or (O, I), bias? (O), stride, padding, dilation, isHalf): Weights
Napi::Value CreateConvWeights(const Napi::CallbackInfo& info) {
  const Arguments args(info, "createConvWeights");
  const KernelSet& kernels = ReadKernels(args, 0);
  at::Tensor weight = ContiguousFloats(args, args.Tensor(1, "weight"), "weight");
  if (weight.dim() == 2) weight = weight.unsqueeze(-1).unsqueeze(-1);
  std::optional<at::Tensor> bias = args.OptionalTensor(2, "bias");
  ConvGeometry geometry;
  geometry.stride = ReadWindow(args, 3, "stride", 1);
  geometry.padding = ReadWindow(args, 4, "padding", 0);
  geometry.dilation = ReadWindow(args, 5, "dilation", 1);
  const WeightStorage storage = args.Boolean(6, "isHalf") ? WeightStorage::kFloat16 : WeightStorage::kFloat32;
  const bool fits =
      weight.dim() == 4 && weight.numel() > 0 && weight.size(2) <= kMaxWindow && weight.size(3) <= kMaxWindow;
  if (!fits) throw Expected(args.Env(), "a tensor (O, I, kH, kW)", "weight");
  geometry.out_channels = weight.size(0);
  geometry.in_channels = weight.size(1);
  geometry.kernel = {weight.size(2), weight.size(3)};
  if (bias) {
    bias = ContiguousFloats(args, *bias, "bias");
    if (bias->dim() != 1 || bias->size(0) != geometry.out_channels) throw Expected(args.Env(), "a tensor (O,)", "bias");
  }

  const float* const bias_floats = bias ? bias->const_data_ptr<float>() : nullptr;
  const auto owner = std::make_shared<const at::Tensor>(weight);
  WeightsHandle handle{
      std::make_shared<ConvWeights>(kernels, geometry, storage, owner->const_data_ptr<float>(), bias_floats, owner)};
  return Wrap(info.Env(), std::move(handle), kWeightsTag);
}

// disposeConvWeights(weights): releases their memory as soon as no plan uses them.
Napi::Value DisposeConvWeights(const Napi::CallbackInfo& info) {
  UnwrapHandle(info[0], "weights").weights.reset();
  return info.Env().Undefined();
}

// releaseConvSource(weights): releases the tensor of which their forms are packed, when all that are read are there.
Napi::Value ReleaseConvSource(const Napi::CallbackInfo& info) {
  UnwrapWeights(info[0], "weights")->ReleaseSource();
  return info.Env().Undefined();
}

// convWeightsBytes(weights): bytes of their packed forms.
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
  ExportForInference<KernelSets>(env, exports, "kernelSets");
  ExportForInference<CreateConvWeights>(env, exports, "createConvWeights");
  ExportForInference<DisposeConvWeights>(env, exports, "disposeConvWeights");
  ExportForInference<ReleaseConvSource>(env, exports, "releaseConvSource");
  ExportForInference<ConvWeightsBytes>(env, exports, "convWeightsBytes");
}

}  // namespace napi_torch::engine
