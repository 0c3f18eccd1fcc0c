#include "bytes_step.h"

#include <cmath>
#include <optional>

namespace napi_torch::engine {
namespace {

constexpr int64_t kMostWindow = 1 << 20;  // Of a kernel, stride or padding: products with sizes cannot overflow.

std::optional<BytesStep::Kind> KindOf(const std::string& kind) {
  if (kind == "quantize") return BytesStep::Kind::kQuantize;
  if (kind == "dequantize") return BytesStep::Kind::kDequantize;
  if (kind == "maxPoolBytes") return BytesStep::Kind::kMaxPool;
  if (kind == "meanOfBytes") return BytesStep::Kind::kMean;
  return std::nullopt;
}

ByteScale ReadScale(const Part& spec) {
  ByteScale result;
  const Part scale = spec["scale"];
  if (scale.IsNumber()) result.scale = scale.value().As<Napi::Number>().FloatValue();
  if (!scale.IsNumber() || !std::isnormal(result.scale) || result.scale < 0) throw scale.Wrong("a positive number");
  result.zero_point = static_cast<int32_t>(spec["zeroPoint"].Integer(0, 255));
  return result;
}

}  // namespace

bool BytesStep::IsKind(const std::string& kind) { return KindOf(kind).has_value(); }

std::unique_ptr<Step> BytesStep::Read(const Part& spec, size_t input, size_t output,
                                      const std::vector<int64_t>& sizes) {
  Parts parts;
  parts.kind = KindOf(spec["kind"].Text()).value();
  parts.input = input;
  parts.output = output;
  parts.sizes = sizes;
  if (parts.kind != Kind::kMaxPool) {
    parts.scale = ReadScale(spec);
    return std::make_unique<BytesStep>(std::move(parts));
  }
  if (sizes.size() != 4) throw spec["output"].Wrong("a value (N, C, H, W)");
  parts.geometry.kernel = spec["kernelSize"].Pair(1, kMostWindow);
  parts.geometry.stride = spec["stride"].Pair(1, kMostWindow);
  parts.geometry.padding = spec["padding"].Pair(0, kMostWindow);
  parts.geometry.dilation = spec["dilation"].Pair(1, kMostWindow);
  return std::make_unique<BytesStep>(std::move(parts));
}

void BytesStep::Run(Frame& frame) {
  const at::Tensor& input = frame.values[parts_.input];
  const std::vector<int64_t>& sizes = parts_.sizes;
  at::Tensor output;
  switch (parts_.kind) {
    case Kind::kQuantize:
      output = Quantize(*frame.pool, input, parts_.scale);
      break;
    case Kind::kDequantize:
      output = Dequantize(*frame.pool, input, parts_.scale);
      break;
    case Kind::kMaxPool:
      output = MaxPoolBytes(*frame.pool, input, parts_.geometry, sizes[2], sizes[3]);
      break;
    case Kind::kMean:
      output = MeanOfBytes(*frame.pool, input, parts_.scale, sizes);
      break;
  }
  TORCH_CHECK(output.sizes() == at::IntArrayRef(sizes), "The step made ", output.sizes(), " where the plan promised ",
              at::IntArrayRef(sizes));
  frame.values[parts_.output] = std::move(output);
}

}  // namespace napi_torch::engine
