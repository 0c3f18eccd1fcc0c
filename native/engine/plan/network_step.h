// A step that runs a part of the model by native kernels: see Network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../network/network.h"
#include "step.h"

namespace napi_torch::engine {

class NetworkStep final : public Step {
 public:
  // A value of the plan, and the buffer that holds its elements.
  struct Binding {
    size_t value = 0;
    size_t buffer = 0;
    std::vector<int64_t> sizes;  // Of the value: (N, C, H, W), or (N, C) for a buffer of 1 x 1 pixels.
  };
  // A value that convolutions read as a dense NCHW input.
  struct NchwInput {
    size_t value = 0;
    std::vector<int64_t> sizes;
  };
  struct Definition {
    NetworkDefinition network;
    std::vector<NchwInput> nchw;
    std::vector<Binding> inputs;
    std::vector<Binding> outputs;
  };

  explicit NetworkStep(Definition definition);

  void Run(RunState& state) override;
  void Prepare(RunState& state) override;
  size_t operations() const override { return network_.operations(); }

 private:
  // The elements of a bound value in its buffer.
  at::Tensor ViewOf(const Binding& binding) const;

  Network network_;
  std::vector<NchwInput> nchw_;
  std::vector<Binding> inputs_;
  std::vector<Binding> outputs_;
};

}  // namespace napi_torch::engine
