// A step that runs a part of the model by the own kernels: see Network.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "network.h"
#include "step.h"

namespace napi_torch::engine {

class NetworkStep final : public Step {
 public:
  // A value of the plan, and the buffer that holds its elements.
  struct Port {
    size_t value = 0;
    size_t buffer = 0;
    std::vector<int64_t> sizes;  // Of the value: (N, C, H, W), or (N, C) where buffers have one pixel.
  };
  struct Parts {
    NetworkParts network;
    // Values that are read as nchw, by the indices that convolutions of nchw have for input.
    std::vector<size_t> nchw;
    std::vector<Port> inputs;
    std::vector<Port> outputs;
  };

  explicit NetworkStep(Parts parts);

  void Run(Frame& frame) override;
  void Prepare(Frame& frame) override;
  size_t operations() const override { return network_.operations(); }

 private:
  at::Tensor View(const Port& port) const;

  Network network_;
  std::vector<size_t> nchw_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
};

}  // namespace napi_torch::engine
