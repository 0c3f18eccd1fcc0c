// A part of a model whose every operation has a native kernel. It runs on activations in buffers of its own.
//
// Operations are grouped in segments. A segment runs over the batch in chunks of samples: the large feature maps of the
// first layers then stay in the cache from one operation to the next, while the last layers, which have the largest
// weights, still process the whole batch at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "convolution.h"
#include "floats.h"
#include "interrupt.h"
#include "linear.h"
#include "pooling.h"

namespace napi_torch::engine {

// Buffers are referred to by their index.
struct NetworkDefinition {
  struct Buffer {
    // Holds a chunk of the segment that uses it, or the whole batch.
    ActivationLayout layout;
    // Buffers of one slot share their memory. They have one layout, so that none overwrites the padding border of
    // another.
    size_t slot = 0;
  };
  struct Conv2d {
    std::shared_ptr<ConvWeights> weights;
    Algorithm algorithm = Algorithm::kDirect;
    // A buffer, or for kNchw an index into the NCHW inputs of the network.
    size_t input = 0;
    size_t output = 0;
    std::optional<size_t> residual;
    bool relu = false;
    // For kNchw: the layout of that input.
    ActivationLayout nchw;
    // For kNchw: max pooling in the same pass.
    std::optional<PoolGeometry> pool;
  };
  struct MaxPool2d {
    PoolGeometry geometry;
    size_t input = 0;
    size_t output = 0;
  };
  struct GlobalAvgPool {
    size_t input = 0;
    size_t output = 0;
  };
  struct Linear {
    std::shared_ptr<ConvWeights> weights;
    size_t input = 0;
    size_t output = 0;
    bool relu = false;
  };
  struct Add {
    size_t left = 0;
    size_t right = 0;
    size_t output = 0;
    bool relu = false;
  };
  using Operation = std::variant<Conv2d, MaxPool2d, GlobalAvgPool, Linear, Add>;
  struct Segment {
    int64_t chunk = 1;
    std::vector<Operation> operations;
  };

  const KernelSet* kernels = nullptr;
  // Distinguishes the networks of one plan, which do not share memory.
  int64_t ordinal = 0;
  int64_t batch = 1;
  std::vector<Buffer> buffers;
  std::vector<Segment> segments;
};

class Network {
 public:
  explicit Network(NetworkDefinition definition);
  ~Network();

  // Packs weights and takes memory, unless that has been done for a pool of as many threads.
  void Prepare(ThreadPool& pool, SharedFloats& memory);

  size_t operations() const;
  Activation BufferAt(size_t index) const;

  // Runs a prepared network. `nchw` are its dense NCHW inputs, which kNchw convolutions read. Ends early where that is
  // requested. `nanoseconds`, unless null, receives the time of each operation.
  void Run(ThreadPool& pool, const std::vector<const float*>& nchw, const Interrupt& interrupt,
           int64_t* nanoseconds = nullptr);

 private:
  class PreparedOperation;
  struct PreparedSegment;

  std::vector<SharedFloats::Pointer> AllocateSlots(SharedFloats& memory) const;
  std::unique_ptr<PreparedOperation> PrepareOperation(const NetworkDefinition::Operation& operation, int64_t chunk,
                                                      ThreadPool& pool) const;

  NetworkDefinition definition_;
  std::vector<SharedFloats::Pointer> slots_;
  SharedFloats::Pointer workspace_;
  std::vector<PreparedSegment> segments_;
  // Size of the pool for which the network is prepared.
  int threads_ = 0;
};

}  // namespace napi_torch::engine
