// The values of a plan while it is read.
#pragma once

#include <utility>
#include <vector>

#include "plan.h"
#include "spec_reader.h"

namespace napi_torch::engine {

// Tracks which values exist at the step that is being read, so that no step can read a value that is not there.
class ValueTable {
 public:
  ValueTable(std::vector<PlanDefinition::Value> values, size_t input)
      : values_(std::move(values)), input_(input), exists_(values_.size(), false) {}

  const PlanDefinition::Value& operator[](size_t value) const { return values_[value]; }

  // The input of the plan exists from here on.
  void ProvideInput() { exists_[input_] = true; }

  // The index of a value that exists.
  size_t ReadUse(const SpecReader& index) const {
    const size_t value = index.Index(values_.size());
    if (!exists_[value]) throw index.Expected("a value that an earlier step has produced");
    return value;
  }
  // The index of a value that the step produces.
  size_t ReadOutput(const SpecReader& index) {
    const size_t value = index.Index(values_.size());
    if (exists_[value] || value == input_) throw index.Expected("a value that no earlier step has produced");
    exists_[value] = true;
    return value;
  }
  // The index of a value that exists, and is released after this step.
  size_t ReadDead(const SpecReader& index) {
    const size_t value = ReadUse(index);
    exists_[value] = false;
    return value;
  }

 private:
  std::vector<PlanDefinition::Value> values_;
  size_t input_;
  std::vector<bool> exists_;
};

}  // namespace napi_torch::engine
