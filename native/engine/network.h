// A part of a model whose every operation has an own kernel: it runs over images in memory of its own.
//
// Operations stand in segments. A segment runs over the batch in chunks of images, so that the activations of large images
// stay in the cache from one operation to the next, while the last layers, whose weights are what is large, still see the
// whole batch at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "convolution.h"
#include "linear.h"
#include "pooling.h"

namespace napi_torch::engine {

struct NetworkParts {
  struct Picture {
    // For the chunk of the segment that uses it, or for the whole batch.
    ImageLayout layout;
    // Memory that it shares with others of the same layout, whose halos of zeros nothing overwrites.
    size_t slot = 0;
  };
  // The input of a convolution: the picture of that index, or the planes (N, C, H, W) of an input of the network.
  struct Conv2d {
    std::shared_ptr<ConvWeights> weights;
    Algorithm algorithm = Algorithm::kDirect;
    size_t input = 0;
    size_t output = 0;
    std::optional<size_t> residual;
    bool relu = false;
    // Of planes, the layout of which is no picture's.
    ImageLayout planes;
    // What follows the convolution in the same pass; for planes only.
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
  int64_t batch = 1;
  std::vector<Picture> pictures;
  std::vector<Segment> segments;
};

class Network {
 public:
  explicit Network(NetworkParts parts);
  ~Network();

  // Packs weights and takes memory, if that has not been done.
  void Prepare(ThreadPool& pool);

  size_t operations() const;
  // Memory of pictures and for work, in bytes.
  int64_t bytes() const { return bytes_; }
  Image PictureAt(size_t index) const;

  // `planes` are the inputs (N, C, H, W), dense, to which convolutions of planes refer. `nanoseconds`, if given, takes
  // the time of each operation.
  void Run(ThreadPool& pool, const std::vector<const float*>& planes, int64_t* nanoseconds = nullptr);

 private:
  class Prepared;
  struct Loop;

  std::unique_ptr<Prepared> Make(const NetworkParts::Operation& operation, int64_t chunk, ThreadPool& pool) const;

  NetworkParts parts_;
  std::vector<AlignedFloats> slots_;
  AlignedFloats workspace_;
  std::vector<Loop> loops_;
  int64_t bytes_ = 0;
  bool is_prepared_ = false;
};

}  // namespace napi_torch::engine
