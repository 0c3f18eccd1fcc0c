// A step that calls an operator of libtorch's dispatcher by its schema.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <variant>

#include "step.h"

namespace napi_torch::engine {

class AtenStep final : public Step {
 public:
  // A tensor argument that the frame holds, or one of an argument that is a list of tensors.
  struct Fill {
    size_t argument = 0;
    size_t value = 0;
  };
  struct ListFill {
    size_t argument = 0;
    c10::TypePtr element_type;
    std::vector<std::variant<size_t, at::Tensor>> entries;
  };
  struct Parts {
    // One for each argument of the schema; what is filled in later may be anything.
    torch::jit::Stack arguments;
    std::vector<Fill> fills;
    std::vector<ListFill> list_fills;
    // The values that take the results.
    std::vector<size_t> outputs;
  };

  AtenStep(c10::OperatorHandle operation, Parts parts) : operation_(std::move(operation)), parts_(std::move(parts)) {}

  void Run(Frame& frame) override;

 private:
  c10::OperatorHandle operation_;
  Parts parts_;
  torch::jit::Stack stack_;
};

}  // namespace napi_torch::engine
