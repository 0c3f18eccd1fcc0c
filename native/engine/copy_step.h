#pragma once

#include "step.h"

namespace napi_torch::engine {

// Copies a value into memory of the plan, whatever the dtypes and layouts.
class CopyStep final : public Step {
 public:
  CopyStep(size_t input, size_t output) : input_(input), output_(output) {}

  void Run(Frame& frame) override { frame.values[output_].copy_(frame.values[input_]); }

 private:
  size_t input_;
  size_t output_;
};

}  // namespace napi_torch::engine
