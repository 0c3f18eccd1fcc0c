#include "quantized_step.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "../network/quantized.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMaxWindow = 1 << 20;  // Of a kernel, stride or padding: products with sizes cannot overflow.

enum class Kind { kQuantize, kDequantize, kMaxPool, kMean };

std::optional<Kind> KindOf(const std::string& kind) {
  if (kind == "quantize") return Kind::kQuantize;
  if (kind == "dequantize") return Kind::kDequantize;
  if (kind == "maxPoolBytes") return Kind::kMaxPool;
  if (kind == "meanOfBytes") return Kind::kMean;
  return std::nullopt;
}

DenseShape ShapeOf(const at::Tensor& tensor) {
  return {tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3)};
}

// A float32 tensor to uint8, in channels-last layout where it is (N, C, H, W).
at::Tensor QuantizeTensor(ThreadPool& pool, const at::Tensor& input, const QuantizationParameters& parameters) {
  TORCH_CHECK(input.scalar_type() == at::kFloat, "Expected float32, received ", input.scalar_type());
  const bool is_nchw = input.dim() == 4;
  const bool is_channels_last = is_nchw && input.is_contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor source = is_channels_last ? input : input.contiguous();
  const at::MemoryFormat format = is_nchw ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  at::Tensor output = at::empty(input.sizes(), at::TensorOptions(at::kByte), format);
  auto* const target = output.mutable_data_ptr<uint8_t>();
  const auto* const elements = source.const_data_ptr<float>();
  if (is_nchw && !is_channels_last) {
    QuantizeNchw(pool, elements, ShapeOf(source), parameters, target);
  } else {
    Quantize(pool, elements, source.numel(), parameters, target);
  }
  return output;
}

// A uint8 tensor to float32, in the same layout.
at::Tensor DequantizeTensor(ThreadPool& pool, const at::Tensor& input, const QuantizationParameters& parameters) {
  TORCH_CHECK(input.scalar_type() == at::kByte, "Expected uint8, received ", input.scalar_type());
  const at::Tensor source = input.is_non_overlapping_and_dense() ? input : input.contiguous();
  at::Tensor output = at::empty_like(source, at::TensorOptions(at::kFloat), at::MemoryFormat::Preserve);
  Dequantize(pool, source.const_data_ptr<uint8_t>(), source.numel(), parameters, output.mutable_data_ptr<float>());
  return output;
}

// A uint8 tensor (N, C, H, W) in channels-last layout.
at::Tensor ChannelsLast(const at::Tensor& input) {
  TORCH_CHECK(input.dim() == 4 && input.scalar_type() == at::kByte, "Expected a uint8 tensor (N, C, H, W), received ",
              input.scalar_type(), " ", input.sizes());
  return input.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor MaxPoolTensor(ThreadPool& pool, const at::Tensor& input, const PoolGeometry& geometry, int64_t height,
                         int64_t width) {
  const at::Tensor source = ChannelsLast(input);
  at::Tensor output = at::empty({source.size(0), source.size(1), height, width}, at::TensorOptions(at::kByte),
                                at::MemoryFormat::ChannelsLast);
  MaxPoolQuantized(pool, source.const_data_ptr<uint8_t>(), ShapeOf(source), geometry, height, width,
                   output.mutable_data_ptr<uint8_t>());
  return output;
}

// `sizes` are those of the result: (N, C) or (N, C, 1, 1).
at::Tensor MeanTensor(ThreadPool& pool, const at::Tensor& input, const QuantizationParameters& parameters,
                      at::IntArrayRef sizes) {
  const at::Tensor source = ChannelsLast(input);
  const DenseShape shape = ShapeOf(source);
  at::Tensor output = at::empty(sizes, at::TensorOptions(at::kFloat));
  TORCH_CHECK(output.numel() == shape.n * shape.c, "Expected a mean for each channel of ", source.sizes(),
              ", received ", sizes);
  TORCH_CHECK(shape.h * shape.w <= kMaxMeanPixels, "Expected feature maps of less than 2^23 pixels, received ",
              source.sizes());
  MeanQuantized(pool, source.const_data_ptr<uint8_t>(), shape, parameters, output.mutable_data_ptr<float>());
  return output;
}

class QuantizedStep final : public Step {
 public:
  struct Definition {
    Kind kind = Kind::kQuantize;
    size_t input = 0;
    size_t output = 0;
    // Of the output.
    std::vector<int64_t> sizes;
    QuantizationParameters parameters;
    PoolGeometry geometry;
  };

  explicit QuantizedStep(Definition definition) : definition_(std::move(definition)) {}

  void Run(RunState& state) override {
    const at::IntArrayRef sizes(definition_.sizes);
    at::Tensor output = Compute(*state.pool, state.values[definition_.input]);
    TORCH_CHECK(output.sizes() == sizes, "The step produced ", output.sizes(), " where the plan declares ", sizes);
    state.values[definition_.output] = std::move(output);
  }

 private:
  at::Tensor Compute(ThreadPool& pool, const at::Tensor& input) const {
    const auto& [kind, input_value, output_value, sizes, parameters, geometry] = definition_;
    switch (kind) {
      case Kind::kQuantize:
        return QuantizeTensor(pool, input, parameters);
      case Kind::kDequantize:
        return DequantizeTensor(pool, input, parameters);
      case Kind::kMaxPool:
        return MaxPoolTensor(pool, input, geometry, sizes[2], sizes[3]);
      case Kind::kMean:
        return MeanTensor(pool, input, parameters, sizes);
    }
    return {};
  }

  Definition definition_;
};

QuantizationParameters ReadParameters(const SpecReader& spec) {
  QuantizationParameters parameters;
  parameters.scale = spec["scale"].Float();
  if (!std::isnormal(parameters.scale) || parameters.scale < 0) throw spec["scale"].Expected("a positive number");
  parameters.zero_point = static_cast<int32_t>(spec["zeroPoint"].Integer(0, 255));
  return parameters;
}

PoolGeometry ReadGeometry(const SpecReader& spec) {
  PoolGeometry geometry;
  geometry.kernel = spec["kernelSize"].Pair(1, kMaxWindow);
  geometry.stride = spec["stride"].Pair(1, kMaxWindow);
  geometry.padding = spec["padding"].Pair(0, kMaxWindow);
  geometry.dilation = spec["dilation"].Pair(1, kMaxWindow);
  return geometry;
}

}  // namespace

bool IsQuantizedStep(const std::string& kind) { return KindOf(kind).has_value(); }

std::unique_ptr<Step> ReadQuantizedStep(const SpecReader& spec, ValueTable& values) {
  QuantizedStep::Definition definition;
  definition.input = values.ReadUse(spec["input"]);
  definition.output = values.ReadOutput(spec["output"]);
  definition.sizes = values[definition.output].sizes;
  definition.kind = KindOf(spec["kind"].Text()).value();
  if (definition.kind == Kind::kMaxPool) {
    if (definition.sizes.size() != 4) throw spec["output"].Expected("a value (N, C, H, W)");
    definition.geometry = ReadGeometry(spec);
  } else {
    definition.parameters = ReadParameters(spec);
  }
  return std::make_unique<QuantizedStep>(std::move(definition));
}

}  // namespace napi_torch::engine
