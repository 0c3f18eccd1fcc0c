// Steps that call an operator of libtorch through its dispatcher.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "spec_reader.h"
#include "step.h"
#include "value_table.h"

namespace napi_torch::engine {

class AtenStep final : public Step {
 public:
  // A tensor argument that is a value of the plan.
  struct ValueArgument {
    size_t argument = 0;
    size_t value = 0;
  };
  // An argument that is a list of tensors, each of them a value of the plan or a constant.
  struct ListArgument {
    size_t argument = 0;
    c10::TypePtr element_type;
    std::vector<std::variant<size_t, at::Tensor>> entries;
  };
  struct Definition {
    // One for each argument of the schema. Those below replace theirs when the step runs.
    torch::jit::Stack arguments;
    std::vector<ValueArgument> value_arguments;
    std::vector<ListArgument> list_arguments;
    // The values that receive the results.
    std::vector<size_t> outputs;
  };

  AtenStep(c10::OperatorHandle operation, Definition definition)
      : operation_(std::move(operation)), definition_(std::move(definition)) {}

  void Run(RunState& state) override;
  const std::vector<size_t>& outputs() const { return definition_.outputs; }

 private:
  c10::OperatorHandle operation_;
  Definition definition_;
  torch::jit::Stack stack_;
};

// Produces a value, such as packed weights, once for all plans of an engine: the first plan with the key calls `make`,
// which has one output, and the others receive the same tensor.
class SharedStep final : public Step {
 public:
  SharedStep(std::string key, std::unique_ptr<AtenStep> make) : key_(std::move(key)), make_(std::move(make)) {}

  void Run(RunState& state) override;

 private:
  std::string key_;
  std::unique_ptr<AtenStep> make_;
};

// Reads a step that runs on `device`.
std::unique_ptr<Step> ReadAtenStep(const SpecReader& spec, const at::Device& device, ValueTable& values);
std::unique_ptr<Step> ReadSharedStep(const SpecReader& spec, const at::Device& device, ValueTable& values);

}  // namespace napi_torch::engine
