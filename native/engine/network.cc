#include "network.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "conv_nchw.h"

namespace napi_torch::engine {
namespace {

using Clock = std::chrono::steady_clock;

// In the keys of memory. That for work, whose content means nothing, has zeros alone.
constexpr int64_t kBuffer = 1;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

// What an operation needs for one chunk.
struct Call {
  ThreadPool& pool;
  const Network& network;
  const std::vector<const float*>& nchw;
  int64_t chunk;
  int64_t iteration;
  float* workspace;

  // The chunk's part of a buffer, which holds the chunk or the whole batch.
  Image At(size_t buffer) const {
    Image image = network.BufferAt(buffer);
    if (image.layout.n != chunk) image.data += iteration * chunk * image.layout.image_stride;
    image.layout.n = chunk;
    return image;
  }
  Image NchwAt(size_t input, ImageLayout layout) const {
    const int64_t image_floats = layout.c * layout.h * layout.w;
    layout.n = chunk;
    // Convolutions only read what they are given as input.
    return {layout, const_cast<float*>(nchw[input]) + iteration * chunk * image_floats};
  }
};

class Network::Prepared {
 public:
  virtual ~Prepared() = default;
  virtual int64_t WorkspaceFloats() const { return 0; }
  virtual void Run(const Call& call) const = 0;
};

struct Network::Loop {
  int64_t chunk;
  std::vector<std::unique_ptr<Prepared>> operations;
};

namespace {

ImageLayout Chunk(ImageLayout layout, int64_t chunk) {
  layout.n = chunk;
  return layout;
}

}  // namespace

std::unique_ptr<Network::Prepared> Network::Make(const NetworkParts::Operation& operation, int64_t chunk,
                                                 ThreadPool& pool) const {
  const auto layout_of = [&](size_t buffer) { return Chunk(parts_.buffers[buffer].layout, chunk); };

  class Conv final : public Prepared {
   public:
    Conv(std::unique_ptr<Convolution> convolution, NetworkParts::Conv2d parts)
        : convolution_(std::move(convolution)), parts_(std::move(parts)) {}
    int64_t WorkspaceFloats() const override { return convolution_->WorkspaceFloats(); }
    void Run(const Call& call) const override {
      const bool reads_nchw = parts_.algorithm == Algorithm::kNchw;
      const Image in = reads_nchw ? call.NchwAt(parts_.input, parts_.nchw) : call.At(parts_.input);
      const std::optional<Image> residual = parts_.residual ? std::optional(call.At(*parts_.residual)) : std::nullopt;
      convolution_->Run(call.pool, in, call.At(parts_.output), residual ? &*residual : nullptr, parts_.relu,
                        call.workspace);
    }

   private:
    std::unique_ptr<Convolution> convolution_;
    NetworkParts::Conv2d parts_;
  };

  class Pool final : public Prepared {
   public:
    Pool(const Kernels& kernels, const NetworkParts::MaxPool2d& parts) : kernels_(kernels), parts_(parts) {}
    void Run(const Call& call) const override {
      MaxPool2d(call.pool, kernels_, parts_.geometry, call.At(parts_.input), call.At(parts_.output));
    }

   private:
    const Kernels& kernels_;
    NetworkParts::MaxPool2d parts_;
  };

  class Mean final : public Prepared {
   public:
    Mean(const Kernels& kernels, const NetworkParts::GlobalAvgPool& parts) : kernels_(kernels), parts_(parts) {}
    void Run(const Call& call) const override {
      GlobalAvgPool(call.pool, kernels_, call.At(parts_.input), call.At(parts_.output));
    }

   private:
    const Kernels& kernels_;
    NetworkParts::GlobalAvgPool parts_;
  };

  class Product final : public Prepared {
   public:
    Product(const NetworkParts::Linear& parts, ThreadPool& pool) : linear_(parts.weights, pool), parts_(parts) {}
    void Run(const Call& call) const override {
      linear_.Run(call.pool, call.At(parts_.input), call.At(parts_.output), parts_.relu);
    }

   private:
    Linear linear_;
    NetworkParts::Linear parts_;
  };

  class Sum final : public Prepared {
   public:
    Sum(const Kernels& kernels, const NetworkParts::Add& parts) : kernels_(kernels), parts_(parts) {}
    void Run(const Call& call) const override {
      Add(call.pool, kernels_, call.At(parts_.left), call.At(parts_.right), call.At(parts_.output), parts_.relu);
    }

   private:
    const Kernels& kernels_;
    NetworkParts::Add parts_;
  };

  const Kernels& kernels = *parts_.kernels;
  return std::visit(Overloaded{
                        [&](const NetworkParts::Conv2d& parts) -> std::unique_ptr<Prepared> {
                          const bool reads_nchw = parts.algorithm == Algorithm::kNchw;
                          const ImageLayout in = reads_nchw ? Chunk(parts.nchw, chunk) : layout_of(parts.input);
                          const ImageLayout out = layout_of(parts.output);
                          auto convolution = parts.pool
                                                 ? NewPooledNchw(parts.weights, *parts.pool, in, out, pool)
                                                 : Convolution::Create(parts.algorithm, parts.weights, in, out, pool);
                          return std::make_unique<Conv>(std::move(convolution), parts);
                        },
                        [&](const NetworkParts::MaxPool2d& parts) -> std::unique_ptr<Prepared> {
                          return std::make_unique<Pool>(kernels, parts);
                        },
                        [&](const NetworkParts::GlobalAvgPool& parts) -> std::unique_ptr<Prepared> {
                          return std::make_unique<Mean>(kernels, parts);
                        },
                        [&](const NetworkParts::Linear& parts) -> std::unique_ptr<Prepared> {
                          return std::make_unique<Product>(parts, pool);
                        },
                        [&](const NetworkParts::Add& parts) -> std::unique_ptr<Prepared> {
                          return std::make_unique<Sum>(kernels, parts);
                        },
                    },
                    operation);
}

Network::Network(NetworkParts parts) : parts_(std::move(parts)) {}

Network::~Network() = default;

size_t Network::operations() const {
  size_t count = 0;
  for (const NetworkParts::Segment& segment : parts_.segments) count += segment.operations.size();
  return count;
}

void Network::Prepare(ThreadPool& pool, SharedFloats& memory) {
  if (threads_ == pool.threads()) return;
  std::vector<Loop> loops;
  int64_t workspace_floats = 0;
  for (const NetworkParts::Segment& segment : parts_.segments) {
    Loop& loop = loops.emplace_back(Loop{segment.chunk, {}});
    for (const NetworkParts::Operation& operation : segment.operations) {
      loop.operations.push_back(Make(operation, segment.chunk, pool));
      workspace_floats = std::max(workspace_floats, loop.operations.back()->WorkspaceFloats());
    }
  }
  slots_ = Slots(memory);
  workspace_ = memory.Get({}, workspace_floats);
  loops_ = std::move(loops);
  threads_ = pool.threads();
}

// Slots of one layout are told apart by their order, so that plans for other batches, whose buffers differ in nothing
// but the number of images, have the same.
std::vector<SharedFloats::Pointer> Network::Slots(SharedFloats& memory) const {
  std::vector<SharedFloats::Pointer> slots;
  std::map<SharedFloats::Key, int64_t> counts;
  for (const auto& [layout, slot] : parts_.buffers) {
    if (slot >= slots.size()) slots.resize(slot + 1);
    if (slots[slot] != nullptr) continue;  // Buffers of one slot have one layout.
    SharedFloats::Key key{layout.c, layout.h, layout.w, layout.border, layout.channels, parts_.ordinal, kBuffer, 0};
    const int64_t order = counts[key]++;
    key.back() = order;
    slots[slot] = memory.Get(key, layout.floats());
  }
  return slots;
}

Image Network::BufferAt(size_t index) const {
  const NetworkParts::Buffer& buffer = parts_.buffers[index];
  return {buffer.layout, slots_[buffer.slot].get() + buffer.layout.origin()};
}

void Network::Run(ThreadPool& pool, const std::vector<const float*>& nchw, const Interrupt& interrupt,
                  int64_t* nanoseconds) {
  if (nanoseconds != nullptr) std::fill_n(nanoseconds, operations(), 0);
  for (const Loop& loop : loops_) {
    for (int64_t iteration = 0; iteration * loop.chunk < parts_.batch; ++iteration) {
      const Call call{pool, *this, nchw, loop.chunk, iteration, workspace_.get()};
      for (size_t i = 0; i < loop.operations.size(); ++i) {
        if (interrupt.Requested()) return;
        const Clock::time_point start = nanoseconds == nullptr ? Clock::time_point() : Clock::now();
        loop.operations[i]->Run(call);
        if (nanoseconds == nullptr) continue;
        nanoseconds[i] += std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
      }
    }
    if (nanoseconds != nullptr) nanoseconds += loop.operations.size();
  }
}

}  // namespace napi_torch::engine
