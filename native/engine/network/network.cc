#include "network.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "conv_algorithms.h"

namespace napi_torch::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Marks the keys of buffers in shared memory. The key of the workspace, which holds nothing between two operations, is
// all zeros.
constexpr int64_t kBufferKey = 1;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

ActivationLayout WithBatch(ActivationLayout layout, int64_t batch) {
  layout.n = batch;
  return layout;
}

}  // namespace

// The chunk on which an operation runs.
struct Chunk {
  ThreadPool& pool;
  const Network& network;
  const std::vector<const float*>& nchw;
  int64_t size;
  int64_t iteration;
  float* workspace;

  // The chunk's samples in a buffer, which holds the chunk or the whole batch.
  Activation At(size_t buffer) const {
    Activation activation = network.BufferAt(buffer);
    if (activation.layout.n != size) activation.data += iteration * size * activation.layout.sample_stride;
    activation.layout.n = size;
    return activation;
  }
  Activation NchwAt(size_t input, const ActivationLayout& layout) const {
    const int64_t sample_floats = layout.c * layout.h * layout.w;
    // Convolutions only read their input.
    return {WithBatch(layout, size), const_cast<float*>(nchw[input]) + iteration * size * sample_floats};
  }
};

class Network::PreparedOperation {
 public:
  virtual ~PreparedOperation() = default;
  virtual int64_t WorkspaceFloats() const { return 0; }
  virtual void Run(const Chunk& chunk) const = 0;
};

struct Network::PreparedSegment {
  int64_t chunk;
  std::vector<std::unique_ptr<PreparedOperation>> operations;
};

std::unique_ptr<Network::PreparedOperation> Network::PrepareOperation(const NetworkDefinition::Operation& operation,
                                                                      int64_t chunk, ThreadPool& pool) const {
  class PreparedConv2d final : public PreparedOperation {
   public:
    PreparedConv2d(std::unique_ptr<Convolution> convolution, NetworkDefinition::Conv2d definition)
        : convolution_(std::move(convolution)), definition_(std::move(definition)) {}
    int64_t WorkspaceFloats() const override { return convolution_->WorkspaceFloats(); }
    void Run(const Chunk& chunk) const override {
      const bool reads_nchw = definition_.algorithm == Algorithm::kNchw;
      const Activation in =
          reads_nchw ? chunk.NchwAt(definition_.input, definition_.nchw) : chunk.At(definition_.input);
      const std::optional<Activation> residual =
          definition_.residual ? std::optional(chunk.At(*definition_.residual)) : std::nullopt;
      convolution_->Run(chunk.pool, in, chunk.At(definition_.output), residual ? &*residual : nullptr, definition_.relu,
                        chunk.workspace);
    }

   private:
    std::unique_ptr<Convolution> convolution_;
    NetworkDefinition::Conv2d definition_;
  };

  class PreparedMaxPool2d final : public PreparedOperation {
   public:
    PreparedMaxPool2d(const KernelSet& kernels, const NetworkDefinition::MaxPool2d& definition)
        : kernels_(kernels), definition_(definition) {}
    void Run(const Chunk& chunk) const override {
      MaxPool2d(chunk.pool, kernels_, definition_.geometry, chunk.At(definition_.input), chunk.At(definition_.output));
    }

   private:
    const KernelSet& kernels_;
    NetworkDefinition::MaxPool2d definition_;
  };

  class PreparedGlobalAvgPool final : public PreparedOperation {
   public:
    PreparedGlobalAvgPool(const KernelSet& kernels, const NetworkDefinition::GlobalAvgPool& definition)
        : kernels_(kernels), definition_(definition) {}
    void Run(const Chunk& chunk) const override {
      GlobalAvgPool(chunk.pool, kernels_, chunk.At(definition_.input), chunk.At(definition_.output));
    }

   private:
    const KernelSet& kernels_;
    NetworkDefinition::GlobalAvgPool definition_;
  };

  class PreparedLinear final : public PreparedOperation {
   public:
    PreparedLinear(const NetworkDefinition::Linear& definition, ThreadPool& pool)
        : linear_(definition.weights, pool), definition_(definition) {}
    void Run(const Chunk& chunk) const override {
      linear_.Run(chunk.pool, chunk.At(definition_.input), chunk.At(definition_.output), definition_.relu);
    }

   private:
    Linear linear_;
    NetworkDefinition::Linear definition_;
  };

  class PreparedAdd final : public PreparedOperation {
   public:
    PreparedAdd(const KernelSet& kernels, const NetworkDefinition::Add& definition)
        : kernels_(kernels), definition_(definition) {}
    void Run(const Chunk& chunk) const override {
      Add(chunk.pool, kernels_, chunk.At(definition_.left), chunk.At(definition_.right), chunk.At(definition_.output),
          definition_.relu);
    }

   private:
    const KernelSet& kernels_;
    NetworkDefinition::Add definition_;
  };

  using Result = std::unique_ptr<PreparedOperation>;
  const KernelSet& kernels = *definition_.kernels;
  const auto layout_of = [&](size_t buffer) { return WithBatch(definition_.buffers[buffer].layout, chunk); };
  return std::visit(
      Overloaded{
          [&](const NetworkDefinition::Conv2d& conv) -> Result {
            const bool reads_nchw = conv.algorithm == Algorithm::kNchw;
            const ActivationLayout in = reads_nchw ? WithBatch(conv.nchw, chunk) : layout_of(conv.input);
            const ActivationLayout out = layout_of(conv.output);
            auto convolution = conv.pool ? NewPooledNchw(conv.weights, *conv.pool, in, out, pool)
                                         : Convolution::Create(conv.algorithm, conv.weights, in, out, pool);
            return std::make_unique<PreparedConv2d>(std::move(convolution), conv);
          },
          [&](const NetworkDefinition::MaxPool2d& max_pool) -> Result {
            return std::make_unique<PreparedMaxPool2d>(kernels, max_pool);
          },
          [&](const NetworkDefinition::GlobalAvgPool& avg_pool) -> Result {
            return std::make_unique<PreparedGlobalAvgPool>(kernels, avg_pool);
          },
          [&](const NetworkDefinition::Linear& linear) -> Result {
            return std::make_unique<PreparedLinear>(linear, pool);
          },
          [&](const NetworkDefinition::Add& add) -> Result { return std::make_unique<PreparedAdd>(kernels, add); },
      },
      operation);
}

Network::Network(NetworkDefinition definition) : definition_(std::move(definition)) {}

Network::~Network() = default;

size_t Network::operations() const {
  size_t count = 0;
  for (const NetworkDefinition::Segment& segment : definition_.segments) count += segment.operations.size();
  return count;
}

void Network::Prepare(ThreadPool& pool, SharedFloats& memory) {
  if (threads_ == pool.threads()) return;
  std::vector<PreparedSegment> segments;
  int64_t workspace_floats = 0;
  for (const NetworkDefinition::Segment& segment : definition_.segments) {
    PreparedSegment& prepared = segments.emplace_back(PreparedSegment{segment.chunk, {}});
    for (const NetworkDefinition::Operation& operation : segment.operations) {
      prepared.operations.push_back(PrepareOperation(operation, segment.chunk, pool));
      workspace_floats = std::max(workspace_floats, prepared.operations.back()->WorkspaceFloats());
    }
  }
  slots_ = AllocateSlots(memory);
  workspace_ = memory.Get({}, workspace_floats);
  segments_ = std::move(segments);
  threads_ = pool.threads();
}

// Keys distinguish the slots of one layout by their order, and leave out the batch, so that plans for other batch sizes
// of the same model share the memory.
std::vector<SharedFloats::Pointer> Network::AllocateSlots(SharedFloats& memory) const {
  std::vector<SharedFloats::Pointer> slots;
  std::map<SharedFloats::Key, int64_t> counts;
  for (const auto& [layout, slot] : definition_.buffers) {
    if (slot >= slots.size()) slots.resize(slot + 1);
    if (slots[slot] != nullptr) continue;  // Buffers of one slot have one layout.
    SharedFloats::Key key{layout.c,   layout.h, layout.w, layout.border, layout.channels, definition_.ordinal,
                          kBufferKey, 0};
    const int64_t order = counts[key]++;
    key.back() = order;
    slots[slot] = memory.Get(key, layout.floats());
  }
  return slots;
}

Activation Network::BufferAt(size_t index) const {
  const NetworkDefinition::Buffer& buffer = definition_.buffers[index];
  return {buffer.layout, slots_[buffer.slot].get() + buffer.layout.origin()};
}

void Network::Run(ThreadPool& pool, const std::vector<const float*>& nchw, const Interrupt& interrupt,
                  int64_t* nanoseconds) {
  if (nanoseconds != nullptr) std::fill_n(nanoseconds, operations(), 0);
  for (const PreparedSegment& segment : segments_) {
    for (int64_t iteration = 0; iteration * segment.chunk < definition_.batch; ++iteration) {
      const Chunk chunk{pool, *this, nchw, segment.chunk, iteration, workspace_.get()};
      for (size_t i = 0; i < segment.operations.size(); ++i) {
        if (interrupt.Requested()) return;
        const Clock::time_point start = nanoseconds == nullptr ? Clock::time_point() : Clock::now();
        segment.operations[i]->Run(chunk);
        if (nanoseconds == nullptr) continue;
        nanoseconds[i] += std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
      }
    }
    if (nanoseconds != nullptr) nanoseconds += segment.operations.size();
  }
}

}  // namespace napi_torch::engine
