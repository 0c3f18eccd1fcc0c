// A part of a model whose every operation has an own kernel: it runs over images in memory of its own.
//
// Operations stand in segments. A segment runs over the batch in chunks of images, so that the activations of large
// images stay in the cache from one operation to the next, while the last layers, whose weights are what is large,
// still see the whole batch at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "convolution.h"
#include "interrupt.h"
#include "linear.h"
#include "pooling.h"
#include "shared_floats.h"

namespace napi_torch::engine {

struct NetworkParts {
  struct Buffer {
    // For the chunk of the segment that uses it, or for the whole batch.
    ImageLayout layout;
    // Memory that it shares with others of the same layout, whose borders of zeros nothing overwrites.
    size_t slot = 0;
  };
  // The input of a convolution: the buffer of that index, or the nchw (N, C, H, W) of an input of the network.
  struct Conv2d {
    std::shared_ptr<ConvWeights> weights;
    Algorithm algorithm = Algorithm::kDirect;
    size_t input = 0;
    size_t output = 0;
    std::optional<size_t> residual;
    bool relu = false;
    // Of nchw, the layout of which is no buffer's.
    ImageLayout nchw;
    // What follows the convolution in the same pass; for nchw only.
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

  const Kernels* kernels = nullptr;
  // Tells the networks of one plan apart.
  int64_t ordinal = 0;
  int64_t batch = 1;
  std::vector<Buffer> buffers;
  std::vector<Segment> segments;
};

class Network {
 public:
  explicit Network(NetworkParts parts);
  ~Network();

  // Packs weights and takes memory, if that has not been done for as many threads.
  void Prepare(ThreadPool& pool, SharedFloats& memory);

  size_t operations() const;
  Image BufferAt(size_t index) const;

  // Once it is prepared. `nchw` are the inputs (N, C, H, W), dense, to which convolutions of nchw refer.
  // Ends early where that is requested. `nanoseconds`, if given, takes the time of each operation.
  void Run(ThreadPool& pool, const std::vector<const float*>& nchw, const Interrupt& interrupt,
           int64_t* nanoseconds = nullptr);

 private:
  class Prepared;
  struct Loop;

  std::vector<SharedFloats::Pointer> Slots(SharedFloats& memory) const;
  std::unique_ptr<Prepared> Make(const NetworkParts::Operation& operation, int64_t chunk, ThreadPool& pool) const;

  NetworkParts parts_;
  std::vector<SharedFloats::Pointer> slots_;
  SharedFloats::Pointer workspace_;
  std::vector<Loop> loops_;
  // For which it is prepared.
  int threads_ = 0;
};

}  // namespace napi_torch::engine
