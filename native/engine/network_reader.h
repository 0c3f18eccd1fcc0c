#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "part.h"
#include "plan.h"

namespace napi_torch::engine {

// How the reader of a plan takes the index of a value that has been made, or of one that the step makes.
struct ValueReaders {
  std::function<size_t(const Part& index)> made;
  std::function<size_t(const Part& index)> make;
};

// Reads a step of own kernels, the `ordinal`-th of a plan. Refuses whatever could make it touch memory that is not
// there.
std::unique_ptr<Step> ReadNetwork(const Part& spec, int64_t ordinal, const std::vector<PlanParts::Value>& values,
                                  const ValueReaders& readers);

}  // namespace napi_torch::engine
