#include "network_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "network_step.h"
#include "weights_handle.h"

namespace napi_torch::engine {
namespace {

constexpr int64_t kMostSize = 1 << 20;      // Of a dimension.
constexpr int64_t kMostFloats = 1LL << 38;  // Of a buffer: far from where a product of sizes could overflow.
constexpr int64_t kMostSteps = 1 << 16;     // Of a window.
constexpr size_t kMostSlots = 100'000;

class Reader {
 public:
  Reader(const std::vector<PlanParts::Value>& values, const ValueReaders& readers)
      : values_(values), readers_(readers) {}

  std::unique_ptr<Step> Read(const Part& spec, int64_t ordinal) {
    for (const Part& weights : spec["weights"].Items()) {
      weights_.push_back(UnwrapWeights(weights.value(), weights.path()));
      if (&weights_.back()->kernels() != &weights_.front()->kernels())
        throw weights.Wrong("weights for the same kernels");
    }
    if (weights_.empty()) throw spec["weights"].Wrong("weights");
    NetworkParts& network = parts_.network;
    network.kernels = &weights_.front()->kernels();
    network.ordinal = ordinal;
    network.batch = spec["batch"].Integer(1, kMostSize);
    for (const Part& buffer : spec["buffers"].Items()) ReadBuffer(buffer);
    for (const Part& nchw : spec["nchw"].Items()) ReadNchw(nchw);
    for (const Part& port : spec["inputs"].Items()) parts_.inputs.push_back(ReadPort(port, readers_.made));
    for (const Part& segment : spec["segments"].Items()) ReadSegment(segment);
    for (const Part& port : spec["outputs"].Items()) parts_.outputs.push_back(ReadPort(port, readers_.make));
    return std::make_unique<NetworkStep>(std::move(parts_));
  }

 private:
  const Kernels& kernels() const { return *parts_.network.kernels; }

  void ReadBuffer(const Part& spec) {
    const int64_t batch = spec["batch"].Integer(1, parts_.network.batch);
    const int64_t channels = spec["channels"].Integer(1, kMostSize);
    const int64_t height = spec["height"].Integer(1, kMostSize);
    const int64_t width = spec["width"].Integer(1, kMostSize);
    const int64_t border = spec["border"].Integer(0, kMostSteps);
    const double floats = static_cast<double>(batch) * static_cast<double>(channels + kernels().block) *
                          static_cast<double>(height + 4 + 2 * border) * static_cast<double>(width + 4 + 2 * border);
    if (floats > static_cast<double>(kMostFloats)) throw spec.Wrong("a buffer that memory can hold");

    NetworkParts::Buffer buffer;
    buffer.layout = ImageLayout::Of(batch, channels, height, width, border, kernels().block);
    buffer.slot = spec["slot"].Index(kMostSlots);
    // Of others the border could be what was a pixel.
    for (const NetworkParts::Buffer& other : parts_.network.buffers) {
      if (other.slot == buffer.slot && !IsSame(other.layout, buffer.layout))
        throw spec["slot"].Wrong("a slot of its layout");
    }
    parts_.network.buffers.push_back(buffer);
  }

  static bool IsSame(const ImageLayout& a, const ImageLayout& b) {
    return a.n == b.n && a.border == b.border && HasSize(a, b);
  }
  static bool HasSize(const ImageLayout& a, const ImageLayout& b) { return a.c == b.c && a.h == b.h && a.w == b.w; }

  void ReadNchw(const Part& index) {
    const size_t value = readers_.made(index);
    const PlanParts::Value& type = values_[value];
    if (type.dtype != at::kFloat || type.sizes.size() != 4 || type.sizes[0] != parts_.network.batch) {
      throw index.Wrong("a float32 value (N, C, H, W)");
    }
    parts_.nchw.push_back(value);
  }

  NetworkStep::Port ReadPort(const Part& spec, const std::function<size_t(const Part&)>& read) const {
    NetworkStep::Port port;
    port.value = read(spec["value"]);
    port.buffer = ReadBufferIndex(spec["buffer"]);
    const ImageLayout& layout = LayoutOf(port.buffer);
    const PlanParts::Value& type = values_[port.value];
    port.sizes = type.sizes;
    const bool is_whole = layout.n == parts_.network.batch;
    const bool is_image = port.sizes == std::vector<int64_t>{layout.n, layout.c, layout.h, layout.w};
    const bool is_vector = layout.h == 1 && layout.w == 1 && port.sizes == std::vector<int64_t>{layout.n, layout.c};
    if (type.dtype != at::kFloat || !is_whole || !(is_image || is_vector)) {
      throw spec["buffer"].Wrong("a buffer of the size of the value");
    }
    return port;
  }

  size_t ReadBufferIndex(const Part& index) const { return index.Index(parts_.network.buffers.size()); }
  const ImageLayout& LayoutOf(size_t buffer) const { return parts_.network.buffers[buffer].layout; }
  size_t SlotOf(size_t buffer) const { return parts_.network.buffers[buffer].slot; }

  void ReadSegment(const Part& spec) {
    NetworkParts::Segment segment;
    segment.chunk = spec["chunk"].Integer(1, parts_.network.batch);
    if (parts_.network.batch % segment.chunk != 0) throw spec["chunk"].Wrong("a part of the batch");
    chunk_ = segment.chunk;
    for (const Part& operation : spec["operations"].Items()) segment.operations.push_back(ReadOperation(operation));
    parts_.network.segments.push_back(std::move(segment));
  }

  NetworkParts::Operation ReadOperation(const Part& spec) const {
    const std::string kind = spec["kind"].Text();
    if (kind == "conv2d") return ReadConv(spec);
    if (kind == "maxPool2d") return ReadPool(spec);
    if (kind == "globalAvgPool") return ReadMean(spec);
    if (kind == "linear") return ReadLinear(spec);
    if (kind == "add") return ReadAdd(spec);
    throw spec["kind"].Wrong("a kind of operation");
  }

  // A buffer that holds the chunk or the whole batch.
  size_t ReadOperand(const Part& index) const {
    const size_t buffer = ReadBufferIndex(index);
    const int64_t n = LayoutOf(buffer).n;
    if (n != chunk_ && n != parts_.network.batch) throw index.Wrong("a buffer of the chunk or of the batch");
    return buffer;
  }
  // As ReadOperand; what an operation writes has a slot that it does not read.
  size_t ReadResult(const Part& index, std::initializer_list<size_t> operands) const {
    const size_t buffer = ReadOperand(index);
    for (const size_t operand : operands) {
      if (SlotOf(operand) == SlotOf(buffer)) throw index.Wrong("a buffer with a slot of its own");
    }
    return buffer;
  }

  NetworkParts::Operation ReadConv(const Part& spec) const {
    NetworkParts::Conv2d parts;
    parts.weights = weights_[spec["weights"].Index(weights_.size())];
    parts.relu = spec["relu"].Boolean();
    const std::optional<Algorithm> algorithm = AlgorithmOf(spec["algorithm"].Text());
    const ConvGeometry& geometry = parts.weights->geometry();
    if (!algorithm || !Supports(geometry, *algorithm)) throw spec["algorithm"].Wrong("an algorithm for these weights");
    parts.algorithm = *algorithm;

    ImageLayout in;
    if (parts.algorithm == Algorithm::kNchw) {
      parts.input = spec["input"].Index(parts_.nchw.size());
      const std::vector<int64_t>& sizes = values_[parts_.nchw[parts.input]].sizes;
      parts.nchw = in = ImageLayout{chunk_, sizes[1], sizes[2], sizes[3], 0, 0, 0, 0};
      parts.output = ReadOperand(spec["output"]);
    } else {
      parts.input = ReadOperand(spec["input"]);
      parts.output = ReadResult(spec["output"], {parts.input});
      in = LayoutOf(parts.input);
      if (in.border < BorderOf(geometry, parts.algorithm)) throw spec["input"].Wrong("a buffer with a larger border");
    }
    const ImageLayout result{0, geometry.out_channels, geometry.OutputSize(in.h, 0), geometry.OutputSize(in.w, 1)};
    if (in.c != geometry.in_channels || result.h < 1 || result.w < 1) throw spec["input"].Wrong("what the weights fit");

    if (!spec["pool"].IsNull()) {
      parts.pool = ReadPooling(spec["pool"], result, LayoutOf(parts.output));
      const bool is_plain = parts.algorithm == Algorithm::kNchw && parts.pool->dilation == std::array<int64_t, 2>{1, 1};
      if (!is_plain || !spec["residual"].IsNull()) throw spec["pool"].Wrong("no pooling");
    } else if (!HasSize(LayoutOf(parts.output), result)) {
      throw spec["output"].Wrong("a buffer of the size of the result");
    }
    if (!spec["residual"].IsNull()) {
      parts.residual = ReadOperand(spec["residual"]);
      if (SlotOf(*parts.residual) == SlotOf(parts.output))
        throw spec["residual"].Wrong("a buffer with a slot of its own");
      // The kernels go through both with the same steps.
      const ImageLayout& residual = LayoutOf(*parts.residual);
      if (!HasSize(residual, result) || residual.row_stride != LayoutOf(parts.output).row_stride) {
        throw spec["residual"].Wrong("a buffer laid out as the result");
      }
    }
    return parts;
  }

  // Of `in` to `out`. Each window has a point in the image.
  static PoolGeometry ReadPooling(const Part& spec, const ImageLayout& in, const ImageLayout& out) {
    PoolGeometry geometry;
    geometry.kernel = spec["kernelSize"].Pair(1, kMostSteps);
    geometry.stride = spec["stride"].Pair(1, kMostSteps);
    geometry.padding = spec["padding"].Pair(0, kMostSteps);
    geometry.dilation = spec["dilation"].Pair(1, kMostSteps);
    const std::array<int64_t, 2> from{in.h, in.w};
    const std::array<int64_t, 2> to{out.h, out.w};
    for (size_t dim = 0; dim < 2; ++dim) {
      const int64_t last = (to[dim] - 1) * geometry.stride[dim] - geometry.padding[dim];
      bool fits = last < from[dim] && geometry.padding[dim] <= geometry.kernel[dim] / 2;
      // Of those that begin in the padding each must reach a point; the first one of all others is one.
      for (int64_t start = -geometry.padding[dim]; fits && start < 0; start += geometry.stride[dim]) {
        fits = PoolSpan::Of(start, geometry.kernel[dim], geometry.dilation[dim], from[dim]).count > 0;
      }
      if (!fits) throw spec.Wrong("windows that reach into the buffer");
    }
    if (in.c != out.c) throw spec.Wrong("windows over as many channels");
    return geometry;
  }

  NetworkParts::Operation ReadPool(const Part& spec) const {
    NetworkParts::MaxPool2d parts;
    parts.input = ReadOperand(spec["input"]);
    parts.output = ReadResult(spec["output"], {parts.input});
    parts.geometry = ReadPooling(spec, LayoutOf(parts.input), LayoutOf(parts.output));
    return parts;
  }

  NetworkParts::Operation ReadMean(const Part& spec) const {
    NetworkParts::GlobalAvgPool parts;
    parts.input = ReadOperand(spec["input"]);
    parts.output = ReadResult(spec["output"], {parts.input});
    const ImageLayout& out = LayoutOf(parts.output);
    if (out.h != 1 || out.w != 1 || out.c != LayoutOf(parts.input).c)
      throw spec["output"].Wrong("a buffer of one pixel");
    return parts;
  }

  NetworkParts::Operation ReadLinear(const Part& spec) const {
    NetworkParts::Linear parts;
    parts.weights = weights_[spec["weights"].Index(weights_.size())];
    parts.relu = spec["relu"].Boolean();
    parts.input = ReadOperand(spec["input"]);
    parts.output = ReadResult(spec["output"], {parts.input});
    const ConvGeometry& geometry = parts.weights->geometry();
    const ImageLayout in{0, geometry.in_channels, 1, 1};
    const ImageLayout out{0, geometry.out_channels, 1, 1};
    if (geometry.taps() != 1) throw spec["weights"].Wrong("weights of one tap");
    if (!HasSize(LayoutOf(parts.input), in)) throw spec["input"].Wrong("a buffer that the weights fit");
    if (!HasSize(LayoutOf(parts.output), out)) throw spec["output"].Wrong("a buffer that the weights fit");
    return parts;
  }

  NetworkParts::Operation ReadAdd(const Part& spec) const {
    NetworkParts::Add parts;
    parts.left = ReadOperand(spec["left"]);
    parts.right = ReadOperand(spec["right"]);
    parts.output = ReadOperand(spec["output"]);
    parts.relu = spec["relu"].Boolean();
    const ImageLayout& out = LayoutOf(parts.output);
    for (const size_t operand : {parts.left, parts.right}) {
      if (!HasSize(LayoutOf(operand), out)) throw spec.Wrong("buffers of one size");
    }
    return parts;
  }

  const std::vector<PlanParts::Value>& values_;
  const ValueReaders& readers_;
  NetworkStep::Parts parts_;
  std::vector<std::shared_ptr<ConvWeights>> weights_;
  // Of the segment that is being read.
  int64_t chunk_ = 1;
};

}  // namespace

std::unique_ptr<Step> ReadNetwork(const Part& spec, int64_t ordinal, const std::vector<PlanParts::Value>& values,
                                  const ValueReaders& readers) {
  return Reader(values, readers).Read(spec, ordinal);
}

}  // namespace napi_torch::engine
