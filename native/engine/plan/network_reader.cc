#include "network_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "network_step.h"
#include "weights_handle.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMaxSize = 1 << 20;      // Of a dimension.
constexpr int64_t kMaxFloats = 1LL << 38;  // Of a buffer: far below where a product of sizes could overflow.
constexpr int64_t kMaxWindow = 1 << 16;    // Of a kernel, stride, padding or border.
constexpr size_t kMaxSlots = 100'000;

class Reader {
 public:
  explicit Reader(ValueTable& values) : values_(values) {}

  std::unique_ptr<Step> Read(const SpecReader& spec, int64_t ordinal) {
    for (const SpecReader& weights : spec["weights"].Items()) {
      weights_.push_back(UnwrapWeights(weights.value(), weights.path()));
      if (&weights_.back()->kernels() != &weights_.front()->kernels()) {
        throw weights.Expected("weights for the same kernels as the others");
      }
    }
    if (weights_.empty()) throw spec["weights"].Expected("at least one handle of weights");
    NetworkDefinition& network = definition_.network;
    network.kernels = &weights_.front()->kernels();
    network.ordinal = ordinal;
    network.batch = spec["batch"].Integer(1, kMaxSize);
    for (const SpecReader& buffer : spec["buffers"].Items()) ReadBuffer(buffer);
    for (const SpecReader& nchw : spec["nchw"].Items()) ReadNchw(nchw);
    for (const SpecReader& input : spec["inputs"].Items()) {
      const size_t value = values_.ReadUse(input["value"]);
      definition_.inputs.push_back(ReadBinding(input["buffer"], value));
    }
    for (const SpecReader& segment : spec["segments"].Items()) ReadSegment(segment);
    for (const SpecReader& output : spec["outputs"].Items()) {
      const size_t value = values_.ReadOutput(output["value"]);
      definition_.outputs.push_back(ReadBinding(output["buffer"], value));
    }
    return std::make_unique<NetworkStep>(std::move(definition_));
  }

 private:
  const KernelSet& kernels() const { return *definition_.network.kernels; }

  void ReadBuffer(const SpecReader& spec) {
    const int64_t batch = spec["batch"].Integer(1, definition_.network.batch);
    const int64_t channels = spec["channels"].Integer(1, kMaxSize);
    const int64_t height = spec["height"].Integer(1, kMaxSize);
    const int64_t width = spec["width"].Integer(1, kMaxSize);
    const int64_t border = spec["border"].Integer(0, kMaxWindow);
    const double floats = static_cast<double>(batch) * static_cast<double>(channels + kernels().block) *
                          static_cast<double>(height + 4 + 2 * border) * static_cast<double>(width + 4 + 2 * border);
    if (floats > static_cast<double>(kMaxFloats)) throw spec.Expected("a buffer that fits in memory");

    NetworkDefinition::Buffer buffer;
    buffer.layout = ActivationLayout::Of(batch, channels, height, width, border, kernels().block);
    buffer.slot = spec["slot"].Index(kMaxSlots);
    // In a slot of several layouts, the border of one buffer could hold pixels of another.
    for (const NetworkDefinition::Buffer& other : definition_.network.buffers) {
      if (other.slot == buffer.slot && !IsSame(other.layout, buffer.layout)) {
        throw spec["slot"].Expected("a slot whose buffers have the same layout");
      }
    }
    definition_.network.buffers.push_back(buffer);
  }

  static bool IsSame(const ActivationLayout& a, const ActivationLayout& b) {
    return a.n == b.n && a.border == b.border && HasSize(a, b);
  }
  static bool HasSize(const ActivationLayout& a, const ActivationLayout& b) {
    return a.c == b.c && a.h == b.h && a.w == b.w;
  }

  void ReadNchw(const SpecReader& index) {
    const size_t value = values_.ReadUse(index);
    const PlanDefinition::Value& type = values_[value];
    if (type.dtype != at::kFloat || type.sizes.size() != 4 || type.sizes[0] != definition_.network.batch) {
      throw index.Expected("a float32 value (N, C, H, W) of the batch");
    }
    definition_.nchw.push_back({value, type.sizes});
  }

  NetworkStep::Binding ReadBinding(const SpecReader& index, size_t value) const {
    const PlanDefinition::Value& type = values_[value];
    const NetworkStep::Binding binding{value, ReadBufferIndex(index), type.sizes};
    const ActivationLayout& layout = LayoutOf(binding.buffer);
    const bool is_whole = layout.n == definition_.network.batch;
    const bool is_nchw = type.sizes == std::vector<int64_t>{layout.n, layout.c, layout.h, layout.w};
    const bool is_matrix = layout.h == 1 && layout.w == 1 && type.sizes == std::vector<int64_t>{layout.n, layout.c};
    if (type.dtype != at::kFloat || !is_whole || !(is_nchw || is_matrix)) {
      throw index.Expected("a buffer of the shape of the value");
    }
    return binding;
  }

  size_t ReadBufferIndex(const SpecReader& index) const { return index.Index(definition_.network.buffers.size()); }
  const ActivationLayout& LayoutOf(size_t buffer) const { return definition_.network.buffers[buffer].layout; }
  size_t SlotOf(size_t buffer) const { return definition_.network.buffers[buffer].slot; }

  void ReadSegment(const SpecReader& spec) {
    NetworkDefinition::Segment segment;
    segment.chunk = spec["chunk"].Integer(1, definition_.network.batch);
    if (definition_.network.batch % segment.chunk != 0) throw spec["chunk"].Expected("a divisor of the batch");
    chunk_ = segment.chunk;
    for (const SpecReader& operation : spec["operations"].Items()) {
      segment.operations.push_back(ReadOperation(operation));
    }
    definition_.network.segments.push_back(std::move(segment));
  }

  NetworkDefinition::Operation ReadOperation(const SpecReader& spec) const {
    const std::string kind = spec["kind"].Text();
    if (kind == "conv2d") return ReadConv2d(spec);
    if (kind == "maxPool2d") return ReadMaxPool(spec);
    if (kind == "globalAvgPool") return ReadAvgPool(spec);
    if (kind == "linear") return ReadLinear(spec);
    if (kind == "add") return ReadAdd(spec);
    throw spec["kind"].Expected("the kind of an operation");
  }

  // The index of a buffer that holds a chunk of this segment or the whole batch.
  size_t ReadOperand(const SpecReader& index) const {
    const size_t buffer = ReadBufferIndex(index);
    const int64_t n = LayoutOf(buffer).n;
    if (n != chunk_ && n != definition_.network.batch) throw index.Expected("a buffer for the chunk or the batch");
    return buffer;
  }
  // As ReadOperand, of a buffer in another slot than the operands, as the operation must not overwrite what it reads.
  size_t ReadResult(const SpecReader& index, std::initializer_list<size_t> operands) const {
    const size_t buffer = ReadOperand(index);
    for (const size_t operand : operands) {
      if (SlotOf(operand) == SlotOf(buffer)) throw index.Expected("a buffer in a slot of its own");
    }
    return buffer;
  }

  NetworkDefinition::Operation ReadConv2d(const SpecReader& spec) const {
    NetworkDefinition::Conv2d conv;
    conv.weights = weights_[spec["weights"].Index(weights_.size())];
    conv.relu = spec["relu"].Boolean();
    const std::optional<Algorithm> algorithm = AlgorithmOf(spec["algorithm"].Text());
    const ConvGeometry& geometry = conv.weights->geometry();
    if (!algorithm || !Supports(geometry, *algorithm)) {
      throw spec["algorithm"].Expected("an algorithm that supports these weights");
    }
    conv.algorithm = *algorithm;

    ActivationLayout in;
    if (conv.algorithm == Algorithm::kNchw) {
      conv.input = spec["input"].Index(definition_.nchw.size());
      const std::vector<int64_t>& sizes = definition_.nchw[conv.input].sizes;
      conv.nchw = in = ActivationLayout{chunk_, sizes[1], sizes[2], sizes[3], 0, 0, 0, 0};
      conv.output = ReadOperand(spec["output"]);
    } else {
      conv.input = ReadOperand(spec["input"]);
      conv.output = ReadResult(spec["output"], {conv.input});
      in = LayoutOf(conv.input);
      if (in.border < BorderOf(geometry, conv.algorithm)) {
        throw spec["input"].Expected("a buffer with a wider padding border");
      }
    }
    const ActivationLayout result{0, geometry.out_channels, geometry.OutputSize(in.h, 0), geometry.OutputSize(in.w, 1)};
    if (in.c != geometry.in_channels || result.h < 1 || result.w < 1) {
      throw spec["input"].Expected("an input that fits the weights");
    }

    if (!spec["pool"].IsNull()) {
      conv.pool = ReadPoolGeometry(spec["pool"], result, LayoutOf(conv.output));
      const bool is_plain = conv.algorithm == Algorithm::kNchw && conv.pool->dilation == std::array<int64_t, 2>{1, 1};
      if (!is_plain || !spec["residual"].IsNull()) {
        throw spec["pool"].Expected("null (only an nchw convolution without a residual can pool, without dilation)");
      }
    } else if (!HasSize(LayoutOf(conv.output), result)) {
      throw spec["output"].Expected("a buffer of the shape of the result");
    }
    if (!spec["residual"].IsNull()) {
      conv.residual = ReadOperand(spec["residual"]);
      if (SlotOf(*conv.residual) == SlotOf(conv.output)) {
        throw spec["residual"].Expected("a buffer in a slot of its own");
      }
      // The kernels use the row stride of the result for both.
      const ActivationLayout& residual = LayoutOf(*conv.residual);
      if (!HasSize(residual, result) || residual.row_stride != LayoutOf(conv.output).row_stride) {
        throw spec["residual"].Expected("a buffer in the layout of the result");
      }
    }
    return conv;
  }

  // Max pooling of `in` to `out`, each window of which covers an element of the input.
  static PoolGeometry ReadPoolGeometry(const SpecReader& spec, const ActivationLayout& in,
                                       const ActivationLayout& out) {
    PoolGeometry geometry;
    geometry.kernel = spec["kernelSize"].Pair(1, kMaxWindow);
    geometry.stride = spec["stride"].Pair(1, kMaxWindow);
    geometry.padding = spec["padding"].Pair(0, kMaxWindow);
    geometry.dilation = spec["dilation"].Pair(1, kMaxWindow);
    const std::array<int64_t, 2> from{in.h, in.w};
    const std::array<int64_t, 2> to{out.h, out.w};
    for (size_t dim = 0; dim < 2; ++dim) {
      const int64_t last = (to[dim] - 1) * geometry.stride[dim] - geometry.padding[dim];
      bool fits = last < from[dim] && geometry.padding[dim] <= geometry.kernel[dim] / 2;
      // A window that begins inside the input covers an element; one that begins in the padding must reach one.
      for (int64_t start = -geometry.padding[dim]; fits && start < 0; start += geometry.stride[dim]) {
        fits = PoolSpan::Of(start, geometry.kernel[dim], geometry.dilation[dim], from[dim]).count > 0;
      }
      if (!fits) throw spec.Expected("windows that each cover an element of the input");
    }
    if (in.c != out.c) throw spec.Expected("an output of as many channels as the input");
    return geometry;
  }

  NetworkDefinition::Operation ReadMaxPool(const SpecReader& spec) const {
    NetworkDefinition::MaxPool2d max_pool;
    max_pool.input = ReadOperand(spec["input"]);
    max_pool.output = ReadResult(spec["output"], {max_pool.input});
    max_pool.geometry = ReadPoolGeometry(spec, LayoutOf(max_pool.input), LayoutOf(max_pool.output));
    return max_pool;
  }

  NetworkDefinition::Operation ReadAvgPool(const SpecReader& spec) const {
    NetworkDefinition::GlobalAvgPool avg_pool;
    avg_pool.input = ReadOperand(spec["input"]);
    avg_pool.output = ReadResult(spec["output"], {avg_pool.input});
    const ActivationLayout& out = LayoutOf(avg_pool.output);
    if (out.h != 1 || out.w != 1 || out.c != LayoutOf(avg_pool.input).c) {
      throw spec["output"].Expected("a buffer of 1 x 1 pixels and the channels of the input");
    }
    return avg_pool;
  }

  NetworkDefinition::Operation ReadLinear(const SpecReader& spec) const {
    NetworkDefinition::Linear linear;
    linear.weights = weights_[spec["weights"].Index(weights_.size())];
    linear.relu = spec["relu"].Boolean();
    linear.input = ReadOperand(spec["input"]);
    linear.output = ReadResult(spec["output"], {linear.input});
    const ConvGeometry& geometry = linear.weights->geometry();
    const ActivationLayout in{0, geometry.in_channels, 1, 1};
    const ActivationLayout out{0, geometry.out_channels, 1, 1};
    if (geometry.taps() != 1) throw spec["weights"].Expected("weights of a linear layer or a 1 x 1 convolution");
    if (!HasSize(LayoutOf(linear.input), in)) throw spec["input"].Expected("a buffer that fits the weights");
    if (!HasSize(LayoutOf(linear.output), out)) throw spec["output"].Expected("a buffer that fits the weights");
    return linear;
  }

  NetworkDefinition::Operation ReadAdd(const SpecReader& spec) const {
    NetworkDefinition::Add add;
    add.left = ReadOperand(spec["left"]);
    add.right = ReadOperand(spec["right"]);
    add.output = ReadOperand(spec["output"]);
    add.relu = spec["relu"].Boolean();
    const ActivationLayout& out = LayoutOf(add.output);
    for (const size_t operand : {add.left, add.right}) {
      if (!HasSize(LayoutOf(operand), out)) throw spec.Expected("buffers of the same shape");
    }
    return add;
  }

  ValueTable& values_;
  NetworkStep::Definition definition_;
  std::vector<std::shared_ptr<ConvWeights>> weights_;
  // Of the segment that is read.
  int64_t chunk_ = 1;
};

}  // namespace

std::unique_ptr<Step> ReadNetworkStep(const SpecReader& spec, int64_t ordinal, ValueTable& values) {
  return Reader(values).Read(spec, ordinal);
}

}  // namespace napi_torch::engine
