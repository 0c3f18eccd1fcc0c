#pragma once

#include <memory>
#include <utility>

#include "engine_memory.h"
#include "step.h"

namespace napi_torch::engine {

// Has a value made by another step, unless a plan of the same engine has done so before.
class SharedStep final : public Step {
 public:
  SharedStep(std::string key, size_t output, std::unique_ptr<Step> make)
      : key_(std::move(key)), output_(output), make_(std::move(make)) {}

  void Run(Frame& frame) override {
    at::Tensor& value = frame.values[output_];
    const auto found = frame.memory->tensors.find(key_);
    if (found != frame.memory->tensors.end()) {
      value = found->second;
    } else {
      make_->Run(frame);
      frame.memory->tensors.emplace(key_, value);
    }
  }

 private:
  std::string key_;
  size_t output_;
  std::unique_ptr<Step> make_;
};

}  // namespace napi_torch::engine
